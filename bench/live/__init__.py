"""Live quality under a steady load: when a label is in every measure, what falls behind, what catching up costs."""
