"""Concord for programs: publish units, wait for labels, fetch what was certified. It needs httpx and msgspec alone.

`Concord` blocks, `AsyncConcord` is awaited; both have the same operations. `intake.Intake` publishes by Kafka, and
`frames` reads exports with pandas or Hugging Face datasets; these are extras. docs/guide/client.md shows each.
"""

from concord.client.addresses import Addresses, NoAddress
from concord.client.client import AsyncConcord, Concord
from concord.client.driving import Patience
from concord.client.errors import (
    Away,
    Conflict,
    Damaged,
    Failed,
    Fault,
    Gone,
    NotAllowed,
    NotFound,
    NotSignedIn,
    NotYet,
    Problem,
    Refused,
)
from concord.client.exports import Exported
from concord.client.models import Unit
from concord.client.reading import read_resolutions
from concord.client.sources import Changed
from concord.client.units import Columns

__all__ = [
    "Addresses",
    "AsyncConcord",
    "Away",
    "Changed",
    "Columns",
    "Concord",
    "Conflict",
    "Damaged",
    "Exported",
    "Failed",
    "Fault",
    "Gone",
    "NoAddress",
    "NotAllowed",
    "NotFound",
    "NotSignedIn",
    "NotYet",
    "Patience",
    "Problem",
    "Refused",
    "Unit",
    "read_resolutions",
]
