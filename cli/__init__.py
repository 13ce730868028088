"""The `concord` command: one verb, one file."""
