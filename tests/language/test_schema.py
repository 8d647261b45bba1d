"""The published schemas accept what the models accept, and refuse what people get wrong."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from fewer.errors import DefinitionError
from fewer.language.data import to_data
from fewer.language.files import load_goals, load_segments
from fewer.language.schema import KINDS, json_schema
from fewer.language.yaml import load, validate
from fewer.model.settings import ProjectSettings
from language.strategies import goals, segments

SCHEMAS = {kind: Draft202012Validator(json_schema(kind)) for kind in KINDS}


def accepts(kind, data):
    return SCHEMAS[kind].is_valid(data)


@pytest.mark.parametrize("kind", KINDS)
def test_is_a_schema_that_can_be_printed(kind):
    schema = json_schema(kind)
    Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert ">>>" not in json.dumps(schema)
    assert '{"type": "null"}' not in json.dumps(schema)


@given(segments)
def test_every_segment_is_accepted(written):
    assert accepts("segments", [to_data(written)])
    assert accepts("segments", {"segments": [to_data(written)]})


@settings(max_examples=40)
@given(goals)
def test_every_goal_is_accepted(written):
    assert accepts("goals", [to_data(written)])


def test_every_condition_and_key_is_described():
    parts = json_schema("segments")["$defs"]
    assert len(parts["Condition"]["oneOf"]) == 14
    for form in parts["Condition"]["oneOf"]:
        assert parts[form["$ref"].rpartition("/")[2]]["description"]


GOOD_CONDITIONS = [
    "{did: page_view, where: {path: /, n: 3, ok: true, tag: [a, b]}, within: 7d, calendar: true}",
    "{did: [a, b], between: {from: 14d, to: 7d}, count: {at_least: 1, at_most: 3}}",
    "{did: '*', since: 2026-03-01, until: 2026-04-01, share: {where: {a: 1}, at_least: 0.5}}",
    "{did: a, periods: {each: 7d, last: 4, at_least: 3}}",
    "{all: [], }",
    "{not: {none: [{any: [{in_list: a}]}]}}",
    "{sequence: [{did: a}, {did_not: b, within_next: 1d}], same: [item_id]}",
    "{last: {did: a}, having: {b: {missing: true}}, within: 7d}",
    "{sample: {percent: 12.5, salt: ''}}",
    "{trait: t, matches: '^a', ignore_case: true}",
]


@pytest.mark.parametrize("written", GOOD_CONDITIONS)
def test_good_conditions(written):
    assert both(f"- {{id: a, where: {written}}}") == (True, True)


def both(text, kind="segments"):
    """Whether the schema accepts a text, and whether the models do."""
    node = load(text, file="x")
    read = {"segments": load_segments, "goals": load_goals}[kind]
    try:
        read(text)
    except DefinitionError:
        ours = False
    else:
        ours = True
    return accepts(kind, node.value), ours


@pytest.mark.parametrize(
    "written",
    [
        "page_view",
        "[{did: a}]",
        "{}",
        "{has_done: a}",
        "{did: a, did_not: b}",
        "{did: []}",
        "{did: ''}",
        "{did: a, wihtin: 7d}",
        "{did: a, within: 7}",
        "{did: a, within: 1month}",
        "{did: a, within: 7d, since: 2026-01-01}",
        "{did: a, within: 7d, between: {from: 14d, to: 7d}}",
        "{did: a, calendar: true}",
        "{did: a, within: 24h, calendar: true}",
        "{did: a, between: [1, 2]}",
        "{did: a, between: {from: 14d}}",
        "{did: a, since: yesterday}",
        "{did: a, count: 3}",
        "{did: a, count: {}}",
        "{did: a, count: {at_least: '3'}}",
        "{did: a, count: {between: [1]}}",
        "{did: a, count: {at_least: 1}, days: {at_least: 1}}",
        "{did: a, sum: {at_least: 1}}",
        "{did: a, periods: {each: 7d, last: 4, at_least: 1}, within: 7d}",
        "{did: a, burst: {count: 0, in: 1h}}",
        "{did: a, where: {}}",
        "{did: a, where: {p: {}}}",
        "{did: a, where: {p: {starts_wth: x}}}",
        "{did: a, where: {p: []}}",
        "{did: a, where: {p: [1, a]}}",
        "{did: a, where: {p: {exists: yes}}}",
        "{did_not: a, count: {at_least: 1}}",
        "{last: {did: a, within: 7d}}",
        "{last: a}",
        "{first: {did: a}, count: {at_least: 1}}",
        "{sequence: []}",
        "{sequence: [{did: a, within_next: 1d}]}",
        "{sequence: [{did_not: a, within_next: 1d}]}",
        "{sequence: [{did: a}, {did_not: b}]}",
        "{sequence: [{did: a}], same: []}",
        "{trait: a}",
        "{trait: a, ignore_case: true}",
        "{in_segment: A}",
        "{sample: {percent: 101, salt: a}}",
        "{all: {did: a}}",
        "{not: [{did: a}]}",
    ],
)
def test_mistakes_are_refused_by_both(written):
    assert both(f"- {{id: a, where: {written}}}") == (False, False)


@pytest.mark.parametrize(
    "written",
    [
        "{id: A, where: {all: []}}",
        "{where: {all: []}}",
        "{id: a}",
        "{id: a, where: {all: []}, type: engaged}",
        "{id: a, where: {all: []}, exclude: b}",
        "{id: a, where: {all: []}, exclude: [b, b]}",
        "{id: a, where: {all: []}, size: 300}",
        "{id: a, where: {all: []}, size: {min: -1}}",
        "{id: a, where: {all: []}, variants: [7d]}",
        "{id: a, where: {all: []}, variants: {lookback: []}}",
        "{id: a, where: {all: []}, status: alive}",
        "{id: a, where: {all: []}, priority: high}",
        "{id: a, where: {all: []}, budget: -1}",
        "{id: a, did: view}",
    ],
)
def test_broken_segments_are_refused_by_both(written):
    assert both(f"- {written}") == (False, False)


@pytest.mark.parametrize(
    "written,good",
    [
        ("{id: o, did: buy, outcome_window: 7d, value: {of: v, currency: EUR}}", True),
        ("{id: o, did: buy}", False),
        ("{id: o, did: buy, outcome_window: 7d, counts: all}", False),
        ("{id: o, did: buy, outcome_window: 7d, value: {of: v, currency: euro}}", False),
        ("{id: o, did: buy, outcome_window: 7d, reversed_by: {did: refund, same: []}}", False),
    ],
)
def test_goals(written, good):
    assert both(f"- {written}", "goals") == (good, good)


PROJECT = """
version: 1
name: Shop
timezone: America/New_York
currency: USD
identity: {session_gap: 30m}
sources:
  - id: baskets
    files: data/*.csv
    options: {delimiter: ";"}
    join: {files: [c.csv], on: {a: b}}
    events:
      event: purchase
      person: household
      ts: {column: t, zone: UTC, format: "%Y-%m-%d"}
      id: [basket, product]
      when: {status: {not_in: [void]}}
      properties:
        item_id: product
        value: {column: v, type: number}
        channel: {constant: store}
        category: {path: [a, b]}
        "*": props
    people:
      person: {first_of: [user, {column: cookie, kind: anonymous}]}
      traits: {age: age}
      consents: {email: {column: optin, granted: ["yes"]}}
exclude: [recent]
consent: {purpose: ads}
"""


def test_a_project_with_its_short_forms():
    node = load(PROJECT, file="fewer.yaml")
    assert [e.message for e in SCHEMAS["project"].iter_errors(node.value)] == []
    assert validate(node, ProjectSettings).sources[0].id == "baskets"


@pytest.mark.parametrize(
    "change",
    [
        {"name": 3}, {"version": 2}, {"datas": "real"}, {"sources": [{"id": "a"}]},
        {"sources": [{"id": "a", "files": "x", "events": {"event": "b"}}]},
        {"consent": "ads"}, {"currency": "dollars"},
    ],
)  # fmt: skip
def test_broken_projects(change):
    assert not accepts("project", load(PROJECT, file="fewer.yaml").value | change)


def test_a_creative_with_its_short_forms():
    creative = {"id": "a", "segment": "hot", "format": "meta_feed", "headline": "Hi"}
    assert accepts("creatives", [creative])
    assert accepts("creatives", [creative | {"headline": ["Hi", "Ho"], "segment": ["a", "b@7d"]}])
    assert not accepts("creatives", [creative | {"headlines": "Hi"}])
