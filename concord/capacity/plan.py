"""From a load to processes, partitions, brokers, store and money; all pure.

What an operation costs is a mean that was measured at one size, and docs/capacity.md has how it grows. So CPU is rate
times cost, with idle processes beside it, and disk is count times growth. What is not measured is a number with a name
here, and an option of the command.
"""

import math
from collections.abc import Mapping, Sequence

import msgspec

from concord.capacity.costs import Costs, Operation

SERVICES = ("ingest", "assign", "adjudicate", "audit", "metrics")
STORE, BROKER = "mongodb", "kafka"
SECONDS_A_DAY = 86_400
DAYS_A_MONTH = 365 / 12
HOURS_A_MONTH = DAYS_A_MONTH * 24
GIGABYTE = 1e9
PROCESSES_MIN = 2
"""Of each service: one may be killed while the other serves."""
PLACES_MIN = 64
PLACES_A_PROCESS = 4
"""So many places a process, or more, share evenly whichever is killed."""
PLACES_MAX = 1_024
"""As many as there are slots (0027): a project lies in one slot."""
COPIES = 3
"""Of what store and broker keep."""
BROKERS_MIN = 3
MEMORY_GB: Mapping[str, float] = dict.fromkeys(SERVICES, 0.5) | {STORE: 8.0, BROKER: 4.0}
"""Of one process: twice and more of what was measured with 1,000,000 units waiting."""
CORES: Mapping[str, int] = {STORE: 8, BROKER: 4}
"""Of one member of the store's replica set, and of one broker."""
DISK_GB: Mapping[str, float] = {STORE: 2_000.0, BROKER: 1_000.0}
"""Of the same; what needs more is more shards, or more brokers."""


class Load(msgspec.Struct, frozen=True):
    """What is asked of a cluster.

    Attributes:
        units_a_day: admitted.
        labels_a_unit: given by annotators, in the mean, gold and late ones included.
        checks_a_unit: rulings and audits; each is taken to cost what a label does.
        peak: the busiest minute's rate by the day's mean.
        unit_kb: of a unit's content, beyond what was measured with (.3).
        kept_days: how long units and their labels stay in the store.
        topic_days: how long topics keep their records.
        busy: the share of a core that is to be in use at the peak.
        store_share: CPU of your store by that of the local stand-in.
        disk_share: disk of your store by that of the local stand-in, which keeps its log beside and compresses nothing.
    """

    units_a_day: float
    labels_a_unit: float = 3.0
    checks_a_unit: float = 0.3
    peak: float = 3.0
    unit_kb: float = 0.0
    kept_days: float = 365.0
    topic_days: float = 14.0
    busy: float = 0.6
    store_share: float = 1.0
    disk_share: float = 1.0

    @property
    def labels_a_day(self) -> float:
        """Labels, rulings and audits a day."""
        return self.units_a_day * (self.labels_a_unit + self.checks_a_unit)


class Prices(msgspec.Struct, frozen=True):
    """What is paid, in any currency: a core and a gigabyte of memory for an hour, a gigabyte of disk for a month."""

    core_hour: float = 0.03
    memory_gb_hour: float = 0.004
    disk_gb_month: float = 0.1


class Part(msgspec.Struct, frozen=True):
    """What one service, the store or the broker takes.

    Attributes:
        name: whose.
        cores: in use at the peak.
        processes: pods, brokers, or members of the store's replica sets.
        memory_gb: of all of them.
        disk_gb: of all of them, copies included, when `kept_days` or `topic_days` are full.
        money: a month.
    """

    name: str
    cores: float
    processes: int
    memory_gb: float
    disk_gb: float
    money: float


class Plan(msgspec.Struct, frozen=True):
    """What a load takes.

    Attributes:
        parts: service by service, then store and broker.
        places: partitions of each topic of events; a power of two.
        shards: of the store.
        units_a_second, labels_a_second: at the peak.
        money: a month.
        money_a_label: by all labels of a month, rulings and audits not counted.
        warnings: what the plan cannot hold, in sentences.
    """

    parts: Sequence[Part]
    places: int
    shards: int
    units_a_second: float
    labels_a_second: float
    money: float
    money_a_label: float
    warnings: Sequence[str]


def plan(load: Load, costs: Costs, prices: Prices) -> Plan:
    """Return what a load takes.

    >>> from concord.capacity.costs import Works
    >>> cpu = dict.fromkeys((*SERVICES, STORE, BROKER), 1.0)
    >>> one = Operation(1_000, cpu, {STORE: 1_000.0, BROKER: 500.0}, 10.0)
    >>> found = plan(Load(86_400, checks_a_unit=0.0), Costs(1_000, dict.fromkeys(cpu, 0.0), Works(one, one)), Prices())
    >>> [(part.name, round(part.cores, 3), part.processes) for part in found.parts[-2:]]
    [('mongodb', 0.012, 3), ('kafka', 0.012, 3)]
    """
    units = load.units_a_day / SECONDS_A_DAY * load.peak
    labels = load.labels_a_day / SECONDS_A_DAY * load.peak
    parts = [_service(name, units, labels, load, costs, prices) for name in SERVICES]
    places = _places(max(part.processes for part in parts))
    store, shards = _store(units, labels, load, costs, prices)
    parts += [store, _broker(units, labels, load, costs, prices)]
    money = sum(part.money for part in parts)
    labels_a_month = load.units_a_day * load.labels_a_unit * DAYS_A_MONTH
    return Plan(
        parts,
        places,
        shards,
        units,
        labels,
        money,
        money / labels_a_month if labels_a_month else 0.0,
        _warnings(parts, places),
    )


def spent(costs: Costs, units: int, labels: int, seconds: float) -> dict[str, float]:
    """Return by process the CPU seconds that so many units and labels are expected to cost within a time.

    What a process spends when idle goes by the time: a machine that others slow down is idle for longer.
    """
    return {
        name: _cores(name, units, labels, costs) + costs.idle_ms[name] * seconds / 1e3
        for name in (*SERVICES, STORE, BROKER)
    }


def _busy_ms(operation: Operation, name: str, costs: Costs) -> float:
    """Return what an operation costs by itself: without what the process spends when idle meanwhile."""
    return max(0.0, operation.cpu_ms[name] - costs.idle_ms[name] * operation.seconds / operation.operations)


def _cores(name: str, units: float, labels: float, costs: Costs) -> float:
    """Return the CPU seconds of so many by themselves; of so many a second, the cores in use."""
    return (units * _busy_ms(costs.work.unit, name, costs) + labels * _busy_ms(costs.work.label, name, costs)) / 1e3


def _service(name: str, units: float, labels: float, load: Load, costs: Costs, prices: Prices) -> Part:
    cores, idle = _cores(name, units, labels, costs), costs.idle_ms[name] / 1e3
    processes = max(PROCESSES_MIN, math.ceil(cores / max(load.busy - idle, 0.05)))
    return _part(name, cores + processes * idle, processes, 0.0, load, prices)


def _store(units: float, labels: float, load: Load, costs: Costs, prices: Prices) -> tuple[Part, int]:
    cores = _cores(STORE, units, labels, costs) * load.store_share
    kept = _disk_gb(STORE, load, costs, load.kept_days, load.unit_kb) * load.disk_share
    shards = max(1, math.ceil(cores / (CORES[STORE] * load.busy)), math.ceil(kept / DISK_GB[STORE]))
    return _part(STORE, cores, shards * COPIES, kept * COPIES, load, prices), shards


def _broker(units: float, labels: float, load: Load, costs: Costs, prices: Prices) -> Part:
    cores = _cores(BROKER, units, labels, costs)
    kept = _disk_gb(BROKER, load, costs, load.topic_days, 0.0) * COPIES
    brokers = max(
        BROKERS_MIN, math.ceil(cores * COPIES / (CORES[BROKER] * load.busy)), math.ceil(kept / DISK_GB[BROKER])
    )
    return _part(BROKER, cores, brokers, kept, load, prices)


def _disk_gb(name: str, load: Load, costs: Costs, days: float, unit_kb: float) -> float:
    a_unit = costs.work.unit.disk_bytes[name] + unit_kb * 1e3
    a_day = load.units_a_day * a_unit + load.labels_a_day * costs.work.label.disk_bytes[name]
    return a_day * days / GIGABYTE


def _part(name: str, cores: float, processes: int, disk_gb: float, load: Load, prices: Prices) -> Part:
    paid_cores = processes * CORES[name] if name in CORES else max(cores / load.busy, 0.1 * processes)
    memory_gb = processes * MEMORY_GB[name]
    hourly = paid_cores * prices.core_hour + memory_gb * prices.memory_gb_hour
    return Part(name, cores, processes, memory_gb, disk_gb, hourly * HOURS_A_MONTH + disk_gb * prices.disk_gb_month)


def _places(processes: int) -> int:
    wanted = max(PLACES_MIN, PLACES_A_PROCESS * processes)
    return int(min(PLACES_MAX, 2 ** math.ceil(math.log2(wanted))))


def _warnings(parts: Sequence[Part], places: int) -> list[str]:
    return [
        f"{part.name} needs {part.processes} processes and there are {places} places at most: share the projects among "
        f"{math.ceil(part.processes / places)} clusters"
        for part in parts
        if part.name in SERVICES and part.processes > places
    ]
