"""JSON lines: types as each row has them, objects by path, arrays as the mapping says."""

from __future__ import annotations

import json

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import SOAK
from data.bench import events, utc
from fewer.data.sources import digits
from fewer.data.sources.digits import MARK
from fewer.errors import SourceError
from fewer.model.number import to_micros

DB = duckdb.connect()

LOG = {"id": "log", "files": "log.jsonl", "events": events()}
ROW = {"who": "ann", "at": "2026-03-01T10:00:00Z"}


def one(bench, rows, **mapping):
    bench.write("log.jsonl", rows)
    counts = bench.sources({**LOG, "events": events(**mapping)}).ingest().files[0].rows
    assert counts.stored + counts.duplicate + counts.refused + counts.filtered == counts.read
    return counts


def test_each_row_decides_the_type_of_its_value(bench):
    values = ["a", 1, 2.5, True, None, "7", [1], {"x": 1}]
    counts = one(bench, [{**ROW, "v": v} for v in values], properties={"v": "v"})
    assert counts.stored == len(values)
    assert counts.warnings == {"value_not_scalar v": 2}
    rows = bench.rows("events", order="ts")
    assert sorted(r["v:text"] for r in rows if r["v:text"]) == ["7", "a"]
    assert sorted(r["v:number"] for r in rows if r["v:number"]) == [1_000_000, 2_500_000]
    assert [r["v:boolean"] for r in rows if r["v:boolean"] is not None] == [True]


def test_only_types_that_occur_become_columns(bench):
    one(bench, [{**ROW, "v": 1}], properties={"v": "v", "never": "never"})
    assert bench.store.generation().catalog.properties == {"v": {"number": "p1_n"}}


def test_nested_paths_and_keys_with_dots_slashes_and_quotes(bench):
    row = {**ROW, "page": {"path": "/a", "~x/y": 1}, "a.b": "flat", "a": {"b": "nested"}, "it's": 2}
    one(
        bench,
        [row],
        properties={"path": "page.path", "odd": "page.~x/y", "dot": "a.b", "quote": "it's"},
    )
    assert bench.events("path", "odd", "dot", "quote") == [("/a", 1_000_000, "flat", 2_000_000)]


def test_lines_that_are_no_objects_are_refused_alone(bench):
    good = json.dumps(ROW)
    lines = [good, '{"who": ', "[1]", "7", "", "null", good.replace("ann", "bob"), "{}", "b\0d"]
    counts = one(bench, "\n".join(lines).encode() + b'\n{"who": "\xff"}\n')
    assert counts.read == 9
    assert counts.stored == 2
    assert counts.reasons == {"bad_encoding": 1, "bad_json": 4, "nul_byte": 1, "person_missing": 1}
    found = {(row.row, row.reason) for row in bench.store.quarantine()}
    assert (2, "bad_json") in found
    assert (7, "person_missing") in found
    raw = {row.row: row.raw for row in bench.store.quarantine("bad_json")}
    assert raw[2] == '{"who":'


def test_an_array_instead_of_lines_is_explained(bench):
    bench.write("log.jsonl", json.dumps([ROW, ROW]))
    with pytest.raises(SourceError, match="jq -c"):
        bench.sources(LOG).ingest()


def test_bom_crlf_and_no_last_end(bench):
    text = "﻿" + json.dumps(ROW) + "\r\n" + json.dumps({**ROW, "who": "bob"})
    assert one(bench, text).stored == 2


def test_large_and_exact_numbers(bench):
    text = (
        '{"who": 12345678901234567890, "at": 1772359200, "a": 0.1, "b": 1e2, '
        '"c": 123456789012345678901234567890, "d": 1234567.1234565}'
    )
    counts = one(
        bench,
        text,
        ts={"column": "at", "format": "epoch_s"},
        properties={name: name for name in "abcd"},
    )
    assert counts.warnings == {"value_not_scalar c": 1}
    assert bench.events("key", "ts") == [("12345678901234567890", utc("2026-03-01T10:00:00"))]
    row = bench.rows("events")[0]
    assert (row["a"], row["b"], row["d"]) == (100_000, 100_000_000, 1_234_567_123_457)


EXACT = [
    "4611686018427.387904",
    "9199999999999.999999",
    "-9199999999999.999999",
    "9200000000000.0000004",
    "9200000000000.0000005",
    "-9200000000000.000001",
    "9007199254740993.0",
    "4611686018427387904e-6",
    "46.11686018427387904E+11",
    "461168601842738790400.0E-8",
    "1234567890.1234565",
    "-1234567890.1234565000000000000000000000001",
    "1234567890.12345649999999999999999999",
    "0.00000049999999999999999999",
    "4.9999999999999999999e-7",
    "-5e-7",
    "0.30000000000000004",
    "25.000000000000000000",
    "1e6",
    "1E-7",
    "-0",
    "-0.0",
    "0e9999",
    "1e400",
    "-1e99999999999999999999",
    "1e-99999999999999999999",
    "12345678901234567890.123e400",
    "123456789012345678901234567890",
    "-9223372036854775809",
    f"1{MARK}",
    f"0{MARK}",
    "0." + "1" * 2_000,
]


def known(written):
    return to_micros(written) if float(written) else 0


def test_every_digit_of_a_number_counts(bench):
    """Alone, inside objects and arrays, flattened, and of a type that is declared."""
    lines = [
        f'{{"who": "p{i}", "at": "{ROW["at"]}", "v": {n}, "o": {{"v": {n}}}, "l": [{{"v": {n}}}]}}'
        for i, n in enumerate(EXACT)
    ]
    counts = one(
        bench,
        "\n".join(lines),
        explode="l",
        properties={
            "v": "v",
            "declared": {"column": "v", "type": "number"},
            "element": "l.v",
            "*": {"column": "o", "prefix": "o."},
        },
    )
    expected = {f"p{i}": known(n) for i, n in enumerate(EXACT)}
    lost = sum(n is None for n in expected.values())
    assert lost >= 5
    assert counts.warnings == {
        "value_not_scalar v": lost,
        "value_not_number declared": lost,
        "value_not_scalar element": lost,
        "value_not_scalar o.v": lost,
    }
    found = bench.events("key", "v", "declared", "element", "o.v")
    assert {row[0]: row[1:] for row in found} == {k: (n,) * 4 for k, n in expected.items()}


@settings(max_examples=25 * SOAK)
@given(
    st.lists(
        st.builds(
            "{}{}.{}{}".format,
            st.sampled_from(["", "-"]),
            st.integers(0, 10**14),
            st.from_regex(r"[0-9]{1,25}", fullmatch=True),
            st.sampled_from(["", "e-3", "E2", "e+0"]),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_numbers_as_python_rounds_them(numbers):
    """What a line's number is as text is what a CSV file would have held."""
    for written in numbers:
        document = digits.keep(f'{{"v":[{written}]}}')
        kept = DB.execute(
            "SELECT json_extract_string(CAST(? AS JSON), '/v/0')", [document]
        ).fetchone()
        assert to_micros(kept[0].replace(MARK, "")) == to_micros(written)


def test_long_numbers_as_text_and_in_texts(bench):
    """Only numbers are touched; as text, they have their digits too."""
    exact = "4611686018427.387904"
    text = f'a {exact}, {{\\"x\\": {exact}}} \\"{exact}\\" 1{MARK}'
    line = (
        f'{{"who": {exact}00, "at": "{ROW["at"]}", "said": "{text}", "{exact}": 1, '
        f'"l": [{exact}, "{MARK}", [{exact}], 0.5, -9223372036854775807], "n": {exact}}}'
    )
    properties = {
        "said": "said",
        "l": {"column": "l", "join": ";"},
        "n": {"column": "n", "type": "text"},
    }
    assert one(bench, line, properties=properties).warnings == {}
    assert bench.events("key", "said", "l", "n") == [
        (exact, text.replace("\\", ""), f"{exact};{MARK};[{exact}];0.5;-9223372036854775807", exact)
    ]


def test_refused_rows_with_long_numbers_are_kept_as_written(bench):
    exact = "4611686018427.387904"
    lines = [f'{{"n": {exact}}}', f'{{"n": {exact}', f'{{"n": 0{exact}}}', f'{{"n": {exact}.5}}']
    counts = one(bench, "\n".join(lines), properties={"n": "n"})
    assert counts.reasons == {"bad_json": 3, "person_missing": 1}
    assert [row.raw for row in sorted(bench.store.quarantine(), key=lambda r: r.row)] == lines


def test_explode_gives_one_event_per_element(bench):
    row = {**ROW, "order": 7, "lines": [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}]}
    counts = one(
        bench,
        [row, {**ROW, "who": "bob", "lines": []}, {**ROW, "who": "cy"}],
        explode="lines",
        properties={"item_id": "lines.sku", "n": "lines.n", "order": "order"},
    )
    assert (counts.read, counts.stored, counts.filtered, counts.made) == (3, 1, 2, {"events": 2})
    assert sorted(bench.events("key", "item_id", "n", "order")) == [
        ("ann", "a", 1_000_000, 7_000_000),
        ("ann", "b", 2_000_000, 7_000_000),
    ]


def test_explode_of_plain_values_and_join(bench):
    one(
        bench,
        [{**ROW, "tags": ["x", 2, None]}],
        explode="tags",
        properties={"tag": "tags", "all": {"column": "who"}},
    )
    found = [(r["tag:text"], r["tag:number"]) for r in bench.rows("events")]
    assert set(found) == {("x", None), (None, 2_000_000), (None, None)}


def test_join_makes_a_text_of_an_array(bench):
    rows = [{**ROW, "tags": ["x", 2, None, "y"]}, {**ROW, "who": "bob", "tags": "no array"}]
    counts = one(bench, rows, properties={"tags": {"column": "tags", "join": ","}})
    assert sorted(bench.events("key", "tags")) == [("ann", "x,2,y"), ("bob", None)]
    assert counts.warnings == {"value_not_text tags": 1}


def test_star_flattens_objects(bench):
    props = {"path": "/a", "utm": {"source": "x", "n": 3}, "tags": ["p", "q"], "a.b": 1, "no": None}
    counts = one(bench, [{**ROW, "props": props}], properties={"*": "props"})
    shown = bench.rows("events")[0]
    assert (shown["path"], shown["utm.source"], shown["utm.n"]) == ("/a", "x", 3_000_000)
    assert counts.warnings == {"key_with_dot a.b": 1, "value_not_scalar tags": 1}
    assert set(bench.store.generation().catalog.properties) == {"path", "utm.source", "utm.n"}


def test_star_with_join_prefix_skip_and_names_taken(bench):
    props = {"path": "/a", "secret": {"x": 1}, "tags": ["p", "q"], "item": {"sku": 1}}
    counts = one(
        bench,
        [{**ROW, "props": props}],
        properties={
            "path": {"constant": "mine"},
            "*": {"column": "props", "arrays": "join", "skip": ["secret"]},
        },
    )
    assert bench.rows("events")[0]["tags"] == "p, q"
    assert bench.rows("events")[0]["path"] == "mine"
    assert counts.warnings == {"reserved_name item.sku": 1}
    assert set(bench.store.generation().catalog.properties) == {"path", "tags"}


def test_star_over_whole_rows(bench):
    one(bench, [{**ROW, "a": 1}], properties={"*": {"skip": ["who", "at"], "prefix": "raw."}})
    assert bench.store.generation().catalog.properties == {"raw.a": {"number": "p1_n"}}


@pytest.mark.slow
def test_too_many_keys_are_values(bench):
    rows = [{**ROW, "props": {f"user-{i}-{j}": 1 for j in range(50)}} for i in range(50)]
    bench.write("log.jsonl", rows)
    bench.sources({**LOG, "events": events(properties={"*": "props"})})
    with pytest.raises(SourceError, match="2,500 different keys"):
        bench.ingest()


def test_more_properties_than_columns_overflow_and_are_read_like_the_others(bench, monkeypatch):
    monkeypatch.setattr("fewer.data.store.registry.MAX_COLUMNS", 3)
    first = {**ROW, "props": {f"k{i}": i for i in range(6)}}
    second = {**ROW, "who": "bob", "props": {"k5": 'it\'s {"odd"}', "k4": True}}
    one(bench, [first, second], properties={"*": "props"})
    rows = {row["person"]: row for row in bench.rows("events")}
    assert rows[0]["k0"] == 0
    assert rows[0]["k3"] == 3_000_000
    assert (rows[0]["k5:number"], rows[1]["k5:text"]) == (5_000_000, 'it\'s {"odd"}')
    assert (rows[1]["k4:boolean"], rows[1]["k0"]) == (True, None)
    assert "overflow" in bench.store.generation().tables["events"].columns["log"]


def nested(depth):
    deep = "x"
    for _ in range(depth):
        deep = {"d": deep}
    return {**ROW, "props": deep}


def test_deep_json(bench):
    rows = [nested(90), {**nested(500), "who": "bob"}, {**ROW, "who": "{" * 200}]
    counts = one(bench, rows, properties={"*": "props", "deep": "props" + ".d" * 90})
    assert (counts.stored, counts.reasons) == (2, {"json_too_deep": 1})
    assert {row["deep"] for row in bench.rows("events")} == {"x", None}


def test_types_that_are_declared(bench):
    rows = [
        {**ROW, "price": "12.50", "ok": "yes", "when": "2026-01-01", "code": 7},
        {**ROW, "who": "bob", "price": "free", "ok": 2, "when": "soon", "code": 7.5},
    ]
    counts = one(
        bench,
        rows,
        properties={
            "price": {"column": "price", "type": "number"},
            "ok": {"column": "ok", "type": "boolean"},
            "when": {"column": "when", "type": "timestamp"},
            "code": {"column": "code", "type": "text"},
        },
    )
    assert counts.warnings == {
        "value_not_boolean ok": 1,
        "value_not_number price": 1,
        "value_not_timestamp when": 1,
    }
    assert sorted(bench.events("key", "price", "ok", "when", "code")) == [
        ("ann", 12_500_000, True, utc("2026-01-01"), "7"),
        ("bob", None, None, None, "7.5"),
    ]


def test_required_refuses_the_row(bench):
    rows = [{**ROW, "price": 1}, {**ROW, "who": "bob", "price": "x"}, {**ROW, "who": "cy"}]
    required = {"column": "price", "type": "number", "required": True}
    counts = one(bench, rows, properties={"price": required})
    assert counts.stored == 1
    assert counts.reasons == {"value_missing": 1, "value_not_number": 1}
