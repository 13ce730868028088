"""What watches Concord: alert rules with their tests, where alerts go, and one dashboard as code.

`python -m deploy.observability` writes the dashboard's JSON from `dashboard.py`.
"""
