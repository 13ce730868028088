"""Admission: which units are let in, in what form, and what is told to whoever sent the others."""

from typing import Any, Literal, NamedTuple

import msgspec

SOURCE_ID_CHARACTERS_MAX = 200
CONTENT_BYTES_MAX = 200_000
NAMED_ANNOTATORS_MAX = 100
SKILLS_MAX = 20
SKILL_CHARACTERS_MAX = 100
MEDIA_TYPES = ("text/", "application/json", "image/", "audio/", "video/", "application/pdf")

_canonical = msgspec.json.Encoder(order="deterministic").encode


class UnitRefused(ValueError):
    """The unit cannot be taken: which field, what is wrong, and the cure."""

    def __init__(self, field: str, problem: str, cure: str) -> None:
        super().__init__(f"{field} {problem}; {cure}")
        self.field = field
        self.problem = problem
        self.cure = cure


class UnitWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A unit as a client sends it.

    Attributes:
        id: the client's own name of the unit; sending it again changes nothing.
        content: a text, a JSON object or list, or {"uri": ...} for what lies elsewhere.
        media_type: of the content; by default text for a text and JSON for all else.
        priority: higher goes first.
        skills: what an annotator must have.
        annotators: named assignment, in order of preference; nobody else is offered the unit. What may name somebody
            is said in `concord.contracts.names`.
        gold: the known label, for a unit that measures annotators.
    """

    id: str
    content: Any
    media_type: str = ""
    priority: int = 0
    skills: tuple[str, ...] = ()
    annotators: tuple[str, ...] = ()
    gold: Any = None


class UnitState(msgspec.Struct, frozen=True):
    """An admitted unit. Its payload lies under its fingerprint."""

    unit_id: str
    project_id: str
    source_id: str
    media_type: str
    fingerprint: str
    admitted_at_us: int
    gold: bool = False


class Place(NamedTuple):
    """What became of one unit that was sent.

    Attributes:
        status: admitted now; repeated, when it or its content was there; left_out by the project's sampling.
        unit_id: the unit's id; of a repeated content, the id under which it was admitted first.
    """

    status: Literal["admitted", "repeated", "left_out"]
    source_id: str
    unit_id: str


def checked(wish: UnitWish) -> UnitWish:
    """Return the wish with its media type filled in.

    Raises:
        UnitRefused: a field is out of its bounds.
    """
    if not wish.id or len(wish.id) > SOURCE_ID_CHARACTERS_MAX:
        raise UnitRefused(
            "id",
            f"has {len(wish.id)} characters",
            f"send 1 to {SOURCE_ID_CHARACTERS_MAX} characters of your own naming",
        )
    if wish.content is None or wish.content in ("", {}, []):
        raise UnitRefused("content", "is empty", "send what is to be labelled: a text, a JSON object, or {'uri': ...}")
    if abs(wish.priority) > 1_000:
        raise UnitRefused("priority", f"is {wish.priority}", "send a number from -1000 to 1000")
    _named_once("annotators", wish.annotators, NAMED_ANNOTATORS_MAX)
    _named_once("skills", wish.skills, SKILLS_MAX)
    if any(not skill or len(skill) > SKILL_CHARACTERS_MAX for skill in wish.skills):
        raise UnitRefused(
            "skills", "holds an empty or overlong one", f"send skills of 1 to {SKILL_CHARACTERS_MAX} characters"
        )
    media_type = wish.media_type or ("text/plain" if isinstance(wish.content, str) else "application/json")
    if not media_type.startswith(MEDIA_TYPES):
        raise UnitRefused("media_type", f"is {media_type!r}", f"send one that starts with {', '.join(MEDIA_TYPES)}")
    return msgspec.structs.replace(wish, media_type=media_type)


def canonical_content(content: Any) -> bytes:
    """Return the content as bytes: equal for equal content, whatever the order of its keys.

    >>> canonical_content({"b": 1, "a": 2}) == canonical_content({"a": 2, "b": 1})
    True

    Raises:
        UnitRefused: it is over CONTENT_BYTES_MAX.
    """
    content_bytes = _canonical(content)
    if len(content_bytes) > CONTENT_BYTES_MAX:
        raise UnitRefused(
            "content", f"has {len(content_bytes)} bytes", f"send at most {CONTENT_BYTES_MAX}, or {{'uri': ...}}"
        )
    return content_bytes


def _named_once(field: str, names: tuple[str, ...], count_max: int) -> None:
    if len(names) > count_max:
        raise UnitRefused(field, f"names {len(names)}", f"name at most {count_max}")
    if len(set(names)) != len(names):
        raise UnitRefused(field, "names one twice", "name each once")
