"""Admission: which units are let in, in what form, and what is told to whoever sent the others."""

import re
from functools import lru_cache
from typing import Any

import msgspec

from services.ingest.domain.address import address_fault

SOURCE_ID_CHARACTERS_MAX = 200
CONTENT_BYTES_MAX = 200_000
NAMED_ANNOTATORS_MAX = 100
SKILLS_MAX = 20
SKILL_CHARACTERS_MAX = 100
MEDIA_TYPE_CHARACTERS_MAX = 200
MEDIA_TYPE = re.compile(r"(?=.{3,200}\Z)[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+( *;[ -~]*)?")
"""RFC 9110, section 8.3.1, in small letters; parameters are kept as they are."""
URI_CHARACTERS_MAX = 2_000
MODEL_CHARACTERS_MAX = 200
STRATUM_CHARACTERS_MAX = 200
SHOWN_CHARACTERS_MAX = 100
"""Of what was sent and is shown in a refusal."""
MEDIA_TYPES_REMEMBERED_MAX = 1_000
MEDIA_TYPES = ("text/", "application/json", "image/", "audio/", "video/", "application/pdf")

_canonical = msgspec.json.Encoder(order="deterministic").encode


class UnitRefused(ValueError):
    """The unit cannot be taken: which field, what is wrong, and the cure."""

    def __init__(self, field: str, problem: str, cure: str) -> None:
        super().__init__(f"{field} {problem}; {cure}")
        self.field = field
        self.problem = problem
        self.cure = cure


class Suggestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a model says of a unit.

    Attributes:
        label: of the project's schema.
        model: which model, and version, as its maker names it.
        confidence: the model's, from 0 to 1.
    """

    label: Any
    model: str = ""
    confidence: float | None = None


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
        suggestion: a model's label, which annotators are shown but for those units that are to tell what showing does.
        uncertainty: of a model about the unit, from 0 to 1; without it, 1 less the suggestion's confidence.
        stratum: what part of the data the unit is of; quotas are by it.
        subject: whose personal data it is, by the client's own name; kept as a keyed hash, for erasure.
    """

    id: str
    content: Any
    media_type: str = ""
    priority: int = 0
    skills: tuple[str, ...] = ()
    annotators: tuple[str, ...] = ()
    gold: Any = None
    suggestion: Suggestion | None = None
    uncertainty: float | None = None
    stratum: str = ""
    subject: str = ""


def checked(wish: UnitWish) -> str:
    """Return the media type of a wish, which it may have left to its content.

    Raises:
        UnitRefused: a field of the wish is out of its bounds.
    """
    if wish.suggestion is not None or wish.uncertainty is not None or wish.stratum or wish.subject:
        _check_context(wish)
    if not wish.id or len(wish.id) > SOURCE_ID_CHARACTERS_MAX:
        raise UnitRefused(
            "id",
            f"has {len(wish.id)} characters",
            f"send 1 to {SOURCE_ID_CHARACTERS_MAX} characters of your own naming",
        )
    content = wish.content
    if content is None or content in ("", {}, []):
        raise UnitRefused("content", "is empty", "send what is to be labelled: a text, a JSON object, or {'uri': ...}")
    if abs(wish.priority) > 1_000:
        raise UnitRefused("priority", f"is {wish.priority}", "send a number from -1000 to 1000")
    if wish.annotators or wish.skills:
        _check_people(wish)
    if not wish.media_type and isinstance(content, str):
        return "text/plain"
    media_type = wish.media_type.lower() or "application/json"
    if len(media_type) > MEDIA_TYPE_CHARACTERS_MAX or not _is_allowed(media_type):
        cure = f"send one of at most {MEDIA_TYPE_CHARACTERS_MAX} characters that starts with {', '.join(MEDIA_TYPES)}"
        raise UnitRefused("media_type", f"is {shown(wish.media_type)}", cure)
    if not _fits(media_type, content):
        raise UnitRefused(
            "content",
            f"is {_kind(content)}, and media_type is {shown(media_type)}",
            "send a text with a text/ type, {'uri': ...} for what lies elsewhere, and application/json for all else",
        )
    if isinstance(content, dict) and "uri" in content:
        _check_address(media_type, content["uri"])
    return media_type


@lru_cache(maxsize=MEDIA_TYPES_REMEMBERED_MAX)
def _is_allowed(media_type: str) -> bool:
    """Return whether a media type is one, and of those that are taken."""
    return MEDIA_TYPE.fullmatch(media_type) is not None and media_type.startswith(MEDIA_TYPES)


def _check_address(media_type: str, uri: Any) -> None:
    """Raise UnitRefused where what lies elsewhere cannot be shown; in JSON, `uri` may be a word of the client's own."""
    if not isinstance(uri, str) or (media_type.startswith("application/json") and "://" not in uri):
        return
    fault = address_fault(uri)
    if fault is not None:
        raise UnitRefused("content.uri", *fault)


def _check_people(wish: UnitWish) -> None:
    """Raise UnitRefused where who is to label a unit is out of its bounds."""
    _named_once("annotators", wish.annotators, NAMED_ANNOTATORS_MAX)
    _named_once("skills", wish.skills, SKILLS_MAX)
    if any(not skill or len(skill) > SKILL_CHARACTERS_MAX for skill in wish.skills):
        raise UnitRefused(
            "skills", "holds an empty or overlong one", f"send skills of 1 to {SKILL_CHARACTERS_MAX} characters"
        )


def _check_context(wish: UnitWish) -> None:
    """Raise UnitRefused where what is told beside a unit is out of its bounds."""
    suggestion = wish.suggestion
    if suggestion is not None and len(suggestion.model) > MODEL_CHARACTERS_MAX:
        raise UnitRefused("suggestion.model", "is too long", f"send at most {MODEL_CHARACTERS_MAX} characters")
    confidence = None if suggestion is None else suggestion.confidence
    for field, share in (("suggestion.confidence", confidence), ("uncertainty", wish.uncertainty)):
        if share is not None and not 0 <= share <= 1:
            raise UnitRefused(field, f"is {share}", "send a number from 0 to 1")
    for field, name in (("stratum", wish.stratum), ("subject", wish.subject)):
        if len(name) > STRATUM_CHARACTERS_MAX:
            raise UnitRefused(field, f"has {len(name)} characters", f"send at most {STRATUM_CHARACTERS_MAX}")


def shown_as_text(media_type: str, content: Any) -> bool:
    """Return whether content is shown as the text that it is; all else is shown as JSON."""
    return media_type.startswith("text/") and isinstance(content, str)


def _fits(media_type: str, content: Any) -> bool:
    """Return whether content has the shape that its media type promises."""
    if media_type.startswith("application/json"):
        return True
    if isinstance(content, str):
        return media_type.startswith("text/")
    if not isinstance(content, dict):
        return False
    uri = content.get("uri")
    return isinstance(uri, str) and 0 < len(uri) <= URI_CHARACTERS_MAX


def _kind(content: Any) -> str:
    names = {str: "a text", dict: "an object without a uri", list: "a list", bool: "a truth value"}
    return names.get(type(content), "a number")


def shown(text: str) -> str:
    """Return what was sent as a refusal shows it: quoted, and no longer than can be read."""
    return repr(text if len(text) <= SHOWN_CHARACTERS_MAX else f"{text[:SHOWN_CHARACTERS_MAX]}…")


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
