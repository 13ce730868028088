"""What watches Concord: alert rules with their tests, where alerts go, and boards as code.

`python -m deploy.observability` writes the boards' JSON.
"""
