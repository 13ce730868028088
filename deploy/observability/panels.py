"""The parts that the boards are built of: a number, lines over time, a drop-down; all ask Prometheus."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models.common import GraphTresholdsStyleMode
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="${datasource}")
HEIGHT, HALF, QUARTER = 8, 12, 6
RATE = "[$__rate_interval]"

Panel = stat.Panel | timeseries.Panel
Query = tuple[str, str]
"""A PromQL expression and the legend of its series."""
NOT_UNDER_ZERO = (Threshold(color="red"), Threshold(value=0.0, color="green"))
"""Of what is left of something: of a target, of a budget."""
NONE_IS_BEST = (Threshold(color="green"), Threshold(value=1.0, color="orange"))
ALL_IS_BEST = (Threshold(color="red"), Threshold(value=1.0, color="green"))
ASKED_FOR = [
    DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": "red"}),
    DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [10, 10]}),
]
"""How a line looks that is what a contract asks: its legend ends with `target`."""


def number(
    title: str,
    why: str,
    expression: str,
    *,
    decimals: int = 0,
    unit: str = "none",
    steps: Sequence[Threshold] = (Threshold(color="green"),),
    alerts: Sequence[str] = (),
) -> stat.Panel:
    """Return one number, coloured by its thresholds; `alerts` are those whose entries in the runbook say more."""
    return (
        stat.Panel()
        .title(title)
        .description(why)
        .unit(unit)
        .datasource(PROMETHEUS)
        .span(QUARTER)
        .height(HEIGHT)
        .decimals(decimals)
        .thresholds(_thresholds(steps))
        .links([_entry(alert) for alert in alerts])
        .with_target(_query((expression, title)))
    )


def lines(
    title: str,
    why: str,
    queries: Sequence[Query],
    *,
    unit: str = "short",
    steps: Sequence[Threshold] = (),
    alerts: Sequence[str] = (),
    exemplars: bool = False,
) -> timeseries.Panel:
    """Return a half-width panel of lines over time, those of a contract dashed and red; `steps` shade what lies beyond.

    `alerts` are those whose entries in the runbook say more; `exemplars` shows single values that lead to their trace.
    """
    panel = timeseries.Panel().title(title).description(why).unit(unit).datasource(PROMETHEUS).span(HALF).height(HEIGHT)
    panel = panel.links([_entry(alert) for alert in alerts])
    if any(legend.endswith(" target") for _, legend in queries):
        panel = panel.override_by_regexp(".* target$", ASKED_FOR)
    if steps:
        style = common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.AREA)
        panel = panel.thresholds(_thresholds(steps)).thresholds_style(style)
    for query in queries:
        panel = panel.with_target(_query(query).exemplar(True) if exemplars else _query(query))
    return panel


def chooser(name: str, query: str) -> dashboard.QueryVariable:
    """Return a drop-down filled from a label's values, all chosen at first."""
    return (
        dashboard.QueryVariable(name)
        .query(query)
        .datasource(PROMETHEUS)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .include_all(True)
        .multi(True)
    )


def releases() -> dashboard.AnnotationQuery:
    """Return what marks the moment from which on another build runs."""
    running = 'count by (service, version) (concord_build_info{job="concord"}'
    return (
        dashboard.AnnotationQuery()
        .name("Releases")
        .datasource(PROMETHEUS)
        .enable(True)
        .icon_color("blue")
        .expr(f"{running}) unless {running} offset 2m)")
    )


def _entry(alert: str) -> dashboard.DashboardLink:
    """Return the link to an alert's entry in the runbook, on the site that `make docs` makes."""
    link = dashboard.DashboardLink(f"Runbook: {alert}").type(DashboardLinkType.LINK).target_blank(True)
    return link.url(f"${{docs}}/runbook.html#{alert.lower()}").icon("doc").tooltip("What it means, and what cures it")


def _thresholds(steps: Sequence[Threshold]) -> dashboard.ThresholdsConfig:
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(list(steps))


def _query(query: Query) -> prometheus.Dataquery:
    expression, legend = query
    return prometheus.Dataquery().expr(expression).legend_format(legend).datasource(PROMETHEUS)
