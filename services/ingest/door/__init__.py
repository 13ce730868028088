"""How bodies of units are read, served a batch at a time, and reported on: what routes share."""
