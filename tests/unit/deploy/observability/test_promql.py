"""The reader of expressions that the other tests stand on."""

from tests.integration.observability.promql import Selector, groupings, selectors


def test_names_labels_windows_and_rates_are_read() -> None:
    asked = 'sum by (service, le) (rate(concord_a_total{x="1", y=~"concord_b"}[5m])) / on (z) concord_c'
    assert list(selectors(asked)) == [
        Selector("concord_a_total", frozenset({"x", "y"}), windowed=True, rated=True),
        Selector("concord_c", frozenset(), windowed=False, rated=False),
    ]
    assert groupings(asked) == {"service", "le", "z"}


def test_recorded_series_are_not_taken_for_a_services() -> None:
    assert list(selectors("concord:a:ratio > 1")) == []
