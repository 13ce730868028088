"""Ingest's aggregates, keys and read models; every query lives here."""

from services.ingest.repository.arrivals import ARRIVAL, ARRIVALS
from services.ingest.repository.imports import ANSWERS, IMPORTS, ImportStore
from services.ingest.repository.lot_places import PLACES
from services.ingest.repository.open_units import OPEN_UNITS
from services.ingest.repository.repository import (
    CLAIMS,
    LOT,
    PROJECT,
    SEATS,
    SUBJECTS,
    Repository,
)
from services.ingest.repository.revisions import Revision, Revisions
from services.ingest.repository.unit_shelf import UNIT, UNITS, Entering
from services.ingest.repository.waiting import WAITING, Waiter

__all__ = [
    "ANSWERS",
    "ARRIVAL",
    "ARRIVALS",
    "CLAIMS",
    "IMPORTS",
    "LOT",
    "OPEN_UNITS",
    "PLACES",
    "PROJECT",
    "SEATS",
    "SUBJECTS",
    "UNIT",
    "UNITS",
    "WAITING",
    "Entering",
    "ImportStore",
    "Repository",
    "Revision",
    "Revisions",
    "Waiter",
]
