"""How ingest words its events: those of many units together as those of each alone."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from concord.chassis.journal.announce import Announcer
from concord.contracts.codec import Headers
from services.ingest.announcements import SERVICE, Admitted, unit_admitted
from services.ingest.domain.identity import Claim, Suggested, UnitState
from services.ingest.domain.project import Definition, Policy, ProjectState

TRACES: list[Headers] = [(), (("traceparent", b"00-a-b-01"),), (("traceparent", b"00-c-d-01"), ("tracestate", b"x=y"))]
SUGGESTIONS = st.builds(Suggested, st.just(b'"no"'), st.just("m"), st.sampled_from([None, 0.5]), st.booleans())


def sometimes(value: Any, otherwise: Any) -> Any:
    return st.sampled_from([otherwise, otherwise, otherwise, value])


@st.composite
def claims(draw: Any) -> Claim:
    number = draw(st.integers(0, 9))
    unit = UnitState(
        f"k1-ug6{number}",
        "k1-p",
        f"row {number}",
        draw(st.sampled_from(["text/plain", "image/png"])),
        f"f{number}",
        guideline_version=draw(st.integers(0, 2)),
        priority=draw(sometimes(7, 0)),
        skills=draw(sometimes(("law",), ())),
        annotators=draw(sometimes(("zoe",), ())),
        stratum=draw(sometimes("north", "")),
        uncertainty=draw(sometimes(0.0, None)),
    )
    return Claim(
        unit,
        draw(sometimes(b'"yes"', None)),
        draw(st.sampled_from([None, 0, 280])),
        draw(st.none() | SUGGESTIONS),
        *draw(sometimes(("k1-ug60", ("zoe",)), ("", ()))),
    )


@given(st.lists(st.tuples(claims(), st.sampled_from(TRACES)), max_size=12), st.integers(0, 5))
def test_units_that_came_together_are_told_as_each_would_be_alone(
    told: list[tuple[Claim, Headers]], priority: int
) -> None:
    project = ProjectState("k1-p", "k1", 1, 1, Definition({}, policy=Policy(priority=priority)))
    together, alone = (Announcer(SERVICE, "arrival", 7, TRACES[1], first=3) for _ in range(2))
    admitted = Admitted(together, project)
    assert [admitted.event(claim, trace) for claim, trace in told] == [
        unit_admitted(alone, project, claim, trace) for claim, trace in told
    ]
