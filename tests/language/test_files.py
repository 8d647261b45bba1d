"""Files of definitions: several of them, in YAML or JSON, with the place of everything."""

from __future__ import annotations

import pytest

from fewer.errors import DefinitionError, NotFoundError
from fewer.language.files import (
    Definitions,
    load_definitions,
    load_goals,
    load_segments,
)
from fewer.model.condition import Did
from fewer.model.segment import Segment, expand

HOT = """\
# the hot ones
- id: hot
  where:
    all:
      - did: page_view
        within: 7d
      - {in_segment: buyers}
  exclude: [buyers]
  variants: {lookback: [7d, 14d]}
"""
BUYERS = '{"segments": [{"id": "buyers", "where": {"did": "purchase"}}]}'
GOALS = "goals:\n  - {id: order, did: purchase, outcome_window: 7d}\n"


def refused(read, *given):
    with pytest.raises(DefinitionError) as caught:
        read(*given)
    return [f"{p.place} {p.code} {p.message} {p.hint}".strip() for p in caught.value.problems]


@pytest.fixture
def definitions() -> Definitions:
    return load_definitions(
        {"segments/hot.yaml": HOT, "segments/b.json": BUYERS.encode()}, {"goals.yaml": GOALS}
    )


def test_lists_and_mappings_of_several_files(definitions):
    assert definitions.segment_ids == ("hot", "buyers")
    assert [goal.id for goal in definitions.goals] == ["order"]
    assert definitions.segment("buyers").where == Did(did="purchase")
    assert definitions.goal("order").outcome_window.words == "7 days"


@pytest.mark.parametrize(
    "path,place,text",
    [
        ((), "segments/hot.yaml:2:3", "id: hot…"),
        (("id",), "segments/hot.yaml:2:7", "hot"),
        (("where", "all", 0, "within"), "segments/hot.yaml:6:17", "7d"),
        (("where", "all", 1, "in_segment"), "segments/hot.yaml:7:22", "buyers"),
        (("where", "all", 1, "nothing", "there"), "segments/hot.yaml:7:9", "{in_segment: buyers}"),
        (("exclude", 0), "segments/hot.yaml:8:13", "buyers"),
        (("variants", "lookback", 1), "segments/hot.yaml:9:29", "14d"),
    ],
)
def test_places_of_parts(definitions, path, place, text):
    found = definitions.place("hot", path)
    assert (str(found), found.text) == (place, text)
    variant = expand(definitions.segments)[1]
    assert definitions.place(variant.id, path) == found


def test_places_of_keys_and_goals_and_json(definitions):
    key = definitions.place("hot", ("where", "all", 0, "within"), key=True)
    assert (str(key), key.text) == ("segments/hot.yaml:6:9", "within")
    assert str(definitions.place("buyers", ("where", "did"))) == "segments/b.json:1:49"
    assert str(definitions.goal_place("order", ("did",))) == "goals.yaml:2:22"
    assert str(definitions.goal_place("order", ("did",), key=True)) == "goals.yaml:2:17"
    assert str(definitions.place("nobody")) == ""


def test_what_is_not_there(definitions):
    with pytest.raises(NotFoundError, match=r"No segment 'buyer'\. Did you mean 'buyers'"):
        definitions.segment("buyer")
    with pytest.raises(NotFoundError, match=r"No goal 'orders'\. Did you mean 'order'"):
        definitions.goal("orders")


def test_definitions_made_in_python_have_no_places():
    made = Definitions((Segment(id="a", where=Did(did="x")),))
    assert made.segment("a").title == "a"
    assert str(made.place("a", ("where",))) == ""


@pytest.mark.parametrize(
    "text", ["", "# nothing yet\n", "[]", "segments: []", "- []\n"[:0], '{"segments": []}']
)
def test_files_without_segments(text):
    assert load_segments(text).segments == ()


def test_an_id_twice_names_both_places():
    files = {
        "a.yaml": "- {id: x, where: {did: a}}\n- {id: y, where: {did: a}}\n",
        "b.yaml": "- {id: y, where: {did: b}}\n",
        "c.json": '[{"id": "x", "where": {"did": "c"}}]',
    }
    assert refused(load_segments, files) == [
        (
            "b.yaml:1:8 duplicate_id The id 'y' is used twice, first at a.yaml:2:8."
            " Rename one of them."
        ),
        (
            "c.json:1:9 duplicate_id The id 'x' is used twice, first at a.yaml:1:8."
            " Rename one of them."
        ),
    ]


def test_a_goal_may_have_the_id_of_a_segment():
    both = load_definitions(
        {"s.yaml": "- {id: order, where: {did: a}}"},
        {"g.yaml": "- {id: order, did: a, outcome_window: 1d}"},
    )
    assert str(both.place("order")) == "s.yaml:1:3"
    assert str(both.goal_place("order")) == "g.yaml:1:3"


def test_the_mistakes_of_all_files_come_together():
    files = {
        "b.yaml": "- {id: B, where: {did: a}}",
        "a.yaml": "- id: a\n  where: [",
        "c.yaml": b"- id: \xff",
        "d.yaml": "- {id: d, where: {did: a}}",
    }
    goals = {"goals.yaml": "- {id: g, did: a}"}
    assert [line.split()[:2] for line in refused(load_definitions, files, goals)] == [
        ["a.yaml:2:10", "open_bracket"],
        ["b.yaml:1:8", "bad_id"],
        ["c.yaml:1:7", "not_utf8"],
        ["goals.yaml:1:3", "missing_key"],
    ]


@pytest.mark.parametrize(
    "text,problem",
    [
        (
            "just text",
            ("<text>:1:1 not_a_list Expected a list of segments, or a mapping with the one key"
            " 'segments'. Write '- id: ...' for each of the segments."),
        ),
        ("12", "<text>:1:1 not_a_list"),
        (
            "id: a\nwhere: {did: x}",
            ("<text>:1:1 not_a_list Expected a list of segments, or a mapping with the one key"
            " 'segments'. Begin each of the segments with '- ', also when there is only one."),
        ),
        ("pricing_hot:\n  where: {did: x}", "<text>:1:1 not_a_list"),
        ("segments: []\ngoals: []", "<text>:2:1 unknown_key There is no key 'goals' here. Keep"),
        ("segments: {id: a}", "<text>:1:11 not_a_list Expected a list. Begin each item with '- '"),
        ("segments:", "<text>:1:1 empty_value Nothing is written after 'segments'."),
        ("- a\n- b\n", "<text>:1:3 not_a_mapping"),
    ],
)  # fmt: skip
def test_files_of_another_form(text, problem):
    assert refused(load_segments, text)[0].startswith(problem)


def test_other_forms_of_goals():
    assert (
        load_goals("- {id: o, did: x, outcome_window: 7d, gap: 1d}").goals[0].gap.words == "1 day"
    )
    assert refused(load_goals, "segments: []")[0].startswith("<text>:1:1 not_a_list")


def test_thousand_segments_have_their_places():
    text = "".join(f"- id: s{n}\n  where: {{did: x, within: {n + 1}d}}\n" for n in range(1000))
    found = load_segments(text)
    assert str(found.place("s999", ("where", "within"))) == "<text>:2000:27"
