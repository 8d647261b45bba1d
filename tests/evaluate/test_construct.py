"""Constructs of the language have one name each, which engines use to say what they lack."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest
from pydantic import TypeAdapter

from fewer.errors import UnsupportedByEngineError
from fewer.evaluate.engines.base import GROUP, Capabilities
from fewer.evaluate.plan.construct import CONSTRUCTS, constructs
from fewer.model.condition import HEADS, Condition
from fewer.model.measure import MEASURES
from fewer.model.segment import Segment
from fewer.project.explaining import lacking, refuse_lacking

CASES = [
    ({"did": "a"}, "did count"),
    ({"did": "a", "within": "7d", "calendar": True}, "did count calendar"),
    ({"did": "a", "where": {"x": 1, "item.brand": ["b"]}}, "did count equals in item"),
    ({"did_not": "a", "where": {"x": {"contains": "b", "ignore_case": True}}},
     "did_not contains ignore_case"),
    ({"did": "a", "days": {"at_least": 2}}, "did days"),
    ({"did": "a", "distinct": {"of": "item.brand", "at_least": 2}}, "did distinct item"),
    ({"did": "a", "sum": {"of": "v", "at_least": 2}}, "did sum"),
    ({"did": "a", "mean": {"of": "v", "at_least": 2}}, "did mean"),
    ({"did": "a", "burst": {"count": 2, "in": "1h"}}, "did burst"),
    ({"did": "a", "periods": {"each": "7d", "last": 4, "at_least": 2}}, "did periods"),
    ({"did": "a", "share": {"where": {"x": {"missing": True}}, "at_least": 0.5}},
     "did share missing"),
    ({"last": {"did": "a", "where": {"x": {"exists": True}}}, "within": "7d",
      "having": {"y": {"under": "A > B"}}}, "last exists having under"),
    ({"first": {"did": "a"}, "within": "7d"}, "first"),
    ({"sequence": [{"did": "a"}, {"did": "b"}]}, "sequence"),
    ({"sequence": [{"did": "a"}, {"did_not": "b", "within_next": "1d",
                                  "where": {"x": {"matches": "^a"}}}],
      "same": ["item_id", "session_id"]}, "sequence absent_step same session_id matches"),
    ({"trait": "t", "within_next": "30d"}, "trait within_next"),
    ({"trait": "t", "equals": "a", "ignore_case": True}, "trait equals ignore_case"),
    ({"consent": "ads"}, "consent"),
    ({"in_list": "l"}, "in_list"),
    ({"in_segment": "s"}, "in_segment"),
    ({"sample": {"percent": 5, "salt": "a"}}, "sample"),
    ({"all": [{"any": []}, {"none": [{"not": {"did": "a"}}]}]}, "all any none not did count"),
]  # fmt: skip


@pytest.mark.parametrize("condition, names", CASES)
def test_constructs_of_a_condition(condition, names):
    found = constructs(TypeAdapter(Condition).validate_python(condition))
    assert found == set(names.split())
    assert found <= CONSTRUCTS


def test_cases_have_every_condition_and_measure():
    named = {name for _, names in CASES for name in names.split()}
    assert set(HEADS) <= named
    assert set(MEASURES) - {"min", "max"} <= named


def test_what_an_engine_lacks_is_said_with_segment_and_alternative():
    lacks = {"sequence": "Use --engine duckdb.", "matches": "List the values with `in`."}
    capabilities = Capabilities("x", executed_in_tests=True, lacks=lacks)
    segments = [
        Segment.model_validate({"id": f"s{n}", "where": condition})
        for n, (condition, _) in enumerate(CASES)
    ]
    found = lacking(segments, capabilities)
    assert [(o.segment, o.construct) for o in found] == [
        ("s13", "sequence"),
        ("s14", "matches"),
        ("s14", "sequence"),
    ]
    with pytest.raises(UnsupportedByEngineError) as caught:
        refuse_lacking(segments, capabilities, "mine", shown=2)
    said = str(caught.value)
    assert "The engine 'mine' can't evaluate this." in said
    assert "s13 uses 'sequence'. Use --engine duckdb." in said
    assert "And 1 more." in said
    refuse_lacking(segments[:13], capabilities, "mine")


@pytest.mark.parametrize("name", ["duckdb", "embedded"])
def test_engines_of_this_process_lack_nothing(name):
    [point] = entry_points(group=GROUP, name=name)
    assert not CONSTRUCTS & point.load().capabilities.lacks.keys()
