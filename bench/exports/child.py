"""One export in a process of its own: ``python -m bench.exports.child FORMAT UNITS``; prints a line of JSON.

Units come in the chunks in which audit reads them and what is written is counted and let go, as a door does.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence

import msgspec

from bench.statistics.measure import peak_mb
from concord.exports import Form, Record, RecordedLabel, writer_for
from concord.labels import schema_from

CHUNK_UNITS = 200
WITH_DATA = "+data"
CLASSES = ("no", "yes", "unsure")
DATA = b'"A text of the length that a unit has where people are asked about a sentence or two of it."'


def records(units: int, form: Form) -> Iterator[list[Record]]:
    """Yield units some at a time, each a fresh object, as they come from a store."""
    for start in range(0, units, CHUNK_UNITS):
        yield [_record(number, form) for number in range(start, min(start + CHUNK_UNITS, units))]


def _record(number: int, form: Form) -> Record:
    label = msgspec.json.encode(CLASSES[number % len(CLASSES)]).decode()
    labels = (RecordedLabel("a", label, 1), RecordedLabel("b", label, 1)) if form.rows == "annotations" else ()
    data = DATA if form.data else b""
    unit_id, source_id, lot_id = f"k7q2-u{number:026}", f"client's {number}", f"k7q2-l{number // 500:026}"
    return Record(unit_id, source_id, label, "posterior", 0.97, 2, 1, lot_id, labels, data, "text/plain")


def main(arguments: Sequence[str]) -> int:
    """Write one export to nowhere and print what it cost."""
    name, units = arguments[0], int(arguments[1])
    form = Form(name.removesuffix(WITH_DATA), data=name.endswith(WITH_DATA))
    writer = writer_for(form, schema_from({"kind": "choice", "classes": list(CLASSES)}))
    making, written = 0.0, len(writer.begin())
    before, began = time.process_time(), time.monotonic()
    source = records(units, form)
    while True:
        made = time.process_time()
        some = next(source, None)
        making += time.process_time() - made  # what the store hands over is not the format's
        if some is None:
            break
        written += len(writer.write(some))
    written += len(writer.end())
    cpu = time.process_time() - before - making
    figures = {"cpu_seconds": cpu, "seconds": time.monotonic() - began, "peak_mb": peak_mb(), "bytes": written}
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
