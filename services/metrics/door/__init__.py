"""Metrics' HTTP door beside `services.metrics.api`, which tells quality; one concern a file."""
