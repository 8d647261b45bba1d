"""Whatever is written, the answer is a definition or problems with places; never a crash."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewer.errors import DefinitionError
from fewer.journey.define.lint import lint
from fewer.language import json as our_json
from fewer.language.data import to_data
from fewer.language.files import load_segments
from fewer.language.write import to_yaml
from fewer.model.condition import HEADS
from language.strategies import ODD, segments

SNIPPETS = [
    "- ", ": ", ":", "\n", "  ", "\t", "[", "]", "{", "}", "'", '"', "#", "&a ", "*a", "!x ",
    "|", ">",
    "within: 7d\n", "did: x\n", "did_not: y, ", "count: 3", "7d", "~", "null", "NO", "\u00a0",
    "\u2028",
    "<<: *a", "? ", "---\n", "...\n", "%YAML 1.1\n", "1e999", "\ufeff", "all: ",
    "lookback: true\n",
]  # fmt: skip


@st.composite
def damaged(draw):
    """A good file with some characters, words or lines put in, taken out or put elsewhere."""
    made = draw(st.lists(segments, min_size=1, max_size=2, unique_by=lambda s: s.id))
    if draw(st.booleans()):
        text = to_yaml(made)
    else:
        text = our_json.dumps(
            [to_data(one) for one in made], indent=draw(st.sampled_from([None, 2]))
        )
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        length = draw(st.sampled_from([0, 0, 1, 3, 20]))
        text = text[:at] + draw(st.sampled_from(["", *SNIPPETS])) + text[at + length :]
    return text


def answered(text):
    try:
        definitions = load_segments(text, file="s.yaml")
    except DefinitionError as error:
        lines = text.count("\n") + text.count("\r") + 1
        for problem in error.problems:
            assert problem.file == "s.yaml"
            assert 1 <= problem.line <= lines + 1
            assert problem.column >= 1
            assert problem.message
            assert "\n" not in problem.text
        return False
    for finding in lint(definitions, ["recent"]):
        assert finding.message
        assert finding.place.line or finding.code == "unknown_segment"
    return True


@pytest.mark.slow
@settings(max_examples=200)
@given(damaged())
def test_damaged_files(text):
    answered(text)


KEYS = [
    *HEADS, "id", "where", "exclude", "size", "variants", "within", "between", "since",
    "count", "of",
    "at_least", "equals", "in", "same", "having", "each", "percent", "salt", "from", "to",
    "lookback",
]  # fmt: skip
anything = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-3, 99), st.sampled_from(ODD), st.sampled_from(KEYS),
        st.sampled_from(["7d", "1 month", "2026-03-01", "3", "a@7d"]),
    ),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from([*KEYS, "nonsense"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(KEYS), anything, max_size=5), anything)
def test_any_data(segment, where):
    """Known keys with unexpected values at every place."""
    full = {"id": "a", **segment, "where": {**segment, "did": "x"} if where is None else where}
    for data in ([segment], [full], segment, where):
        answered(our_json.dumps(data))


@pytest.mark.parametrize("text", ["- " * 3, "[[[", "- {id: a, where: *x}", "\x00", "- id: a\n\x0b"])
def test_some_that_once_looked_hard(text):
    assert answered(text) is False
