"""One unit as metrics sees it: what each assignment came to, how it was settled, and what it adds to the sums.

Topics are read independently, so events come in any order and more than once. Each of the functions below leaves
the same unit behind whatever the order and the repeats; `share` then reads off what the unit adds to its project.
"""

from collections.abc import Iterable
from operator import attrgetter
from typing import Literal

import msgspec

from concord.quality.first_asked import first_asked
from services.metrics.domain.traits import Traits

Settlement = Literal["", "escalated", "consensus", "adjudicated", "unanswerable"]
RANK: dict[Settlement, int] = {"": 0, "escalated": 1, "consensus": 2, "adjudicated": 3, "unanswerable": 4}
"""Of one rework the later word prevails: an adjudicator's over an escalation's, whichever is heard of first."""

LABELLED: frozenset[Settlement] = frozenset({"consensus", "adjudicated"})
"""How a unit stands that has its label; one that is unanswerable will have none, and nobody's label of it is right."""

LabelRow = tuple[tuple[str, int], ...]
"""How often a unit got each label, as `concord.quality.tally.Row` whose labels are canonical JSON: so typed, a unit
is decoded in 1.0 us instead of 1.5."""
NO_ROW: LabelRow = ()

_order = attrgetter("at_us", "annotator_id", "label")

GRACE_US = 60_000_000
"""What is given so long after a unit's lot was accepted counts nowhere, so that the unit can be closed for good."""


class Annotation(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who said what in an assignment.

    Attributes:
        label: canonical JSON.
        rework: how often the unit had been sent back.
        late: kept, and not counted towards agreement.
        active_ms: time spent, idle time left out; zero where it was not told.
        revision: the greatest is the annotator's last word.
        at_us: event time of the first word.
        schema_version: of the label schema, under which it was given.
        model: a model gave it.
        shown_first: by field, the side or the item that stood first of those it chooses between, in its own names.
        guideline_version: under which its label was given; 0 where that was not told.
        referral: how often an adjudicator had referred the unit back, in that rework, before it was given.
    """

    annotator_id: str
    label: str
    rework: int = 0
    late: bool = False
    active_ms: int = 0
    revision: int = 0
    at_us: int = 0
    schema_version: int = 1
    model: bool = False
    shown_first: tuple[tuple[str, str], ...] = ()
    guideline_version: int = 0
    referral: int = 0


class Share(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a unit adds to the sums of its project.

    Attributes:
        row: how often it got each label among those that agreement is measured on; empty where it has none of them.
        labels: annotations that count: those that were set aside when it was referred back are none of them.
        settlement: how it stands.
        settled_labels: annotations it was settled on; zero while it is not.
        turnaround_seconds: from its admission to its lot's acceptance; negative before that.
        schema_version: of the label schema, under which all of `row` was given; 0: under several.
    """

    row: LabelRow = NO_ROW
    labels: int = 0
    settlement: Settlement = ""
    settled_labels: int = 0
    turnaround_seconds: int = -1
    schema_version: int = 1


NOTHING = Share()


class Unit(msgspec.Struct, array_like=True, gc=False):
    """One unit's row. It is changed in place, for it is touched by a million events an hour.

    Rows hold no cycles, and so many that the garbage collector had better not look through them.

    Attributes:
        gold: canonical JSON of the known label that it came with; empty for an ordinary unit.
        gold_revision: of the newest word on its known label; 0 where there was none.
        gold_held: by that, answers to it count for nobody: it is in doubt, or retired.
        gold_ruled: by that, the known label, canonical JSON; empty: the one that it came with.
        gold_since: by that, the version of the label schema from which on answers are judged by it.
        resolved: canonical JSON of the label that it was settled with; empty where it has none.
        admitted_at_us: zero until its admission is heard of.
        asked: how many annotations were asked for at first by the project when it came in; 0 where that was not told.
        rework: how often it was sent back, as far as anybody said.
        referral: how often, in that rework, it was referred back, as far as anybody said.
        settled_rework, settled_referral: of which rework, and of which time in it, `settlement` is.
        settled_asked: how many annotations were asked for at first in that rework; 0 where that was not told.
        accepted_at_us: when its lot was accepted; zero before.
        counted: what it adds to the sums now; the bookkeeper's own mark, and no part of the facts.
        traits: what it was known by when it came in; None until then.
    """

    project_id: str = ""
    gold: str = ""
    admitted_at_us: int = 0
    rework: int = 0
    annotations: dict[str, Annotation] = msgspec.field(default_factory=dict)
    settlement: Settlement = ""
    settled_rework: int = 0
    accepted_at_us: int = 0
    erased: bool = False
    counted: Share = NOTHING
    asked: int = 0
    settled_asked: int = 0
    traits: Traits | None = None
    gold_revision: int = 0
    gold_held: bool = False
    gold_ruled: str = ""
    gold_since: int = 0
    resolved: str = ""
    referral: int = 0
    settled_referral: int = 0


def known_label(unit: Unit) -> str:
    """Return the label by which answers to a gold unit are judged now, canonical JSON; empty where they are not judged.

    >>> known_label(Unit(gold='"no"')), known_label(Unit(gold='"no"', gold_ruled='"yes"'))
    ('"no"', '"yes"')
    >>> known_label(Unit(gold='"no"', gold_held=True)), known_label(Unit())
    ('', '')
    """
    if not unit.gold or unit.erased or unit.gold_held:
        return ""
    return unit.gold_ruled or unit.gold


def judged_by(unit: Unit, annotation: Annotation) -> str:
    """Return the label by which an answer is judged: `known_label`, but for answers that could not say it.

    >>> unit = Unit(gold='"spam"', gold_ruled='"scam"', gold_since=2)
    >>> [judged_by(unit, Annotation("ann", '"spam"', schema_version=version)) for version in (1, 2)]
    ['', '"scam"']
    """
    return known_label(unit) if annotation.schema_version >= unit.gold_since else ""


def annotated(unit: Unit, annotation_id: str, annotation: Annotation) -> tuple[Annotation | None, Annotation | None]:
    """Take an annotation in; return what is known of its assignment now, if that is news, and what was before.

    >>> unit = Unit("k1-p")
    >>> [annotated(unit, "k1-u1.1", Annotation("ann", '"yes"'))[0] is None for _ in range(2)]
    [False, True]
    """
    known = unit.annotations.get(annotation_id)
    if known is not None:
        if known.revision >= annotation.revision:
            return None, known
        # It keeps the first word's place. That one did not come late, else it could not be revised; and a release
        # before told of a revision without all that a label is told with.
        annotation = msgspec.structs.replace(
            annotation,
            rework=known.rework,
            late=known.late,
            at_us=known.at_us,
            schema_version=known.schema_version,
            model=known.model,
            shown_first=known.shown_first,
            guideline_version=annotation.guideline_version or known.guideline_version,
            referral=known.referral,
        )
    unit.annotations[annotation_id] = annotation
    sent_back(unit, annotation.rework, annotation.referral)
    return annotation, known


def sent_back(unit: Unit, rework: int, referral: int = 0) -> None:
    """Hear that the unit is labelled anew, or has been: with its lot, or by an adjudicator."""
    if (rework or referral) and (rework, referral) > (unit.rework, unit.referral):  # as for few
        unit.rework, unit.referral = rework, referral


def settled(
    unit: Unit, settlement: Settlement, rework: int, asked: int = 0, label: str = "", referral: int = 0
) -> None:
    """Hear how the unit stands after a decision, how many labels were asked for first, and which one settled it."""
    sent_back(unit, rework, referral)
    known = unit.settled_rework, unit.settled_referral, RANK[unit.settlement]
    if (rework, referral, RANK[settlement]) > known:
        unit.settlement, unit.settled_rework, unit.settled_asked, unit.resolved = settlement, rework, asked, label
        unit.settled_referral = referral


def settled_now(unit: Unit) -> Settlement:
    """Return how the unit stands; empty where that was said before it was last sent or referred back."""
    now = unit.settled_rework == unit.rework and unit.settled_referral == unit.referral
    return unit.settlement if now else ""


def accepted(unit: Unit, at_us: int) -> list[Annotation]:
    """Hear that the unit's lot was accepted; return the annotations that were given too long after, now forgotten."""
    unit.accepted_at_us = at_us
    too_late = [
        annotation_id for annotation_id, annotation in unit.annotations.items() if is_too_late(unit, annotation)
    ]
    return [unit.annotations.pop(annotation_id) for annotation_id in too_late]


def is_too_late(unit: Unit, annotation: Annotation) -> bool:
    """Tell whether an annotation was given too long after the unit's lot was accepted. Event times alone decide."""
    return 0 < unit.accepted_at_us < annotation.at_us - GRACE_US


def is_done(unit: Unit) -> bool:
    """Tell whether the unit has its label for good, or will never get one."""
    return not unit.gold and (unit.erased or RANK[settled_now(unit)] >= RANK["consensus"])


def share(unit: Unit) -> Share:
    """Return what the unit adds to the sums: gold and erased units nothing, earlier reworks nothing.

    >>> unit = Unit("k1-p", annotations={"a": Annotation("ann", '"yes"'), "b": Annotation("bob", '"no"', late=True)})
    >>> share(unit).labels
    1
    """
    if unit.erased or unit.gold or not (unit.annotations or unit.settlement or unit.accepted_at_us):
        return NOTHING
    settlement, counting = settled_now(unit), _counting(unit)
    labels = len({annotation.annotator_id for annotation in counting})
    unseen, voices_unseen = counting, labels
    if unit.referral:
        unseen = _counting(unit, referral=0)
        voices_unseen = len({annotation.annotator_id for annotation in unseen})
    asked = _asked(unit)
    # A unit has no row before as many have spoken as were asked, which of most events is still to come.
    first = of_people(_first(unseen, voices_unseen, asked)) if 0 < asked <= voices_unseen else []
    version = first[0].schema_version if first else 1
    for annotation in first:
        if annotation.schema_version != version:
            version = 0
            break
    turnaround_seconds = -1
    if unit.accepted_at_us and unit.admitted_at_us:
        turnaround_seconds = max(0, unit.accepted_at_us - unit.admitted_at_us) // 1_000_000
    settled_labels = labels if settlement in LABELLED else 0
    row = label_row([annotation.label for annotation in first]) if first else NO_ROW
    return Share(row, labels, settlement, settled_labels, turnaround_seconds, version)


def asked_of_all(unit: Unit) -> list[Annotation]:
    """Return the annotations that were asked for of every unit, each annotator's last word, in no order; or none.

    >>> said = {str(n): Annotation(name, '"yes"', at_us=n) for n, name in enumerate(("ann", "bob", "cem"), start=1)}
    >>> sorted(one.annotator_id for one in asked_of_all(Unit("k1-p", annotations=said, asked=2)))
    ['ann', 'bob']
    """
    asked = _asked(unit)
    if not asked:
        return []
    counting = _counting(unit, referral=0)
    labels = len({annotation.annotator_id for annotation in counting})
    return of_people(_first(counting, labels, asked)) if asked <= labels else []


def _first(counting: list[Annotation], labels: int, asked: int) -> list[Annotation]:
    """Return what so many annotators gave first, each one's last word; there are as many.

    Who spoke first says nothing where just as many have spoken as were asked, each once.
    """
    if len(counting) == labels == asked:
        return counting
    return first_asked(list(_in_order(counting).values()), asked)


def of_people(asked: list[Annotation]) -> list[Annotation]:
    """Return those that no model gave: how people agree is told without models.

    >>> [one.annotator_id for one in of_people([Annotation("ann", '"yes"'), Annotation("m", '"no"', model=True)])]
    ['ann']
    """
    return [annotation for annotation in asked if not annotation.model]


def by_models(unit: Unit) -> list[Annotation]:
    """Return the last word of each model on the unit in its present round, counted or not.

    >>> said = {"a": Annotation("m1", '"yes"', late=True, model=True), "b": Annotation("ann", '"no"')}
    >>> [one.annotator_id for one in by_models(Unit("k1-p", annotations=said))]
    ['m1']
    """
    annotations = [
        annotation for annotation in unit.annotations.values() if annotation.model and annotation.rework == unit.rework
    ]
    annotations.sort(key=_order)
    return list({annotation.annotator_id: annotation for annotation in annotations}.values())


def first_person(unit: Unit) -> Annotation | None:
    """Return the label of whichever person labelled the unit first in its present round, of those that count."""
    return next((voice for voice in _voices(unit).values() if not voice.model), None)


def _voices(unit: Unit) -> dict[str, Annotation]:
    """Return what was said of the unit in its rework, unseen, in the order in which annotators first spoke.

    One voice an annotator: of several assignments in one rework the one submitted last speaks, in the first's place.
    What was said after an adjudicator's comment is no word of how people agree.
    """
    return _in_order(_counting(unit, referral=0))


def _counting(unit: Unit, referral: int | None = None) -> list[Annotation]:
    """Return what counts of the unit's present round, or counted before it was referred back, as it came."""
    rework, wanted = unit.rework, unit.referral if referral is None else referral
    return [
        annotation
        for annotation in unit.annotations.values()
        if annotation.rework == rework and annotation.referral == wanted and not annotation.late
    ]


def _in_order(counting: list[Annotation]) -> dict[str, Annotation]:
    if len(counting) > 1:
        counting.sort(key=_order)
    return {annotation.annotator_id: annotation for annotation in counting}


def _asked(unit: Unit) -> int:
    """Return how many annotations were asked for before any was looked at; 0 where that was not told.

    And 0 of a unit that is unanswerable: on what has no right label people do not agree or disagree in what it is.
    """
    settlement = settled_now(unit)
    if settlement == "unanswerable":
        return 0
    return (unit.settled_asked if settlement else 0) or unit.asked


def label_row(labels: Iterable[str]) -> LabelRow:
    """Return how often each label was given, in the labels' order.

    >>> label_row(['"yes"', '"no"', '"yes"'])
    (('"no"', 1), ('"yes"', 2))
    """
    counts: dict[str, int] = {}
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
    return tuple(sorted(counts.items())) if len(counts) > 1 else tuple(counts.items())
