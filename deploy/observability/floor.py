"""The board of who sees to it that people have work, and work people: who is there, what waits, for whom and how long.

How many are there is a count; only of accuracy on gold are those named who are furthest below.
"""

from grafana_foundation_sdk.models.dashboard import Threshold

from deploy.observability.contract import PROJECT
from deploy.observability.panels import NONE_IS_BEST, RATE, Panel, lines, number

OF_PROJECTS = "max by (client, project)"
GOLD_UNITS_MIN = 10
"""Of whom less is known is not shown among the least accurate: one wrong answer of one would lead."""


def rows() -> list[tuple[str, list[Panel]]]:
    """Return the board's rows."""
    return [
        ("Who is there", _people()),
        ("What waits", _waiting()),
        ("What does not go on by itself", _standing()),
        ("How well they label", _accuracy()),
        ("In all projects", [*_everybody(), *_everything()]),
        ("In all projects: reviews", _reviews()),
        ("In all projects: rules and privacy", _rules()),
    ]


def _people() -> list[Panel]:
    there = f"concord_assign_project_annotators{PROJECT}".removesuffix("}")
    return [
        number(
            "Labelling now",
            "Annotators who hold a unit of the projects chosen; who works in two of them counts twice.",
            f'sum({there}, state="labelling"}})',
        ),
        number(
            "There, and idle",
            "Annotators who asked for work in the projects chosen within ten minutes, and hold none.",
            f'sum({there}, state="idle"}})',
            steps=NONE_IS_BEST,
            alerts=("UnitsNobodyCanLabel", "AnnotatorsWithoutGold"),
        ),
        number(
            "Units waiting",
            "Units of the projects chosen that want a label.",
            f"sum(concord_assign_project_waiting_units{PROJECT})",
        ),
        number(
            "Oldest unit waiting",
            "How long ago the oldest of them was admitted.",
            f"max(concord_assign_project_oldest_seconds{PROJECT})",
            unit="s",
        ),
        lines(
            "Labelling and idle, by project",
            "Annotators who hold a unit of a project, and who asked for work in it within ten minutes and hold none.",
            [(f"sum by (project, state) ({there}}})", "{{project}} {{state}}")],
        ),
        lines(
            "Labels within the hour",
            "How many labels came in of each project within the last hour.",
            [(f"delta(concord_annotations{PROJECT}[1h])", "{{project}}")],
        ),
    ]


def _waiting() -> list[Panel]:
    asked = PROJECT.removesuffix("}") + ', measure="turnaround_p95_seconds"}'
    return [
        lines(
            "Units waiting, by project",
            "Units that want a label, of the 400 busiest projects of each process of assign.",
            [(f"{OF_PROJECTS} (concord_assign_project_waiting_units{PROJECT})", "{{project}}")],
        ),
        lines(
            "Age of the oldest, by project",
            "How long ago the oldest unit was admitted that wants a label, as far as assign has it in memory.",
            [(f"{OF_PROJECTS} (concord_assign_project_oldest_seconds{PROJECT})", "{{project}}")],
            unit="s",
        ),
        lines(
            "Oldest lot, by project",
            "How long ago the oldest lot was sealed that is not decided, and how long a contract gives a unit.",
            [
                (f"{OF_PROJECTS} (concord_audit_project_lot_oldest_seconds{PROJECT})", "{{project}}"),
                (f"{OF_PROJECTS} (concord_contract_target{asked})", "{{project}} target"),
            ],
            unit="s",
            alerts=("LotUndecided",),
        ),
        lines(
            "Oldest held lot, by project",
            "How long ago the lot was held that has waited longest for its units of annotators at fault for another to "
            "be inspected.",
            [(f"{OF_PROJECTS} (concord_audit_project_held_oldest_seconds{PROJECT})", "{{project}}")],
            unit="s",
            alerts=("HeldLotWaits",),
        ),
        lines(
            "Room for units",
            "Units that are open in the projects of ingest that bound them, how many may be, and records of the intake "
            "that wait for room.",
            [
                (f"sum by (project) (concord_ingest_open_units{PROJECT})", "{{project}} open"),
                (f"sum by (project) (concord_ingest_open_units_max{PROJECT})", "{{project}} may be open"),
                (f"sum by (project) (concord_ingest_waiting_records{PROJECT})", "{{project}} records wait"),
            ],
            alerts=("RequestsTurnedAway",),
        ),
    ]


def _standing() -> list[Panel]:
    return [
        lines(
            "Escalations, by project",
            "Units that wait for a ruling.",
            [(f"{OF_PROJECTS} (concord_units_escalated{PROJECT})", "{{project}}")],
            alerts=("EscalationsWaiting",),
        ),
        lines(
            "Oldest escalation, by project",
            "How long ago the unit was escalated that has waited longest for a ruling; no line: none waits.",
            [(f"{OF_PROJECTS} (concord_adjudicate_project_escalation_oldest_seconds{PROJECT})", "{{project}}")],
            unit="s",
            steps=(Threshold(color="transparent"), Threshold(value=8 * 3600.0, color="orange")),
            alerts=("EscalationsWaiting",),
        ),
        lines(
            "Who cannot be served, by project",
            "Units that nobody who is defined can label, annotators who wait for a lead or for gold, and units that "
            "wait where no gold may be shown any more; no line: none.",
            [
                (
                    f"{OF_PROJECTS} (concord_assign_project_units_nobody_can_label{PROJECT})",
                    "{{project}} units stranded",
                ),
                (
                    f"{OF_PROJECTS} (concord_assign_project_annotators_awaiting_lead{PROJECT})",
                    "{{project}} await a lead",
                ),
                (f"{OF_PROJECTS} (concord_assign_project_annotators_without_gold{PROJECT})", "{{project}} await gold"),
                (
                    f"{OF_PROJECTS} (concord_assign_project_out_of_gold_units{PROJECT})",
                    "{{project}} units, out of gold",
                ),
            ],
            alerts=("UnitsNobodyCanLabel", "AnnotatorsAwaitLead", "AnnotatorsWithoutGold", "ProjectsOutOfGold"),
        ),
        lines(
            "Lots that stand, by project",
            "Lots that cannot go on by themselves: each says why; no line: none.",
            [(f"{OF_PROJECTS} (concord_audit_project_lots_standing{PROJECT})", "{{project}}")],
            steps=(Threshold(color="transparent"), Threshold(value=1.0, color="orange")),
            alerts=("AuditLotsStanding",),
        ),
        lines(
            "Appeals that wait, by project",
            "For how long the oldest appeal has waited: against a rule of pace or skips, and against a known label; no "
            "line: none waits.",
            [
                (
                    f"{OF_PROJECTS} (concord_assign_project_conduct_appeal_waiting_seconds{PROJECT})",
                    "{{project}} against a rule",
                ),
                (
                    f"{OF_PROJECTS} (concord_adjudicate_project_gold_appeal_waiting_seconds{PROJECT})",
                    "{{project}} against a known label",
                ),
            ],
            unit="s",
            steps=(Threshold(color="transparent"), Threshold(value=86400.0, color="orange")),
            alerts=("ConductAppealsWait", "GoldAppealsWait"),
        ),
    ]


def _accuracy() -> list[Panel]:
    known = f"and concord_annotator_gold_units{PROJECT} >= {GOLD_UNITS_MIN}"
    least = f"bottomk(10, concord_annotator_accuracy{PROJECT} {known})"
    return [
        lines(
            "The ten least accurate",
            f"Accuracy on gold, posterior mean with its 95 % interval, of annotators who answered {GOLD_UNITS_MIN} gold"
            " units or more. They are the first to look at, not to blame: a wide interval rests on few gold units.",
            [
                (least, "{{project}} {{annotator}}"),
                (f"concord_annotator_accuracy_low{PROJECT} and {least}", "{{project}} {{annotator}} low"),
                (f"concord_annotator_accuracy_high{PROJECT} and {least}", "{{project}} {{annotator}} high"),
            ],
            unit="percentunit",
        ),
        lines(
            "Gold units behind it",
            "Gold units of the annotators that have the fewest.",
            [(f"bottomk(10, concord_annotator_gold_units{PROJECT})", "{{project}} {{annotator}}")],
        ),
        lines(
            "Share of gold in the labels",
            "Labels of gold units by all labels of a project: what measuring annotators costs. A project's policy says "
            "what is shown; where it runs out the share falls.",
            [(f"concord_gold_annotations{PROJECT} / (concord_annotations{PROJECT} > 0)", "{{project}}")],
            unit="percentunit",
            alerts=("ProjectsOutOfGold",),
        ),
    ]


def _everybody() -> list[Panel]:
    return [
        lines(
            "Annotators",
            "Annotators who hold a unit, and who asked for work within ten minutes and hold none: each once, but who "
            "works in projects of two processes.",
            [("sum by (state) (concord_assign_annotators)", "{{state}}")],
        ),
        lines(
            "Claims and leases",
            "Units given out and claims for which there was nothing, a minute; leases that ended without a label.",
            [
                (f"60 * sum(rate(concord_assign_issued_total{RATE}))", "given out"),
                (f"60 * sum(rate(concord_assign_claims_without_work_total{RATE}))", "nothing to be had"),
                (f"60 * sum by (how) (rate(concord_assign_leases_ended_total{RATE}))", "{{how}}"),
            ],
            alerts=("LeasesOverdue",),
        ),
        lines(
            "Who cannot be served",
            "Projects that are out of gold, annotators who wait for gold or for a lead, units that nobody who is "
            "defined can label, lots that cannot go on: of all projects, also those that have no series.",
            [
                ("sum(concord_assign_projects_out_of_gold)", "projects out of gold"),
                ("sum(concord_assign_annotators_without_gold)", "annotators without gold"),
                ("sum(concord_assign_units_nobody_can_label)", "units nobody can label"),
                ("sum(concord_assign_annotators_awaiting_lead)", "annotators who wait for a lead"),
                ("sum(concord_audit_lots_standing)", "lots that stand"),
            ],
            steps=(Threshold(color="transparent"), Threshold(value=1.0, color="orange")),
            alerts=("ProjectsBeyondNamed",),
        ),
        lines(
            "Time to the first label",
            "From a unit's admission to the first label of it that counts: half of them, and 19 of 20.",
            [
                (
                    f"histogram_quantile({share}, sum by (le) (rate(concord_assign_first_label_seconds_bucket{RATE})))",
                    f"p{share * 100:g}",
                )
                for share in (0.5, 0.95)
            ],
            unit="s",
        ),
    ]


def _everything() -> list[Panel]:
    labels = "concord_adjudicate_annotations_per_unit"
    return [
        lines(
            "In, labelled, settled",
            "Units admitted, labels accepted and decisions on units, a second.",
            [
                (f'sum(rate(concord_ingest_units_total{{status="admitted"}}{RATE}))', "admitted"),
                (f'sum(rate(concord_assign_submissions_total{{status="accepted"}}{RATE}))', "labels"),
                (f"sum by (verdict) (rate(concord_adjudicate_decisions_total{RATE}))", "{{verdict}}"),
            ],
            unit="cps",
        ),
        lines(
            "Waiting",
            "Units that wait for an annotator, leases that run, escalations and lots that wait for a reviewer, records "
            "of the intake whose project takes no more for now.",
            [
                ("sum(concord_assign_waiting_units)", "units"),
                ("sum(concord_assign_leases)", "leases"),
                ("sum(concord_adjudicate_escalations_open)", "escalations"),
                ("sum(concord_audit_lots_open)", "lots"),
                ("sum(concord_audit_lots_without_auditor)", "lots without an auditor"),
                ("sum(concord_audit_lots_held)", "lots held"),
                ("sum(concord_ingest_waiting_records)", "records without room"),
            ],
        ),
        lines(
            "Labels a unit",
            "Mean number of annotations when a unit was settled or escalated: what adaptive overlap saves.",
            [(f"sum(rate({labels}_sum{RATE})) / sum(rate({labels}_count{RATE}))", "mean")],
            unit="none",
        ),
    ]


def _reviews() -> list[Panel]:
    ruled = 'concord_adjudicate_decisions_total{verdict=~"ruled|escalated"}'
    return [
        lines(
            "Lots by how they stand",
            "Lots that are not accepted: sealed (labels are missing), auditing, inspecting_all, relabelling; rechecks "
            "gather and are looked at.",
            [("sum by (status) (concord_audit_lots_by_status)", "{{status}}")],
            alerts=("AuditLotsStanding",),
        ),
        lines(
            "Rulings",
            "Units that adjudicators ruled, a minute, and those escalated.",
            [(f"60 * sum by (verdict) (rate({ruled}{RATE}))", "{{verdict}}")],
        ),
        lines(
            "Inspections",
            "Verdicts of auditors, a minute: correct, wrong, late, and blind repeats of another's.",
            [(f"60 * sum by (result) (rate(concord_audit_inspections_total{RATE}))", "{{result}} a minute")],
        ),
        lines(
            "Verdicts on lots within the hour",
            "Lots that were accepted and rejected, annotators found at fault for rejections, and rechecks finished.",
            [
                ("sum by (verdict) (increase(concord_audit_lots_total[1h]))", "{{verdict}}"),
                ("sum(increase(concord_audit_annotators_at_fault_total[1h]))", "annotators at fault"),
                ("sum(increase(concord_audit_rechecks_total[1h]))", "rechecks"),
            ],
            alerts=("ContractTargetBreached",),
        ),
    ]


def _rules() -> list[Panel]:
    return [
        lines(
            "Rules of conduct broken within the hour",
            "Rules of pace and skips that began to hold against somebody, by what comes of it. Many at once are a rule "
            "that is too strict more often than people who are careless.",
            [("sum by (rule, then) (increase(concord_assign_rules_broken_total[1h]))", "{{rule}} {{then}}")],
            alerts=("AnnotatorsAwaitLead",),
        ),
        lines(
            "Labels revised",
            "Labels that whoever gave them revised, a minute, by what became of it.",
            [(f"60 * sum by (status) (rate(concord_assign_revisions_total{RATE}))", "{{status}} a minute")],
        ),
        lines(
            "Personal data replaced",
            "Personal data that was replaced in contents, a minute, by kind. A kind that ends all at once is a "
            "detector that no longer finds it.",
            [(f"60 * sum by (kind) (rate(concord_ingest_personal_data_total{RATE}))", "{{kind}} a minute")],
        ),
        lines(
            "Who is behind it, asked within the day",
            "Questions that were answered about who is behind a unit's data: compared, or opened. Each is an event "
            "that names who asked.",
            [("sum by (how) (increase(concord_ingest_reidentifications_total[1d]))", "{{how}}")],
        ),
    ]
