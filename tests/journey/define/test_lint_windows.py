"""Windows that reach beyond the data."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from fewer.journey.define.lint import lint
from fewer.language.files import load_segments
from journey.define.linting import AS_OF, CATALOG, DAY, about, only, told


@pytest.mark.parametrize(
    "condition,code,words",
    [
        (
            "{did: purchase, within: 30d}",
            "window_beyond_data",
            "The data covers 21 of 30 days: it begins on 2026-03-10.",
        ),
        ("{did: purchase, within: 1000d}", "window_beyond_data", "21 of 1,000 days"),
        ("{did: purchase, within: 25d, calendar: true}", "window_beyond_data", "21 of 25 days"),
        ("{did: purchase, between: {from: 60d, to: 7d}}", "window_beyond_data", "21 of 60 days"),
        (
            "{did: purchase, periods: {each: 7d, last: 4, at_least: 3}}",
            "window_beyond_data",
            "21 of 28 days",
        ),
        ("{did_not: purchase, within: 22d}", "window_beyond_data", "21 of 22 days"),
        ("{sequence: [{did: purchase}], within: 4w}", "window_beyond_data", "21 of 28 days"),
        (
            "{did: purchase, since: 2026-03-01}",
            "window_beyond_data",
            "before the first event (2026-03-10)",
        ),
        (
            "{did: purchase, until: 2026-03-01}",
            "window_outside_data",
            "ends before the first event",
        ),
        (
            "{did: purchase, between: {from: 60d, to: 40d}}",
            "window_outside_data",
            "ends before the first event",
        ),
        (
            "{did: purchase, since: 2026-04-02}",
            "window_outside_data",
            "after the last event (2026-03-30)",
        ),
    ],
)
def test_windows(condition, code, words):
    found, text = only(condition)
    assert (found, words in text, text) == (code, True, text)


@pytest.mark.parametrize(
    "condition",
    [
        "{did: purchase, within: 21d}",
        "{did: purchase}",
        "{did: purchase, between: {from: 21d, to: 7d}}",
        "{did: purchase, since: 2026-03-10, until: 2026-05-01}",
        "{did: purchase, until: 2026-03-12}",
        "{trait: age, exists: true}",
    ],
)
def test_windows_inside_the_data(condition):
    assert about(condition) == []


def test_windows_end_with_the_data_unless_a_moment_is_given():
    text = "- {id: a, where: {did: purchase, within: 21d}}"
    assert told(text, as_of_us=None) == []
    assert told(text, as_of_us=AS_OF - DAY) == ["1:42 window_beyond_data"]
    assert told(text, as_of_us=AS_OF + 9 * DAY) == []
    assert told(text, as_of_us=AS_OF + 22 * DAY) == ["1:42 window_outside_data"]


def test_every_lookback_variant_is_measured():
    text = "- {id: a, where: {did: purchase, within: 7d}, variants: {lookback: [7d, 14d, 30d]}}"
    assert told(text) == ["1:78 window_beyond_data"]


def test_days_are_those_of_the_zone():
    found = lint(
        load_segments("- {id: a, where: {did: purchase, within: 30d}}"),
        (),
        CATALOG,
        as_of_us=AS_OF,
        zone=ZoneInfo("America/New_York"),
    )
    assert "begins on 2026-03-09" in found[0].message
