"""One condition or segment, however it is written, keeps the place of everything in it."""

from __future__ import annotations

import pytest

from fewer.errors import DefinitionError
from fewer.language.one import read_one
from fewer.model.condition import AllOf, Did
from fewer.model.segment import Segment

BOTH = {"all": [{"did": "a", "where": {"x": 1}}, {"trait": "plan", "equals": "pro"}]}


@pytest.mark.parametrize(
    "written",
    [
        BOTH,
        AllOf.model_validate(BOTH),
        "all: [{did: a, where: {x: 1}}, {trait: plan, equals: pro}]",
        b'{"all": [{"did": "a", "where": {"x": 1}}, {"trait": "plan", "equals": "pro"}]}',
        {"where": BOTH},
        {"id": "mine", "where": BOTH},
        [{"id": "mine", "where": BOTH}],
        "[{id: mine, where: {all: [{did: a, where: {x: 1}}, {trait: plan, equals: pro}]}}]",
        Segment(id="mine", where=AllOf.model_validate(BOTH)),
    ],
)
def test_every_form_is_the_same(written):
    if isinstance(written, list):
        written = str(written).replace("'", '"')
    [found] = read_one(written, name="mine").segments
    assert found == Segment(id="mine", where=AllOf.model_validate(BOTH))


@pytest.mark.parametrize(
    "text, path, place",
    [
        ("did: a\nwhere:\n  path: /x\n", ("where", "where", "path"), "<condition>:3:9"),
        ("did: a\nwhere:\n  path: /x\n", ("where", "did"), "<condition>:1:6"),
        ("did: a\nwithin: 7d\n", ("where",), "<condition>:1:1"),
        ("where: {did: a}\nexclude: [b, c]\n", ("exclude", 1), "<condition>:2:14"),
        ("- id: mine\n  where: {did: a}\n", ("where", "did"), "<condition>:2:16"),
    ],
)
def test_places_are_those_of_the_text(text, path, place):
    found = read_one(text, name="mine")
    assert str(found.place("mine", path)) == place


def test_the_place_of_a_key():
    found = read_one("did: a\nwithin: 7d\n", name="mine")
    assert str(found.place("mine", ("where", "within"), key=True)) == "<condition>:2:1"


def test_models_have_no_place():
    assert str(read_one(Did(did="a"), name="mine").place("mine", ("where", "did"))) == ""


@pytest.mark.parametrize(
    "text, codes",
    [
        ("did: a\nwihtin: 7d\ncuont: {at_least: 1}\n", ["unknown_key", "unknown_key"]),
        ("where: {did: a}\nexclud: [b]\n", ["unknown_key"]),
        ("[]", ["not_one"]),
        ("3", ["bad_condition"]),
        ("did: a\ndid: b\n", ["duplicate_key"]),
        ("where:\n", ["empty_value"]),
    ],
)
def test_every_mistake_is_found(text, codes):
    with pytest.raises(DefinitionError) as caught:
        read_one(text, name="mine")
    assert [problem.code for problem in caught.value.problems] == codes
    assert all(problem.line for problem in caught.value.problems)
