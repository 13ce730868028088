"""Assign: who sees which unit, and for how long.

It keeps the ready queue of every project, leases units to annotators, takes their labels once each, and hands on
what was skipped, returned or let go. Who is shown gold, and that it is gold, is known here and nowhere outside.

Reads: concord.projects.v1, concord.annotators.v1, concord.units.v1, concord.resolutions.v1, concord.lots.v1, concord.quality.v1
Writes: concord.annotators.v1, concord.assignments.v1, concord.annotations.v1
Owns: units, annotators
"""  # noqa: E501 - a line a list, as the catalogue's test reads them
