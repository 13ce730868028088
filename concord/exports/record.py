"""One unit as it leaves."""

from typing import Any

import msgspec


class RecordedLabel(msgspec.Struct, frozen=True):
    """One annotator's label of a unit.

    Attributes:
        annotator: a code: the same person has the same one in all of a project, and no other says who that is.
        label: canonical JSON; empty where it was too large to be told.
        schema_version: of the label schema, under which it was given; the label is in the names that all leave in.
    """

    annotator: str
    label: str
    guideline_version: int
    schema_version: int = 1


class Record(msgspec.Struct, frozen=True):
    """One unit as it leaves.

    Attributes:
        source_id: the client's own name of the unit.
        label: canonical JSON of the accepted label: resolved, or the auditor's where that was found wrong.
        method: posterior, majority, adjudicated, or audited for an auditor's correction.
        confidence: of the consensus; 1 for a person's word.
        annotations: how many stand behind the label.
        said: these annotations, where they are asked for.
        data: JSON of what was labelled, where it is asked for; empty otherwise.
        media_type: that of the data.
        schema_version: the newest version of the label schema, of those that the labels leave in the names of, under
            which the label can be given as it stands: an earlier one where its class was retired, or split, since.
        duplicate_of: the unit of the same content that was labelled in this one's place; empty for that itself.
    """

    unit_id: str
    source_id: str
    label: str
    method: str
    confidence: float
    annotations: int
    guideline_version: int
    lot_id: str
    said: tuple[RecordedLabel, ...] = ()
    data: bytes = b""
    media_type: str = ""
    duplicate_of: str = ""
    schema_version: int = 1

    def content(self) -> Any:
        """Return the data as a value: a text, an object or a list; None where there is none."""
        return msgspec.json.decode(self.data) if self.data else None

    def text(self) -> str | None:
        """Return the data where it is a text, as it stands or under `text` of an object; None otherwise."""
        found = self.content()
        if isinstance(found, dict):
            found = found.get("text")
        return found if isinstance(found, str) else None
