"""What audit decides: pure functions of a lot, its units and the verdicts on them."""
