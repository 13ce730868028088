"""Adjudicate's aggregates, keys and read models; every query lives here."""

from services.adjudicate.repository.kinds import (
    COMPETENCE,
    CROWD,
    GOLD,
    LISTED,
    NOTES,
    QUESTION,
    REPEATS,
    RETRAINING,
    TALLIES,
    UNIT,
    competence_key,
    crowd_key,
    gold_key,
    question_key,
    repeats_key,
    retraining_key,
    unit_key,
)
from services.adjudicate.repository.newest import newest_units
from services.adjudicate.repository.repeated import counted_lately, counting, ruling_counted
from services.adjudicate.repository.repository import Repository

__all__ = [
    "COMPETENCE",
    "CROWD",
    "GOLD",
    "LISTED",
    "NOTES",
    "QUESTION",
    "REPEATS",
    "RETRAINING",
    "TALLIES",
    "UNIT",
    "Repository",
    "competence_key",
    "counted_lately",
    "counting",
    "crowd_key",
    "gold_key",
    "newest_units",
    "question_key",
    "repeats_key",
    "retraining_key",
    "ruling_counted",
    "unit_key",
]
