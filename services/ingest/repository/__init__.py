"""Ingest's aggregates, keys and read models; every query lives here."""

from services.ingest.repository.imports import ANSWERS, IMPORTS, ImportStore
from services.ingest.repository.lot_places import PLACES
from services.ingest.repository.open_units import OPEN_UNITS
from services.ingest.repository.repository import (
    ARRIVALS,
    CLAIMS,
    LOT,
    OPENING,
    PAYLOADS,
    PROJECT,
    SEATS,
    SUBJECTS,
    UNIT,
    Repository,
)
from services.ingest.repository.revisions import Revision, Revisions
from services.ingest.repository.waiting import WAITING, Waiter

__all__ = [
    "ANSWERS",
    "ARRIVALS",
    "CLAIMS",
    "IMPORTS",
    "LOT",
    "OPENING",
    "OPEN_UNITS",
    "PAYLOADS",
    "PLACES",
    "PROJECT",
    "SEATS",
    "SUBJECTS",
    "UNIT",
    "WAITING",
    "ImportStore",
    "Repository",
    "Revision",
    "Revisions",
    "Waiter",
]
