"""What an ingest promises: twice adds nothing, growth adds what is new, no row is lost."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import SOAK
from data.bench import Bench, events, utc
from fewer.errors import NotFoundError, SettingsError, SourceError

LOG = {"id": "log", "files": "log.csv", "events": events(properties={"page": "page"})}
HEAD = "who,at,page\n"
ROWS = "ann,2026-03-01,/a\nbob,2026-03-02,/b\n"


def counts(result):
    return [(f.file, f.state, f.rows.read, f.rows.stored, f.rows.duplicate) for f in result.files]


class TestAgain:
    def test_the_same_file_twice_adds_nothing(self, bench):
        bench.write("log.csv", HEAD + ROWS)
        first = bench.sources(LOG).ingest()
        second = bench.ingest()
        assert (first.changed, second.changed) == (True, False)
        assert counts(second) == [("log.csv", "unchanged", 0, 0, 0)]
        assert (second.generation, second.fingerprint) == (1, first.fingerprint)
        assert len(bench.rows("events")) == 2

    def test_a_copy_under_another_name_is_the_same_content(self, bench):
        bench.write("a.csv", HEAD + ROWS)
        bench.write("b.csv", HEAD + ROWS)
        result = bench.sources({**LOG, "files": "*.csv"}).ingest()
        assert [f.state for f in result.files] == ["read", "unchanged"]
        assert len(bench.rows("events")) == 2

    def test_a_grown_file_adds_its_new_rows(self, bench):
        bench.write("log.csv", HEAD + ROWS)
        bench.sources(LOG).ingest()
        bench.write("log.csv", HEAD + ROWS + "cy,2026-03-03,/c\n")
        assert counts(bench.ingest()) == [("log.csv", "read", 3, 1, 2)]
        assert bench.events("key") == [("ann",), ("bob",), ("cy",)]

    def test_a_refused_event_of_a_known_item_is_refused(self, bench):
        bench.write("log.csv", HEAD + "ann,2026-03-01,/a\n,2026-03-02,/a\nbob,2026-03-03,/a\n")
        result = bench.sources({**LOG, "items": {"item_id": "page"}}).ingest()
        assert (result.rows.stored, result.rows.refused, result.rows.duplicate) == (2, 1, 0)
        assert result.rows.reasons == {"person_missing": 1}

    def test_a_row_refused_by_two_mappings_for_one_reason_is_told_once(self, bench):
        bench.write("log.csv", HEAD + "ann,2026-03-01,/a\n,never,/a\nbob,never,/b\n")
        result = bench.sources({**LOG, "people": {"person": "who"}}).ingest()
        assert result.rows.reasons == {"person_missing": 1, "ts_unparseable": 1}
        assert [(row.row, row.reason) for row in bench.store.quarantine()] == [
            (2, "person_missing"),
            (3, "ts_unparseable"),
        ]

    def test_a_file_that_changed_instead_of_growing_is_noticed(self, bench):
        bench.write("log.csv", HEAD + ROWS)
        bench.sources(LOG).ingest()
        bench.write("log.csv", HEAD + ROWS.replace("/a", "/corrected"))
        result = bench.ingest()
        assert counts(result) == [("log.csv", "read", 2, 1, 1)]
        assert "1 rows that the file held" in result.files[0].notes[0]
        bench.ingest(rebuild=True)
        assert bench.events("page") == [("/corrected",), ("/b",)]

    def test_equal_lines_are_different_events_also_when_the_file_grows(self, bench):
        line = "ann,2026-03-01,/a\n"
        bench.write("log.csv", HEAD + line * 2)
        bench.sources(LOG).ingest()
        assert len(bench.rows("events")) == 2
        bench.write("log.csv", HEAD + line * 5)
        assert counts(bench.ingest()) == [("log.csv", "read", 5, 3, 2)]
        assert len(set(bench.column("events", "event_id"))) == 5

    def test_overlapping_exports_share_their_events(self, bench):
        bench.write("1.csv", HEAD + ROWS)
        bench.write("2.csv", HEAD + "bob,2026-03-02,/b\ncy,2026-03-03,/c\n")
        result = bench.sources({**LOG, "files": ["1.csv", "2.csv"]}).ingest()
        assert [f.rows.stored for f in result.files] == [2, 1]

    def test_order_of_reading_and_not_of_ingests_makes_the_fingerprint(self, tmp_path):
        prints = []
        for name, at_once in (("x", True), ("y", False)):
            folder = tmp_path / name
            folder.mkdir()
            bench = Bench(folder).sources({**LOG, "files": "*.csv"})
            bench.write("1.csv", HEAD + ROWS)
            if not at_once:
                bench.ingest()
            bench.write("2.csv", HEAD + "cy,2026-03-03,/c\n")
            prints.append(bench.ingest().fingerprint)
            bench.store.close()
        assert prints[0] == prints[1]

    def test_a_changed_mapping_is_refused_and_rebuild_reads_anew(self, bench):
        bench.write("log.csv", HEAD + ROWS)
        other = {"id": "other", "files": "o.csv", "events": events()}
        bench.write("o.csv", "who,at\nzoe,2026-01-01\n")
        bench.sources(LOG, other).ingest()
        old = bench.store.generation()
        changed = {**LOG, "events": events(event="visit", properties={"url": "page"})}
        bench.sources(changed, other)
        with pytest.raises(SettingsError, match="--only log --rebuild"):
            bench.ingest()
        result = bench.ingest(only=["log"], rebuild=True)
        assert [f.rows.stored for f in result.files] == [2]
        assert bench.events("event", "url") == [("view", None), ("visit", "/a"), ("visit", "/b")]
        assert bench.store.generation().catalog.events == {"view": 1, "visit": 2}
        assert old.rows("events") == bench.store.generation().rows("events") == 3
        assert {r["key"] for r in bench.rows("persons")} == {"ann", "bob", "zoe"}
        assert bench.ingest().changed is False

    def test_files_of_an_old_generation_stay_readable(self, bench):
        bench.write("log.csv", HEAD + ROWS)
        bench.sources(LOG).ingest()
        old = bench.store.generation()
        bench.sources({**LOG, "events": events()}).ingest(rebuild=True)
        pinned = old.files("events")
        assert sum(pq.ParquetFile(path).metadata.num_rows for path in pinned) == 2


class TestIds:
    def test_a_repeated_id_on_a_day_is_stored_once_and_the_first_wins(self, bench):
        rows = "1,ann,2026-03-01T01:00,a\n1,ann,2026-03-01T02:00,b\n1,ann,2026-03-02T01:00,c\n"
        bench.write("log.csv", "id,who,at,page\n" + rows)
        source = {**LOG, "events": events(id="id", properties={"page": "page"})}
        assert counts(bench.sources(source).ingest()) == [("log.csv", "read", 3, 2, 1)]
        assert bench.events("event_id", "page") == [("1", "a"), ("1", "c")]

    def test_the_first_wins_across_files_and_sources(self, bench):
        bench.write("1.csv", "id,who,at,page\n7,ann,2026-03-01T01:00,old\n")
        bench.write("2.csv", "id,who,at,page\n7,ann,2026-03-01T02:00,new\n8,ann,2026-03-01,x\n")
        mapping = events(id="id", properties={"page": "page"})
        one = {"id": "one", "files": "1.csv", "events": mapping}
        two = {"id": "two", "files": "2.csv", "events": mapping}
        assert [r[3:] for r in counts(bench.sources(one, two).ingest())] == [(1, 0), (1, 1)]
        assert set(bench.column("events", "page")) == {"old", "x"}

    def test_several_columns_and_a_prefix(self, bench):
        bench.write("log.csv", "o,l,who,at\n1,2,ann,2026-03-01\n1,,ann,2026-03-01\n")
        source = {**LOG, "events": events(id={"columns": ["o", "l"], "prefix": "x-"})}
        result = bench.sources(source).ingest()
        assert bench.column("events", "event_id") == ["x-1/2"]
        assert result.rows.reasons == {"event_id_missing": 1}

    def test_two_events_of_a_row_with_one_id_are_noticed(self, bench):
        bench.write("log.csv", "id,who,at\n1,ann,2026-03-01\n2,ann,2026-03-01\n")
        both = [events(id="id"), events(event="buy", id="id")]
        result = bench.sources({**LOG, "events": both}).ingest()
        assert result.rows.made == {"events": 2}
        assert "2 rows gave two events with the same id" in result.files[0].notes[0]

    def test_numbers_of_the_day_are_utc(self, bench):
        rows = "1,ann,2026-03-01T23:30:00-05:00\n1,ann,2026-03-02T04:30:00Z\n"
        bench.write("log.csv", "id,who,at\n" + rows)
        result = bench.sources({**LOG, "events": events(id="id")}).ingest()
        assert result.rows.duplicate == 1


class TestEvents:
    def test_one_row_several_events(self, bench):
        rows = "ann,2026-03-01,10,2\nbob,2026-03-02,0,0\n"
        bench.write("log.csv", "who,at,price,coupons\n" + rows)
        price = {"value": {"column": "price", "type": "number"}}
        result = bench.sources(
            {
                "id": "log",
                "files": "log.csv",
                "events": [
                    events(event="purchase", when={"price": {"more_than": 0}}, properties=price),
                    events(event="coupon", when={"coupons": {"at_least": 1}}),
                ],
            }
        ).ingest()
        assert bench.events("key", "event", "value") in (
            [("ann", "purchase", 10_000_000), ("ann", "coupon", None)],
            [("ann", "coupon", None), ("ann", "purchase", 10_000_000)],
        )
        rows = result.rows
        assert (rows.read, rows.stored, rows.filtered, rows.made) == (2, 1, 1, {"events": 2})

    def test_a_row_that_is_refused_in_part_is_stored_and_kept_aside(self, bench):
        bench.write("log.csv", "who,at,paid\nann,2026-03-01,never\n")
        source = {"id": "log", "files": "log.csv", "events": [events(), events(ts="paid")]}
        rows = bench.sources(source).ingest().rows
        assert (rows.stored, rows.refused, rows.reasons) == (1, 0, {"ts_unparseable": 1})
        assert [row.row for row in bench.store.quarantine()] == [1]

    def test_names_from_a_column(self, bench):
        rows = "ann,2026-03-01,V\nbob,2026-03-02,C\ncy,2026-03-03,X\ndi,2026-03-04,\n"
        bench.write("log.csv", "who,at,type\n" + rows)
        named = {"column": "type", "map": {"V": "view", "C": "cart"}}
        result = bench.sources({**LOG, "events": events(event=named)}).ingest()
        assert bench.events("event") == [("view",), ("cart",)]
        assert result.rows.reasons == {"event_missing": 1, "event_not_in_map": 1}

    def test_names_with_a_default_and_a_prefix(self, bench):
        bench.write("log.csv", "who,at,type\nann,2026-03-01,V\nbob,2026-03-02,X\n")
        named = {"column": "type", "map": {"V": "view"}, "default": "other", "prefix": "web "}
        bench.sources({**LOG, "events": events(event=named)}).ingest()
        assert bench.events("event") == [("web view",), ("web other",)]

    def test_persons_first_of(self, bench):
        bench.write("log.csv", "user,cookie,at\nann,c1,2026-03-01\n,c1,2026-03-02\n,,2026-03-03\n")
        who = {"first_of": ["user", {"column": "cookie", "prefix": "c:", "kind": "anonymous"}]}
        result = bench.sources({**LOG, "events": events(person=who)}).ingest()
        assert bench.events("key") == [("ann",), ("c:c1",)]
        assert [(r["key"], r["kind"]) for r in bench.rows("persons")] == [
            ("ann", "known"),
            ("c:c1", "anonymous"),
        ]
        assert result.rows.reasons == {"person_missing": 1}

    def test_times_in_two_columns_and_the_projects_zone(self, bench):
        bench.write("log.csv", "who,day,clock\nann,2026-03-01,09:30\nbob,2026-03-01,\n")
        source = {**LOG, "events": events(ts={"columns": ["day", "clock"]})}
        bench.sources(source, timezone="Europe/Berlin").ingest()
        assert bench.events("key", "ts") == [
            ("bob", utc("2026-02-28T23:00:00")),
            ("ann", utc("2026-03-01T08:30:00")),
        ]

    def test_missing_and_unreadable_times(self, bench):
        bench.write("log.csv", "who,at\nann,\nbob,soon\n")
        rows = bench.sources({**LOG, "events": events()}).ingest().rows
        assert rows.reasons == {"ts_missing": 1, "ts_unparseable": 1}

    def test_categories(self, bench):
        header = "who,at,a,b,c,path\n"
        rows = (
            "ann,2026-03-01,Food,Bread,Rye,x/y//z\n"
            "bob,2026-03-02,Food,,Rye,x\n"
            "cy,2026-03-03,,Bread,Rye,/\n"
        )
        bench.write("log.csv", header + rows)
        mapped = {"cat": {"path": ["a", "b", "c"]}, "re": {"column": "path", "split": "/"}}
        bench.sources({**LOG, "events": events(properties=mapped)}).ingest()
        assert bench.events("cat", "re") == [
            ("Food > Bread > Rye", "x > y > z"),
            ("Food", "x"),
            (None, None),
        ]

    def test_constants_maps_and_item_ids(self, bench):
        bench.write("log.csv", "who,at,state,sku\nann,2026-03-01,P,00123\n")
        mapped = {
            "shop": {"constant": "north"},
            "rate": {"constant": 2.5},
            "live": {"constant": True},
            "state": {"column": "state", "map": {"P": "paid"}},
            "item_id": "sku",
        }
        bench.sources({**LOG, "events": events(properties=mapped)}).ingest()
        found = bench.events("shop", "rate", "live", "state", "item_id")
        assert found == [("north", 2_500_000, True, "paid", "00123")]

    def test_item_ids_are_texts_whatever_the_file_says(self, bench):
        table = pa.table({"who": [17850.0], "at": ["2026-03-01"], "sku": [85123]})
        pq.write_table(table, bench.folder / "log.parquet")
        mapped = {"item_id": "sku", "n": "sku"}
        source = {**LOG, "files": "log.parquet", "events": events(properties=mapped)}
        bench.sources(source).ingest()
        assert bench.events("key", "item_id", "n") == [("17850", "85123", 85_123_000_000)]

    @pytest.mark.parametrize(
        "when, kept",
        [
            ({"n": {"more_than": 1}}, "bc"),
            ({"n": {"between": [1, 2]}}, "ab"),
            ({"n": 1}, "a"),
            ({"n": {"not_equals": 1}}, "bc"),
            ({"t": "x"}, "a"),
            ({"t": ["x", "Yy"]}, "ab"),
            ({"t": {"not_in": ["x"]}}, "b"),
            ({"t": {"exists": True}}, "ab"),
            ({"t": {"missing": True}}, "c"),
            ({"t": {"contains": "y"}}, "b"),
            ({"t": {"starts_with": "yY", "ignore_case": True}}, "b"),
            ({"t": {"ends_with": "y"}}, "b"),
            ({"t": {"matches": "^[a-z]$"}}, "a"),
            ({"p": {"under": "a > b"}}, "ab"),
            ({"at": {"after": "2026-03-02"}}, "bc"),
            ({"at": {"before": "2026-03-02"}, "n": {"at_most": 5}}, "a"),
            ({"b": True}, "a"),
        ],
    )
    def test_when(self, bench, when, kept):
        rows = (
            "a,2026-03-01,1,x,a > b,true\nb,2026-03-02,2,Yy,a > b > c,no\nc,2026-03-03,3,,a > bc,\n"
        )
        bench.write("log.csv", "who,at,n,t,p,b\n" + rows)
        result = bench.sources({**LOG, "events": events(when=when)}).ingest()
        assert "".join(key for (key,) in bench.events("key")) == kept
        assert result.rows.filtered == 3 - len(kept)

    def test_relative_windows_make_no_sense_in_a_mapping(self, bench):
        bench.write("log.csv", HEAD + ROWS)
        with pytest.raises(SettingsError, match="before and after"):
            bench.sources({**LOG, "events": events(when={"at": {"within": "7d"}})}).ingest()


class TestParquet:
    def test_nested_columns(self, bench):
        table = pa.table({
            "who": ["ann"],
            "at": ["2026-03-01"],
            "page": [{"path": "/a", "utm": {"source": "x"}}],
            "tags": [["p", "q"]],
            "extra": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
            "blob": ['{"deep": {"n": 5}}'],
        })  # fmt: skip
        pq.write_table(table, bench.folder / "log.parquet")
        mapped = {
            "path": "page.path",
            "tags": {"column": "tags", "join": "|"},
            "k": "extra.k",
            "n": "blob.deep.n",
            "*": {"column": "page", "prefix": "p."},
        }
        source = {**LOG, "files": "log.parquet", "events": events(properties=mapped)}
        bench.sources(source).ingest()
        row = bench.rows("events")[0]
        assert (row["path"], row["p.utm.source"], row["tags"]) == ("/a", "x", "p|q")
        assert (row["k"], row["n"]) == (1_000_000, 5_000_000)

    def test_explode_a_list_of_structs(self, bench):
        lines = [[{"sku": "a", "n": 1}, {"sku": "b", "n": 2}], []]
        table = pa.table({"who": ["ann", "bob"], "at": ["2026-03-01"] * 2, "lines": lines})
        pq.write_table(table, bench.folder / "log.parquet")
        mapped = {"item_id": "lines.sku", "n": "lines.n"}
        source = {**LOG, "files": "log.parquet"}
        source["events"] = events(explode="lines", properties=mapped)
        rows = bench.sources(source).ingest().rows
        assert (rows.read, rows.stored, rows.filtered, rows.made) == (2, 1, 1, {"events": 2})
        assert sorted(bench.events("item_id", "n")) == [("a", 1_000_000), ("b", 2_000_000)]

    def test_own_columns_of_the_file_do_not_clash_with_ours(self, bench):
        names = ["line", "part", "reason", "raw", "seq", "event", "ts", "day", "v0", "c0"]
        table = pa.table({"who": ["ann"], "at": ["2026-03-01"], **{n: [n] for n in names}})
        pq.write_table(table, bench.folder / "log.parquet")
        mapped = events(properties={n: n for n in names})
        bench.sources({**LOG, "files": "log.parquet", "events": mapped}).ingest()
        row = bench.rows("events")[0]
        assert {n: row[n] for n in ("line", "part", "raw", "v0")} == {
            "line": "line", "part": "part", "raw": "raw", "v0": "v0",
        }  # fmt: skip

    def test_a_file_that_is_none(self, bench):
        bench.write("log.parquet", "no parquet")
        with pytest.raises(SourceError, match=r"log\.parquet can't be read as Parquet"):
            bench.sources({**LOG, "files": "log.parquet"}).ingest()


class TestJoins:
    ORDERS = "who,at,campaign\nann,2026-03-01,7\nbob,2026-03-02,8\ncy,2026-03-03,\n"

    def source(self, **join):
        looked = {"files": "names.csv", "on": {"campaign": "id"}, "prefix": "c_", **join}
        return {
            "id": "log",
            "files": "log.csv",
            "join": looked,
            "events": events(properties={"title": "c_title"}),
        }

    def test_left_join_first_match(self, bench):
        bench.write("log.csv", self.ORDERS)
        bench.write("names.csv", "id,title\n7,first\n7,second\n")
        bench.sources(self.source()).ingest()
        assert bench.events("key", "title") == [("ann", "first"), ("bob", None), ("cy", None)]

    def test_keys_of_different_types_meet_as_text(self, bench):
        bench.write("log.csv", self.ORDERS)
        pq.write_table(
            pa.table({"id": [7.0, 8.0], "title": ["x", "y"]}), bench.folder / "n.parquet"
        )
        bench.sources(self.source(files="n.parquet")).ingest()
        assert bench.events("key", "title") == [("ann", "x"), ("bob", "y"), ("cy", None)]

    def test_a_changed_joined_file_is_noticed(self, bench):
        bench.write("log.csv", self.ORDERS)
        bench.write("names.csv", "id,title\n7,first\n")
        bench.sources(self.source()).ingest()
        bench.write("names.csv", "id,title\n7,renamed\n")
        with pytest.raises(SettingsError, match="a file it joins"):
            bench.ingest()

    def test_columns_that_clash_need_a_prefix(self, bench):
        bench.write("log.csv", self.ORDERS)
        bench.write("names.csv", "id,at\n7,x\n")
        with pytest.raises(SettingsError, match="Give the join a prefix"):
            bench.sources(self.source(prefix="")).ingest()

    def test_unknown_keys_are_named(self, bench):
        bench.write("log.csv", self.ORDERS)
        bench.write("names.csv", "id,title\n7,x\n")
        with pytest.raises(SettingsError, match="Did you mean 'campaign'"):
            bench.sources(self.source(on={"campain": "id"})).ingest()

    def test_on_json_lines_and_two_joins(self, bench):
        rows = [{"who": "ann", "at": "2026-03-01", "c": 7, "deep": {"s": "x"}}]
        bench.write("log.jsonl", rows)
        bench.write("names.csv", "id,title\n7,first\n")
        bench.write("stores.jsonl", [{"s": "x", "town": "Ulm"}])
        bench.sources(
            {
                "id": "log",
                "files": "log.jsonl",
                "join": [
                    {"files": "names.csv", "on": {"c": "id"}},
                    {"files": "stores.jsonl", "on": {"deep.s": "s"}, "prefix": "store_"},
                ],
                "events": events(properties={"t": "title", "town": "store_town", "s": "deep.s"}),
            }
        ).ingest()
        assert bench.events("t", "town", "s") == [("first", "Ulm", "x")]


class TestChoices:
    def test_only(self, bench):
        bench.write("log.csv", HEAD + ROWS)
        broken = {"id": "broken", "files": "none.csv", "events": events()}
        assert bench.sources(LOG, broken).ingest(only=["log"]).rows.stored == 2
        with pytest.raises(NotFoundError, match="Did you mean 'log'"):
            bench.ingest(only=["lgo"])
        with pytest.raises(SourceError, match=r"no file matches 'none\.csv'"):
            bench.ingest()

    def test_dry_run_counts_and_stores_nothing(self, bench):
        bench.write("log.csv", HEAD + ROWS + "bob,2026-03-02,/b\nno,never,x\n")
        wet = bench.sources(LOG).ingest(dry_run=True)
        assert bench.store.generation().number == 0
        assert not (bench.folder / ".fewer" / "events").exists()
        assert list((bench.folder / ".fewer" / "staging").iterdir()) == []
        dry = bench.ingest()
        assert wet.rows == dry.rows
        assert (wet.changed, dry.changed) == (False, True)

    def test_format_must_be_known(self, bench):
        bench.write("log.txt", HEAD + ROWS)
        with pytest.raises(SourceError, match="format: csv"):
            bench.sources({**LOG, "files": "log.txt"}).ingest()
        assert bench.sources({**LOG, "files": "log.txt", "format": "csv"}).ingest().changed

    def test_small_batches_give_the_same(self, bench, monkeypatch):
        monkeypatch.setattr("fewer.data.sources.ingest._FLUSH_ROWS", 1)
        for i in range(4):
            bench.write(f"{i}.csv", HEAD + ROWS + f"p{i},2026-03-03,/{i}\n")
        result = bench.sources({**LOG, "files": "*.csv"}).ingest()
        assert [f.rows.stored for f in result.files] == [3, 1, 1, 1]
        assert sorted(key for (key,) in bench.events("key")) == [
            "ann",
            "bob",
            "p0",
            "p1",
            "p2",
            "p3",
        ]


ROW = st.one_of(
    st.builds(
        lambda who, day, page, n: {"who": who, "at": f"2026-03-{day:02d}", "page": page, "n": n},
        st.sampled_from(["ann", "bob", "", "cy"]),
        st.integers(1, 31),
        st.sampled_from(["/a", "/b", "", "é"]),
        st.sampled_from(["1", "x", "2.5", ""]),
    ),
    st.sampled_from([{"who": "ann", "at": "never", "page": "", "n": ""}, "ragged", '"open', "b\0"]),
)


@pytest.mark.slow
@settings(max_examples=15 * SOAK, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(ROW, max_size=8), min_size=1, max_size=3))
def test_every_row_is_accounted_for(tmp_path_factory, batches):
    """Stored + duplicate + refused + filtered = read, and the store holds what was stored."""
    bench = Bench(tmp_path_factory.mktemp("rows"))
    bench.sources(
        {
            "id": "log",
            "files": "*.csv",
            "events": [
                events(
                    when={"page": {"not_in": ["/b"]}},
                    properties={"page": "page", "n": {"column": "n", "type": "number"}},
                ),
                events(event="priced", when={"n": {"more_than": 1}}),
            ],
            "people": {"person": "who", "traits": {"n": "n"}},
        }
    )
    lines = 0
    for i, rows in enumerate(batches):
        text = [
            r if isinstance(r, str) else f"{r['who']},{r['at']},{r['page']},{r['n']}" for r in rows
        ]
        bench.write(f"{i}.csv", "who,at,page,n\n" + "".join(f"{t}\n" for t in text))
        bench.ingest()
        lines += len(rows)
    ledger = bench.store.ledger()
    for entry in ledger:
        rows = entry.rows
        assert rows.stored + rows.duplicate + rows.refused + rows.filtered == rows.read
    kept = sum(entry.rows.made.get("events", 0) for entry in ledger)
    assert kept == len(bench.rows("events")) == bench.store.generation().rows("events")
    assert sum(e.rows.reasons.get("person_missing", 0) for e in ledger) <= 3 * lines
    assert bench.ingest().changed is False
    assert json.dumps([entry.rows.model_dump() for entry in ledger])
    bench.store.close()
