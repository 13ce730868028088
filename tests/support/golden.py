"""Golden events: one record of every event type as it was first written, which must decode for ever.

A golden is two files under `tests/data/golden/v1/`: `<topic>.<Event>.txtpb` states the values in protobuf's text
format, and the `.binpb` beside it holds the bytes. A field that is added later gets a golden of its own,
`<topic>.<Event>.<n>`, and the older ones stay as they are.

`python -m tests.support.golden` writes the bytes of every stated golden that has none yet. It never writes over one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from google.protobuf import text_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from concord.contracts.codec import encode
from concord.contracts.topics import TOPICS, Topic

FOLDER = Path(__file__).resolve().parents[1] / "data" / "golden" / "v1"


@dataclass(frozen=True, slots=True)
class EventType:
    """One event of one topic: a case of the envelope's `event`, or the whole message of a topic without cases."""

    topic: Topic
    field: FieldDescriptor | None

    @property
    def descriptor(self) -> Descriptor:
        """Return the description of the event itself, without its envelope."""
        if self.field is None:
            assert self.topic.message is not None
            return cast("Descriptor", self.topic.message.DESCRIPTOR)
        return cast("Descriptor", self.field.message_type)

    @property
    def name(self) -> str:
        """Return what its goldens' names begin with."""
        return f"{self.topic.name}.{self.descriptor.name}"

    def goldens(self) -> list[Path]:
        """Return the stated goldens of this event, without suffix, the oldest first."""
        stated = [path.with_suffix("") for path in FOLDER.glob(f"{self.name}.txtpb")]
        later = [path.with_suffix("") for path in FOLDER.glob(f"{self.name}.[0-9]*.txtpb")]
        return stated + sorted(later, key=lambda path: int(path.suffix[1:]))


def event_types() -> Iterator[EventType]:
    """Yield every event type in the catalogue."""
    for topic in TOPICS:
        if topic.message is None:
            continue
        cases = topic.message.DESCRIPTOR.oneofs_by_name.get("event")
        fields = [None] if cases is None else cast("list[FieldDescriptor]", list(cases.fields))
        yield from (EventType(topic, field) for field in fields)


def file(golden: Path, suffix: str) -> Path:
    """Return one of a golden's two files; its name holds dots of its own."""
    return golden.with_name(golden.name + suffix)


def stated(event: EventType, golden: Path) -> Message:
    """Return the event that a golden states."""
    assert event.topic.message is not None
    return text_format.Parse(file(golden, ".txtpb").read_text(encoding="utf-8"), event.topic.message())


def topic_of(golden: Path) -> Topic:
    """Return the topic of a golden file by its name."""
    return next(topic for topic in TOPICS if golden.name.startswith(f"{topic.name}."))


def unset(message: Any, path: str = "") -> list[str]:
    """Return the paths of fields that are not set, through every message that is; cases of a oneof but one are."""
    missing: list[str] = []
    for field in message.DESCRIPTOR.fields:
        here = f"{path}{field.name}"
        value = getattr(message, field.name)
        if field.containing_oneof is not None and not message.HasField(field.name):
            if len(field.containing_oneof.fields) == 1:
                missing.append(here)
        elif field.message_type is not None and not field.is_repeated:
            missing += unset(value, f"{here}.") if message.HasField(field.name) else [here]
        elif not value:
            missing.append(here)
        elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
            missing += [name for element in value for name in unset(element, f"{here}.")]
    return missing


def main() -> None:
    """Write what is stated and not yet written."""
    for event in event_types():
        for golden in event.goldens():
            bytes_file = file(golden, ".binpb")
            if not bytes_file.exists():
                bytes_file.write_bytes(encode(stated(event, golden)))


if __name__ == "__main__":
    main()
