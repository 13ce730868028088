"""What metrics tells of itself, and what it tells of the projects: the series that alerts and dashboards stand on."""

from concord.chassis.telemetry import Instrument

PROJECT = ("project", "client")
TARGET = (*PROJECT, "measure")
ANNOTATOR = (*PROJECT, "annotator")
FIELD = (*PROJECT, "field")

FRESHNESS_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 30.0, 60.0, 300.0)

PROJECT_INSTRUMENTS = (
    Instrument("concord_agreement_alpha", "gauge", "Krippendorff's alpha of a project's annotators.", PROJECT),
    Instrument("concord_agreement_alpha_high", "gauge", "Upper end of alpha's 95 % jackknife interval.", PROJECT),
    Instrument("concord_agreement_units", "gauge", "Units with two labels or more that alpha rests on.", PROJECT),
    Instrument("concord_agreement_percent", "gauge", "Share of pairs of labels that are equal, 0 to 1.", PROJECT),
    Instrument(
        "concord_label_error_rate_low",
        "gauge",
        "Lower end of the 95 % interval of the share of wrong labels in all accepted lots.",
        PROJECT,
    ),
    Instrument("concord_label_error_units", "gauge", "Inspected units that the label error rate rests on.", PROJECT),
    Instrument(
        "concord_confidence_gap",
        "gauge",
        "Stated confidence less the share that auditors found right, of units that consensus settled.",
        PROJECT,
    ),
    Instrument("concord_confidence_gap_low", "gauge", "Lower end of its 95 % interval.", PROJECT),
    Instrument("concord_confidence_gap_high", "gauge", "Upper end of its 95 % interval.", PROJECT),
    Instrument("concord_confidence_gap_units", "gauge", "Audited units that the gap rests on.", PROJECT),
    Instrument("concord_annotations", "gauge", "Annotations in all, gold and late ones among them.", PROJECT),
    Instrument("concord_gold_annotations", "gauge", "Annotations of gold units.", PROJECT),
    Instrument("concord_units_consensus", "gauge", "Units settled by consensus.", PROJECT),
    Instrument("concord_units_adjudicated", "gauge", "Units settled by an adjudicator.", PROJECT),
    Instrument("concord_units_escalated", "gauge", "Units that wait for a ruling.", PROJECT),
    Instrument("concord_units_unanswerable", "gauge", "Units that were ruled to have no right label.", PROJECT),
    Instrument("concord_units_accepted", "gauge", "Units of accepted lots, as they were first accepted.", PROJECT),
    Instrument("concord_lots_accepted", "gauge", "Lots that were accepted.", PROJECT),
    Instrument("concord_lots_rejections", "gauge", "How often a lot was rejected.", PROJECT),
    Instrument("concord_labels_saved", "gauge", "Labels saved against overlap.max for every settled unit.", PROJECT),
    Instrument(
        "concord_labelled_timestamp_seconds", "gauge", "When a project's newest label was given, since 1970.", PROJECT
    ),
    Instrument(
        "concord_event_to_metric_seconds",
        "histogram",
        "From an annotation being given to its being in every measure; at most 200 a project and measurement.",
        PROJECT,
        buckets=FRESHNESS_BUCKETS,
    ),
)

TARGET_INSTRUMENTS = (
    Instrument("concord_contract_target", "gauge", "What the contract asks of a measure.", TARGET),
    Instrument("concord_contract_units_min", "gauge", "Below so many units a target is not judged.", TARGET),
    Instrument("concord_contract_finding", "gauge", "What the measure has come to.", TARGET),
    Instrument("concord_contract_finding_low", "gauge", "Lower end of its 95 % interval.", TARGET),
    Instrument("concord_contract_finding_high", "gauge", "Upper end of its 95 % interval.", TARGET),
    Instrument("concord_contract_breached", "gauge", "1 while a breach is told and no recovery since, else 0.", TARGET),
)

ANNOTATOR_INSTRUMENTS = (
    Instrument("concord_annotator_accuracy", "gauge", "Accuracy on gold, posterior mean.", ANNOTATOR),
    Instrument("concord_annotator_accuracy_low", "gauge", "Lower end of its 95 % interval.", ANNOTATOR),
    Instrument("concord_annotator_accuracy_high", "gauge", "Upper end of its 95 % interval.", ANNOTATOR),
    Instrument("concord_annotator_gold_units", "gauge", "Gold units that the accuracy rests on.", ANNOTATOR),
)

DRIFT_INSTRUMENTS = (
    Instrument(
        "concord_drift_psi",
        "gauge",
        "Population stability index of the newest units against the first ones of a project, by what is looked at.",
        TARGET,
    ),
    Instrument("concord_drift_found", "gauge", "1 while a drift is told and not over, else 0.", TARGET),
)

FIELD_INSTRUMENTS = (
    Instrument("concord_field_agreement_alpha", "gauge", "Krippendorff's alpha in one field of labels.", FIELD),
    Instrument("concord_field_agreement_alpha_low", "gauge", "Lower end of its 95 % jackknife interval.", FIELD),
    Instrument("concord_field_agreement_alpha_high", "gauge", "Upper end of its 95 % jackknife interval.", FIELD),
    Instrument("concord_field_agreement_units", "gauge", "Units with two answers or more that it rests on.", FIELD),
)

POSITION_INSTRUMENTS = (
    Instrument(
        "concord_position_first",
        "gauge",
        "Share of preferences and rankings in which what people chose had stood first, by field.",
        FIELD,
    ),
    Instrument("concord_position_first_low", "gauge", "Lower end of its 95 % interval.", FIELD),
    Instrument("concord_position_first_high", "gauge", "Upper end of its 95 % interval.", FIELD),
    Instrument("concord_position_expected", "gauge", "The share that chance alone makes: 1 in how many.", FIELD),
    Instrument("concord_position_labels", "gauge", "Labels that it rests on; ties are none.", FIELD),
    Instrument(
        "concord_position_found",
        "gauge",
        "1 where chance is no explanation (1 % over all of its life), else 0.",
        FIELD,
    ),
)

INSTRUMENTS = (
    Instrument(
        "concord_metrics_labels_in_time",
        "counter",
        "Labels that were in every measure within 5 s of being given; what assign took and is not here is late.",
    ),
    Instrument(
        "concord_metrics_measured_timestamp_seconds",
        "gauge",
        "When any project was last measured, shown or not, since 1970; 0 before the first.",
    ),
    Instrument("concord_metrics_units_open", "gauge", "Units in memory: those whose lot is not settled for good."),
    Instrument(
        "concord_metrics_series_withheld",
        "gauge",
        "Projects, or annotators, drifts, fields or positions of projects, that no series shows for want of room.",
        ("kind",),
    ),
    Instrument(
        "concord_metrics_projects_unmeasured",
        "gauge",
        "Projects whose last measurement failed: their series stand still, and so do the alerts on them.",
    ),
    Instrument("concord_metrics_measure_seconds", "histogram", "Time to measure the projects that had changed."),
    Instrument("concord_metrics_survey_seconds", "histogram", "Time to walk through all units of a place."),
)

READING_INSTRUMENTS = (
    Instrument(
        "concord_metrics_event_times_bounded",
        "counter",
        "Events dated more than five minutes after their record was written, counted as of the record.",
        ("topic",),
    ),
)
