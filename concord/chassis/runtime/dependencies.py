"""Whether store and broker answer: asked every few seconds, so that it is known also while nobody wants anything."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from concord.chassis.clock import Clock
from concord.chassis.errors import Passing, kind_of
from concord.chassis.telemetry import Instrument, Telemetry

PROBE_SECONDS = 5.0
PROBE_SECONDS_MAX = 5.0
"""How long one probe may take before nothing is taken for an answer."""
SAY_SECONDS = 30.0

DEPENDENCY_INSTRUMENTS = (
    Instrument(
        "concord_dependency_up",
        "gauge",
        "Whether a dependency answered the last time it was asked, every few seconds: 1 or 0.",
        ("dependency",),
    ),
)

log = logging.getLogger(__name__)


class Dependencies:
    """The part that asks each dependency whether it answers, from the first moment of the process to its last.

    Requests keep coming meanwhile: there is one process of a service, and to send them away would only hide the
    reason. What does not answer is named by `/ready`, by a series and in the log.

    Args:
        pings: by name, what returns when the dependency answers and raises Passing when it does not.
        telemetry: shows the series.
        clock: paces it.
        probe_seconds: how often each is asked.
    """

    name = "dependencies"

    def __init__(
        self,
        pings: Mapping[str, Callable[[], Awaitable[None]]],
        telemetry: Telemetry,
        clock: Clock,
        probe_seconds: float = PROBE_SECONDS,
    ) -> None:
        self.pings = dict(pings)
        self.clock = clock
        self.probe_seconds = probe_seconds
        self.instruments = telemetry.instruments(DEPENDENCY_INSTRUMENTS)
        self._away_since: dict[str, float] = {}
        self._said_at: dict[str, float] = {}

    async def start(self) -> None:
        """Do nothing: the parts that need a dependency wait for it themselves."""

    async def stop(self) -> None:
        """Do nothing: the loop is cancelled."""

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            await asyncio.gather(*(self.ask(name) for name in self.pings))
            await self.clock.sleep(self.probe_seconds)

    async def ask(self, name: str) -> None:
        """Ask one dependency, and show and say what became of it."""
        try:
            async with asyncio.timeout(PROBE_SECONDS_MAX):
                await self.pings[name]()
        except TimeoutError:
            self._away(name, f"no answer within {PROBE_SECONDS_MAX:g} s")
        except Passing as fault:
            self._away(name, str(fault))
        except Exception as fault:
            # A right that is missing is no answer either; what must end the process for it, ends it.
            self._away(name, f"{kind_of(fault).name.lower()} {type(fault).__name__}: {fault}")
        else:
            self._back(name)

    def lacking(self) -> list[str]:
        """Return what does not answer, each as a sentence."""
        now = self.clock.monotonic()
        return [f"the {name} has not answered for {now - since:.0f} s" for name, since in self._away_since.items()]

    def _away(self, name: str, reason: str) -> None:
        now = self.clock.monotonic()
        self.instruments.gauge("concord_dependency_up", name).set(0)
        if name not in self._away_since:
            self._away_since[name] = self._said_at[name] = now
            log.error("the %s does not answer: %s", name, reason)
        elif now - self._said_at[name] >= SAY_SECONDS:
            self._said_at[name] = now
            log.error("the %s has not answered for %.0f s: %s", name, now - self._away_since[name], reason)

    def _back(self, name: str) -> None:
        self.instruments.gauge("concord_dependency_up", name).set(1)
        since = self._away_since.pop(name, None)
        if since is not None:
            log.warning("the %s answers again after %.0f s", name, self.clock.monotonic() - since)
