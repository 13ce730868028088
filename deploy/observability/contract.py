"""The board of who answers to clients: what their contracts promise, how far it is kept, and when work will be done."""

from grafana_foundation_sdk.models.dashboard import Threshold

from deploy.observability.panels import NONE_IS_BEST, NOT_UNDER_ZERO, Panel, lines, number

CHOSEN = 'client=~"$client", project=~"$project"'
PROJECT = f"{{{CHOSEN}}}"
ALPHA = ("AgreementBelowTarget", "AgreementBreachCertain")
ERRORS = ("LabelErrorRateBreachCertain",)
OTHERS = ("ContractTargetBreached",)
SPENT = (Threshold(color="transparent"), Threshold(value=1.0, color="red"))
"""Of a share of what a contract allows: from all of it on."""


def rows() -> list[tuple[str, list[Panel]]]:
    """Return the board's rows."""
    return [
        ("How far from the contract", [*_margins(), *_counts()]),
        ("Each promise and its interval", [*_promises(), *_doubts()]),
        ("Delivery", _delivery()),
        ("Within the labels", _parts()),
    ]


def _series(name: str, measure: str) -> str:
    """Return the query of a contract's series of one measure."""
    return f'max by (client, project) (concord_contract_{name}{{{CHOSEN}, measure="{measure}"}})'


def _margins() -> list[Panel]:
    nearest = "of the project that is nearest to it, or furthest beyond. Under zero it is missed."
    found, target = "finding", "target"
    return [
        number(
            "Alpha above its target",
            f"Krippendorff's alpha less what the contract asks, {nearest}",
            f"min({_series(found, 'alpha')} - on (client, project) {_series(target, 'alpha')})",
            decimals=3,
            steps=NOT_UNDER_ZERO,
            alerts=ALPHA,
        ),
        number(
            "Label error rate below its limit",
            f"The contract's limit less the share of wrong labels in accepted lots, {nearest}",
            f"min({_series(target, 'label_error_rate')} - on (client, project) {_series(found, 'label_error_rate')})",
            decimals=2,
            unit="percentunit",
            steps=NOT_UNDER_ZERO,
            alerts=ERRORS,
        ),
        number(
            "Audit pass rate above its target",
            f"The share of verdicts that let a lot leave, less what the contract asks, {nearest}",
            f"min({_series(found, 'audit_pass_rate')} - on (client, project) {_series(target, 'audit_pass_rate')})",
            decimals=1,
            unit="percentunit",
            steps=NOT_UNDER_ZERO,
            alerts=OTHERS,
        ),
        number(
            "Turnaround below its limit",
            f"The contract's limit less the time within which 19 of 20 units were accepted, {nearest}",
            f"min({_series(target, 'turnaround_p95_seconds')} - on (client, project) "
            f"{_series(found, 'turnaround_p95_seconds')})",
            unit="s",
            steps=NOT_UNDER_ZERO,
            alerts=OTHERS,
        ),
    ]


def _counts() -> list[Panel]:
    return [
        number(
            "Promises certainly missed",
            "Promises of the contracts chosen of which a breach was told and no recovery since.",
            f"sum(concord_contract_breached{PROJECT})",
            steps=(Threshold(color="green"), Threshold(value=1.0, color="red")),
            alerts=("FinishedProjectInBreach", *OTHERS),
        ),
        number("Units accepted", "Units of accepted lots.", f"sum(concord_units_accepted{PROJECT})"),
        number("Lots accepted", "Lots whose sample let them go.", f"sum(concord_lots_accepted{PROJECT})"),
        number(
            "Rejections",
            "How often a lot was sent back; a lot that was rejected twice counts twice.",
            f"sum(concord_lots_rejections{PROJECT})",
            steps=NONE_IS_BEST,
        ),
    ]


def _promises() -> list[Panel]:
    return [
        lines(
            title,
            f"{why} A page or ticket follows only when the whole interval is on the wrong side.",
            [
                (_series("finding", measure), "{{project}}"),
                (_series("finding_low", measure), "{{project}} low"),
                (_series("finding_high", measure), "{{project}} high"),
                (_series("target", measure), "{{project}} target"),
            ],
            unit=unit,
            alerts=alerts,
        )
        for title, measure, unit, why, alerts in (
            (
                "Alpha and its interval",
                "alpha",
                "none",
                "Krippendorff's alpha with its 95 % jackknife interval, and what the contract asks.",
                ALPHA,
            ),
            (
                "Label error rate and its interval",
                "label_error_rate",
                "percentunit",
                "Share of wrong labels in accepted lots with its 95 % interval, and the contract's limit.",
                ERRORS,
            ),
            (
                "Audit pass rate and its interval",
                "audit_pass_rate",
                "percentunit",
                "Share of verdicts that let a lot leave with its 95 % interval, and what the contract asks.",
                OTHERS,
            ),
            (
                "Turnaround and its interval",
                "turnaround_p95_seconds",
                "s",
                "Within what time 19 of 20 units were accepted, with its 95 % interval, and the contract's limit.",
                OTHERS,
            ),
        )
    ]


def _doubts() -> list[Panel]:
    return [
        lines(
            "Promises that are missed",
            "Of each promise of a contract, whether it is certainly missed (1) or not (0): what its webhook tells too.",
            [(f"concord_contract_breached{PROJECT}", "{{project}} {{measure}}")],
            unit="none",
            alerts=OTHERS,
        ),
        lines(
            "Stated confidence against audits",
            "Stated confidence of units that consensus settled less the share that auditors found right, with its 95 % "
            "interval. Above zero more is claimed than is right; a ticket follows when the interval leaves zero.",
            [
                (f"concord_confidence_gap{PROJECT}", "{{project}}"),
                (f"concord_confidence_gap_low{PROJECT}", "{{project}} low"),
                (f"concord_confidence_gap_high{PROJECT}", "{{project}} high"),
            ],
            unit="percentunit",
            alerts=("ConfidenceOverstated", "ConfidenceUnderstated"),
        ),
        lines(
            "Percent agreement beside alpha",
            "Share of pairs of labels that are equal, and Krippendorff's alpha. Where one class is rare, alpha is low "
            "at a high percentage: then it is the few units of that class on which people disagree.",
            [
                (f"concord_agreement_percent{PROJECT}", "{{project}} percent"),
                (f"concord_agreement_alpha{PROJECT}", "{{project}} alpha"),
            ],
            unit="percentunit",
            alerts=ALPHA,
        ),
        lines(
            "Units that the figures rest on",
            "Of each project the units behind alpha, behind the label error rate and behind the gap of the stated "
            "confidence. Under 50 nothing is judged.",
            [
                (f"concord_agreement_units{PROJECT}", "{{project}} alpha"),
                (f"concord_label_error_units{PROJECT}", "{{project}} label errors"),
                (f"concord_confidence_gap_units{PROJECT}", "{{project}} confidence"),
            ],
        ),
    ]


def _delivery() -> list[Panel]:
    waiting = f"max by (client, project) (concord_assign_project_waiting_units{PROJECT})"
    oldest = f"max by (client, project) (concord_assign_project_oldest_seconds{PROJECT})"
    settled = " + ".join(
        f"max by (client, project) (delta(concord_units_{kind}{PROJECT}[6h]))" for kind in ("consensus", "adjudicated")
    )
    limit, accepted = _series("target", "turnaround_p95_seconds"), f"concord_units_accepted{PROJECT}"
    return [
        lines(
            "Time until all is labelled, against the contract's",
            "How long it takes to label what waits of each project, at the pace at which units were settled within the "
            "last six hours (at least one), and within what time units are to be accepted.",
            [
                (f"21600 * {waiting} / clamp_min({settled}, 1)", "{{project}}"),
                (limit, "{{project}} target"),
            ],
            unit="s",
            alerts=OTHERS,
        ),
        lines(
            "Time that the oldest unit has used up",
            "Of the time within which units are to be accepted, the share that the oldest unit of each project has "
            "waited which has not got all its labels. From 1 on it is late.",
            [(f"{oldest} / on (client, project) {limit}", "{{project}}")],
            unit="percentunit",
            steps=SPENT,
            alerts=OTHERS,
        ),
        lines(
            "Units within the hour",
            "How many labels came in, and how many units were accepted, of each project within the last hour.",
            [
                (f"delta(concord_annotations{PROJECT}[1h])", "{{project}} labels"),
                (f"delta({accepted}[1h])", "{{project}} accepted"),
            ],
        ),
        lines(
            "Work that an accepted unit takes",
            "Labels, and rulings of adjudicators, for each unit of an accepted lot: what it costs, in work. Those of "
            "units that are still on their way count, too, so it falls towards the end of a project.",
            [
                (f"concord_annotations{PROJECT} / ({accepted} > 0)", "{{project}} labels"),
                (f"concord_units_adjudicated{PROJECT} / ({accepted} > 0)", "{{project}} rulings"),
            ],
            unit="none",
        ),
        lines(
            "How units stand",
            "Units of each project by how they stand: consensus, an expert's ruling, waiting for one, unanswerable.",
            [
                (f"sum by (project) (concord_units_{kind}{PROJECT})", f"{{{{project}}}} {kind}")
                for kind in ("consensus", "adjudicated", "escalated", "unanswerable")
            ],
        ),
        lines(
            "Labels saved",
            "Labels that were not needed, against as many as may be asked for of every settled unit.",
            [(f"concord_labels_saved{PROJECT}", "{{project}}")],
        ),
    ]


def _parts() -> list[Panel]:
    return [
        lines(
            "Drift",
            "Population stability index of the newest units against a project's first, of labels and of what comes in. "
            "From 0.1 on, and where chance is no explanation, it is told and a ticket follows.",
            [(f"concord_drift_psi{PROJECT}", "{{project}} {{measure}}")],
            unit="none",
            alerts=("DriftDetected",),
        ),
        lines(
            "What stands first",
            "Of preferences and rankings, the share in which what people chose had stood first, its 95 % interval, "
            "and what chance alone makes. Each label's order is drawn, so beyond chance it is a bias.",
            [
                (f"concord_position_first{PROJECT}", "{{project}} {{field}}"),
                (f"concord_position_first_low{PROJECT}", "{{project}} {{field}} low"),
                (f"concord_position_first_high{PROJECT}", "{{project}} {{field}} high"),
                (f"concord_position_expected{PROJECT}", "{{project}} {{field}} chance"),
            ],
            unit="percentunit",
            alerts=("FirstIsFavoured",),
        ),
        lines(
            "Alpha by field",
            "Krippendorff's alpha of each field of labels that have several, with its 95 % interval.",
            [
                (f"concord_field_agreement_alpha{PROJECT}", "{{project}} {{field}}"),
                (f"concord_field_agreement_alpha_low{PROJECT}", "{{project}} {{field}} low"),
                (f"concord_field_agreement_alpha_high{PROJECT}", "{{project}} {{field}} high"),
            ],
            unit="none",
        ),
        lines(
            "Units and labels that fields rest on",
            "Units with two answers or more behind the alpha of a field; labels, without ties, behind what is first.",
            [
                (f"concord_field_agreement_units{PROJECT}", "{{project}} {{field}} units"),
                (f"concord_position_labels{PROJECT}", "{{project}} {{field}} labels"),
            ],
        ),
    ]
