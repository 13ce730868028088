"""The whole alone: ``python -m bench.whole UNITS LABELS FILE`` writes its figures there, and says what it does.

This is what another revision's services are measured by, in a checkout of theirs. So it loads of Concord only what
there was from the first build on, which a test holds.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.whole.measure import measure
from bench.whole.report import as_json


def main(arguments: Sequence[str]) -> int:
    """Measure, and write the figures."""
    units, labels, file = int(arguments[0]), int(arguments[1]), Path(arguments[2])
    found = asyncio.run(measure(units, labels, lambda line: print(line, file=sys.stderr)))
    file.write_text(json.dumps(as_json(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
