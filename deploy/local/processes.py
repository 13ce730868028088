"""Start programs layer by layer, each layer when the one before is ready; know their state; stop them in reverse."""

import os
import signal
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy.local import family, listeners, places, proc
from deploy.local.guardian import Guardian

_POLL_SECONDS = 0.05
_LINGER_SECONDS = 2.0
"""Beyond the grace: a service ends itself a second after it."""
_LOG_BYTES_MAX = 20_000_000
_TAIL_LINES = 15


class NotStarted(Exception):
    """A stack could not come up. The text says which part, why, and what to do."""


@dataclass(frozen=True)
class Program:
    """One program of a stack.

    Attributes:
        name: Unique in the stack; its log is ``<name>.log``.
        argv: What is run, from the project's root.
        environment: Added to this process's own environment.
        ports: What it listens on once ready.
        ready: Returns whether it can be used; asked again and again.
        ready_seconds_max: How long that may take.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    ready: Callable[[], bool] = lambda: True
    ready_seconds_max: float = 600.0


@dataclass
class _Running:
    program: Program
    layer: int
    identity: proc.Identity
    child: subprocess.Popen[bytes] | None  # None when an earlier command started it
    log_from: int


class Processes:
    """The processes of the stack that lives in one folder.

    Everything started is stopped when this process ends, however it ends, unless :meth:`detach` was called.
    """

    def __init__(self, folder: Path, say: Callable[[str], None] = lambda _line: None) -> None:
        self._folder = folder
        self._say = say
        self._guardian: Guardian | None = None
        self._running: dict[str, _Running] = {}
        self._spent: defaultdict[str, float] = defaultdict(float)
        self._abandoned = threading.Event()
        self._reaping = threading.Lock()

    def start(self, programs: Iterable[Program], layer: int) -> None:
        """Start these together and return when every one is ready.

        One that an earlier command left running is taken over as it is.

        Raises:
            NotStarted: A port is held, a program ended or was late, or :meth:`abandon` was called.
        """
        asked = list(programs)
        taken = {member.name: member for member in family.members(self._folder) if member.leads}
        for program in asked:
            if program.name in taken:
                _refuse_other_ports(program, taken[program.name])
            else:
                _refuse_held_ports(program)
        waiting = [
            self._adopt(program, taken[program.name]) if program.name in taken else self._spawn(program, layer)
            for program in asked
        ]
        self._wait(waiting)

    def abandon(self) -> None:
        """Make a start that runs in another thread give up soon."""
        self._abandoned.set()

    def stop(self, spare: Collection[str] = ()) -> None:
        """Stop everything but what is named in `spare`, the last layer first, and return when nothing else is left.

        Harmless when nothing runs.
        """
        family.stop(self._folder, say=self._say, spare=spare)
        for name in self._running.keys() - set(spare):
            self._reap(self._running[name])
        if spare:
            self.detach()
        elif self._guardian is not None:
            self._guardian.dismiss()
            self._guardian = None

    def detach(self) -> None:
        """Leave everything running when this process ends."""
        if self._guardian is not None:
            self._guardian.release()
            self._guardian = None

    def kill(self, name: str) -> None:
        """End one program and its children at once, as a crash of its machine would.

        Another thread may start it again as soon as it has ended: what is reaped is what was running before.
        """
        known = self._running[name]
        family.kill([member for member in family.members(self._folder) if member.name == name])
        self._reap(known)

    def restart(self, name: str, argv: Sequence[str] = ()) -> None:
        """Start one program again, killing it first when it still runs, and return when it is ready.

        With `argv` that is run from now on in its place.
        """
        known = self._running[name]
        self.kill(name)
        self.start([replace(known.program, argv=tuple(argv)) if argv else known.program], known.layer)

    def roll(self, name: str) -> None:
        """Ask one program to end, killing it when it takes too long, start it again and return when it is ready."""
        known = self._running[name]
        until = time.monotonic() + family.GRACE_SECONDS + _LINGER_SECONDS
        proc.send(known.identity, signal.SIGTERM)
        while proc.is_running(known.identity) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        self.restart(name)

    def ended(self) -> str | None:
        """Return the name of a program that ended without being asked to, or None."""
        return next((name for name, running in self._running.items() if not proc.is_running(running.identity)), None)

    def pid(self, name: str) -> int:
        """Return the process number of a program's leader."""
        return self._running[name].identity.pid

    def tail(self, name: str) -> str:
        """Return the last lines that a program wrote since it was started here."""
        with self._log(name).open("rb") as log:
            log.seek(self._running[name].log_from)
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-_TAIL_LINES:]) or "    (it wrote nothing)"

    def cpu_seconds(self, name: str) -> float:
        """Return the user and system time of a program so far, over all its restarts, ended or not."""
        known = self._running.get(name)
        seen = proc.status(known.identity.pid) if known else None
        now = seen.cpu_seconds if known and seen and seen.identity == known.identity else 0.0
        return self._spent[name] + now

    def _log(self, name: str) -> Path:
        return places.logs(self._folder) / f"{name}.log"

    def _spawn(self, program: Program, layer: int) -> _Running:
        if self._guardian is None:
            self._guardian = Guardian(self._folder)
        path = self._log(program.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _LOG_BYTES_MAX:
            path.replace(path.with_suffix(".log.old"))
        mark = family.mark(self._folder, layer, program.name, program.ports)
        with path.open("ab") as log:
            log_from = log.tell()
            child = subprocess.Popen(
                program.argv,
                cwd=places.ROOT,
                env={**os.environ, **program.environment, **mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a group of its own: Ctrl-C in the terminal reaches only us
            )
        seen = proc.status(child.pid)
        if seen is None:
            raise NotStarted(f"{program.name} was reaped by someone else; do not wait for children you did not start")
        running = _Running(program, layer, seen.identity, child, log_from)
        self._running[program.name] = running
        return running

    def _adopt(self, program: Program, member: family.Member) -> _Running:
        path = self._log(program.name)
        size = path.stat().st_size if path.exists() else 0
        running = _Running(program, member.layer, member.identity, None, size)
        self._running[program.name] = running
        return running

    def _wait(self, waiting: list[_Running]) -> None:
        began = time.monotonic()
        while waiting:
            for running in list(waiting):
                self._refuse_failure(running, time.monotonic() - began)
                if running.program.ready():
                    self._refuse_stranger(running)
                    waiting.remove(running)
                    self._say(f"{running.program.name:<12} ready after {time.monotonic() - began:.1f} s")
            if waiting and self._abandoned.wait(_POLL_SECONDS):
                raise NotStarted("the start was abandoned")

    def _refuse_failure(self, running: _Running, seconds: float) -> None:
        name = running.program.name
        if not proc.is_running(running.identity):
            self._reap(running)
            status = running.child.returncode if running.child else "unknown"
            raise NotStarted(f"{name} ended with status {status} before it was ready:\n{self.tail(name)}")
        if seconds > running.program.ready_seconds_max:
            raise NotStarted(f"{name} was not ready within {seconds:.0f} s; see {self._log(name)}:\n{self.tail(name)}")

    def _refuse_stranger(self, running: _Running) -> None:
        """Refuse a readiness that someone else's listener gave."""
        ours = {member.identity.pid for member in family.members(self._folder) if member.name == running.program.name}
        for port in running.program.ports:
            for listener in listeners.listeners(port):
                if listener.pid not in ours:
                    raise NotStarted(f"port {port} of {running.program.name} is answered by {listener}")

    def _reap(self, running: _Running) -> None:
        """Take an ended child's CPU time to its account and let Linux forget it, once, whichever thread comes first.

        One that was only just started is not seen by its mark yet: Linux shows what a program was started with a moment
        after the start is known to have succeeded. So it may still run here, unasked to end, and is ended.
        """
        with self._reaping:
            if running.child is None or running.child.returncode is not None:
                return
            proc.send(running.identity, signal.SIGKILL)
            _, status, usage = os.wait4(running.child.pid, 0)
            running.child.returncode = os.waitstatus_to_exitcode(status)
            self._spent[running.program.name] += usage.ru_utime + usage.ru_stime


def _refuse_held_ports(program: Program) -> None:
    for port in program.ports:
        held = listeners.listeners(port)
        if held or not listeners.is_free(port):
            who = held[0] if held else "a process that cannot be seen from here"
            raise NotStarted(
                f"port {port} of {program.name} is held by {who}; stop it, or move all ports: "
                "CONCORD_PORT_OFFSET=100 make up"
            )


def _refuse_other_ports(program: Program, member: family.Member) -> None:
    if member.ports != program.ports:
        at = ", ".join(map(str, member.ports))
        raise NotStarted(f"{program.name} of {member.folder} runs already at port {at}; `make down` stops it")
