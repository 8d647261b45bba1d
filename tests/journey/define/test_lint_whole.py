"""The linter as a whole."""

from __future__ import annotations

from pathlib import Path

from fewer.journey.define.lint import CODES, Finding, lint
from fewer.language.files import Definitions, load_segments
from fewer.model.condition import Did
from fewer.model.segment import Segment
from journey.define.linting import AS_OF, CATALOG, told

GOOD = """
- id: pricing_hot
  type: content
  where:
    all:
      - did: page_view
        where: {path: {starts_with: /pricing}}
        within: 7d
        count: {at_least: 2}
        lookback: true
      - {did_not: purchase, within: 14d}
      - {consent: ads}
  exclude: [buyers]
  variants: {lookback: [3d, 7d, 14d]}
- id: buyers
  type: recency_frequency
  where: {last: {did: purchase}, within: 14d}
- id: boots
  type: interest
  where: {did: page_view, where: {item.category: {under: shoes > boots}}, within: 14d}
- id: leavers
  type: engagement
  where:
    sequence: [{did: add_to_cart}, {did_not: purchase, within_next: 2d}]
    same: [item_id]
    within: 14d
"""


def test_good_definitions_pass_in_silence():
    assert told(GOOD, ["buyers"]) == []


def test_findings_come_in_the_order_of_the_file_and_read_well():
    text = """
- id: a
  where: {did: purchse, count: {at_most: 2}, within: 90d}
"""
    found = lint(load_segments(text, file="s.yaml"), (), CATALOG, as_of_us=AS_OF)
    assert [str(f) for f in found] == [
        (
            "s.yaml:3:16: warning[unknown_event]: The data has no event 'purchse'."
            " Did you mean 'purchase'?"
        ),
        (
            "s.yaml:3:32: warning[lets_in_none]: This also lets in people without any such event:"
            " their count is 0. To leave them out write between: [1, 2]."
        ),
        (
            "s.yaml:3:54: warning[window_beyond_data]: The data covers 21 of 90 days: it begins"
            " on 2026-03-10. People look less active than they are; build later, or shorten the"
            " window."
        ),
    ]
    assert {f.segment for f in found} == {"a"}


def test_definitions_made_in_python_have_no_place():
    found = lint(Definitions((Segment(id="a", where=Did(did="x", count={"at_most": 2})),)))
    assert [(f.code, str(f.place), str(f)[:8]) for f in found] == [("lets_in_none", "", "warning[")]
    assert isinstance(found[0], Finding)
    assert found[0].problem().code == "lets_in_none"


def test_every_code_is_tested_and_documented():
    tests = "".join(p.read_text() for p in Path(__file__).parent.glob("test_lint_*.py"))
    page = (Path(__file__).parents[3] / "docs/lint.md").read_text()
    for code in CODES:
        assert f"{code}" in tests
        assert f"`{code}`" in page
