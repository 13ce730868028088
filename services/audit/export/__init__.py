"""How accepted lots leave: one format a file."""
