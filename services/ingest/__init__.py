"""Ingest: projects, units and lots.

It takes a project's definition and its units, keeps the payloads, and tells the others what was admitted and how
it was cut into lots. Payloads never leave but through a signed link. Any process takes units in; the owner of a
project's place cuts its lots, and hears of the units on the topic.

Reads: concord.annotators.v1, concord.intake.v1, concord.projects.v1, concord.resolutions.v1, concord.units.v1
Writes: concord.projects.v1, concord.units.v1
Owns: projects, units, lots, claims, lot_places, arrivals, imports, answers, seats, subjects,
    open_units, waiting
"""
