"""References, circles, duplicates, lookback variants."""

from __future__ import annotations

import pytest

from fewer.errors import CycleError, DefinitionError
from fewer.journey.define.lint import lint, order
from fewer.language.files import Definitions, load_segments
from fewer.model.segment import Segment
from journey.define.linting import about, told


def test_unknown_segments():
    text = """
- {id: pricing_hot, where: {did: purchase, within: 7d}, variants: {lookback: [3d, 14d]}}
- {id: a, where: {in_segment: pricing_hto}, exclude: [pricing_hot@14d, pricing_hot@7d, a@7d, zzz]}
"""
    assert told(text) == [f"3:{c} unknown_segment" for c in (31, 72, 88, 94)]
    hints = [f.hint for f in lint(load_segments(text))]
    assert hints == [
        "Did you mean 'pricing_hot'?",
        "The variants of 'pricing_hot' are pricing_hot@3d, pricing_hot@14d.",
        "'a' has no lookback variants: add variants: {lookback: [...]} to it.",
        "Segments: a, pricing_hot, pricing_hot@14d, pricing_hot@3d.",
    ]
    assert all(f.severity == "error" for f in lint(load_segments(text)))


def test_the_project_may_exclude_only_what_there_is():
    found = lint(load_segments("- {id: buyers, where: {did: purchase}}"), ["buyrs"])
    assert [(f.severity, f.code, str(f.place), f.hint) for f in found] == [
        ("error", "unknown_segment", "", "Did you mean 'buyers'?")
    ]


CIRCLES = """
- {id: a, where: {in_segment: b}}
- {id: b, where: {all: [{did: purchase}, {in_segment: c}]}}
- {id: c, where: {did: purchase}, exclude: [a]}
- {id: d, where: {in_segment: d}}
- {id: e, where: {in_segment: f@7d}}
- {id: f, where: {did: purchase, within: 1d}, variants: {lookback: [7d]}, exclude: [e]}
- {id: free, where: {in_segment: a}}
"""


def test_circles_are_named_in_full():
    found = [f for f in lint(load_segments(CIRCLES, file="s.yaml")) if f.code == "segment_cycle"]
    assert [(str(f.place), f.message) for f in found] == [
        ("s.yaml:2:31", "Segments refer to one another in a circle: a -> b -> c -> a."),
        ("s.yaml:5:31", "The segment 'd' refers to itself."),
        ("s.yaml:6:31", "Segments refer to one another in a circle: e -> f -> e."),
    ]
    with pytest.raises(CycleError) as caught:
        order(load_segments(CIRCLES, file="s.yaml"))
    assert [p.message for p in caught.value.problems] == [f.message for f in found]
    assert caught.value.code == "segment_cycle"


DEFAULTS = """
- {id: recent, where: {all: [{did: purchase, within: 7d}, {in_segment: humans}]}}
- {id: humans, where: {did: page_view}}
- {id: hot, where: {did: page_view, within: 1d}}
"""


def test_a_default_exclusion_may_refer_only_to_segments_without_defaults():
    found = lint(load_segments(DEFAULTS, file="s.yaml"), ["recent"])
    assert [(str(f.place), f.code, f.message, f.hint) for f in found] == [
        (
            "s.yaml:2:72",
            "segment_cycle",
            "Segments refer to one another in a circle: recent -> humans -> recent.",
            (
                "'humans' has the project's own exclusions: write exclude_defaults: false in it,"
                " or take one of these references out."
            ),
        )
    ]
    good = DEFAULTS.replace("{did: page_view}}", "{did: page_view}, exclude_defaults: false}")
    assert told(good, ["recent"]) == []
    assert [s.id for s in order(load_segments(good), ["recent"])] == ["humans", "recent", "hot"]


def test_order_puts_everything_after_what_it_needs():
    text = """
- {id: a, where: {in_segment: b@7d}, exclude: [c]}
- {id: b, where: {did: purchase, within: 1d}, variants: {lookback: [7d]}, exclude: [d]}
- {id: c, where: {in_segment: d}}
- {id: d, where: {did: purchase}}
"""
    ids = [segment.id for segment in order(load_segments(text))]
    assert sorted(ids) == ["a", "b", "b@7d", "c", "d"]
    for one, other in [("a", "b@7d"), ("a", "c"), ("b", "d"), ("b@7d", "d"), ("c", "d")]:
        assert ids.index(one) > ids.index(other)


def test_order_refuses_what_is_unknown_or_unclear():
    with pytest.raises(DefinitionError) as caught:
        order(load_segments("- {id: a, where: {in_segment: b}}"))
    assert [p.code for p in caught.value.problems] == ["unknown_segment"]
    assert not isinstance(caught.value, CycleError)


@pytest.mark.slow
def test_a_long_chain_is_no_trouble():
    chain = [{"id": "s0", "where": {"did": "x"}}]
    chain += [{"id": f"s{n}", "where": {"in_segment": f"s{n - 1}"}} for n in range(1, 5000)]
    segments = tuple(Segment.model_validate(one) for one in reversed(chain))
    definitions = Definitions(segments)
    assert [f for f in lint(definitions) if f.severity == "error"] == []
    assert [s.id for s in order(definitions)][:3] == ["s0", "s1", "s2"]


def test_duplicates():
    text = """
- {id: a, where: {all: [{did: purchase, within: 7d}, {in_list: vip}]}, exclude: [c, d]}
- {id: b, where: {all: [{in_list: vip}, {did: [purchase], within: 1w}]}, exclude: [d, c]}
- {id: c, where: {did_not: refund}}
- {id: d, where: {not: {did: refund, count: {at_least: 1}}}}
- {id: e, where: {not: {did: refund}}, exclude: [c]}
- {id: f, where: {did: refund}, exclude_defaults: false}
- {id: g, where: {did: refund}}
"""
    assert told(text) == ["3:8 duplicate_segment", "5:8 duplicate_segment", "8:8 duplicate_segment"]
    assert "8:8 duplicate_segment" not in told(text, ["c"])


@pytest.mark.parametrize(
    "where,finding",
    [
        ("{did: purchase}", "1:34 lookback_unclear"),
        ("{all: [{did: purchase, within: 7d}, {did_not: refund, within: 7d}]}", None),
        ("{did: purchase, lookback: true}", None),
        ("{did: purchase, within: 7d}", ""),
    ],
)
def test_lookback(where, finding):
    text = f"- {{id: a, where: {where}, variants: {{lookback: [7d, 14d]}}}}"
    errors = [f for f in lint(load_segments(text)) if f.severity == "error"]
    assert [f.code for f in errors] == ([] if finding == "" else ["lookback_unclear"])
    if "lookback: true" in where:
        assert (errors[0].place.line, errors[0].place.text) == (1, "lookback")
    elif errors:
        assert errors[0].place.column == text.index("lookback: [") + 1


def test_a_mark_without_variants():
    assert about("{did: purchase, within: 7d, lookback: true}") == ["1:46 lookback_unused"]
