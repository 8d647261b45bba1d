"""CSV as it is found in the wild: every row is read or refused, and nothing is guessed."""

from __future__ import annotations

import csv

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.bench import Bench, events
from fewer.data.sources.base import Quiet
from fewer.data.sources.read_csv import CsvFile, _careful, _fast, header
from fewer.errors import SettingsError, SourceError
from fewer.model.mapping import FileOptions

LOG = {"id": "log", "files": "log.csv", "events": events(properties={"page": "page"})}
HEAD = "who,at,page\n"


def one(bench, content, **changes):
    bench.write("log.csv", content)
    result = bench.sources({**LOG, **changes}).ingest()
    counts = result.files[0].rows
    assert counts.stored + counts.duplicate + counts.refused + counts.filtered == counts.read
    return counts


def refused(bench):
    return [(row.row, row.reason, row.raw) for row in bench.store.quarantine()]


def test_plain(bench):
    counts = one(bench, HEAD + "ann,2026-03-01,/a\nbob,2026-03-02T10:00:00Z,/b\n")
    assert (counts.read, counts.stored) == (2, 2)
    assert bench.events("key", "event", "page") == [("ann", "view", "/a"), ("bob", "view", "/b")]


@pytest.mark.parametrize(
    "content",
    [
        "﻿" + HEAD + "ann,2026-03-01,/é\n",
        HEAD.replace("\n", "\r\n") + "ann,2026-03-01,/é\r\n",
        HEAD + "ann,2026-03-01,/é",
        HEAD + "\nann,2026-03-01,/é\n\n\n",
        HEAD.replace("\n", "\r\n") + "ann,2026-03-01,/é\n",
        '"who","at","page"\n"ann","2026-03-01","/é"\n',
        HEAD.replace("\n", "\r") + "ann,2026-03-01,/é\r",
        HEAD + "ann,2026-03-01,/é\n",
    ],
    ids=["bom", "crlf", "no-end", "blank-lines", "mixed-ends", "quoted", "cr", "nfd"],
)
def test_forms_of_one_row(bench, content):
    assert one(bench, content.encode()).stored == 1
    assert bench.events("key", "page") == [("ann", "/é")]


def test_newline_in_quotes_keeps_row_numbers(bench):
    counts = one(bench, HEAD + 'ann,2026-03-01,"a\nb"\nbob,never,/b\ncy,2026-03-01,/c\n')
    assert (counts.stored, counts.refused) == (2, 1)
    assert [(row, reason) for row, reason, _ in refused(bench)] == [(2, "ts_unparseable")]
    assert bench.events("key", "page")[0] == ("ann", "a\nb")


def test_ragged_rows_are_refused_alone(bench):
    rows = "ann,2026-03-01,/a\nbob,2026-03-01\ncy,2026-03-01,/c,more\ndi,2026-03-01,/d\n"
    counts = one(bench, HEAD + rows)
    assert (counts.read, counts.stored, counts.reasons) == (4, 2, {"wrong_column_count": 2})
    assert refused(bench) == [
        (2, "wrong_column_count", "bob,2026-03-01"),
        (3, "wrong_column_count", "cy,2026-03-01,/c,more"),
    ]


def test_ragged_row_after_a_quoted_newline_has_the_number_of_its_row(bench):
    one(bench, HEAD + 'ann,2026-03-01,"a\nb"\nbob,2026-03-01\n')
    assert [row for row, _, _ in refused(bench)] == [2]


def test_a_quote_that_is_never_closed_costs_one_row(bench):
    rows = 'ann,2026-03-01,"/a\nbob,2026-03-01,/b\ncy,2026-03-01,/c\n'
    counts = one(bench, HEAD + rows)
    assert (counts.stored, counts.reasons) == (2, {"bad_quotes": 1})
    assert refused(bench) == [(1, "bad_quotes", 'ann,2026-03-01,"/a')]


def test_quotes_within_a_field_are_text(bench):
    one(bench, HEAD + 'ann,2026-03-01,5" pipe\nbob,2026-03-02,"a ""b"""\n')
    assert [page for (page,) in bench.events("page")] == ['5" pipe', 'a "b"']


def test_space_before_a_quote(bench):
    one(bench, HEAD + 'ann,2026-03-01, "a, b"\nbob,2026-03-02\n')
    assert bench.events("page") == [("a, b",)]


def test_nul_bytes(bench):
    counts = one(bench, HEAD + "ann,2026-03-01,/a\nb\0b,2026-03-01,/b\n\0\0\0\n")
    assert (counts.stored, counts.reasons) == (1, {"nul_byte": 2})


def test_bytes_that_are_no_text(bench):
    content = HEAD.encode() + b"ann,2026-03-01,/a\nbob,2026-03-01,/\xff\xfe\n"
    counts = one(bench, content)
    assert (counts.stored, counts.reasons) == (1, {"bad_encoding": 1})
    assert refused(bench) == [(2, "bad_encoding", "bob,2026-03-01,/\\xff\\xfe")]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "cp1252"])
def test_a_header_of_another_encoding_is_no_header(bench, encoding):
    content = "who,at,pagé\nann,2026-03-01,/a\n".encode(encoding)
    with pytest.raises(SourceError, match=r"log\.csv: its first line is not utf-8.*cp1252"):
        one(bench, content)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "cp1252", "utf-8-sig"])
def test_declared_encodings(bench, encoding):
    content = (HEAD + "änn,2026-03-01,/é\n").encode(encoding)
    assert one(bench, content, options={"encoding": encoding}).stored == 1
    assert bench.events("key", "page") == [("änn", "/é")]


def test_empty_file(bench):
    counts = one(bench, b"")
    assert (counts.read, counts.warnings) == (0, {"empty_file": 1})


def test_header_only(bench):
    assert one(bench, HEAD).read == 0
    assert bench.store.generation().number == 1


def test_repeated_names_in_the_header(bench):
    one(
        bench,
        "who,at,page,page\nann,2026-03-01,first,second\n",
        events=events(properties={"a": "page", "b": "page_2"}),
    )
    assert bench.events("a", "b") == [("first", "second")]


def test_names_with_spaces_quotes_and_none(bench):
    one(
        bench,
        ' who ,"the ""at""",select,\nann,2026-03-01,x,y\n',
        events={
            "event": "view",
            "person": "who",
            "ts": 'the "at"',
            "properties": {"p'1": "select", "nameless": "column_4"},
        },
    )
    assert bench.events("p'1", "nameless") == [("x", "y")]


def test_names_differ_by_case(bench):
    one(
        bench,
        "who,at,Page,page\nann,2026-03-01,upper,lower\n",
        events=events(properties={"u": "Page", "l": "page"}),
    )
    assert bench.events("u", "l") == [("upper", "lower")]


def test_unknown_columns_are_all_named_before_anything_is_stored(bench):
    bench.write("log.csv", HEAD + "ann,2026-03-01,/a\n")
    bench.sources({**LOG, "events": events(person="hwo", properties={"p": "pge", "q": "zzz"})})
    with pytest.raises(SettingsError) as caught:
        bench.ingest()
    said = str(caught.value)
    assert "'hwo'. Did you mean 'who'?" in said
    assert "'pge'. Did you mean 'page'?" in said
    assert "'zzz'" in said
    assert "Its columns: who, at, page." in said
    assert bench.store.generation().is_empty


def test_no_header(bench):
    one(
        bench,
        "ann,2026-03-01,/a\n",
        options={"header": False, "columns": ["who", "at", "page"]},
    )
    assert bench.events("key", "page") == [("ann", "/a")]


def test_lines_before_the_header(bench):
    one(bench, "Report of March\n\n" + HEAD + "ann,2026-03-01,/a\n", options={"skip": 2})
    assert bench.events("key") == [("ann",)]


def test_delimiter_quote_and_escape(bench):
    one(
        bench,
        "who;at;page\n'ann';2026-03-01;'a\\'b;c'\n",
        options={"delimiter": ";", "quote": "'", "escape": "\\"},
    )
    assert bench.events("page") == [("a'b;c",)]


def test_tsv(bench):
    bench.write("log.tsv", "who\tat\tpage\nann\t2026-03-01\ta,b\n")
    bench.sources({**LOG, "files": "log.tsv"}).ingest()
    assert bench.events("page") == [("a,b",)]


def test_missing_texts(bench):
    one(bench, HEAD + "ann,2026-03-01,NULL\nbob,2026-03-02,\n", missing=["NULL"])
    assert bench.events("page") == [(None,), ("",)]


def test_empty_is_missing_by_default(bench):
    one(bench, HEAD + 'ann,2026-03-01,\nbob,2026-03-02,""\n')
    assert bench.events("page") == [(None,), (None,)]


CODECS = {".gz": "gzip", ".zst": "zstd"}


def packed(path, plain):
    with pa.output_stream(str(path), compression=CODECS[path.suffix]) as stream:
        stream.write(plain)


@pytest.mark.parametrize("suffix", CODECS)
def test_compressed(bench, suffix):
    packed(bench.folder / f"log.csv{suffix}", (HEAD + "ann,2026-03-01,/a\nbob\n").encode())
    counts = bench.sources({**LOG, "files": f"log.csv{suffix}"}).ingest().files[0].rows
    assert (counts.stored, counts.refused) == (1, 1)


@pytest.mark.parametrize("suffix", CODECS)
def test_compressed_and_cut_short(bench, suffix):
    path = bench.folder / f"log.csv{suffix}"
    packed(path, (HEAD + "".join(f"p{i},2026-03-01,/{i * i}\n" for i in range(5000))).encode())
    path.write_bytes(path.read_bytes()[:-200])
    bench.sources({**LOG, "files": f"log.csv{suffix}"})
    with pytest.raises(SourceError, match="cut short"):
        bench.ingest()
    assert bench.store.generation().number == 0


def test_one_column(bench):
    bench.write("log.csv", "who\nann\nbob\n\n")
    bench.sources({**LOG, "events": events(ts={"constant": "2026-03-01"})}).ingest()
    assert bench.events("key") == [("ann",), ("bob",)]


def test_wide_and_long_values(bench):
    long = "x" * 300_000
    one(bench, HEAD + f'ann,2026-03-01,{long}\nbob,2026-03-02,"{long}\n{long}"\n')
    assert [len(page) for (page,) in bench.events("page")] == [300_000, 600_001]


FIELD = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=8
)


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(FIELD, FIELD, FIELD), max_size=12), ends=st.sampled_from("\n\r\n"))
def test_both_readers_agree(tmp_path_factory, rows, ends):
    """What DuckDB reads of a clean file is what the careful reader reads."""
    folder = tmp_path_factory.mktemp("csv")
    path = folder / "log.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator=ends, quoting=csv.QUOTE_ALL)
        writer.writerow(["a", "b", "c"])
        writer.writerows(rows)
    bench = Bench(folder)
    with bench.store.write(dry_run=True) as staging:
        file = CsvFile(path, FileOptions(), ",", ("",))
        assert header(file) == ["a", "b", "c"]
        columns = ["c0", "c1", "c2"]
        staging.db.execute("CREATE TABLE torn (line BIGINT, reason VARCHAR, raw VARCHAR)")
        assert _fast(staging.db, file, "fast", columns)
        _careful(staging.db, file, "slow", columns, "torn", Quiet())
        read = [staging.query(f"SELECT * FROM {t} ORDER BY line") for t in ("fast", "slow")]  # noqa: S608
        assert read[0] == read[1] == [(i + 1, *row) for i, row in enumerate(rows)]
        assert staging.query("SELECT count(*) FROM torn") == [(0,)]
    bench.store.close()


def test_row_numbers_of_the_fast_reader_are_in_order(bench):
    """Parallel reading must not shuffle rows: numbers are checked against the values."""
    rows = "".join(f"p{i},{i},{'x' * (i % 97)}\n" for i in range(300_000))
    bench.write("log.csv", "who,at,page\n" + rows)
    with bench.store.write(dry_run=True) as staging:
        file = CsvFile(bench.folder / "log.csv", FileOptions(), ",", ("",))
        assert _fast(staging.db, file, "fast", ["c0", "c1", "c2"])
        wrong = staging.query("SELECT count(*) FROM fast WHERE line <> CAST(c1 AS BIGINT) + 1")
    assert wrong == [(0,)]
