"""A seeded town of annotators and clients over the services' own bootstraps, in memory and in virtual time."""
