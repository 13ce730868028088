"""Files of certificates are looked at while the process runs: whether they can be used, and when what they hold ends.

The connections look by themselves (`broker.authority`, `store.mongo`); this is what tells an operator.
"""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from concord.chassis.clock import Clock
from concord.chassis.runtime import Loop, repeating
from concord.chassis.settings import AUTHORITY
from concord.chassis.telemetry import Instrument, Telemetry

LOOK_SECONDS = 30.0
REFUSED = "concord_certificate_file_refused"
ENDS = "concord_certificate_expiration_timestamp_seconds"
CERTIFICATE_INSTRUMENTS = (
    Instrument(
        REFUSED,
        "gauge",
        "1 while a file of certificates cannot be used as it is, and connections go by what it held before; else 0.",
        ("dependency", "file"),
    ),
    Instrument(
        ENDS,
        "gauge",
        "When the certificates end by which a dependency is trusted or we are known: of several authorities the last.",
        ("dependency", "file"),
    ),
)

log = logging.getLogger(__name__)


class CertificateFile(NamedTuple):
    """A file of certificates: for the sake of which dependency it is read, what it is, and where."""

    dependency: str
    what: str
    path: Path

    def ends(self) -> float:
        """Return when it ends, in seconds since 1970.

        While an authority is renewed its file holds two, and the old one may end; of who we are the first that ends
        counts.

        Raises:
            OSError, ValueError: it cannot be used.
        """
        held = x509.load_pem_x509_certificates(self.path.read_bytes())
        ends = (certificate.not_valid_after_utc.timestamp() for certificate in held)
        return max(ends) if self.what == AUTHORITY else min(ends)


def files_of(**dependencies: Mapping[str, Path]) -> list[CertificateFile]:
    """Return the files of the dependencies, each of which has them by what they are.

    >>> [file.what for file in files_of(broker={"authority": Path("ca.crt")}, store={})]
    ['authority']
    """
    return [
        CertificateFile(dependency, what, path)
        for dependency, files in dependencies.items()
        for what, path in files.items()
    ]


class CertificateWatch:
    """Shows of each file whether it can be used and when it ends.

    Args:
        files: what is looked at.
        telemetry: shows it.
    """

    def __init__(self, files: list[CertificateFile], telemetry: Telemetry) -> None:
        self.files = files
        self._instruments = telemetry.instruments(CERTIFICATE_INSTRUMENTS)
        self._refused: dict[CertificateFile, str] = {}

    async def look(self) -> None:
        """Look at each file. Called every LOOK_SECONDS."""
        for file in self.files:
            labels = file.dependency, file.what
            try:
                ends = await asyncio.to_thread(file.ends)
            except (OSError, ValueError) as fault:
                self._instruments.gauge(REFUSED, *labels).set(1)
                # Said when it begins and when it is another: it is looked at for as long as it takes to mend it.
                if str(fault) != self._refused.get(file):
                    log.error("the %s's %s %s cannot be used: %s", *labels, file.path, fault)  # noqa: TRY400 - what it says is the reason
                self._refused[file] = str(fault)
            else:
                self._instruments.gauge(REFUSED, *labels).set(0)
                self._instruments.gauge(ENDS, *labels).set(ends)
                self._refused.pop(file, None)


def watching_certificates(files: list[CertificateFile], telemetry: Telemetry, clock: Clock) -> Loop:
    """Return the part that looks at the files again and again."""
    watch = CertificateWatch(files, telemetry)
    return repeating("certificates", watch.look, clock, telemetry, lambda: LOOK_SECONDS)
