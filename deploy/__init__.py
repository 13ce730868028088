"""How Concord runs: on a laptop, on a cluster, and what watches it."""
