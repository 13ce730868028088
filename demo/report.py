"""The closing table: what the job came to, held against the crowd's own labels and the gold."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.dataset import Dataset
from demo.job import Outcome

Figures = dict[str, Any]
SEED_ROWS = {
    "consensus_accuracy": "accuracy: consensus, before rulings",
    "resolved_accuracy": "accuracy: resolved, after rulings",
    "labels_per_unit_without_gold": "labels a unit without gold",
    "escalated_share": "share escalated",
    "senior_decisions_per_unit": "rulings and inspections by seniors, a unit",
    "confidence_gap": "stated confidence less share right, of settled units",
}


def figures(dataset: Dataset, outcome: Outcome, cpu_seconds: Mapping[str, float]) -> Figures:
    """Return the closing table as JSON-able figures.

    Accuracies are shares of units whose label is the gold one. `consensus_accuracy` is before any ruling: units that
    were escalated count with the label that led among their annotators. `labels_per_unit` counts every label that
    was asked for, those on hidden gold among them, over all units that went in.
    """
    work = [item for item in dataset.items if item not in set(outcome.gold)]
    exported = {row["source_id"]: row["label"] for row in _rows(outcome.export)}
    claims = json.loads(outcome.certificate.read_text())["lots"]
    escalated = [item for item in work if outcome.resolutions[item]["status"] == "adjudicated"]
    labels_of_work = sum(outcome.resolutions[item]["annotations"] for item in work)
    return {
        "units": len(dataset.items),
        "annotations": outcome.labels,
        "labels_per_unit": outcome.labels / len(dataset.items),
        "labels_per_unit_without_gold": labels_of_work / len(work),
        "labels_in_data_set": sum(len(answers) for answers in dataset.answers.values()),
        "gold_units": len(outcome.gold),
        "resolved_by_consensus": len(work) - len(escalated),
        "resolved_by_adjudication": len(escalated),
        "majority_accuracy": majority_accuracy(dataset),
        "consensus_accuracy": _share(outcome.resolutions[item]["leading_label"] == dataset.gold[item] for item in work),
        "resolved_accuracy": _share(outcome.resolutions[item]["label"] == dataset.gold[item] for item in work),
        "accepted_accuracy": _share(label == dataset.gold[item] for item, label in exported.items()),
        "escalated_share": len(escalated) / len(work),
        "escalations": len(escalated),
        "senior_decisions_per_unit": (len(escalated) + sum(lot["inspected"] for lot in outcome.lots)) / len(work),
        "alpha": {name: outcome.quality["alpha"][name] for name in ("value", "low", "high")},
        "label_error_rate": {name: outcome.quality["label_error_rate"][name] for name in ("value", "low", "high")},
        "lots_accepted": len(claims),
        "lots_rejected": sum(lot["rejections"] for lot in outcome.lots),
        "units_inspected": sum(claim["inspected"] for claim in claims),
        "event_to_certificate_seconds_median": _turnaround(outcome, claims, exported),
        "seconds": outcome.seconds,
        "cpu_seconds": dict(cpu_seconds),
        "certificate": str(outcome.certificate),
        "export": str(outcome.export),
    }


def majority_accuracy(dataset: Dataset) -> float:
    """Return the accuracy of the majority of all labels of the data set; a tie counts by its share, half for two."""
    right = 0.0
    for item, answers in dataset.answers.items():
        votes = Counter(answer.label for answer in answers)
        most = max(votes.values())
        leaders = [label for label, count in votes.items() if count == most]
        right += (dataset.gold[item] in leaders) / len(leaders)
    return right / len(dataset.items)


def show(console: Console, entry: Figures, verify: str, addresses: Mapping[str, str]) -> None:
    """Print the closing table, where the files are, and how to verify them."""
    saved = 1 - entry["annotations"] / entry["labels_in_data_set"]
    own_cpu = {name: value for name, value in entry["cpu_seconds"].items() if name not in ("kafka", "mongodb")}
    table = Table("what", "figure", title="What the job came to", title_justify="left")
    rows = [
        ("units in, hidden gold among them", f"{entry['units']}, {entry['gold_units']}"),
        ("annotations", f"{entry['annotations']} of the {entry['labels_in_data_set']} in the data set"),
        ("labels saved by adaptive overlap", f"{saved:.1%}; {entry['labels_per_unit']:.2f} labels a unit"),
        (
            "resolved by consensus, by adjudication",
            f"{entry['resolved_by_consensus']}, {entry['resolved_by_adjudication']}",
        ),
        ("escalated", f"{entry['escalated_share']:.1%}"),
        ("rulings and inspections by seniors", f"{entry['senior_decisions_per_unit']:.2f} a unit without gold"),
        ("alpha", _interval(entry["alpha"])),
        ("accuracy: majority of all labels", f"{entry['majority_accuracy']:.4f}"),
        ("accuracy: consensus, before rulings", f"{entry['consensus_accuracy']:.4f}"),
        ("accuracy: resolved, after rulings", f"{entry['resolved_accuracy']:.4f}"),
        ("accuracy: accepted, after audit", f"{entry['accepted_accuracy']:.4f}"),
        ("lots accepted, rejections on the way", f"{entry['lots_accepted']}, {entry['lots_rejected']}"),
        ("units inspected", f"{entry['units_inspected']}"),
        ("label error rate of what leaves", _interval(entry["label_error_rate"])),
        ("event to certificate, median", f"{entry['event_to_certificate_seconds_median']:.1f} s"),
        ("time in all", f"{entry['seconds']:.1f} s"),
        ("CPU of the five services", f"{sum(own_cpu.values()):.1f} s: " + _cpu(own_cpu)),
        ("CPU of broker and store", _cpu({n: v for n, v in entry["cpu_seconds"].items() if n not in own_cpu})),
    ]
    for what, figure in rows:
        table.add_row(what, figure)
    console.print(table)
    console.print(f"certificate  {entry['certificate']}", highlight=False, soft_wrap=True)
    console.print(f"export       {entry['export']}", highlight=False, soft_wrap=True)
    console.print(f"verify       {verify}", highlight=False, soft_wrap=True)
    for name, address in addresses.items():
        console.print(f"{name:<12} {address}", highlight=False, soft_wrap=True)


def show_seeds(console: Console, entry: Mapping[str, Mapping[str, float]], seeds: int, majority: float) -> None:
    """Print mean and worst of the figures over choices of gold."""
    table = Table("over choices of gold", "mean", "worst", title=f"{seeds} choices of gold", title_justify="left")
    for key, name in SEED_ROWS.items():
        table.add_row(name, *(f"{entry[key][which]:.4f}" for which in ("mean", "worst")))
    table.add_row("accuracy: majority of all labels", f"{majority:.4f}", "")
    console.print(table)


def _turnaround(outcome: Outcome, claims: list[dict[str, Any]], exported: Mapping[str, Any]) -> float:
    accepted = {claim["lot_id"]: datetime.fromisoformat(claim["accepted_at"]).timestamp() for claim in claims}
    rows = _rows(outcome.export)
    assert len(rows) == len(exported), "an export names every unit once"
    return float(median(accepted[row["lot_id"]] - outcome.admitted_at[row["source_id"]] for row in rows))


def _rows(export: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSONL file: a line ends at a line feed and nowhere else, whatever a text holds."""
    return [json.loads(line) for line in export.read_text(encoding="utf-8").split("\n") if line]


def _share(right: Any) -> float:
    found = list(right)
    return float(sum(found) / len(found))


def _interval(estimate: Mapping[str, float | None]) -> str:
    if estimate["value"] is None:
        return "undefined"
    if estimate["low"] is None or estimate["high"] is None:
        return f"{estimate['value']:.3f}"
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}]"


def _cpu(seconds: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items())


def write(path: Path, entry: Figures) -> None:
    """Write the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entry, indent=2) + "\n")
