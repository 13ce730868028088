"""What other labelling servers were measured at, for reference: elsewhere, before, and not in this run."""

from dataclasses import dataclass

from bench.table import Column, Table

SOURCE = (
    "Measured once by Concord's authors on a machine of two shared cores (CPython 3.11, 20 annotators, overlap 3): "
    "the server's CPU for fetching a task and submitting its label."
)


@dataclass(frozen=True, slots=True)
class Published:
    """One server's cost.

    Attributes:
        server: its name, version and store.
        annotation_ms: CPU milliseconds an annotation with 10,000 units in the project.
        annotation_large_ms: the same with 100,000.
        remark: what was seen.
    """

    server: str
    annotation_ms: float
    annotation_large_ms: float
    remark: str


PUBLISHED = (
    Published("Label Studio 1.23.2, SQLite", 181, 478, "2.9 annotations/s; 14 units over their overlap"),
    Published("Label Studio 1.23.2, Postgres, uWSGI x 2", 172, 455, "9.8 annotations/s; next task p95 1.6 s"),
    Published("doccano 1.8.4", 56, 331, "13 annotations/s; no overlap of its own"),
    Published("Potato 2.12.1", 33, 274, "24 annotations/s; 9 % of calls fail"),
)


def table() -> Table:
    """Return the figures as a table that says where they are from."""
    columns = (
        Column("server", numbers=False),
        Column("us/annotation, 10^4 units"),
        Column("10^5 units"),
        Column("remark", numbers=False),
    )
    rows = [
        [
            published.server,
            f"{published.annotation_ms * 1e3:,.0f}",
            f"{published.annotation_large_ms * 1e3:,.0f}",
            published.remark,
        ]
        for published in PUBLISHED
    ]
    return Table("Peers' servers, MEASURED ELSEWHERE, for reference only", columns, rows, [SOURCE])
