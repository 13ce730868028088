"""Audit's bodies, as they travel over HTTP."""

import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from services.audit.domain.addresses import URL_CHARACTERS_MAX
from services.audit.domain.endpoint import EVENT_TYPES, LOT_ACCEPTED, LOT_REJECTED

VERDICTS_MAX = 100
REASON_CHARACTERS_MAX = 2_000
EventTypes = Annotated[
    tuple[Annotated[str, Meta(pattern=f"^({'|'.join(map(re.escape, EVENT_TYPES))})$")], ...],
    Meta(min_length=1, max_length=len(EVENT_TYPES), examples=[[LOT_ACCEPTED, LOT_REJECTED]]),
]
"""What a webhook is told of."""

Json = Any
"""A label as JSON; checked against the project's schema, not here."""


class Resumption(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That the cause of the rejections was put right, and how."""

    reason: Annotated[str, Meta(min_length=1, max_length=REASON_CHARACTERS_MAX)]


class RecheckWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rejected lot: what accepted ones hold of who is at fault for it is to be inspected once more."""

    lot_id: Annotated[str, Meta(min_length=1, max_length=200)]


class InspectionWork(msgspec.Struct, frozen=True):
    """A unit to be labelled by an auditor, blind: without the resolved label.

    Attributes:
        label_schema: of the newest version under which the resolved label could have been given.
    """

    unit_id: str
    lot_id: str
    project_id: str
    payload_url: str
    label_schema: dict[str, Any]
    guideline: str
    guideline_version: int
    schema_version: int = 1


class HeldBack(msgspec.Struct, frozen=True):
    """A lot that waits for another auditor: the caller had a part in all that it needs; `reason` says so."""

    lot_id: str
    project_id: str
    reason: str = "You had a part in every unit that it needs: it waits for another auditor."


class Inspections(msgspec.Struct, frozen=True):
    """What the caller may inspect, in the order of the samples, and lots that wait for somebody else."""

    inspections: list[InspectionWork]
    held_back: list[HeldBack]


class UnitVerdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An auditor's own label of a unit."""

    unit_id: Annotated[str, Meta(min_length=1, max_length=200)]
    label: Json
    reason: Annotated[str, Meta(max_length=2_000)] = ""


class Verdicts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch of verdicts, as it is documented; it is read one by one."""

    verdicts: Annotated[list[UnitVerdict], Meta(max_length=VERDICTS_MAX)]


class VerdictsSplit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch of verdicts, each still as it was sent."""

    verdicts: Annotated[list[msgspec.Raw], Meta(max_length=VERDICTS_MAX)]


class NamedUnit(msgspec.Struct, frozen=True):
    """Which unit a verdict is on that cannot be taken: for its result."""

    unit_id: str = ""


class TakenVerdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a verdict: `taken` now, `late`, `repeated`, or `refused` with the field and the cure."""

    unit_id: str
    status: str
    field: str = ""
    problem: str = ""
    cure: str = ""


class TakenVerdicts(msgspec.Struct, frozen=True):
    """What became of a batch of verdicts, in its order."""

    results: list[TakenVerdict]


class JsonWebKey(msgspec.Struct, frozen=True):
    """A key as RFC 7517 has it; `status` is current or retired."""

    kty: str
    crv: str
    x: str
    kid: str
    alg: str
    use: str
    status: str


class Key(msgspec.Struct, frozen=True):
    """The public key that certificates are signed with now, base64, and its id (RFC 7638).

    Attributes:
        keys: this one and all before it: a JSON Web Key Set, by which every certificate ever issued verifies.
    """

    algorithm: str
    key_id: str
    public_key: str
    keys: list[JsonWebKey]


class ManifestFile(msgspec.Struct, frozen=True):
    """A file of an export: its name in the export's folder, and the digests of it and of every `block_bytes` of it."""

    name: str
    media_type: str
    rows: int
    bytes: int
    sha256: str
    block_bytes: int
    blocks: list[str]


class ManifestCompanion(msgspec.Struct, frozen=True):
    """A small file that goes with an export, whole."""

    name: str
    media_type: str
    text: str
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What an export holds, signed as certificates are; beside these members, see docs/certificates.md."""

    type: str
    project_id: str
    issue: int
    certificate_sha256: str
    form: dict[str, Any]
    label_schema: dict[str, Any]
    rows: int
    erased: int
    left_out: dict[str, int]
    files: list[ManifestFile]
    companions: list[ManifestCompanion]


class LineageBody(msgspec.Struct, frozen=True):
    """A unit's ledger.

    Attributes:
        holds: whether no entry was changed or is missing; `problem` says which.
        lines: as they were written: each holds the SHA-256 of the one before it.
        entries: the same, read.
        trace_id: of the W3C trace under which it was admitted, where that is recorded; else empty.
    """

    unit_id: str
    project_id: str
    lot_id: str
    erased: bool
    holds: bool
    problem: str
    lines: list[str]
    entries: list[dict[str, Any]]
    trace_id: str = ""


class WebhookWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a client wants to be told, and of what."""

    url: Annotated[
        str, Meta(min_length=1, max_length=URL_CHARACTERS_MAX, examples=["https://hooks.example.org/concord"])
    ]
    events: EventTypes = EVENT_TYPES


class WebhookChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be otherwise; what is left out stays."""

    url: Annotated[str, Meta(min_length=1, max_length=URL_CHARACTERS_MAX)] | None = None
    events: EventTypes | None = None


class WebhookBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """A webhook.

    Attributes:
        secret: by which its receiver knows that we send; told here and never again.
        secret_before_until: until when the secret before signs, too.
        left_out_at: when an event was last left out, to the hour: too many deliveries waited or were dead.
    """

    webhook_id: str
    url: str
    events: tuple[str, ...]
    registered_at: str
    secret: str | None = None
    secret_before_until: str | None = None
    left_out_at: str | None = None


class WebhookList(msgspec.Struct, frozen=True):
    """A project's webhooks, in the order in which they were registered."""

    webhooks: list[WebhookBody]


class DeliveryBody(msgspec.Struct, frozen=True):
    """A delivery.

    Attributes:
        delivery_id: sent as `webhook-id`, the same on every attempt.
        status: waiting, delivered, dead, or dropped: given up for good.
        next_at: the next attempt, while it waits; when it is given up, while it is dead.
        last: how the last attempt ended.
        attempts: since it fell due, or was sent again last.
    """

    delivery_id: str
    event_type: str
    status: str
    made_at: str
    attempts: int
    last_at: str | None
    last: str
    next_at: str | None


class DeliveryList(msgspec.Struct, frozen=True):
    """A page of deliveries that wait or are dead; `next` is what to send as `after` for the next one."""

    deliveries: list[DeliveryBody]
    next: str | None


RESUMPTION = msgspec.json.Decoder(Resumption)
RECHECK_WISH = msgspec.json.Decoder(RecheckWish)
VERDICTS = msgspec.json.Decoder(VerdictsSplit)
UNIT_VERDICT = msgspec.json.Decoder(UnitVerdict)
INSPECTIONS = msgspec.json.Decoder(Inspections)
TAKEN_VERDICTS = msgspec.json.Decoder(TakenVerdicts)
NAMED_UNIT = msgspec.json.Decoder(NamedUnit)
WEBHOOK_WISH = msgspec.json.Decoder(WebhookWish)
WEBHOOK_CHANGE = msgspec.json.Decoder(WebhookChange)
