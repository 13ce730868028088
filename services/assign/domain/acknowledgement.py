"""Acknowledgements: who has read which version of a project's guideline, where the project asks for it."""

import msgspec


class AcknowledgementState(msgspec.Struct, frozen=True):
    """That an annotator has read a version; when, microseconds since the epoch, UTC."""

    project_id: str
    annotator_id: str
    version: int
    at_us: int
