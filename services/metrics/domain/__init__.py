"""What metrics counts and concludes: pure functions of units, lots and annotators' answers."""
