"""Render and check the manifests, or make what follows from code: `python -m deploy.k8s [VERB]`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from concord.contracts.ids import CLIENT_ID
from deploy.k8s import alerting, checks, generated, render
from deploy.k8s.catalogue import CLIENT_BYTES_A_SECOND, client_user


def main(argv: Sequence[str]) -> int:
    """Print every fault and the counts; return 1 when there is a fault."""
    parser = argparse.ArgumentParser(prog="python -m deploy.k8s", description=__doc__)
    parser.add_argument("verb", nargs="?", choices=("check", "generate", "client", "rules"), default="check")
    parser.add_argument("code", nargs="?", help="of `client`: whose Kafka user is printed")
    parser.add_argument("--bytes-a-second", type=int, default=CLIENT_BYTES_A_SECOND, help="of `client`: at most")
    parser.add_argument("--docs", default=alerting.DOCS, help="of `rules`: where the documentation is served")
    parser.add_argument("--grafana", default=alerting.GRAFANA, help="of `rules`: where the boards are")
    parser.add_argument("--overlay", type=Path, default=render.PRODUCTION, help="the overlay that is rendered")
    asked = parser.parse_args(argv)
    if asked.verb == "generate":
        for path in generated.write():
            print(path.relative_to(render.ROOT))
        return 0
    if asked.verb == "rules":
        print(generated.rules_with(asked.docs, asked.grafana), end="")
        return 0
    if asked.verb == "client":
        if not CLIENT_ID.fullmatch(asked.code or ""):
            parser.error(f"client takes a code that matches {CLIENT_ID.pattern}, and was given {asked.code!r}")
        print(yaml.safe_dump(client_user(asked.code, asked.bytes_a_second), sort_keys=False), end="")
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
