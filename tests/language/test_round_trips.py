"""YAML, JSON and Python are three forms of one thing: any definition survives each of them."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fewer.language import json as our_json
from fewer.language.data import to_data
from fewer.language.files import load_goals, load_segments
from fewer.language.python import imports, to_python
from fewer.language.write import to_yaml, write
from fewer.language.yaml import load, validate
from fewer.model.condition import HEADS, AllOf, Did, Trait
from fewer.model.goal import Goal
from fewer.model.segment import Segment, SizeGuard
from language.strategies import ODD, conditions, goals, segments, texts

NAMES = {model.__name__: model for model in (*HEADS.values(), Segment, Goal)}
NAMES["Decimal"] = Decimal


@given(st.lists(segments, min_size=1, max_size=3, unique_by=lambda s: s.id))
def test_segments_survive_yaml(written):
    assert load_segments(to_yaml(written)).segments == tuple(written)


@given(st.lists(segments, min_size=1, max_size=3, unique_by=lambda s: s.id))
def test_segments_survive_json(written):
    data = [to_data(segment) for segment in written]
    for indent in (None, 2):
        assert load_segments(our_json.dumps(data, indent=indent)).segments == tuple(written)


@given(segments | conditions | goals)
def test_definitions_survive_python(written):
    source = to_python(written)
    assert eval(source, dict(NAMES)) == written  # noqa: S307
    used = dict(re.findall(r"from (\w+) import (.*)", imports(written)))
    assert set(used) <= {"decimal", "fewer"}
    names = {n: NAMES[n] for line in used.values() for n in line.split(", ")}
    assert eval(source, {"__builtins__": {}, **names}) == written  # noqa: S307


@given(goals)
def test_goals_survive_yaml_and_json(written):
    assert load_goals(to_yaml([written])).goals == (written,)
    assert load_goals(our_json.dumps([to_data(written)])).goals == (written,)


@given(segments)
def test_yaml_1_1_reads_every_text_as_the_same_text(written):
    """Other people's tools still follow the old version: what we write means the same to them."""

    def texts_of(value, found):
        if isinstance(value, dict):
            for key, member in value.items():
                found.append(key)
                texts_of(member, found)
        elif isinstance(value, list):
            for member in value:
                texts_of(member, found)
        elif isinstance(value, str):
            found.append(value)
        else:
            found.append(type(value) is bool)
        return found

    data = to_data(written)
    assert texts_of(yaml.safe_load(write(data)), []) == texts_of(data, [])


@given(segments)
def test_json_is_what_everyone_else_reads(written):
    data = to_data(written)
    text = our_json.dumps(data)
    theirs = json.loads(text, parse_float=Decimal)
    assert our_json.dumps(theirs) == text
    # and the other way round: what others write, surrogate pairs and all, is read by us
    assert load(json.dumps(theirs, default=str), file="x").check().value == json.loads(
        json.dumps(theirs, default=str), parse_float=Decimal
    )


@given(texts, st.sampled_from(["block", "flow", "json", "key"]))
def test_any_text_survives_anywhere(text, where):
    data = {
        "block": {"a": text, "b": [[[text]]]},
        "flow": {"a": [text, text]},
        "json": {"a": text},
        "key": {text: 1, "other": {text: {text: [text]}}},
    }[where]
    written = our_json.dumps(data) if where == "json" else write(data)
    assert load(written, file="x").check().value == data


@pytest.mark.parametrize("text", ODD)
def test_every_odd_text_survives_as_key_and_value(text):
    data = {"k": text, "in": {text: [text, {text: text}]}, text: 1}
    assert load(write(data), file="x").check().value == data
    assert load(our_json.dumps(data, indent=2), file="x").check().value == data


@given(segments, st.randoms())
def test_fingerprint_knows_meaning_not_writing(written, random):
    def shuffled(value):
        if isinstance(value, dict):
            entries = [(k, shuffled(v)) for k, v in value.items()]
            random.shuffle(entries)
            return dict(entries)
        return [shuffled(v) for v in value] if isinstance(value, list) else value

    again = validate(load(write(shuffled(to_data(written))), file="x"), Segment)
    assert our_json.fingerprint(again) == our_json.fingerprint(written)
    other = written.model_copy(update={"status": "live" if written.status != "live" else "draft"})
    assert our_json.fingerprint(other) != our_json.fingerprint(written)


@given(conditions, conditions)
def test_canonical_texts_are_equal_when_definitions_are(one, other):
    assert (our_json.canonical(one) == our_json.canonical(other)) == (one == other)


@pytest.mark.parametrize(
    "one,other",
    [
        ("did: view", "did: [view]"),
        ("did: view\ncount: {at_least: 1}", "did: view\ncount: {at_least: 1.000}"),
        ("did: view\nwhere: {a: 1}", "did: view\nwhere: {a: {equals: 1e0}}"),
        ("did: view\nwhere: {a: [x]}", "did: view\nwhere: {a: {in: ['x']}}"),
        ("did: view\nwithin: 7d", '{"within": "7d", "lookback": false, "did": ["view"]}'),
    ],
)
def test_two_ways_of_writing_one_thing(one, other):
    read = [validate(load(text, file="x"), Did) for text in (one, other)]
    assert read[0] == read[1]
    assert our_json.fingerprint(read[0]) == our_json.fingerprint(read[1])


def test_python_source_is_short():
    condition = AllOf(
        all=[
            Did(did="page_view", where={"path": {"starts_with": "/pricing"}}, within="7d"),
            Trait(trait="country", in_=["DE", "NO"]),
        ]
    )
    assert to_python(condition) == (
        "AllOf(\n"
        "    all=[\n"
        '        Did(did="page_view", where={"path": {"starts_with": "/pricing"}}, within="7d"),\n'
        '        Trait(trait="country", in_=["DE", "NO"]),\n'
        "    ],\n"
        ")"
    )
    assert imports(condition) == "from fewer import AllOf, Did, Trait"


def test_yaml_is_readable():
    segment = Segment(
        id="pricing_hot",
        name="Saw pricing: twice",
        where=AllOf(
            all=[
                Did(
                    did="page_view",
                    where={"path": {"starts_with": "/pricing"}, "device": "mobile"},
                    within="7d",
                    count={"at_least": 2},
                ),
                {"did_not": "purchase", "since": "2026-03-01"},
                {"trait": "score", "at_least": Decimal("9199999999999.123456")},
            ]
        ),
        exclude=["recent_buyers"],
        size=SizeGuard(max=5_000),
    )
    assert to_yaml([segment]) == (
        "- id: pricing_hot\n"
        '  name: "Saw pricing: twice"\n'
        "  where:\n"
        "    all:\n"
        "      - did: page_view\n"
        "        where: {path: {starts_with: /pricing}, device: mobile}\n"
        "        within: 7d\n"
        "        count: {at_least: 2}\n"
        '      - {did_not: purchase, since: "2026-03-01"}\n'
        "      - {trait: score, at_least: 9199999999999.123456}\n"
        "  exclude: [recent_buyers]\n"
        "  size: {max: 5000}\n"
    )


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity"), object(), {1}]
)
def test_what_json_cannot_say_is_refused(value):
    with pytest.raises(TypeError, match="JSON has no way to write"):
        our_json.dumps({"a": [value]})
