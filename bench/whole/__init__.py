"""The whole: what a unit that is imported and a label cost over all processes, broker and store among them."""
