"""An annotator's own labels, looked at again, and changed until their units are resolved."""

from msgspec import Struct

from concord.client.asking import got, path_of, query_of, sent
from concord.client.models import Json
from concord.client.steps import Flow


class GivenLabel(Struct, frozen=True, omit_defaults=True):
    """A label that the caller gave: its newest `revision` (0: as it came in), and whether it may still be revised.

    `too_late_from` is the first revision that found the unit resolved, and does not count; 0: none did.
    """

    annotation_id: str
    unit_id: str
    project_id: str
    submitted_at: str
    revision: int
    revisable: bool
    too_late_from: int = 0


class GivenLabels(Struct, frozen=True):
    """A page of the caller's labels that may be revised, the newest first."""

    annotations: list[GivenLabel]
    next: str


class LabelShown(Struct, frozen=True, omit_defaults=True):
    """A label that the caller gave, with its unit; without `payload_url` once it may be revised no more."""

    annotation_id: str
    unit_id: str
    project_id: str
    submitted_at: str
    revision: int
    revisable: bool
    label: Json
    label_schema: dict[str, Json]
    schema_version: int
    guideline_version: int
    media_type: str
    order: dict[str, list[str]] = {}
    payload_url: str = ""
    flag: str = ""
    too_late_from: int = 0


class Revised(Struct, frozen=True):
    """What became of a revision: accepted, or repeated where it was in already."""

    annotation_id: str
    revision: int
    status: str


def own_labels(project_id: str) -> Flow[list[GivenLabel]]:
    """Return the caller's labels of a project that came in lately and may be revised, the newest first."""
    path = path_of("/v1/projects/{id}/annotations", id=project_id)
    found: list[GivenLabel] = []
    cursor = ""
    while True:
        page = yield from got(GivenLabels, "assign", path, query_of(cursor=cursor))
        found += page.annotations
        cursor = page.next
        if not cursor:
            return found


def own_label(annotation_id: str) -> Flow[LabelShown]:
    """Return a label that the caller gave."""
    return got(LabelShown, "assign", path_of("/v1/annotations/{id}", id=annotation_id))


def revise(annotation_id: str, revision: int, label: Json, *, flag: str = "") -> Flow[Revised]:
    """Give another label in the place of one that was submitted; it counts unless the unit is resolved by then.

    Args:
        annotation_id: which label.
        revision: one more than the label's newest, from 1; the same again changes nothing.
        label: of the schema that the unit was given out under.
        flag: why the unit is odd, if it is; one that was given before and is left out is taken back.
    """
    path = path_of("/v1/annotations/{id}/revisions/{revision}", id=annotation_id, revision=str(revision))
    return sent(Revised, "assign", "PUT", path, {"label": label, "flag": flag})
