"""What ingest decides: pure functions of a state and a wish."""
