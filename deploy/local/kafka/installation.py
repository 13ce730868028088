"""Fetch Kafka once, prove that it is the one we know, and prepare what makes each later start fast.

Prepared are a formatted log folder that new stacks copy, and a class data archive (JEP 350) that halves the start.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from string import Template

from deploy.local import places, terminal
from deploy.local.alone import alone
from deploy.local.listeners import accepts
from deploy.local.ports import Ports

_HERE = Path(__file__).parent
_POM = _HERE / "pom.xml"
_CHECKSUMS = _HERE / "jars.sha256"
_SETTINGS = _HERE / "server.properties"
_CLUSTER_ID = "AAAAAAAAQACAAAAAAAAAAQ"
_ARCHIVING_SECONDS_MAX = 120.0
# C1 only, one garbage collector thread: a broker for a laptop starts fast and stays small.
_JVM = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class Installation:
    """Kafka's jars and what was made of them, in one folder."""

    def __init__(self, folder: Path = places.KAFKA) -> None:
        self._folder = folder.resolve()
        self._jars = self._folder / "lib"
        self._archive = self._folder / "classes.jsa"
        self._formatted = self._folder / "formatted"
        self._stamp = self._folder / "installed"

    def ensure(self) -> None:
        """Install unless it is done; takes milliseconds when it is.

        Raises:
            StepFailed: Maven or Java failed, or a jar is not the one whose hash is written down.
        """
        if self.is_done():
            return
        with alone(self._folder / "lock"):
            if self.is_done():  # another command did it meanwhile
                return
            for made in (self._jars, self._formatted):
                shutil.rmtree(made, ignore_errors=True)
            with terminal.step("kafka: fetching its jars with Maven (54 MB, once)"):
                fetch(self._jars)
                verify(self._jars)
            with terminal.step("kafka: preparing fast starts (once)"):
                self._format()
                self._archive_classes()
            self._stamp.write_text(self._key())

    def command(self, settings: Path) -> tuple[str, ...]:
        """Return what runs a broker with this settings file."""
        return (*self._java(f"-XX:SharedArchiveFile={self._archive}"), "kafka.Kafka", str(settings))

    def prepare(self, folder: Path, ports: Ports) -> Path:
        """Return the settings file of a broker that keeps its log in `folder`, formatted when it is new."""
        log_folder = folder / "log"
        if not (log_folder / "meta.properties").exists():
            shutil.rmtree(log_folder, ignore_errors=True)
            shutil.copytree(self._formatted, log_folder)
        return _write_settings(folder, ports, log_folder)

    def _key(self) -> str:
        """Return what an installation depends on: the jars, their place and the Java that made the archive."""
        known = hashlib.sha256(_POM.read_bytes() + _CHECKSUMS.read_bytes() + _SETTINGS.read_bytes())
        java = Path(shutil.which("java") or "java").resolve()
        return f"{known.hexdigest()} {self._folder} {java}"

    def is_done(self) -> bool:
        """Return whether all is there and made for this Java, in this place."""
        return self._stamp.exists() and self._stamp.read_text() == self._key()

    def _java(self, *flags: str) -> tuple[str, ...]:
        # The archive holds only for the class path it was made with, hence absolute and always the same.
        return ("java", *_JVM, *flags, "-cp", f"{self._jars}/*")

    def _format(self) -> None:
        scratch = self._folder / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        settings = _write_settings(scratch, Ports(), self._formatted)
        tool = ("kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(settings))
        terminal.run([*self._java(), *tool], cwd=self._folder)
        shutil.rmtree(scratch)

    def _archive_classes(self) -> None:
        """Run a broker until it is up and let the JVM write down the classes it has loaded."""
        scratch = self._folder / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        ports = Ports.free()
        settings = self.prepare(scratch, ports)
        argv = (*self._java(f"-XX:ArchiveClassesAtExit={self._archive}"), "kafka.Kafka", str(settings))
        with (self._folder / "archive.log").open("wb") as log:
            broker = subprocess.Popen(argv, cwd=self._folder, stdout=log, stderr=log, start_new_session=True)
            try:
                until = time.monotonic() + _ARCHIVING_SECONDS_MAX
                while not accepts(ports.kafka):
                    if broker.poll() is not None or time.monotonic() > until:
                        raise terminal.StepFailed(f"the broker did not come up; see {log.name}")
                    time.sleep(0.1)
                broker.terminate()
                broker.wait(_ARCHIVING_SECONDS_MAX)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(broker.pid, signal.SIGKILL)
                broker.wait()
        shutil.rmtree(scratch)


def fetch(jars: Path) -> None:
    """Let Maven copy every jar that the pom needs to run into the folder `jars`, upstream's checksums enforced."""
    goal = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={jars}")
    terminal.run(["mvn", "-q", "-B", "--strict-checksums", "-f", _POM, *goal], cwd=_HERE)


def verify(jars: Path) -> None:
    """Raise StepFailed unless the folder holds exactly the jars that jars.sha256 names, byte for byte."""
    expected = {name: digest for digest, name in map(str.split, _CHECKSUMS.read_text().splitlines())}
    found = checksums(jars)
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        raise terminal.StepFailed(
            f"{', '.join(wrong[:5])}: not as {_CHECKSUMS.name} says; was the pom changed on purpose, run `make lock`"
        )


def lock(jars: Path) -> None:
    """Write down the hashes of the jars in this folder as the ones to accept from now on."""
    _CHECKSUMS.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(checksums(jars).items())))


def checksums(jars: Path) -> dict[str, str]:
    """Return the SHA-256 of every jar in a folder, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in jars.glob("*.jar")}


def _write_settings(folder: Path, ports: Ports, log_folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    filled = Template(_SETTINGS.read_text()).substitute(
        port=ports.kafka, controller_port=ports.kafka_controller, log_folder=log_folder.resolve()
    )
    path = folder / "server.properties"
    path.write_text(filled)
    return path
