"""Agreement under each version of a label schema: the units whose labels were all given under it, as they were given.

What was merged since, or split, is told apart there as people told it apart then: so it shows whether a change of
classes made people agree more. Units whose labels are of several versions are under none.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from concord.labels.versions import Versions
from concord.quality.estimate import Estimate
from concord.quality.tally import LabelTally, Row
from services.metrics.domain.agreement import agreement

FIRST = 1
"""Of the first version nothing is kept by itself: it has what is under no other."""
SEVERAL = 0
"""In place of a version, of units whose labels are of several."""
VERSIONS_MAX = 10
"""Of the newest so many it is told."""


@dataclass(frozen=True, slots=True)
class VersionReport:
    """Agreement under one version of the label schema."""

    version: int
    alpha: Estimate
    percent_agreement: Estimate


def add_to(tallies: dict[int, LabelTally], version: int, row: Row, times: int) -> None:
    """Count units with these labels under a version that is not the first; negative `times` takes them out."""
    if version == FIRST or not row:
        return
    tally = tallies.setdefault(version, LabelTally())
    tally.add(row, times)
    if not tally.rows:
        del tallies[version]


def tally_of(version: int, whole: LabelTally, others: Mapping[int, LabelTally]) -> LabelTally:
    """Return the units whose labels were given under a version: of the first, all that are under no other.

    >>> yes, no = (('"yes"', 2),), (('"no"', 2),)
    >>> tally_of(1, LabelTally({yes: 3, no: 2}), {2: LabelTally({yes: 3}), 0: LabelTally({no: 1})}).rows
    {(('"no"', 2),): 1}
    """
    if version != FIRST:
        return others.get(version) or LabelTally()
    first = LabelTally(dict(whole.rows))
    for tally in others.values():
        for row, units in tally.rows.items():
            first.add(row, -units)
    return first


def by_version(
    versions: Versions | None, whole: LabelTally, others: Mapping[int, LabelTally], *, rows_over: bool
) -> tuple[VersionReport, ...]:
    """Return agreement under each version, oldest first; nothing of a schema that has had one.

    Args:
        versions: of the label schema.
        whole: all units by the labels they got, as given.
        others: of these, those under later versions, and under SEVERAL.
        rows_over: whether closed units have too many different labels to be kept.
    """
    if versions is None or versions.present == FIRST:
        return ()
    found = []
    for version in range(max(FIRST, versions.present - VERSIONS_MAX + 1), versions.present + 1):
        tally = tally_of(version, whole, others)
        found.append(VersionReport(version, *agreement(tally, versions.offered(version), rows_over=rows_over)))
    return tuple(found)
