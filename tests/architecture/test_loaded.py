"""What a service may not load when it starts: tens of megabytes that only some projects need, or some requests."""

import subprocess
import sys
from collections.abc import Mapping

from concord.labels import KINDS, schema_from
from concord.labels.drawn import DRAWN_KINDS
from concord.labels.examples import schema_example
from concord.labels.regions import RegionSchema
from tests.architecture.project import ROOT

LATER: Mapping[str, str] = {
    "scipy.optimize": "the geometry of a project that draws",
    "scipy.sparse.linalg": "a chart of a project that asks people for breaks",
    "scipy.sparse.csgraph": "the geometry of a project that draws",
    "scipy.stats": "nothing",
    "concord.labels.grouping": "a project that draws",
    "pyarrow": "a Parquet file",
    "pandas": "nobody here",
    "aiohttp": "who fetches an issuer's keys, or calls a webhook",
}
"""By module, who loads it, and when."""
AT_ONCE = {
    "audit": {"aiohttp"},  # its webhooks
    "metrics": {"aiohttp"},  # Faust
}
"""What a service loads all the same."""
IN_TURN = ("ingest", "assign", "adjudicate", "audit", "metrics")
"""Each loads what those before it may, so that one process shows what each adds."""

CHILD = f"""
import importlib, sys
for service in {IN_TURN!r}:
    importlib.import_module(f"services.{{service}}.bootstrap")
    print(service, *[name for name in {tuple(LATER)!r} if name in sys.modules])
"""


def test_a_service_loads_at_its_start_what_every_project_needs() -> None:
    argv = [sys.executable, "-c", CHILD]
    lines = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    loaded = {service: set(names) for service, *names in map(str.split, lines)}
    assert loaded == {service: AT_ONCE.get(service, set()) for service in IN_TURN}, (
        "load it in the function that needs it, where a project or a request first does"
    )


def test_the_kinds_that_draw_are_those_with_regions() -> None:
    assert {kind for kind in KINDS if isinstance(schema_from(schema_example(kind)), RegionSchema)} == DRAWN_KINDS
