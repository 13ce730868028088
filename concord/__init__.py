"""The shared floor under every service: contracts, labels, quality statistics and the chassis."""
