"""What auditors find in each field of labels that have several: which of them are wrong when a label is."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from concord.labels import Json
from concord.labels.form import Form, answers_of, same


class FieldErrors(msgspec.Struct, frozen=True, gc=False):
    """What was found in one field, over the units that were inspected up to the verdict.

    Attributes:
        inspected: units in which the resolved label or the auditor's answers it.
        errors: of these, how many the auditor's answer contradicts: another one, or one that is missing or too many.
    """

    field: str
    inspected: int
    errors: int


def compared_by_field(form: Form | None, resolved: Json, audited: Json) -> tuple[tuple[str, bool], ...]:
    """Return of each field that either label answers whether both say the same; nothing of a plain kind.

    Args:
        form: the project's schema, where its labels have several fields.
        resolved: the label as it is settled, canonical.
        audited: the auditor's own.
    """
    if form is None:
        return ()
    left, right = answers_of(form, resolved), answers_of(form, audited)
    answered = (field for field in form.fields if field.name in left or field.name in right)
    return tuple((field.name, same(field, left, right)) for field in answered)


def found_by_field(form: Form | None, verdicts: Iterable[tuple[tuple[str, bool], ...]]) -> tuple[FieldErrors, ...]:
    """Return what verdicts come to in each field of the form, in its order; nothing of a plain kind.

    Args:
        form: as above.
        verdicts: of each unit that was inspected, what `compared_by_field` said then.
    """
    if form is None:
        return ()
    inspected, errors = Counter[str](), Counter[str]()
    for verdict in verdicts:
        inspected.update(name for name, _ in verdict)
        errors.update(name for name, right in verdict if not right)
    return tuple(FieldErrors(field.name, inspected[field.name], errors[field.name]) for field in form.fields)
