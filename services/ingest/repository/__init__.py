"""Ingest's aggregates, keys and read models; every query lives here."""

from services.ingest.repository.imports import ANSWERS, IMPORTS, ImportStore
from services.ingest.repository.lot_places import PLACES
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
    payload_key,
)
from services.ingest.repository.revisions import Revision, Revisions

__all__ = [
    "ANSWERS",
    "ARRIVALS",
    "CLAIMS",
    "IMPORTS",
    "LOT",
    "OPENING",
    "PAYLOADS",
    "PLACES",
    "PROJECT",
    "SEATS",
    "SUBJECTS",
    "UNIT",
    "ImportStore",
    "Repository",
    "Revision",
    "Revisions",
    "payload_key",
]
