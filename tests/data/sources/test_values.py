"""What texts, numbers and times in files become, compared with Python's own arithmetic."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conftest import SOAK
from data.bench import events, utc
from fewer.data.sources import values
from fewer.data.sources.fields import Field, Relation, Scope, shape_of
from fewer.data.store.sql import column, fill, text
from fewer.model.mapping import Value
from fewer.model.number import to_micros

SEARCH = settings(
    max_examples=25 * SOAK, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
DB = duckdb.connect()
DB.execute("SET TimeZone = 'UTC'")


def converted(items, sql_type, wanted, *, zone="UTC", **spec):
    """`items` as a column of `sql_type`, read as `wanted`."""
    db = DB
    db.execute(f"CREATE OR REPLACE TABLE raw (line INTEGER, c0 {sql_type})")
    db.executemany("INSERT INTO raw VALUES (?, ?)", list(enumerate(items)))
    type_ = db.sql("SELECT c0 FROM raw").types[0]
    relation = Relation(
        column("raw"), {"x": Field(column("c0"), shape_of(type_), type_)}, (), fill("''")
    )
    scope = Scope(relation)
    mapped = Value(column="x", type=wanted, **spec)
    value = values.convert(scope, scope.get("x"), wanted, spec=mapped, zone=zone)
    query = fill("SELECT $v AS v, line FROM $t", v=value, t=scope.query().subquery("q"))
    return [v for v, _ in db.execute(f"{text(query)} ORDER BY line").fetchall()]


class TestNumbers:
    @SEARCH
    @given(st.lists(st.floats(), min_size=1, max_size=20))
    @example([0.1 + 0.2, 5e-7, -5e-7, 1e-7, 2.5e-6, 1.0000005, 123456.7890125, 9.2e12, 9.3e12])
    @example([float("nan"), float("inf"), -float("inf"), 1e300, 5e-324, -0.0])
    def test_floats_as_python_rounds_them(self, numbers):
        assert converted(numbers, "DOUBLE", "number") == [to_micros(n) for n in numbers]

    @SEARCH
    @given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
    @example([9_200_000_000_000, 9_200_000_000_001, -9_200_000_000_001])
    def test_whole_numbers(self, numbers):
        assert converted(numbers, "BIGINT", "number") == [to_micros(n) for n in numbers]

    @SEARCH
    @given(
        st.lists(
            st.decimals(allow_nan=False, allow_infinity=False, places=9), min_size=1, max_size=20
        )
    )
    @example([Decimal("1234567890123.1234565"), Decimal("0.0000005"), Decimal("-0.0000005")])
    def test_texts(self, numbers):
        texts = [f"{n:f}" for n in numbers]
        assert converted(texts, "VARCHAR", "number") == [to_micros(t) for t in texts]

    @pytest.mark.parametrize(
        "written",
        [
            "",
            " ",
            "abc",
            "1,234",
            "0x10",
            "1_000",
            "1 000",
            "--1",
            "٣",
            "1e",
            "NaN",
            "inf",
            "1.2.3",
        ],
    )
    def test_what_is_no_number(self, written):
        assert converted([written], "VARCHAR", "number") == [None]

    @pytest.mark.parametrize(
        "written, number",
        [("+5", 5), (" 7 ", 7), ("1e3", 1000), (".5", "0.5"), ("5.", 5), ("-0", 0)],
    )
    def test_what_is_one(self, written, number):
        assert converted([written], "VARCHAR", "number") == [to_micros(number)]

    @pytest.mark.parametrize(
        "written, number, how",
        [
            ("1.234,50", "1234.5", {"decimal": ",", "thousands": "."}),
            ("-1.234.567", "-1234567", {"decimal": ",", "thousands": "."}),
            ("3,5", "3.5", {"decimal": ","}),
            ("3.5", None, {"decimal": ","}),
            ("1,234.50", "1234.5", {"thousands": ","}),
            ("1,2,3", None, {"thousands": ","}),
            ("1,00,000", "100000", {"thousands": ","}),
            ("1 234,5", "1234.5", {"decimal": ",", "thousands": " "}),
            ("12.5%", "0.125", {"percent": True}),
            ("12,5 %", "0.125", {"percent": True, "decimal": ","}),
            ("0.000015%", "0", {"percent": True}),
            ("0.00005%", "0.000001", {"percent": True}),
            ("$1,234", "1234", {"strip": "$", "thousands": ","}),
            ("9,99 €", "9.99", {"strip": "€ ", "decimal": ","}),
        ],
    )
    def test_marks_that_a_mapping_declares(self, written, number, how):
        expected = None if number is None else to_micros(number)
        assert converted([written], "VARCHAR", "number", **how) == [expected]

    def test_decimal_columns(self):
        items = [Decimal("1.50"), Decimal("99999999999999.123456789"), None]
        assert converted(items, "DECIMAL(38,9)", "number") == [1_500_000, None, None]

    def test_single_precision_is_read_as_it_is_written(self):
        assert converted([1.43], "FLOAT", "number") == [1_430_000]


class TestTexts:
    @pytest.mark.parametrize(
        "item, sql_type, shown",
        [
            (17850.0, "DOUBLE", "17850"),
            (1.5, "DOUBLE", "1.5"),
            (float("nan"), "DOUBLE", None),
            (12345678901234567890, "UBIGINT", "12345678901234567890"),
            (Decimal("17850.00"), "DECIMAL(10,2)", "17850"),
            (Decimal(100), "DECIMAL(10,0)", "100"),
            (Decimal("1.50"), "DECIMAL(10,2)", "1.5"),
            (True, "BOOLEAN", "true"),
            (date(2026, 3, 1), "DATE", "2026-03-01"),
            ("00123", "VARCHAR", "00123"),
            ("é", "VARCHAR", "é"),
            ([1], "INTEGER[]", None),
        ],
    )
    def test_scalars_as_people_write_them(self, item, sql_type, shown):
        assert converted([item], sql_type, "text") == [shown]


ZONES = ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC"]
NAIVE = st.datetimes(datetime(1970, 1, 2), datetime(2090, 1, 1))


class TestTimes:
    @pytest.mark.slow
    @SEARCH
    @given(st.lists(NAIVE, min_size=1, max_size=10), st.sampled_from(ZONES))
    def test_local_times_as_python_reads_them(self, moments, zone):
        expected = [micros(m.replace(tzinfo=ZoneInfo(zone), fold=0)) for m in moments]
        texts = [m.isoformat() for m in moments]
        assert converted(texts, "VARCHAR", "timestamp", zone=zone) == expected
        assert converted(moments, "TIMESTAMP", "timestamp", zone=zone) == expected

    @pytest.mark.parametrize(
        "local, instant",
        [
            ("2026-11-01 01:30:00", "2026-11-01T05:30:00"),  # happens twice: the first
            ("2026-03-08 02:30:00", "2026-03-08T07:30:00"),  # skipped: 03:30 by the new clock
            ("2026-03-08 01:59:59", "2026-03-08T06:59:59"),
            ("2026-03-08 03:00:00", "2026-03-08T07:00:00"),
            ("2026-11-01 02:00:00", "2026-11-01T07:00:00"),
        ],
    )
    def test_clock_changes_in_new_york(self, local, instant):
        zone = "America/New_York"
        assert converted([local], "VARCHAR", "timestamp", zone=zone) == [utc(instant)]

    def test_a_date_is_its_local_midnight(self):
        found = converted(["2026-03-01"], "VARCHAR", "timestamp", zone="Europe/Berlin")
        assert found == [utc("2026-02-28T23:00:00")]
        found = converted([date(2026, 3, 1)], "DATE", "timestamp", zone="Europe/Berlin")
        assert found == [utc("2026-02-28T23:00:00")]

    @pytest.mark.parametrize(
        "written, instant",
        [
            ("2019-10-01 00:00:00 UTC", "2019-10-01T00:00:00"),
            ("2019-10-01T00:00Z", "2019-10-01T00:00:00"),
            ("2019-10-01T00:00:00+02:00", "2019-09-30T22:00:00"),
            ("2019-10-01 00:00:00 +02:00", "2019-09-30T22:00:00"),
            ("2019-10-01 00:00:00+0200", "2019-09-30T22:00:00"),
            ("2019-10-01 00:00:00-05", "2019-10-01T05:00:00"),
            ("2019-10-01T00:00:00.123456789Z", "2019-10-01T00:00:00.123456"),
            ("2019-10-01 7:05", "2019-10-01T05:05:00"),
            (" 2019-1-2 ", "2019-01-01T23:00:00"),
        ],
    )
    def test_iso(self, written, instant):
        found = converted([written], "VARCHAR", "timestamp", zone="Europe/Berlin")
        assert found == [utc(instant)]

    @pytest.mark.parametrize(
        "written",
        [
            "infinity",
            "epoch",
            "now",
            "2019-02-30",
            "10/01/2019",
            "20191001",
            "2019-10-01T25:00",
            "x",
            "0044-03-15 (BC)",
            "2019-10-01 10:00:00 Mars/Base",
            "1569888000",
        ],
    )
    def test_what_is_no_iso_time(self, written):
        assert converted([written], "VARCHAR", "timestamp") == [None]

    def test_formats_are_tried_in_order(self):
        formats = ["%d/%m/%Y %H:%M", "%d/%m/%Y", "iso"]
        items = ["01/03/2026 10:30", "02/03/2026", "2026-03-03", "13/13/2026"]
        assert converted(items, "VARCHAR", "timestamp", format=formats) == [
            utc("2026-03-01T10:30"),
            utc("2026-03-02"),
            utc("2026-03-03"),
            None,
        ]

    def test_format_with_offset(self):
        found = converted(
            ["01/Mar/2026:10:00:00 +0200"],
            "VARCHAR",
            "timestamp",
            format="%d/%b/%Y:%H:%M:%S %z",
            zone="America/New_York",
        )
        assert found == [utc("2026-03-01T08:00:00")]

    @pytest.mark.parametrize(
        "item, sql_type, unit, instant",
        [
            (1_569_888_000, "BIGINT", "epoch_s", "2019-10-01T00:00:00"),
            ("1569888000.5", "VARCHAR", "epoch_s", "2019-10-01T00:00:00.5"),
            (1_569_888_000.25, "DOUBLE", "epoch_s", "2019-10-01T00:00:00.25"),
            (1_569_888_000_123, "BIGINT", "epoch_ms", "2019-10-01T00:00:00.123"),
            ("1569888000123456", "VARCHAR", "epoch_us", "2019-10-01T00:00:00.123456"),
            (-1, "BIGINT", "epoch_ms", "1969-12-31T23:59:59.999"),
            ("-0.0000001", "VARCHAR", "epoch_s", "1970-01-01T00:00:00"),
        ],
    )
    def test_epochs(self, item, sql_type, unit, instant):
        found = converted([item], sql_type, "timestamp", format=unit, zone="Asia/Kolkata")
        assert found == [utc(instant)]

    def test_epoch_in_the_wrong_unit_is_out_of_range(self):
        assert converted([1_569_888_000_123_456], "BIGINT", "timestamp", format="epoch_s") == [None]

    def test_nanoseconds_are_cut_not_rounded(self, bench):
        table = pa.table({
            "who": ["ann"],
            "at": pa.array([1_569_888_000_123_456_999], pa.timestamp("ns")),
        })  # fmt: skip
        pq.write_table(table, bench.folder / "log.parquet")
        bench.sources({"id": "log", "files": "log.parquet", "events": events()}).ingest()
        assert bench.column("events", "ts") == [1_569_888_000_123_456]

    def test_timestamps_with_zone(self, bench):
        at = pa.array([datetime(2026, 3, 1, 12, tzinfo=UTC)], pa.timestamp("us", tz="Asia/Tokyo"))
        pq.write_table(pa.table({"who": ["ann"], "at": at}), bench.folder / "log.parquet")
        source = {"id": "log", "files": "log.parquet", "events": events()}
        bench.sources(source, timezone="America/New_York").ingest()
        assert bench.column("events", "ts") == [utc("2026-03-01T12:00:00")]


def micros(moment):
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def test_booleans():
    items = ["true", "Yes", "1", "no", "F", "maybe", ""]
    found = converted(items, "VARCHAR", "boolean")
    assert found == [True, True, True, False, False, None, None]
