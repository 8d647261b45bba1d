"""The guide to the language holds: its definitions are read, and read in the words it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.guide import Block, blocks
from fewer.errors import DefinitionError
from fewer.journey.define.lint import lint
from fewer.language.files import load_goals, load_segments
from fewer.language.schema import json_schema
from fewer.language.words import describe
from fewer.language.yaml import load, validate
from fewer.model.condition import HEADS, Condition
from fewer.model.measure import COMPARISONS, MEASURES
from fewer.model.predicate import ANY_TESTS, NUMBER_TESTS, TEXT_TESTS, TIME_TESTS
from fewer.model.segment import Segment

PAGE = Path(__file__).parents[2] / "docs/segments.md"
TEXT = PAGE.read_text()
YAML = [block for block in blocks(TEXT) if block.language == "yaml"]


def words_below(block: Block) -> str | None:
    """The quotation that follows a block, if one does."""
    lines = TEXT.splitlines()
    rest = lines[block.line - 1 + block.text.count("\n") :]
    below = [line for line in rest[1:] if line.strip()]
    return below[0].removeprefix("> ") if below and below[0].startswith("> ") else None


def place(block: Block) -> str:
    return f"line {block.line}"


def read(block: Block):
    """The definitions of a block: segments, goals, or one condition."""
    node = load(block.text, file="segments.md")
    if isinstance(node.value, dict):
        return [validate(node, Condition)]
    if "outcome_window" in block.text:
        return load_goals(block.text).goals
    return load_segments(block.text).segments


@pytest.mark.parametrize("block", [b for b in YAML if "error" not in b.options], ids=place)
def test_definitions_are_read_in_the_words_shown(block):
    found = read(block)
    assert found
    if shown := words_below(block):
        assert shown == describe(found[0])
    elif isinstance(found[0], Segment):
        errors = [f for f in lint(load_segments(block.text)) if f.severity == "error"]
        assert errors == []
    else:
        pytest.fail("a condition without its words")


@pytest.mark.parametrize("block", [b for b in YAML if "error" in b.options], ids=place)
def test_mistakes_are_refused_as_said(block):
    with pytest.raises(DefinitionError) as caught:
        read(block)
    assert [problem.code for problem in caught.value.problems] == [block.options["error"]]


def test_the_guide_is_complete():
    """Every word of the language is in it: heads, measures, bounds, tests, keys of segments."""
    code = re.findall(r"```.*?```|`[^`]+`", TEXT, re.DOTALL)
    written = set(re.findall(r"[a-z_]+", " ".join(code)))
    keys = set(json_schema("segments")["$defs"]["Segment"]["properties"])
    tests = (*ANY_TESTS, *NUMBER_TESTS, *TEXT_TESTS, *TIME_TESTS)
    words = {*HEADS, *MEASURES, *COMPARISONS, *tests, *keys, "ignore_case", "having", "same"}
    windows = {"within", "between", "since", "until", "calendar", "within_next", "lookback"}
    assert words | windows <= written
    assert len(YAML) > 25
