"""The record of a dataset version: statements, each with the figures of signed documents that it rests on.

A statement says nothing that its figures do not say. Each figure is a place in a document of the export's folder (a
JSON pointer, RFC 6901) with the value that is there, and the document has its digest: whoever reads it looks it up.
Questions to which the documents hold no answer are listed as open, for whoever answers for the data to fill in.

The questions are those of Article 10, paragraphs 2 and 3, of Regulation (EU) 2024/1689; the steps are those of a data
set's life, as a process record after ISO/IEC 5259-4 goes through them, in our words.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from concord.pages.figures import at_most
from services.audit.domain.signing import Json

RECORD = "concord.record.v1"
CERTIFICATE, MANIFEST = "certificate.json", "manifest.json"

Step = Literal["requirements", "acquisition", "preparation", "verification", "provision", "retirement"]


class Figure(msgspec.Struct, frozen=True):
    """A place in a document, and what stands there."""

    document: str
    at: str
    value: Any


class Statement(msgspec.Struct, frozen=True):
    """One thing that is said of a dataset version.

    Attributes:
        step: of the data set's life.
        articles: which questions of Article 10 it answers or helps to answer.
        says: the statement.
        rests_on: the figures that it is made of.
        rule: what the platform's rules add, which no figure shows; empty where there is nothing to add.
    """

    step: Step
    articles: tuple[str, ...]
    says: str
    rests_on: tuple[Figure, ...]
    rule: str = ""


class Question(msgspec.Struct, frozen=True):
    """What is asked and not answered by the documents."""

    article: str
    asks: str
    why_open: str


class Limit(msgspec.Struct, frozen=True):
    """A known limit of what the documents show; the figures, where it has any."""

    says: str
    rests_on: tuple[Figure, ...] = ()


class Document(msgspec.Struct, frozen=True):
    """A document of the folder and the digest of its bytes."""

    name: str
    sha256: str


class Record(msgspec.Struct, frozen=True):
    """The record of one dataset version."""

    project_id: str
    issue: int
    issued_at: str
    vouched: bool
    documents: tuple[Document, ...]
    statements: tuple[Statement, ...]
    limits: tuple[Limit, ...]
    open_questions: tuple[Question, ...]
    type: str = RECORD


LINEAGE = "Each unit's ledger says who did what, when: `concord lineage UNIT`."
OPEN = (
    Question("10(2)(b)", "How and where were the data collected, and for personal data for which purpose first?",
             "Concord is handed units by its client and is not told where they come from."),
    Question("10(2)(d)", "What are the data supposed to measure and represent, and what is assumed of that?",
             "The label schema and the guideline say what was asked, and not what it stands for."),
    Question("10(2)(f)", "Which biases could harm health, safety or fundamental rights, or discriminate?",
             "Nothing is known of the people whom the units are about, nor of the annotators."),
    Question("10(2)(g)", "What was done to find, prevent and mitigate these biases?",
             "It follows from the question before."),
    Question("10(3)", "Are the data relevant and representative of those with whom the system is to be used?",
             "Nothing is known of the system's use; `concord export` tells how many units there are of each label."),
    Question("10(4)", "Do the data fit the place, the context and the conduct for which the system is meant?",
             "Nothing is known of the system's use."),
)  # fmt: skip


class _Source(NamedTuple):
    """A document that figures are taken from."""

    name: str
    content: Json

    def figure(self, *path: str | int) -> Figure:
        value: Any = self.content
        for step in path:
            value = value[step]
        return Figure(self.name, pointer(path), value)


def pointer(path: Sequence[str | int]) -> str:
    """Return a JSON pointer.

    >>> pointer(["lots", 0, "a/b~c"])
    '/lots/0/a~1b~0c'
    """
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def looked_up(document: Json, at: str) -> Any:
    """Return what stands at a JSON pointer.

    >>> looked_up({"lots": [{"units": 3}]}, "/lots/0/units")
    3
    """
    value: Any = document
    for part in at.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        value = value[int(name)] if isinstance(value, list) else value[name]
    return value


def record_of(certificate: Json, manifest: Json, documents: Sequence[Document], vouched: bool) -> Record:
    """Return the record of a dataset version.

    Args:
        certificate: the project's, whose signature holds.
        manifest: the export's, whose signature holds.
        documents: those that figures are taken from, with their digests, and what goes beside.
        vouched: whether both were signed with a key that is trusted.
    """
    certified, listed = _Source(CERTIFICATE, certificate), _Source(MANIFEST, manifest)
    statements = [statement for make in _MADE for statement in make(certified, listed)]
    return Record(
        certificate["project_id"], manifest["issue"], certificate["issued_at"], vouched, tuple(documents),
        tuple(statements), tuple(_limits(certified, listed)), OPEN,
    )  # fmt: skip


def _each(source: _Source, *names: str) -> tuple[Figure, ...]:
    """Return members of every lot that the certificate has them of."""
    lots = source.content["lots"]
    return tuple(
        source.figure("lots", place, *_path(name))
        for place, lot in enumerate(lots)
        for name in names
        if _has(lot, name)
    )


def _path(name: str) -> list[str]:
    return name.split(".")


def _has(lot: Json, name: str) -> bool:
    value: Any = lot
    for step in _path(name):
        if not isinstance(value, dict) or step not in value:
            return False
        value = value[step]
    return True


def _total(figures: Sequence[Figure]) -> int:
    return sum(figure.value for figure in figures)


def _requirements(certified: _Source, listed: _Source) -> Iterator[Statement]:
    kind = listed.figure("label_schema", "kind")
    schemas = [certified.figure("schema_versions")] if "schema_versions" in certified.content else []
    given = schemas[0].value if schemas else [1]
    by = "by one schema throughout" if len(given) < 2 else f"given under the versions {_listed(given)} of the schema"
    yield Statement(
        "requirements", ("10(2)(a)", "10(2)(d)"),
        f"Labels are of the kind {kind.value}, {by}.", (listed.figure("label_schema"), kind, *schemas),
    )  # fmt: skip
    versions = certified.figure("guideline_versions")
    yield Statement(
        "requirements", ("10(2)(a)", "10(2)(c)"),
        f"Annotators worked by these versions of the guideline: {_listed(versions.value) or 'none'}.", (versions,),
    )  # fmt: skip


def _listed(versions: Sequence[int]) -> str:
    return ", ".join(map(str, versions))


def _acquisition(certified: _Source, listed: _Source) -> Iterator[Statement]:
    units, rows = _each(certified, "units"), listed.figure("rows")
    yield Statement(
        "acquisition", ("10(2)(e)",),
        f"{_total(units)} units were accepted in {len(units)} lots; this export has {rows.value} rows.", (*units, rows),
    )  # fmt: skip


def _preparation(certified: _Source, listed: _Source) -> Iterator[Statement]:
    del listed
    annotations, units = _each(certified, "annotations"), _each(certified, "units")
    if annotations and _total(units):
        yield Statement(
            "preparation", ("10(2)(c)",),
            f"{_total(annotations)} annotations stand behind the {_total(units)} labels: "
            f"{_total(annotations) / _total(units):.2f} a unit.",
            (*annotations, *units), "Annotators see no label of another, and no unit twice.",
        )  # fmt: skip
    ruled = _each(certified, "adjudicated")
    if len(ruled) == len(units) and _total(units):
        yield Statement(
            "preparation", ("10(2)(c)",),
            f"{_total(ruled)} of {_total(units)} labels were settled by the ruling of an adjudicator.",
            (*ruled, *units), "Nobody rules on a unit that they annotated. " + LINEAGE,
        )  # fmt: skip
    unanswerable = _each(certified, "unanswerable")
    if _total(unanswerable):
        yield Statement(
            "preparation", ("10(2)(c)", "10(2)(h)"),
            f"{_total(unanswerable)} units more were ruled unanswerable, have no label, and are listed by their lots.",
            unanswerable, "No label of the schema is right for them, by the ruling of an adjudicator with its reason.",
        )  # fmt: skip
    alphas = [figure for figure in _each(certified, "agreement.value") if figure.value is not None]
    if alphas:
        low, high = min(alpha.value for alpha in alphas), max(alpha.value for alpha in alphas)
        yield Statement(
            "preparation", ("10(2)(c)", "10(3)"),
            f"Krippendorff's alpha of the labels that were asked of every unit is {low:.3f} to {high:.3f} by lot.",
            tuple(alphas),
        )  # fmt: skip


def _verification(certified: _Source, listed: _Source) -> Iterator[Statement]:
    del listed
    inspected, wrong = _each(certified, "inspected"), _each(certified, "errors_found")
    corrected = _each(certified, "errors_corrected")
    yield Statement(
        "verification", ("10(2)(c)", "10(3)"),
        f"Auditors labelled {_total(inspected)} of the units again and found {_total(wrong)} labels wrong; "
        f"{_total(corrected)} in all were put right.",
        (*inspected, *wrong, *corrected),
        "Samples are drawn by a keyed hash. Auditors see no label, and none inspects a unit of their own. " + LINEAGE,
    )  # fmt: skip
    rejections = _each(certified, "rejections")
    yield Statement(
        "verification", ("10(2)(c)", "10(2)(h)"),
        f"Lots were rejected {_total(rejections)} times on the way.", rejections,
        "A rejected lot is labelled anew, or inspected whole.",
    )  # fmt: skip
    rate = certified.content.get("project", {}).get("label_error_rate", {})
    if rate.get("high") is not None:
        figures = [
            certified.figure("project", "label_error_rate", name) for name in ("value", "low", "high", "confidence")
        ]
        yield Statement(
            "verification", ("10(3)",),
            f"Of all labels of the project that had left, {rate['value']:.2%} are wrong by the best estimate, and "
            f"{at_most(rate['high'], 4):.2%} at most with {rate['confidence']:.0%} confidence.", tuple(figures),
        )  # fmt: skip


def _provision(certified: _Source, listed: _Source) -> Iterator[Statement]:
    files = [listed.figure("files", place, "sha256") for place in range(len(listed.content["files"]))]
    form = listed.figure("form", "format")
    yield Statement(
        "provision", ("10(2)(c)",),
        f"The version is in the format {form.value}, in files with these digests, signed.", (form, *files),
    )  # fmt: skip
    key = certified.figure("key", "kid")
    vouching = listed.figure("certificate_sha256")
    if "software" in certified.content:
        name, version = certified.figure("software", "name"), certified.figure("software", "version")
        yield Statement(
            "provision", ("10(2)(c)",),
            f"The certificate was worked out by {name.value} {version.value}.", (name, version),
        )  # fmt: skip
    yield Statement(
        "provision", ("10(2)(c)",),
        f"Certificate and manifest were signed with the key {key.value}; the manifest names the certificate by digest.",
        (key, listed.figure("key", "kid"), vouching),
    )  # fmt: skip


def _retirement(certified: _Source, listed: _Source) -> Iterator[Statement]:
    before, since = _each(certified, "withdrawn"), listed.figure("erased")
    yield Statement(
        "retirement", ("10(2)(c)",),
        f"{_total(before)} units were erased before their lots were accepted, and {since.value} after it.",
        (*before, since), "What is erased is in no export from then on.",
    )  # fmt: skip


_MADE: tuple[Callable[[_Source, _Source], Iterator[Statement]], ...] = (
    _requirements, _acquisition, _preparation, _verification, _provision, _retirement,
)  # fmt: skip


def _limits(certified: _Source, listed: _Source) -> Iterator[Limit]:
    """Yield what the documents do not show, by their own figures."""
    yield Limit("A label is called wrong by the word of one auditor; how often auditors err is not in these figures.")
    yield Limit("Annotators are known by codes; nothing is recorded of who they are.")
    left_out = listed.content.get("left_out", {})
    for reason in sorted(left_out):
        figure = listed.figure("left_out", reason)
        yield Limit(f"{figure.value} rows are left out of the files: {reason}.", (figure,))
    compared = [value for value in _each(certified, "agreement.units_left_out") if value.value]
    if compared:
        yield Limit(f"Agreement leaves out {_total(compared)} units without all first labels.", tuple(compared))
    undefined = [value for value in _each(certified, "agreement.value") if value.value is None]
    if undefined:
        yield Limit(f"Agreement is not defined in {len(undefined)} lots; each says why.", tuple(undefined))
