"""The parts that the dashboard is built of: a number, lines over time, a drop-down; all ask Prometheus."""

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models.dashboard import DataSourceRef, Threshold, ThresholdsMode, VariableRefresh

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="${datasource}")
HEIGHT, HALF, QUARTER = 8, 12, 6

Query = tuple[str, str]
"""A PromQL expression and the legend of its series."""


def number(
    title: str, why: str, expression: str, *, decimals: int = 0, steps: list[Threshold] | None = None
) -> stat.Panel:
    """Return one number, coloured by its thresholds."""
    thresholds = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps or [Threshold(color="green")])
    return (
        stat.Panel()
        .title(title)
        .description(why)
        .unit("none")
        .datasource(PROMETHEUS)
        .span(QUARTER)
        .height(HEIGHT)
        .decimals(decimals)
        .thresholds(thresholds)
        .with_target(_query((expression, title)))
    )


def lines(title: str, why: str, queries: list[Query], *, unit: str = "short") -> timeseries.Panel:
    """Return a half-width panel of lines over time."""
    panel = timeseries.Panel().title(title).description(why).unit(unit).datasource(PROMETHEUS).span(HALF).height(HEIGHT)
    for query in queries:
        panel = panel.with_target(_query(query))
    return panel


def _query(query: Query) -> prometheus.Dataquery:
    expression, legend = query
    return prometheus.Dataquery().expr(expression).legend_format(legend).datasource(PROMETHEUS)


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
