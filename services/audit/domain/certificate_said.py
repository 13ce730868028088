"""A certificate as it is read to be shown: every member of a known type, whatever stands in the document."""

import msgspec

from services.audit.domain.verdict import Plan


class SaidEstimate(msgspec.Struct, frozen=True):
    """A measure with its interval."""

    value: float | None
    low: float | None
    high: float | None
    units: int = 0
    method: str = ""
    reason: str = ""
    confidence: float = 0.95


class SaidField(msgspec.Struct, frozen=True):
    """One field of labels that have several."""

    inspected: int
    errors_found: int
    agreement: SaidEstimate


class SaidRepeats(msgspec.Struct, frozen=True):
    """How far auditors agree who do not see each other."""

    repeated: int
    agreed: int
    found_wrong: int
    confirmed: int
    found_right: int
    overturned: int
    label_error_rate_by_their_word: SaidEstimate


class SaidLedger(msgspec.Struct, frozen=True):
    """How long a lot's ledger is."""

    entries: int
    basis_sha256: str


class SaidLot(msgspec.Struct, frozen=True):
    """A lot's claims, its own certificate's or what a project's repeats of them."""

    lot_id: str
    units: int
    inspected: int
    errors_found: int
    label_error_rate: SaidEstimate
    agreement: SaidEstimate
    annotators: int
    annotations: int = 0
    withdrawn: int = 0
    adjudicated: int | None = None
    unanswerable: int = 0
    regions_ruled: dict[str, int] = {}
    units_referred_back: int = 0
    annotations_set_aside: int = 0
    rework: int = 0
    rejections: int = 0
    rejections_max: int | None = None
    plan: Plan | None = None
    inspected_whole: bool = False
    consumers_risk: float | None = None
    sample: list[str] = []
    errors_corrected: int = 0
    guideline_versions: list[int] = []
    schema_versions: list[int] = []
    accepted_at: str = ""
    ledger: SaidLedger | None = None
    fields: dict[str, SaidField] = {}
    certificate_sha256: str = ""
    seed: str = ""
    repeats: SaidRepeats | None = None


class SaidFile(msgspec.Struct, frozen=True):
    """A file that is certified."""

    name: str
    rows: int
    rows_sha256: str
    sha256: str = ""
    bytes: int = 0


class SaidProject(msgspec.Struct, frozen=True):
    """What all of a project's lots come to."""

    lots: int
    units: int
    inspected: int
    rejections: int
    label_error_rate: SaidEstimate
    errors_found: int = 0
    repeats: SaidRepeats | None = None


class SaidKey(msgspec.Struct, frozen=True):
    """What it was signed with."""

    kid: str
    public_key: str


class SaidSoftware(msgspec.Struct, frozen=True):
    """What worked it out."""

    name: str
    version: str


class SaidCertificate(msgspec.Struct, frozen=True):
    """A whole certificate."""

    client_id: str
    project_id: str
    issued_at: str
    lots: list[SaidLot]
    files: list[SaidFile]
    key: SaidKey
    guideline_versions: list[int] = []
    schema_versions: list[int] = []
    project: SaidProject | None = None
    issue: int | None = None
    software: SaidSoftware | None = None
