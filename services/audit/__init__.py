"""Audit: what may leave.

It draws a sample of every resolved lot, has it checked blind, accepts the lot with a signed certificate or
rejects it, and exports what was accepted and nothing else. It tells clients' webhooks of lots, breaches and erasures,
and holds what their models say against what was accepted.

Reads: concord.projects.v1, concord.annotators.v1, concord.units.v1, concord.resolutions.v1, concord.lots.v1, concord.quality.v1
Writes: concord.lots.v1
Owns: units, lots, webhooks, models
"""  # noqa: E501 - a line a list, as the catalogue's test reads them
