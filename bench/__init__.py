"""What `make bench` runs: what Concord's work costs in CPU, beside peers, floors and limits of the same run."""
