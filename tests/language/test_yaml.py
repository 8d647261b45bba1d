"""YAML as version 1.2 means it, with the place of everything, and nothing that can hurt."""

from __future__ import annotations

import json as stdlib
import threading
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewer.errors import DefinitionError
from fewer.language import yaml as ours
from fewer.language.yaml import load


def read(text):
    return load(text, file="a.yaml").check().value


def refused(text):
    """``line:column code`` of every problem."""
    with pytest.raises(DefinitionError) as caught:
        load(text, file="a.yaml").check()
    return [f"{p.line}:{p.column} {p.code}" for p in caught.value.problems]


INF = Decimal("Infinity")


@pytest.mark.parametrize(
    "written,value",
    [
        # what YAML 1.1 would misread
        ("NO", "NO"), ("no", "no"), ("on", "on"), ("off", "off"), ("yes", "yes"), ("y", "y"),
        ("12:30", "12:30"), ("190:20:30", "190:20:30"), ("2026-03-01", "2026-03-01"),
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"), ("1_000", "1_000"), ("0b11", "0b11"),
        ("=", "="), ("1,000", "1,000"),
        # numbers of the core schema
        ("010", 10), ("0o17", 15), ("0x1F", 31), ("+12", 12), ("-12", -12), ("017", 17), ("-0", 0),
        ("08", 8), ("0o8", "0o8"), ("0xG", "0xG"), ("-0x1F", "-0x1F"),
        ("1e3", Decimal(1000)), ("1.", Decimal(1)), (".5", Decimal("0.5")),
        ("-1.5E-2", Decimal("-0.015")),
        ("9199999999999.123456", Decimal("9199999999999.123456")),
        ("0.1000000000000000055511151231257827", Decimal("0.1000000000000000055511151231257827")),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        (".inf", INF), ("-.INF", -INF), ("+.Inf", INF), ("inf", "inf"), ("nan", "nan"), (".", "."),
        ("-", [None]), ("1e", "1e"), ("e3", "e3"), ("--1", "--1"), ("1.2.3", "1.2.3"),
        ("1e99999999999999999999", INF), ("-1e99999999999999999999", -INF),
        ("1e-99999999999999999999", Decimal(0)), ("0e99999999999999999999", Decimal(0)),
        # the only booleans and nulls
        ("true", True), ("True", True), ("TRUE", True), ("tRUE", "tRUE"), ("false", False),
        ("FALSE", False), ("null", None), ("Null", None), ("~", None), ("", None), ("nil", "nil"),
        # quotes make texts
        ('"123"', "123"), ("'true'", "true"), ('"\\x41\\u00e9\\U0001F600"', "Aé😀"), ("''", ""),
        ("'it''s'", "it's"), ("!!str 12", "12"), ("! 12", "12"), ("!!int 12", 12), ("!!float 3", 3),
        ("!!null ''", None), ("!!bool true", True),
        # several lines
        ("|\n  x\n  y\n", "x\ny\n"), (">-\n  x\n  y\n", "x y"), ("x\n  y", "x y"),
    ],
)  # fmt: skip
def test_scalars(written, value):
    found = read(f"a: {written}" if written != "-" else "a:\n  -")["a"]
    assert (type(found), found) == (type(value), value)


def test_not_a_number():
    assert read("a: .nan")["a"].is_nan()


def test_a_number_longer_than_python_reads():
    assert read("a: " + "9" * 5000)["a"] == Decimal("9" * 5000)


@pytest.mark.parametrize("char", ["\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize(
    "form", ["a: x{}y", "a: 'x{}y'", 'a: "x{}y"', "# c{}d\na: x{}y", "a: |-\n x{}y"]
)
def test_line_breaks_of_yaml_1_1_are_ordinary_characters(char, form):
    node = load(form.replace("{}", char) + "\nb: 1", file="a.yaml").check()
    assert node.value == {"a": f"x{char}y", "b": 1}
    assert node.place(("b",)).line == form.count("\n") + 2


def test_line_breaks_are_told_from_characters_that_stand_in_for_them():
    text = "\ue000\x85\ue001\u2028\ue002"
    assert read(f"a: {text}") == {"a": text}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_places_as_editors_count(mark, newline):
    text = mark + newline.join(["é: 😀 x", "list:", "  - a", "  - {k: v, 'q': [1, 22]}", "e:"])
    for given_as in (text, text.encode()):
        node = load(given_as, file="a.yaml").check()
        places = {
            (): "1:1 é: 😀 x…",
            ("é",): "1:4 😀 x",
            ("list",): "3:3 - a…",
            ("list", 0): "3:5 a",
            ("list", 1): "4:5 {k: v, 'q': [1, 22]}",
            ("list", 1, "k"): "4:9 v",
            ("list", 1, "q", 1): "4:21 22",
            ("list", 1, "#tag", "q"): "4:17 [1, 22]",
            ("e",): "5:1 e",
        }
        for path, expected in places.items():
            place = node.place(path)
            assert f"{place.line}:{place.column} {place.text}" == expected
        key = node.key_place(("list", 1, "q"))
        assert (str(key), key.text) == ("a.yaml:4:12", "'q'")
        assert str(node.key_place(("list", 1))) == "a.yaml:4:5"


def test_aliases_repeat_a_value_and_keep_its_place():
    node = load("a: &x {b: 1}\nc: *x\nd: [*x, *x]", file="a.yaml").check()
    assert node.value == {"a": {"b": 1}, "c": {"b": 1}, "d": [{"b": 1}, {"b": 1}]}
    assert str(node.place(("d", 1, "b"))) == "a.yaml:1:11"


@pytest.mark.parametrize(
    "text,problems",
    [
        ("a: 1\nb: 2\na: 3", ["3:1 duplicate_key"]),
        ("a: {x: 1, 'x': 2}\nb: {y: 1, y: 2, y: 3}",
         ["1:11 duplicate_key", "2:11 duplicate_key", "2:17 duplicate_key"]),
        ('{"a": 1, "b": 2, "a": 3}', ["1:18 duplicate_key"]),
        ('{"a": 1, "\\u0061": 2}', ["1:10 duplicate_key"]),
        ("a: *x", ["1:4 unknown_anchor"]),
        ("a: &a [*a]", ["1:8 unknown_anchor"]),
        ("a: &x 1\nb: &x 2", ["2:4 duplicate_anchor"]),
        ("a: &x {k: 1}\nb:\n  <<: *x\n  c: 1", ["3:3 merge_key"]),
        ("1: a\ntrue: b\n~: c\n[d]: e\n? {f: g}\n: h",
         [f"{place} key_not_text" for place in ("1:1", "2:1", "3:1", "4:1", "5:3")]),
        ("a: !foo x\nb: !!int x\nc: !!set {d}\ne: !!timestamp 2026-03-01",
         [f"{line}:4 unknown_tag" for line in (1, 2, 3, 4)]),
        ("\ta: 1", ["1:1 tab"]),
        ("a:\n\t- b", ["2:1 tab"]),
        ("a: b: c", ["1:5 unexpected_colon"]),
        ("a: 'x", ["1:4 open_quote"]),
        ('a: "x\nb: 1\n', ["1:4 open_quote"]),
        ("a: [1, 2\nb: 3", ["1:4 open_bracket"]),
        ("a: {b: 1\nc: 3", ["1:4 open_brace"]),
        ('a: "\\q"', ["1:5 bad_escape"]),
        ("a: @x", ["1:4 bad_character"]),
        ("a: `x", ["1:4 bad_character"]),
        ("a: %x", ["1:4 bad_character"]),
        ("a: 1\n  b: 2", ["2:4 unexpected_colon"]),
        ("a:\n  b: 1\n c: 2", ["3:2 bad_indentation"]),
        ("- a\nb: 1", ["2:1 missing_dash"]),
        ("a:\n  - x\n  y: 1", ["3:3 missing_dash"]),
        ("a: - b", ["1:4 unexpected_dash"]),
        ("a: 1\n---\nb: 2", ["2:1 several_documents"]),
        ("a: \x07", ["1:4 control_character"]),
        ("a: 1\nb: \x7f", ["2:4 control_character"]),
        ("a: 'x\ud800'", ["1:6 control_character"]),
        ('{"a": "\\ud800"}', ["1:10 bad_escape"]),
        ("%YAML 1.3\n---\na: 1", ["1:1 bad_yaml"]),
        # what can be read is read on: all of it is reported
        ("a: 1\na: 2\nb: *x\nc: !foo 1\nd: [",
         ["2:1 duplicate_key", "3:4 unknown_anchor", "4:4 unknown_tag", "5:4 open_bracket"]),
    ],
)  # fmt: skip
def test_what_is_refused_and_where(text, problems):
    assert refused(text) == problems


def test_a_repeated_key_names_both_places():
    with pytest.raises(DefinitionError) as caught:
        load("within: 7d\nwhere: {}\nwithin: 8d", file="a.yaml").check()
    assert str(caught.value) == (
        "a.yaml:3:1: error[duplicate_key]: The key 'within' is written twice, first in line 1."
        " Keep one; the first is at a.yaml:1:1."
    )
    assert caught.value.problems[0].text == "within"


def test_an_unknown_anchor_has_a_suggestion():
    with pytest.raises(DefinitionError, match="Did you mean 'pricing'"):
        load("a: &pricing x\nb: *pricng", file="a.yaml").check()


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "---\n...\n", "\ufeff"])
def test_nothing_is_nothing(text):
    assert read(text) is None


@pytest.mark.parametrize("text", ["%YAML 1.1\n---\na: NO", "%YAML 1.2\n---\na: NO\n...\n"])
def test_the_meaning_is_that_of_1_2_whatever_a_file_declares(text):
    assert read(text) == {"a": "NO"}


@pytest.mark.parametrize(
    "data,place,message",
    [
        (b"a: 1\nb: caf\xe9", "a.yaml:2:7", "This is not UTF-8: byte 0xE9."),
        ("a: é".encode("utf-16"), "a.yaml:1:1", "This is not UTF-8: byte 0xFF."),
        (b"\xef\xbb\xbfa: \xff", "a.yaml:1:4", "This is not UTF-8: byte 0xFF."),
        ("é: ".encode() + b"\xc3", "a.yaml:1:4", "This is not UTF-8: byte 0xC3."),
    ],
)
def test_other_encodings(data, place, message):
    with pytest.raises(DefinitionError) as caught:
        load(data, file="a.yaml")
    problem = caught.value.problems[0]
    assert (problem.place, problem.message) == (place, message)
    assert problem.hint == "Save the file with the encoding UTF-8."


# --------------------------------------------------------------------------------- no harm done

DEEP = 200_000
DEEP_TEXTS = [
    "[" * DEEP, "{" * DEEP, "- " * DEEP, "? " * DEEP, '{"a":' * DEEP,
    "[" * DEEP + "]" * DEEP, "[{" * DEEP,
    "\n".join(" " * i + "a:" for i in range(500)),
]  # fmt: skip


@pytest.mark.parametrize("text", DEEP_TEXTS, ids=range(len(DEEP_TEXTS)))
def test_nesting_is_bounded(text):
    caught = []

    def run():  # a thread has the smallest stack
        with pytest.raises(DefinitionError) as error:
            load(text, file="a.yaml")
        caught.extend(error.value.problems)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert [p.code for p in caught] == ["too_deep"]


def test_nesting_as_deep_as_allowed():
    value = read("[" * ours.DEEPEST + "]" * ours.DEEPEST)
    assert stdlib.dumps(value) == "[" * ours.DEEPEST + "]" * ours.DEEPEST
    assert refused("[" * (ours.DEEPEST + 1) + "]" * (ours.DEEPEST + 1))[0].endswith("too_deep")


def test_a_bomb_of_aliases_is_refused():
    """Nine of nine of nine ...: a billion values in a few lines."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    assert refused("\n".join(lines)) == ["6:10 too_many_aliases"]


# ------------------------------------------------------------------------------------- JSON


@pytest.mark.parametrize(
    "text,value",
    [
        ('{"a": "\\ud83d\\ude00 \\/ \\u2028"}', {"a": "😀 / \u2028"}),
        ('\n\t{"a"\t:1,\r\n"b":[true,false,null,-0.5,1E+2]}\n',
         {"a": 1, "b": [True, False, None, Decimal("-0.5"), Decimal(100)]}),
        ('{"' + "k" * 3000 + '": 1}', {"k" * 3000: 1}),
        ('{"a": 0.10000000000000000001}', {"a": Decimal("0.10000000000000000001")}),
        ('["\u2028\x85\x7f"]', ["\u2028\x85\x7f"]),
        ("[]", []), ("{}", {}), (" [ ] ", []), ('{"a":{}}', {"a": {}}),
        ('[{"<<": 1}]', [{"<<": 1}]),
    ],
)  # fmt: skip
def test_json_is_read_as_json(text, value):
    assert read(text) == value


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
), st.sampled_from([None, 1, "\t"]), st.booleans())  # fmt: skip
def test_any_json_of_others_is_read(value, indent, ascii_only):
    text = stdlib.dumps([value], indent=indent, ensure_ascii=ascii_only)
    assert read(text) == [value]


@given(st.text(alphabet="{}[]:,\"'\\-#&*!|>%@ \n\tab01.\u00e9", max_size=40))
def test_any_text_is_read_or_refused_at_a_place(text):
    """No text, however broken, makes anything but a value or an error with a place."""
    try:
        node = load(text, file="a.yaml").check()
    except DefinitionError as error:
        lines = text.split("\n")
        for problem in error.problems:
            assert problem.file == "a.yaml"
            assert 1 <= problem.line <= len(lines) + 1
            assert problem.column >= 1
    else:
        assert node.place().line >= 1


def test_json_that_is_not_quite_json_is_yaml():
    assert read("{a: 1, 'b': [x, y,], }") == {"a": 1, "b": ["x", "y"]}
    assert read('{"a": NaN, "b": 01}') == {"a": "NaN", "b": 1}


def test_places_in_json():
    node = load('{\n  "a": [1, {"b": "x"}]\n}', file="a.json")
    assert str(node.place(("a", 1, "b"))) == "a.json:2:18"
    assert node.key_place(("a", 1, "b")).text == '"b"'


def test_the_parser_without_c_reads_the_same(monkeypatch):
    import yaml

    text = "a: &x [1, NO, 'q']\nb: *x\nc: {d: 1.5}\ne: x\u2028y\n"
    with_c = read(text)
    monkeypatch.setattr(ours, "_PARSER", yaml.SafeLoader)
    assert read(text) == with_c
    assert refused("a: 1\nb: [") == ["2:4 open_bracket"]
    assert refused("[" * 5000)[0].endswith("too_deep")
