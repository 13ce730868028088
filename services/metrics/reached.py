"""What metrics' routes reach, and who may ask them."""

from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Request

from concord.chassis.annotators import AnnotatorRow
from concord.chassis.identity import Caller, Role, require
from concord.chassis.places.gather import Gather
from concord.chassis.table import Table
from services.metrics.measure import Measure
from services.metrics.surveying import Surveys

ClientOrOperator = Annotated[Caller, require(Role.CLIENT, Role.OPERATOR)]


@dataclass(frozen=True, slots=True)
class Reached:
    """What the routes reach.

    Attributes:
        followers: the streams that are open.
    """

    measure: Measure
    surveys: Surveys
    annotators: Table[AnnotatorRow]
    gather: Gather
    followers: set[object] = field(default_factory=set)


def reached_by(request: Request) -> Reached:
    """Return what the routes reach."""
    return cast("Reached", request.app.state.service)
