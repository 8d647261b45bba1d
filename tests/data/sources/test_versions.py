"""People, items, consents, lists, contacts and ad reports: what is known at a moment."""

from __future__ import annotations

from typing import ClassVar

import pytest
from pyroaring import BitMap

from data.bench import END, utc

PEOPLE = {
    "id": "crm",
    "files": "people.csv",
    "people": {"person": "id", "valid_from": "since", "traits": {"plan": "plan", "city": "city"}},
}


def by_key(bench, relation, *names, as_of=END):
    keys = {row["person"]: row["key"] for row in bench.rows("persons")}
    return {
        (keys[row["person"]], *(row[name] for name in names))
        for row in bench.rows(relation, as_of=as_of)
    }


class TestPeople:
    def test_the_version_valid_at_the_moment(self, bench):
        rows = (
            "ann,,free,Ulm\nann,2026-02-01,pro,\nann,2026-03-01,,Bonn\nbob,2026-02-15,free,Kiel\n"
        )
        bench.write("people.csv", "id,since,plan,city\n" + rows)
        bench.sources(PEOPLE).ingest()
        at = {day: by_key(bench, "people", "plan", "city", as_of=utc(day)) for day in
              ("2026-01-15", "2026-02-01", "2026-02-20", "2026-03-05")}  # fmt: skip
        assert at["2026-01-15"] == {("ann", "free", "Ulm")}
        assert at["2026-02-01"] == {("ann", "pro", None)}
        assert at["2026-02-20"] == {("ann", "pro", None), ("bob", "free", "Kiel")}
        assert at["2026-03-05"] == {("ann", None, "Bonn"), ("bob", "free", "Kiel")}

    def test_one_row_each_needs_no_versions(self, bench):
        bench.write("people.csv", "id,plan\nann,free\nbob,pro\n")
        bench.sources({**PEOPLE, "people": {"person": "id", "traits": {"plan": "plan"}}}).ingest()
        assert bench.store.generation().facts.versioned == ()
        assert by_key(bench, "people", "plan") == {("ann", "free"), ("bob", "pro")}

    def test_a_new_file_replaces_what_the_old_one_said(self, bench):
        source = {**PEOPLE, "people": {"person": "id", "traits": {"plan": "plan"}}}
        plans = []
        for plan in ("free", "pro", "free", "free"):
            bench.write("people.csv", f"id,plan\nann,{plan}\nbob,basic\n")
            rows = bench.sources(source).ingest().rows
            plans.append((dict(by_key(bench, "people", "plan"))["ann"], rows.stored))
        assert plans == [("free", 2), ("pro", 1), ("free", 1), ("free", 0)]

    def test_the_last_row_of_a_person_in_a_file_counts(self, bench):
        bench.write("people.csv", "id,plan\nann,free\nann,pro\n")
        source = {**PEOPLE, "people": {"person": "id", "traits": {"plan": "plan"}}}
        rows = bench.sources(source).ingest().rows
        assert (rows.stored, rows.duplicate) == (1, 1)
        assert by_key(bench, "people", "plan") == {("ann", "pro")}

    def test_what_one_source_lacks_comes_from_the_next(self, bench):
        bench.write("a.csv", "id,plan\nann,\nbob,pro\n")
        bench.write("b.csv", "id,plan,city\nann,free,Ulm\nbob,free,Bonn\ncy,free,\n")
        a = {"id": "a", "files": "a.csv", "people": {"person": "id", "traits": {"plan": "plan"}}}
        traits = {"plan": "plan", "city": "city"}
        b = {"id": "b", "files": "b.csv", "people": {"person": "id", "traits": traits}}
        bench.sources(a, b).ingest()
        assert by_key(bench, "people", "plan", "city") == {
            ("ann", "free", "Ulm"),
            ("bob", "pro", "Bonn"),
            ("cy", "free", None),
        }
        bench.sources(b, a).ingest()  # nothing new: the order is that of the last ingest that wrote
        bench.write("a.csv", "id,plan\nann,\nbob,pro\ndi,x\n")
        bench.ingest()
        assert ("bob", "free", "Bonn") in by_key(bench, "people", "plan", "city")

    def test_a_trait_of_two_types_comes_from_one_source(self, bench):
        bench.write("a.jsonl", [{"id": "ann", "v": 7}, {"id": "bob"}])
        bench.write("b.jsonl", [{"id": "ann", "v": "seven"}, {"id": "bob", "v": "two"}])
        people = {"person": "id", "traits": {"v": "v"}}
        bench.sources(
            {"id": "a", "files": "a.jsonl", "people": people},
            {"id": "b", "files": "b.jsonl", "people": people},
        ).ingest()
        assert by_key(bench, "people", "v:number", "v:text") == {
            ("ann", 7_000_000, None),
            ("bob", None, "two"),
        }

    def test_unreadable_valid_from(self, bench):
        bench.write("people.csv", "id,since,plan,city\nann,soon,free,Ulm\n")
        assert bench.sources(PEOPLE).ingest().rows.reasons == {"ts_unparseable": 1}


class TestConsents:
    CONSENTS: ClassVar = {
        "email": {"column": "mail", "granted": ["yes"], "denied": ["no"]},
        "ads": "ads",
    }

    def source(self, id_="crm", file="people.csv", **more):
        people = {"person": "id", "consents": self.CONSENTS, **more}
        return {"id": id_, "files": file, "people": people}

    def test_states(self, bench):
        bench.write("people.csv", "id,mail,ads\nann,yes,1\nbob,NO,false\ncy,perhaps,\n")
        bench.sources(self.source()).ingest()
        assert by_key(bench, "consents", "purpose", "state") == {
            ("ann", "email", "granted"), ("ann", "ads", "granted"),
            ("bob", "email", "denied"), ("bob", "ads", "denied"),
            ("cy", "email", "unknown"), ("cy", "ads", "unknown"),
        }  # fmt: skip
        assert bench.store.generation().catalog.purposes == ("ads", "email")

    def test_withdrawn_later(self, bench):
        rows = "ann,yes,,2026-01-01\nann,no,,2026-02-01\n"
        bench.write("people.csv", "id,mail,ads,since\n" + rows)
        bench.sources(self.source(valid_from="since")).ingest()
        states = [
            {s for _, p, s in by_key(bench, "consents", "purpose", "state", as_of=utc(day))
             if p == "email"}
            for day in ("2026-01-15", "2026-02-15")
        ]  # fmt: skip
        assert states == [{"granted"}, {"denied"}]
        assert by_key(bench, "consents", "state", as_of=utc("2025-01-01")) == set()

    def test_a_source_that_knows_beats_one_that_does_not(self, bench):
        bench.write("a.csv", "id,mail,ads\nann,,\n")
        bench.write("b.csv", "id,mail,ads\nann,yes,0\n")
        bench.sources(self.source("a", "a.csv"), self.source("b", "b.csv")).ingest()
        assert by_key(bench, "consents", "purpose", "state") == {
            ("ann", "email", "granted"), ("ann", "ads", "denied"),
        }  # fmt: skip

    def test_a_changed_consent_alone_is_stored(self, bench):
        bench.write("people.csv", "id,mail,ads\nann,yes,1\n")
        bench.sources(self.source()).ingest()
        bench.write("people.csv", "id,mail,ads\nann,no,1\n")
        rows = bench.ingest().rows
        assert (rows.stored, rows.made["consents"], rows.made["people"]) == (1, 1, 0)
        assert ("ann", "email", "denied") in by_key(bench, "consents", "purpose", "state")


class TestItems:
    def test_attributes_and_versions(self, bench):
        rows = "00123,2026-01-01,Acme,Food,Bread\n00123,2026-02-01,Bcme,Food,\n,2026-01-01,x,y,z\n"
        bench.write("items.csv", "sku,since,brand,dep,cat\n" + rows)
        mapped = {"brand": "brand", "category": {"path": ["dep", "cat"]}}
        items = {"item_id": "sku", "valid_from": "since", "attributes": mapped}
        result = bench.sources({"id": "items", "files": "items.csv", "items": items}).ingest()
        assert result.rows.reasons == {"item_id_missing": 1}
        at = {day: bench.rows("items", as_of=utc(day)) for day in ("2026-01-15", "2026-03-01")}
        assert at["2026-01-15"] == [
            {"item_id": "00123", "brand": "Acme", "category": "Food > Bread"}
        ]
        assert at["2026-03-01"] == [{"item_id": "00123", "brand": "Bcme", "category": "Food"}]

    def test_item_ids_from_numbers(self, bench):
        bench.write("items.jsonl", [{"sku": 7, "brand": "x"}, {"sku": "7", "brand": "y"}])
        items = {"item_id": "sku", "attributes": {"brand": "brand"}}
        bench.sources({"id": "items", "files": "items.jsonl", "items": items}).ingest()
        assert bench.rows("items") == [{"item_id": "7", "brand": "y"}]


class TestLists:
    def test_constant_and_column(self, bench):
        bench.write("lists.csv", "who,list,since\nann,vip,2026-01-01\nann,vip,\nbob,news,\n")
        lists = [
            {"list": "all", "person": "who"},
            {"list": {"column": "list"}, "person": "who", "valid_from": "since"},
        ]
        bench.sources({"id": "lists", "files": "lists.csv", "lists": lists}).ingest()
        assert by_key(bench, "lists", "list_id") == {
            ("ann", "all"), ("bob", "all"), ("ann", "vip"), ("bob", "news"),
        }  # fmt: skip
        assert bench.store.generation().catalog.lists == ("all", "news", "vip")
        assert len(bench.rows("lists")) == 4

    def test_not_yet_on_the_list(self, bench):
        bench.write("lists.csv", "who,since\nann,2026-02-01\n")
        lists = {"list": "vip", "person": "who", "valid_from": "since"}
        bench.sources({"id": "lists", "files": "lists.csv", "lists": lists}).ingest()
        assert bench.rows("lists", as_of=utc("2026-01-31")) == []
        assert len(bench.rows("lists", as_of=utc("2026-02-01"))) == 1


class TestAdReports:
    MAPPING: ClassVar = {
        "day": {"column": "date"},
        "platform": {"constant": "meta"},
        "campaign": "campaign",
        "segment": "segment",
        "impressions": {"column": "imp", "type": "number"},
        "clicks": {"column": "clicks", "type": "number"},
        "spend": {"column": "cost", "type": "number", "decimal": ","},
        "currency": {"constant": "EUR"},
    }
    HEAD = "date;campaign;segment;imp;clicks;cost\n"

    def source(self, **changes):
        options = {"delimiter": ";"}
        report = {**self.MAPPING, **changes}
        return {"id": "ads", "files": "*.csv", "options": options, "ad_reports": report}

    def test_figures(self, bench):
        rows = "2026-03-01;c1;hot;1000;7;12,345678\n2026-03-02 00:00:00;c1;;x;;\n;c1;hot;1;1;1\n"
        bench.write("1.csv", self.HEAD + rows)
        result = bench.sources(self.source()).ingest()
        assert result.rows.reasons == {"day_unparseable": 1}
        assert result.rows.warnings == {"value_not_number impressions": 1}
        found = bench.rows("ad_reports", order="day")
        assert [str(row["day"]) for row in found] == ["2026-03-01", "2026-03-02"]
        first = found[0]
        assert (first["impressions"], first["clicks"], first["spend"]) == (1000, 7, 12_345_678)
        assert (first["platform"], first["currency"], first["arm"]) == ("meta", "EUR", None)

    def test_a_day_reported_again_replaces_the_old_figures(self, bench):
        bench.write("1.csv", self.HEAD + "2026-03-01;c1;;10;1;1\n2026-03-01;c1;;5;1;1\n")
        bench.write("2.csv", self.HEAD + "2026-03-01;c1;;20;1;1\n2026-03-02;c1;;7;1;1\n")
        bench.sources(self.source()).ingest()
        found = sorted((str(r["day"]), r["impressions"]) for r in bench.rows("ad_reports"))
        assert found == [("2026-03-01", 20), ("2026-03-02", 7)]

    @pytest.mark.parametrize("after", [True, False])
    def test_the_same_day_again_in_a_later_ingest(self, bench, after):
        bench.write("1.csv", self.HEAD + "2026-03-01;c1;;10;1;1\n2026-03-02;c1;;5;1;1\n")
        bench.sources(self.source()).ingest()
        again = "2026-03-02;c1;;5;1;1\n" + ("2026-03-01;c1;;11;1;1\n" if after else "")
        bench.write("2.csv", self.HEAD + again)
        result = bench.ingest()
        assert (result.rows.stored, result.rows.duplicate) == (int(after), 1)
        found = sorted((str(r["day"]), r["impressions"]) for r in bench.rows("ad_reports"))
        assert found == [("2026-03-01", 11 if after else 10), ("2026-03-02", 5)]

    def test_rows_of_one_file_are_parts_of_a_figure(self, bench):
        bench.write("1.csv", self.HEAD + "2026-03-01;c1;;10;1;1\n" * 3)
        result = bench.sources(self.source()).ingest()
        assert result.rows.stored == 3
        assert sum(row["impressions"] for row in bench.rows("ad_reports")) == 30


class TestContacts:
    def source(self, **more):
        contacts = {"email": "mail", "phone": "tel"}
        return {
            "id": "crm",
            "files": "people.csv",
            "people": {"person": "id", "contacts": contacts, **more},
        }

    def test_decrypted_for_exports_only(self, bench):
        rows = "1,Ann@Example.com,+49 170 1\n2,bob@example.com,\n3,,\n"
        bench.write("people.csv", "id,mail,tel\n" + rows)
        result = bench.sources(self.source()).ingest()
        assert result.rows.stored == 3
        keys = {row["key"]: row["person"] for row in bench.rows("persons")}
        table = bench.store.contacts(BitMap([keys["1"], keys["3"]]), ["email", "phone"])
        assert table.to_pylist() == [
            {"person": keys["1"], "kind": "email", "value": "Ann@Example.com"},
            {"person": keys["1"], "kind": "phone", "value": "+49 170 1"},
        ]
        assert bench.store.contacts(BitMap([keys["2"]]), ["phone"]).num_rows == 0

    def test_a_new_address_replaces_the_old_and_an_equal_one_adds_nothing(self, bench):
        bench.write("people.csv", "id,mail,tel\n1,a@x.org,1\n2,b@x.org,2\n")
        bench.sources(self.source()).ingest()
        bench.write("people.csv", "id,mail,tel\n1,new@x.org,1\n2,b@x.org,2\n")
        result = bench.ingest()
        assert result.rows.made["contacts"] == 1
        people = BitMap(row["person"] for row in bench.rows("persons"))
        mails = bench.store.contacts(people, ["email"])["value"].to_pylist()
        assert mails == ["new@x.org", "b@x.org"]

    def test_nothing_readable_is_left_in_files(self, bench):
        bench.write(
            "people.csv", "id,mail,tel\n1,ann.secret@example.com,+491701234\n,lost@x.org,9\n"
        )
        bench.sources(self.source()).ingest()
        store = bench.folder / ".fewer"
        for path in store.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                for secret in (b"ann.secret", b"491701234", b"lost@x.org"):
                    assert secret not in content, path
        assert (store / "key").stat().st_mode & 0o777 == 0o600
        assert "lost@x.org" in bench.store.quarantine()[0].raw
