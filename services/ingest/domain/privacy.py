"""Privacy: what a project may ask to have replaced, and what it comes to."""

from collections import Counter
from collections.abc import Iterator

from concord.labels import Json, LabelSchema, decoded, encoded
from concord.labels.form import Form, answers_of, fields_of
from concord.privacy import (
    KINDS,
    NAME_CHARACTERS_MAX,
    NAMES_MAX,
    REGIONS,
    Anonymiser,
    Beside,
    Finder,
    Finds,
    Rules,
    Together,
)
from services.ingest.domain.project import Fault, Policy, Privacy

REGIONS_MAX = 20


def privacy_faults(privacy: Privacy, schema: LabelSchema) -> Iterator[Fault]:
    """Yield what is wrong with a project's privacy, by field."""
    field = "policy.privacy"
    for kind, treatment in privacy.treatments.items():
        if kind not in KINDS:
            yield Fault(f"{field}.treatments.{kind[:40]}", "is no kind", f"send some of {', '.join(KINDS)}")
        elif treatment == "pseudonym" and has_spans(schema):
            cure = "send mask: it takes as many characters as what it masks"
            yield Fault(f"{field}.treatments.{kind}", "would move the spans of labels", cure)
    if len(privacy.names) > NAMES_MAX or any(not 0 < len(name) <= NAME_CHARACTERS_MAX for name in privacy.names):
        cure = f"send at most {NAMES_MAX} of 1 to {NAME_CHARACTERS_MAX} characters"
        yield Fault(f"{field}.names", "are too many, or one is too long", cure)
    if privacy.names and "name" not in privacy.treatments:
        yield Fault(f"{field}.names", "are there, and name has no treatment", "send treatments.name: mask or pseudonym")
    strange = [region for region in privacy.regions if region not in REGIONS]
    if strange or len(privacy.regions) > REGIONS_MAX:
        problem = f"hold {strange[0][:40]!r}" if strange else f"are {len(privacy.regions)}"
        yield Fault(f"{field}.regions", problem, f"send at most {REGIONS_MAX} codes of ISO 3166, such as 'DE'")


def anonymiser(policy: Policy, schema: LabelSchema, key: bytes, beside: Beside | None = None) -> Anonymiser | None:
    """Return what replaces personal data in a project's contents; None where nothing is to be replaced.

    Args:
        policy: the project's.
        schema: of its labels: where they have spans, a mask keeps every offset.
        key: of the project.
        beside: makes what finds beside our own rules; None: nothing does.
    """
    privacy = policy.privacy
    if not privacy.treatments:
        return None
    rules = Rules(frozenset(privacy.treatments), privacy.names, key, privacy.regions)
    finder: Finds = Finder(rules) if beside is None else Together(Finder(rules), beside(rules))
    return Anonymiser(finder, privacy.treatments, key, same_length=has_spans(schema))


def has_spans(schema: LabelSchema) -> bool:
    """Return whether labels of a schema hold offsets into a text."""
    if isinstance(schema, Form):
        return any(field.schema.kind == "spans" for field in schema.fields)
    return schema.kind == "spans"


def label_replaced(label: bytes, schema: LabelSchema, anonymiser: Anonymiser, counts: Counter[str]) -> bytes:
    """Return a label that came with a unit, with what is found in its free text replaced; all else in it is as it was.

    Args:
        label: canonical JSON, in the names of the schema.
        schema: of the project's labels.
        anonymiser: replaces personal data in the project's contents.
        counts: of what was found, by kind; is added to.

    Raises:
        LabelFault: it is no label of the schema then: what stands in the place of something is longer than it was.
    """
    texts = [field.name for field in fields_of(schema) if field.schema.kind == "text"]
    if not texts:
        return label
    whole: Json = decoded(label)
    answers = answers_of(schema, whole)
    replaced = {name: anonymiser.text(str(answers[name]), counts) for name in texts if name in answers}
    if all(answers[name] == text for name, text in replaced.items()):
        return label
    return encoded(schema.canonical({"answers": {**answers, **replaced}} if isinstance(schema, Form) else replaced[""]))
