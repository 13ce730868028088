"""The identity file is looked at again while the process runs: a key that comes or goes counts within a minute."""

import asyncio
import logging

from concord.chassis.clock import Clock
from concord.chassis.identity import Identity, identity_from, read_identity_file
from concord.chassis.runtime import Loop, repeating
from concord.chassis.settings import IdentitySettings, SettingsRefused
from concord.chassis.telemetry import Instrument, Telemetry

LOOK_SECONDS = 30.0
REFUSED = "concord_identity_file_refused"
IDENTITY_INSTRUMENTS = (
    Instrument(
        REFUSED, "gauge", "1 while the identity file cannot be used as it is, and what it said before holds on; else 0."
    ),
)

log = logging.getLogger(__name__)


class IdentityWatch:
    """Takes over what the identity file says, when it says something else; what cannot be used changes nothing.

    Args:
        settings: where it is, and the pepper.
        identity: who is believed, by all doors of the process.
        telemetry: shows whether the file can be used.
        clock: tells what has expired.
    """

    def __init__(self, settings: IdentitySettings, identity: Identity, telemetry: Telemetry, clock: Clock) -> None:
        self.settings = settings
        self.identity = identity
        self.clock = clock
        self._instruments = telemetry.instruments(IDENTITY_INSTRUMENTS)
        self._instruments.gauge(REFUSED).set(0)
        self._refused = ""

    async def look(self) -> None:
        """Read the file, and go by it if it can be used. Called every LOOK_SECONDS."""
        try:
            file = await asyncio.to_thread(read_identity_file, self.settings)
            if file != self.identity.file:
                # What it says may need a client to be loaded, which takes a tenth of a second.
                self.identity.take_over(await asyncio.to_thread(identity_from, file, self.settings, self.clock))
                log.warning("the identity file has changed: %d API keys are known", len(file.api_keys))
        except SettingsRefused as fault:
            self._instruments.gauge(REFUSED).set(1)
            # Said when it begins and when it is another: it is looked at for as long as it takes to mend it.
            if str(fault) != self._refused:
                log.error("the identity file cannot be used, what it said before holds on: %s", fault)  # noqa: TRY400 - what it says is the reason
            self._refused = str(fault)
        else:
            self._instruments.gauge(REFUSED).set(0)
            self._refused = ""


def watching(settings: IdentitySettings, identity: Identity, telemetry: Telemetry, clock: Clock) -> Loop:
    """Return the part that looks at the identity file again and again."""
    watch = IdentityWatch(settings, identity, telemetry, clock)
    return repeating("identity file", watch.look, clock, telemetry, lambda: LOOK_SECONDS)
