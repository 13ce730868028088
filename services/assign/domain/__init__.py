"""Who sees what, and for how long: decisions on units, leases and the ready queue; pure."""
