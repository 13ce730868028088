"""One local stack: broker, store, topics and services as processes, on ports and in a folder of its own.

with Stack(folder, Ports.free()) as stack:
    requests_go_to(stack.addresses["ingest"])
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from concord.contracts.topics import PLACES_LOCAL, check_places
from deploy.local import family, front, listeners, observers, places, store
from deploy.local.elsewhere import Elsewhere
from deploy.local.issuer import Issuer
from deploy.local.kafka.installation import Installation
from deploy.local.ports import REPLICAS_MAX, Ports
from deploy.local.processes import NotStarted, Processes, Program
from deploy.local.services import (
    SERVICES,
    WORKBENCH,
    Part,
    parts,
    service_environment,
    workbench_environment,
)
from deploy.local.topics import TopicsNotCreated, create_topics

_BROKER_AND_STORE, _SERVICES, _FRONT, _WORKBENCH, _OBSERVERS = 0, 1, 2, 3, 4
FRONT = "front"
READY_SECONDS_MAX = 600.0
"""How long a service may take to be ready, for each process of it: all of them start together on the same cores."""


class Stack:
    """A local stack that stops with its owner, also when the owner is killed.

    Synchronous and asynchronous context manager; both start it on the way in and stop it on the way out. The
    synchronous methods block for seconds: in a coroutine use ``async with`` and ``asyncio.to_thread``.
    """

    def __init__(
        self,
        folder: Path,
        ports: Ports,
        services: Sequence[str] = SERVICES,
        elsewhere: Elsewhere | None = None,
        say: Callable[[str], None] = lambda _line: None,
        place_count: int = PLACES_LOCAL,
        observed: bool = False,
        replicas: int = 1,
        workbench: bool = False,
        receivers: str | None = None,
        rules: Path | None = None,
    ) -> None:
        """Describe a stack; nothing runs before :meth:`start`.

        Args:
            folder: Where it keeps data, logs and identity; what is there is used again.
            ports: What it listens on; :meth:`Ports.free` for one beside others.
            services: Which services run, by name. None at all leaves broker, store and topics.
            elsewhere: A broker or store to use instead of one of our own.
            say: Is given a line whenever something became ready or stopped.
            place_count: How many places the cluster has; chosen when its data folder is new, and kept for good.
            observed: Whether Prometheus and Alertmanager run beside it.
            replicas: How many processes of each service; the addresses stay the services' own.
            workbench: Whether the pages for people run in front of it.
            receivers: Where those hear of alerts whom the deployed settings name, each below it by name; as deployed.
            rules: What Prometheus evaluates in place of the deployed rules.

        Raises:
            ValueError: So many processes, or places, cannot be.
        """
        self.folder = folder.resolve()
        self.ports = ports
        self.services = tuple(services)
        self.place_count = check_places(place_count)
        self.observed = observed
        if not 1 <= replicas <= min(REPLICAS_MAX, self.place_count):
            most = min(REPLICAS_MAX, self.place_count)
            raise ValueError(f"{replicas} processes of a service; give 1 to {most}, as many as there are places here")
        self.replicas = replicas
        self._parts = {name: parts(name, ports, replicas) for name in self.services}
        self.workbench = workbench
        self._receivers = receivers
        self._rules = rules
        self._elsewhere = elsewhere or Elsewhere()
        self.kafka_bootstrap = self._elsewhere.kafka_bootstrap or f"127.0.0.1:{ports.kafka}"
        self.mongodb_uri = self._elsewhere.mongodb_uri or f"mongodb://127.0.0.1:{ports.mongodb}"
        self.issuer = Issuer(self.folder)
        self._processes = Processes(self.folder, say)
        self._detached = False

    @property
    def addresses(self) -> dict[str, str]:
        """Where everything is: ``kafka`` and ``mongodb`` as clients want them, each service as a base URL."""
        return {
            "kafka": self.kafka_bootstrap,
            "mongodb": self.mongodb_uri,
            **{name: f"http://127.0.0.1:{self.ports.as_dict()[name]}" for name in self._http()},
        }

    @property
    def addresses_file(self) -> Path:
        """Where the addresses are written once it is up; `concord` reads those of this checkout."""
        return self.folder / "addresses.json"

    def parts(self, service: str) -> list[Part]:
        """Return the processes of a service."""
        return self._parts[service]

    @property
    def processes(self) -> list[str]:
        """The name of every process of every service."""
        return [part.name for of_one in self._parts.values() for part in of_one]

    def _http(self) -> tuple[str, ...]:
        """Return what answers over HTTP."""
        watching = ("prometheus", *(["alertmanager"] if observers.hears() else [])) if self.observed else ()
        return (*self.services, *([WORKBENCH] if self.workbench else []), *watching)

    def start(self) -> None:
        """Start everything and return when all of it is ready, what an earlier command left running included.

        Raises:
            NotStarted: Something could not come up; what this call had started was stopped again.
        """
        before = self.running
        self._refuse_other_replicas(before)
        try:
            self._processes.start(self._broker_and_store(), _BROKER_AND_STORE)
            self._create_topics()
            self._processes.start(
                [self._service(part) for of_one in self._parts.values() for part in of_one], _SERVICES
            )
            if several := self._several():
                self._processes.start([self._front(several)], _FRONT)
            if self.workbench:
                self._processes.start([self._workbench()], _WORKBENCH)
            if self.observed:
                scraped = {name: [part.port for part in of_one] for name, of_one in self._parts.items()}
                if self.workbench:
                    scraped[WORKBENCH] = [self.ports.workbench]
                programs = observers.programs(
                    places.data(self.folder), self.ports, scraped, self._receivers, self._rules
                )
                self._processes.start(programs, _OBSERVERS)
            self.addresses_file.write_text(json.dumps(self.addresses, indent=2))
        except BaseException:
            self._processes.stop(spare=before)
            raise

    def stop(self) -> None:
        """Stop everything in reverse order, each part within ten seconds, and keep the data."""
        self._processes.stop()

    def detach(self) -> None:
        """Leave the stack running when the ``with`` block and this process end; ``make down`` stops it."""
        self._detached = True
        self._processes.detach()

    def kill(self, name: str) -> None:
        """End one part at once (SIGKILL to it and its children): a service's process, ``kafka`` or ``mongodb``."""
        self._processes.kill(name)

    def restart(self, name: str, argv: Sequence[str] = ()) -> None:
        """Start one part again, killed first when it still runs, and return when it is ready.

        With `argv` that is run from now on in its place.
        """
        self._processes.restart(name, argv)

    def roll(self, name: str) -> None:
        """Stop one part in order and start it again, as an orchestrator does; return when it is ready."""
        self._processes.roll(name)

    def ended(self) -> str | None:
        """Return the name of a part that ended without being asked to, or None while all run."""
        return self._processes.ended()

    @property
    def running(self) -> frozenset[str]:
        """The parts that run now, whichever command started them."""
        return frozenset(member.name for member in family.members(self.folder) if member.leads)

    def pid(self, name: str) -> int:
        """Return the process number of one part."""
        return self._processes.pid(name)

    def tail(self, name: str) -> str:
        """Return the last lines of one part's log, indented."""
        return self._processes.tail(name)

    def log(self, name: str) -> Path:
        """Return the log file of one part."""
        return places.logs(self.folder) / f"{name}.log"

    def cpu_seconds(self, name: str) -> float:
        """Return the user and system time of a part, or of a service in all its processes, over all restarts."""
        names = [part.name for part in self._parts[name]] if name in self._parts else [name]
        return sum(map(self._processes.cpu_seconds, names))

    def environment(self, part: Part) -> dict[str, str]:
        """Return the settings that one process of this stack is started with."""
        addresses = (self.kafka_bootstrap, self.mongodb_uri)
        return service_environment(part, self.ports, *addresses, self.issuer, self.place_count)

    def _several(self) -> dict[str, list[Part]]:
        """Return the services that have an address in front of their processes'."""
        return {name: of_one for name, of_one in self._parts.items() if len(of_one) > 1}

    def _refuse_other_replicas(self, running: frozenset[str]) -> None:
        """Refuse to take over a stack that has other processes than were asked for."""
        ours = {*self.processes, *([FRONT] if self._several() else [])}
        others = sorted(name for name in running - ours if name == FRONT or name.split("-")[0] in SERVICES)
        if others:
            raise NotStarted(f"it is up with other processes than these ({', '.join(others)}); `make down` stops it")

    def _broker_and_store(self) -> list[Program]:
        programs = []
        data = places.data(self.folder)
        if self._elsewhere.kafka_bootstrap is None:
            installation = Installation()
            installation.ensure()
            settings = installation.prepare(data / "kafka", self.ports)
            programs.append(
                Program(
                    name="kafka",
                    argv=installation.command(settings),
                    ports=(self.ports.kafka, self.ports.kafka_controller),
                    ready=partial(listeners.accepts, self.ports.kafka),
                )
            )
        if self._elsewhere.mongodb_uri is None:
            (data / "store").mkdir(parents=True, exist_ok=True)
            programs.append(
                Program(
                    name="mongodb",
                    argv=store.command(data / "store", self.ports.mongodb),
                    ports=(self.ports.mongodb,),
                    ready=partial(listeners.accepts, self.ports.mongodb),
                )
            )
        return programs

    def _service(self, part: Part) -> Program:
        return Program(
            name=part.name,
            argv=(str(places.PYTHON), "-m", f"services.{part.service}"),
            environment=self.environment(part),
            ports=(part.port,),
            ready=partial(listeners.answers_ready, part.port),
            ready_seconds_max=READY_SECONDS_MAX * self.replicas,
        )

    def _front(self, several: dict[str, list[Part]]) -> Program:
        numbers = self.ports.as_dict()
        carried = {numbers[name]: [part.port for part in of_one] for name, of_one in several.items()}
        return Program(
            name=FRONT,
            argv=front.command(str(places.PYTHON), carried),
            ports=tuple(carried),
            ready=lambda: all(map(listeners.answers_ready, carried)),
        )

    def _workbench(self) -> Program:
        port = self.ports.workbench
        return Program(
            name=WORKBENCH,
            argv=(str(places.PYTHON), "-m", WORKBENCH),
            environment=workbench_environment(self.ports, self.issuer),
            ports=(port,),
            ready=partial(listeners.answers_ready, port),
        )

    def _create_topics(self) -> None:
        # In a thread of its own, for the caller's thread may run an event loop.
        with ThreadPoolExecutor(max_workers=1) as pool:
            try:
                pool.submit(asyncio.run, create_topics(self.kafka_bootstrap, places=self.place_count)).result()
            except TopicsNotCreated as fault:
                raise NotStarted(str(fault)) from fault

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._detached:
            self.stop()

    async def __aenter__(self) -> Self:
        starting = asyncio.create_task(asyncio.to_thread(self.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._processes.abandon()
            await asyncio.wait({starting})
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._detached:
            await asyncio.to_thread(self.stop)
