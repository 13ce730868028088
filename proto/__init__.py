"""The contracts' sources, and the command that generates code from them."""
