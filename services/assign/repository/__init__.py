"""Assign's aggregates, keys and read models; every query lives here."""

from services.assign.repository.acknowledgements import ACKNOWLEDGED, Acknowledgements
from services.assign.repository.conducts import conduct_key
from services.assign.repository.drafts import DRAFTS, Drafts
from services.assign.repository.fresh_pages import FRESH, FreshPages
from services.assign.repository.kinds import ANNOTATOR, UNIT, active_time_key, annotator_key, desk_key
from services.assign.repository.qualifications import QUALIFICATION, qualification_key
from services.assign.repository.repository import Repository

__all__ = [
    "ACKNOWLEDGED",
    "ANNOTATOR",
    "DRAFTS",
    "FRESH",
    "QUALIFICATION",
    "UNIT",
    "Acknowledgements",
    "Drafts",
    "FreshPages",
    "Repository",
    "active_time_key",
    "annotator_key",
    "conduct_key",
    "desk_key",
    "qualification_key",
]
