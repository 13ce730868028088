"""Render and check the manifests, or generate those that follow from code: `python -m deploy.k8s [generate]`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.k8s import checks, generated, render


def main(argv: Sequence[str]) -> int:
    """Print every fault and the counts; return 1 when there is a fault."""
    parser = argparse.ArgumentParser(prog="python -m deploy.k8s", description=__doc__)
    parser.add_argument("verb", nargs="?", choices=("check", "generate"), default="check")
    parser.add_argument("--overlay", type=Path, default=render.PRODUCTION, help="the overlay that is rendered")
    asked = parser.parse_args(argv)
    if asked.verb == "generate":
        for path in generated.write():
            print(path.relative_to(render.ROOT))
        return 0
    try:
        manifests = render.rendered(asked.overlay)
    except render.NotRendered as refusal:
        print(refusal)
        return 1
    faults = [*generated.differences(), *checks.faults(manifests)]
    for fault in faults:
        print(fault)
    print(f"{len(manifests)} manifests, {len(faults)} faults")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
