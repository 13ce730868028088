"""What metrics holds in memory: bytes a project, an open unit, a closed one, and how much more while books are read."""
