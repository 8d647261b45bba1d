"""The guide to creatives holds: its examples are read, its lists are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.guide import Block, blocks
from fewer.errors import DefinitionError
from fewer.journey.tailor.check import CONTEXT
from fewer.journey.tailor.formats import FORMATS, Limit
from fewer.journey.tailor.library import load_creatives
from fewer.journey.tailor.template import FILTERS, LONGEST, TAGS
from fewer.language.schema import json_schema
from fewer.model.creative import UTM_KEYS, Creative
from fewer.model.segment import Segment

PAGE = Path(__file__).parents[2] / "docs/creatives.md"
TEXT = PAGE.read_text()
CREATIVES = [
    block
    for block in blocks(TEXT)
    if block.language == "yaml" and block.options.get("title", "creatives/").startswith("creatives")
]
SEGMENTS = [
    Segment.model_validate({"id": name, "where": {"did": "page_view"}})
    for name in ("cart_left", "pricing_hot")
]


def place(block: Block) -> str:
    return f"line {block.line}"


def section(title: str) -> str:
    """The text below a heading, up to the next one."""
    return re.split(r"^## ", TEXT.split(f"\n## {title}\n")[1], flags=re.MULTILINE)[0]


def quoted(text: str) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", text))


@pytest.mark.parametrize("block", [b for b in CREATIVES if "error" not in b.options], ids=place)
def test_examples_are_read(block):
    assert load_creatives({"creatives.md": block.text}, SEGMENTS).creatives


@pytest.mark.parametrize("block", [b for b in CREATIVES if "error" in b.options], ids=place)
def test_mistakes_are_refused_as_said(block):
    with pytest.raises(DefinitionError) as caught:
        load_creatives({"creatives.md": block.text}, SEGMENTS)
    assert {problem.code for problem in caught.value.problems} == {block.options["error"]}


def test_every_key_is_explained():
    keys = set(json_schema("creatives")["$defs"]["Creative"]["properties"])
    assert keys == set(Creative.model_fields)
    assert keys - quoted(section("Keys")) == set()


def test_values_are_those_of_the_code():
    first_cells = re.findall(r"^\| (`.+?) \|", section("Values"), re.MULTILINE)
    assert {name for cell in first_cells for name in quoted(cell)} == set(CONTEXT)


def test_tags_and_filters_are_those_of_the_code():
    items = re.compile(r"^\* .*?(?=^\*|\n\n)", re.MULTILINE | re.DOTALL)
    tags, text, numbers = items.findall(section("Templates"))
    assert quoted(tags) == TAGS - {"content", "output", "illegal"}
    assert quoted(text).isdisjoint(quoted(numbers))
    assert quoted(text) | quoted(numbers) == FILTERS
    assert f"at most {LONGEST:,} characters" in TEXT


def _row(name: str, field: str, limit: Limit) -> str:
    least, most = limit.at_least, limit.at_most
    texts = f"{most}" if least == most else f"{least} to {most}"
    return f"| `{name}` | `{field}` | {texts} | {limit.most:,} | {limit.shown or ''} |"


def test_formats_are_those_of_the_code():
    rows = re.findall(r"^\| `.+$", section("Formats"), re.MULTILINE)
    assert rows == [
        _row(name, field, limit)
        for name, shown in FORMATS.items()
        for field, limit in shown.limits.items()
    ]
    for name, shown in FORMATS.items():
        assert (shown.counting == "widths") == (f"`{name}`" in section("Formats").split("|")[0])


def test_parameters_are_those_of_the_code():
    told = quoted(section("Landing addresses"))
    assert set(UTM_KEYS) <= told
    assert {shown.platform for shown in FORMATS.values()} <= told
    assert {shown.medium for shown in FORMATS.values()} <= told
