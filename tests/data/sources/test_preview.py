"""Drafts and previews: what a newcomer sees of a file before anything is stored."""

from __future__ import annotations

import json
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.bench import events
from fewer.data.sources.preview import preview
from fewer.data.sources.suggest import suggest_mapping
from fewer.errors import NotFoundError, SourceError
from fewer.language import yaml
from fewer.model.settings import ProjectSettings


def drafted(*files, base=None):
    text = "version: 1\nname: x\nsources:\n" + suggest_mapping(files, base=base)
    settings = yaml.validate(yaml.load(text, file="fewer.yaml"), ProjectSettings)
    return text, settings.sources


class TestDraft:
    def test_a_shop_log(self, bench):
        rows = "".join(
            f"2019-10-01 00:00:{i:02d} UTC,{('view', 'cart')[i % 2]},{10 + i % 5},{i}.5,u{i % 7}\n"
            for i in range(40)
        )
        file = bench.write(
            "2019-Oct.csv", "event_time,event_type,product_id,price,user_id\n" + rows
        )
        text, sources = drafted(file, base=bench.folder)
        mapping = sources[0].events[0]
        assert (sources[0].id, sources[0].files) == ("source_2019_oct", ("2019-Oct.csv",))
        assert (mapping.event.column, mapping.ts.column) == ("event_type", "event_time")
        assert mapping.person.first_of[0].column == "user_id"
        assert mapping.properties["item_id"].column == "product_id"
        assert (mapping.properties["value"].type, mapping.properties["value"].column) == (
            "number",
            "price",
        )
        assert "# guess" in text
        counts = bench.sources(sources[0].model_dump()).ingest().rows
        assert (counts.read, counts.stored, counts.warnings) == (40, 40, {})

    def test_semicolons_commas_and_german_dates(self, bench):
        rows = "".join(f"K{i % 9};{i % 28 + 1:02d}.03.2026;1.{i:03d},50\n" for i in range(30))
        content = ("customer_id;Datum;Betrag\n" + rows).encode("cp1252")
        file = bench.write("export.csv", content)
        _, sources = drafted(file, base=bench.folder)
        assert sources[0].options.delimiter == ";"
        assert sources[0].events[0].ts.format == ("%d.%m.%Y",)
        bench.sources(sources[0].model_dump()).ingest()
        assert bench.column("events", "betrag")[0] in {
            1000_500_000 + i * 1_000_000 for i in range(30)
        }

    def test_people_items_and_ad_reports(self, bench):
        people = "".join(f"{i:05d},{20 + i},m{i}@example.org\n" for i in range(30))
        crm = bench.write("crm.csv", "customer_id,age,email\n" + people)
        items = bench.write("items.csv", "sku,brand\n00123,Acme\n00124,Bcme\n")
        ads = bench.write(
            "ads.csv", "date,campaign_id,impressions,clicks,cost\n2026-03-01,7,10,1,2.5\n"
        )
        text, sources = drafted(crm, items, ads, base=bench.folder)
        assert "example.org" not in text
        assert sources[0].people.contacts == {"email": "email"}
        assert sources[0].people.traits["age"].type == "number"
        assert sources[1].items.item_id.column == "sku"
        assert sources[2].ad_reports.spend.column == "cost"
        result = bench.sources(*(s.model_dump() for s in sources)).ingest()
        assert result.rows.refused == 0
        assert {r["key"] for r in bench.rows("persons")} >= {"00000", "00029"}

    def test_json_lines_and_parquet(self, bench):
        rows = [
            {
                "user": {"id": i % 5},
                "timestamp": 1772359200000 + i,
                "event": "open",
                "p": {"a b": i},
            }
            for i in range(30)
        ]
        log = bench.write("log.jsonl", rows)
        table = pa.table({
            "household_id": [1, 1, 2], "at": [datetime(2026, 3, 1)] * 3, "amount": [1.5, 2.0, 3.0],
        })  # fmt: skip
        pq.write_table(table, bench.folder / "sales.parquet")
        _, sources = drafted(log, bench.folder / "sales.parquet", base=bench.folder)
        assert sources[0].events[0].ts.format == ("epoch_ms",)
        assert sources[0].events[0].person.first_of[0].column == "user.id"
        result = bench.sources(*(s.model_dump() for s in sources)).ingest()
        assert (result.rows.read, result.rows.refused) == (33, 0)

    def test_nothing_to_draft_from(self, bench):
        with pytest.raises(SourceError, match="is empty"):
            suggest_mapping([bench.write("log.csv", "")])


class TestPreview:
    LOG = {"id": "log", "files": "log.csv"}  # noqa: RUF012

    def look(self, bench, n=5):
        return preview(bench.store, bench.settings, bench.folder, "log", n)

    def test_shows_rows_refusals_and_losses(self, bench):
        rows = "ann,2026-03-01,5\nbob,never,6\nragged\ncy,2026-03-02,much\ndi,2026-03-03,7\n"
        bench.write("log.csv", "who,at,n\n" + rows)
        number = {"n": {"column": "n", "type": "number"}}
        bench.sources({**self.LOG, "events": events(properties=number)})
        found = self.look(bench, 4)
        assert [row.row for row in found.rows] == [1, 2, 3, 4]
        assert found.rows[0].read == {"who": "ann", "at": "2026-03-01", "n": "5"}
        assert found.rows[0].made[0].values["n"] == 5
        assert found.rows[1].made[0].refused == "ts_unparseable"
        assert (found.rows[2].read, found.rows[2].made[0].refused) == (
            "ragged",
            "wrong_column_count",
        )
        assert found.rows[3].made[0].lost == ("value_not_number n",)
        assert found.columns == {"who": "text", "at": "text", "n": "text"}
        assert json.loads(found.model_dump_json())["source"] == "log"
        assert bench.store.generation().number == 0

    def test_unknown_columns_are_told_beside_the_rows(self, bench):
        bench.write("log.csv", "who,at\nann,2026-03-01\n")
        bench.sources({**self.LOG, "events": events(person="hwo")})
        found = self.look(bench)
        assert found.notes == ("No column 'hwo'. Did you mean 'who'?",)
        assert found.rows[0].made[0].refused == "person_missing"

    def test_keys_that_json_lines_do_not_have(self, bench):
        bench.write("log.jsonl", [{"who": "ann", "at": "2026-03-01", "page": {"url": "/"}}])
        mapping = events(properties={"p": "pgae.url", "q": "page.missing"})
        bench.sources({**self.LOG, "files": "log.jsonl", "events": mapping})
        told = "The first rows have no key 'pgae.url'."
        assert self.look(bench).notes[0].startswith(told)
        assert bench.ingest().files[0].notes[0].startswith(told)

    def test_no_such_source(self, bench):
        bench.write("log.csv", "who,at\nann,2026-03-01\n")
        bench.sources({**self.LOG, "events": events()})
        with pytest.raises(NotFoundError):
            preview(bench.store, bench.settings, bench.folder, "lgo")


class Told:
    """Keeps what it was told."""

    def __init__(self):
        self.seen = []

    def start(self, _, file, *, size):
        self.seen.append(("start", file, size))

    def advance(self, done):
        self.seen.append(("advance", done))

    def rows(self, done):
        self.seen.append(("rows", done))

    def finish(self):
        self.seen.append(("finish",))


def test_progress_reaches_the_end_of_each_file(bench):
    path = bench.write("log.csv", "who,at\n" + "ann,2026-03-01\n" * 50_000)
    size = path.stat().st_size
    told = Told()
    bench.sources({"id": "log", "files": "log.csv", "events": events()}).ingest(progress=told)
    assert told.seen[0] == ("start", "log.csv", size)
    assert told.seen[-3:] == [("advance", size), ("rows", 50_000), ("finish",)]
    assert all(step[1] <= size for step in told.seen if step[0] == "advance")
    assert (
        [s[0] for s in told.seen].count("start") == [s[0] for s in told.seen].count("finish") == 2
    )
