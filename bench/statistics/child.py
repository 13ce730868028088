"""One measurement in a process of its own: ``python -m bench.statistics.child ours|peers WORK UNITS``.

Prints a line of JSON with the fields of `Measured`. A work is done in a fresh process so that its memory is its own.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module

from bench.statistics.measure import measured
from bench.statistics.workload import workload


def main(arguments: Sequence[str]) -> int:
    """Measure one work and print what it cost."""
    side, name, units = arguments
    works = import_module(f"bench.statistics.{side}").WORKS
    print(json.dumps(asdict(measured(works[name](workload(int(units)))))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
