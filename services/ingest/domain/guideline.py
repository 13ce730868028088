"""Guidelines: what their examples may be, and when a version follows another."""

from collections.abc import Iterator

from concord.labels import LabelSchema
from concord.labels.form import fields_of
from services.ingest.domain.address import address_fault
from services.ingest.domain.project import (
    EXAMPLE_CHARACTERS_MAX,
    EXAMPLES_MAX,
    GUIDELINE_BYTES_MAX,
    Definition,
    Example,
    Fault,
)


class GuidelineDoesNotExist(LookupError):
    """The project's guideline has no such version."""


def is_new_version(before: Definition, after: Definition) -> bool:
    """Return whether people are told something else of how to label."""
    return (before.guideline, before.guideline_examples) != (after.guideline, after.guideline_examples)


def guideline_faults(definition: Definition) -> Iterator[Fault]:
    """Yield what is too large of a guideline."""
    examples = definition.guideline_examples
    if (size := len(definition.guideline.encode())) > GUIDELINE_BYTES_MAX:
        yield Fault("guideline", f"has {size} bytes", f"send at most {GUIDELINE_BYTES_MAX}, and link to what is longer")
        return
    if len(examples) > EXAMPLES_MAX:
        yield Fault("guideline_examples", f"has {len(examples)} examples", f"send at most {EXAMPLES_MAX}")
        return
    size += sum(
        len(f"{example.class_name}{example.text}{example.uri}{example.note}{example.field}".encode())
        for example in examples
    )
    if size > GUIDELINE_BYTES_MAX:
        cure = f"send at most {GUIDELINE_BYTES_MAX} with the guideline, and link to what is longer"
        yield Fault("guideline_examples", f"come to {size} bytes with the guideline", cure)


def example_faults(examples: tuple[Example, ...], schema: LabelSchema) -> Iterator[Fault]:
    """Yield what is wrong with examples, by field: each shows one thing, and a class that the schema has."""
    classes = {field.name: tuple(map(str, getattr(field.schema, "classes", ()))) for field in fields_of(schema)}
    for place, example in enumerate(examples[:EXAMPLES_MAX]):
        path = f"guideline_examples[{place}]"
        if example.field not in classes:
            cure = f"send one of {', '.join(classes)}" if "" not in classes else "leave it out: the labels have none"
            yield Fault(f"{path}.field", "is no field of the label schema", cure)
        elif example.class_name not in classes[example.field]:
            known = ", ".join(classes[example.field][:20]) or "none: labels of this kind have no classes"
            yield Fault(f"{path}.class", "is no class of the label schema", f"send one of {known}")
        if bool(example.text) == bool(example.uri):
            yield Fault(path, "shows no one thing", "send a text or the uri of an image")
        for name in ("text", "uri", "note"):
            if (length := len(getattr(example, name))) > EXAMPLE_CHARACTERS_MAX:
                yield Fault(f"{path}.{name}", f"has {length} characters", f"send at most {EXAMPLE_CHARACTERS_MAX}")
        if example.uri and (fault := address_fault(example.uri)) is not None:
            yield Fault(f"{path}.uri", *fault)
