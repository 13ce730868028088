"""Audit's HTTP door behind `services.audit.api`, the route table; one concern a file, what they share in `means`."""
