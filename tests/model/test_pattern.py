"""Portable patterns: accepted ones mean the same to Python and to RE2, others are refused."""

from __future__ import annotations

import re

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewer.model.pattern import PatternError, check, simple_lower, translate


@pytest.mark.parametrize(
    "pattern,text,found",
    [
        ("b", "abc", True), ("^b", "abc", False), ("c$", "abc", True), ("c$", "abc\n", False),
        ("^a.c$", "abc", True), ("a.c", "a\nc", False), (r"\d+", "x12", True),
        (r"^\d$", "\u0667", False), (r"^\w$", "é", False), (r"^\W$", "é", True),
        (r"^\s$", "\u00a0", False), (r"^\s$", "\x0b", True), (r"\S", " \t", False),
        ("^(a|b)*$", "abba", True), ("^a{2}$", "aa", True), ("^a{2,}$", "a", False),
        ("^a{1,2}$", "aaa", False), ("[a-c]", "b", True), ("^[^a-c]$", "b", False),
        (r"[\d.]", ".", True), (r"[\]\-\\^]", "^", True), ("[a-]", "-", True), (r"\.", "x", False),
        ("a|", "", True), ("()", "", True), ("", "anything", True), ("é", "café", True),
        (r"\/path\?", "/path?", True), ("日+", "日日", True), ("😀$", "x😀", True),
        (".", "😀", True),
    ],
)  # fmt: skip
def test_what_patterns_mean(pattern, text, found):
    assert python(pattern, text) is found
    assert re2(pattern, text) is found


@pytest.mark.parametrize(
    "pattern,why",
    [
        ("(?i)a", "not portable"), ("(?:a)", "use plain groups"), (r"\b", "not portable"),
        (r"\Aa", "not portable"), (r"\pL", "not portable"), (r"\1", "not portable"),
        ("a*?", "after a repeat"), ("a++", "after a repeat"), ("*a", "nothing to repeat"),
        ("^*", "anchor"), ("$+", "anchor"), ("a{", "must be {m}"), ("a{,3}", "must be {m}"),
        ("a{3,2}", "n below m"), ("a{1001}", "more than 1000"), ("(a{40}){40}", "more than 1000"),
        ("(a", "never closed"), ("a)", "no opening bracket"), ("[a", "never closed"),
        ("[]", "empty class"), ("[z-a]", "is empty"), ("[[:alpha:]]", "must be written"),
        (r"[\W]", "inside a class"), ("a]", "no opening bracket"), ("a}", "no opening bracket"),
        ("\\", "ends the pattern"), ("(" * 101 + ")" * 101, "too deep"),
    ],
)  # fmt: skip
def test_what_is_refused(pattern, why):
    with pytest.raises(PatternError, match=re.escape(why)):
        check(pattern)


def python(pattern, text):
    return re.search(translate(pattern, end=r"\Z"), text) is not None


CONNECTION = duckdb.connect()


def re2(pattern, text):
    question = "SELECT regexp_matches(?, ?)"
    return CONNECTION.execute(question, [text, translate(pattern)]).fetchall()[0][0]


PIECES = [
    *"abA.^$|()[]{}*+?-,\\ 09é\n\t",
    r"\d",
    r"\W",
    r"\s",
    "[^a]",
    "(a|b)",
    "{2}",
    "{1,2}",
    "😀",
    "ß",
    "σ",
]


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
    st.text(alphabet="abAB .09-é\n\t\u00a0ßΣσ😀[\\", max_size=6),
)
def test_python_and_re2_agree(pattern, text):
    try:
        check(pattern)
    except PatternError:
        return
    assert python(pattern, text) is re2(pattern, text)


@given(st.text(max_size=10))
def test_simple_lower_is_character_by_character(text):
    lowered = simple_lower(text)
    assert len(lowered) == len(text)
    assert simple_lower(lowered) == lowered
