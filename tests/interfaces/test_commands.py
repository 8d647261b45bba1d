"""Every command on the florist: what it prints, what it says as JSON, and that both agree."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from fewer.destinations.base import Delta, Receipt
from fewer.destinations.file import Export
from fewer.destinations.prepare import Prepared
from fewer.interfaces.cli.export import sent
from fewer.interfaces.cli.main import COMMANDS
from fewer.project.project import Project
from interfaces.conftest import fewer_in
from project import florist

LOOKING = {
    "ingest": ["ingest"],
    "ingest --dry-run": ["ingest", "--dry-run"],
    "quarantine": ["quarantine"],
    "audit": ["audit"],
    "validate": ["validate"],
    "preview": ["preview", "roses", "--as-of", florist.AS_OF],
    "build --explain --dry-run": ["build", "--explain", "--dry-run", "--as-of", florist.AS_OF],
    "runs": ["runs"],
    "segments ls": ["segments", "ls"],
    "segments ls --all": ["segments", "ls", "--all"],
    "segments show": ["segments", "show", "roses"],
    "segments size": ["segments", "size", "roses"],
    "segments members": ["segments", "members", "roses"],
    "segments sample": ["segments", "sample", "roses", "-n", "3"],
    "segments overlap": ["segments", "overlap"],
    "segments why": ["segments", "why", "roses", "f-01"],
    "segments sql": ["segments", "sql", "roses"],
    "tailor preview": ["tailor", "preview"],
    "measure": ["measure"],
    "doctor": ["doctor"],
}
"""Commands that change nothing in a project that is ingested and built."""


@pytest.mark.parametrize("command", LOOKING.values(), ids=LOOKING.keys())
def test_json_is_one_object(fewer, command):
    said = fewer(*command, "--json")
    assert said.status == 0, said.all
    found = said.json
    assert list(found)[:2] == ["format_version", "data"]
    assert (found["format_version"], found["data"]) == ("1.0", "real")


@pytest.mark.parametrize("command", LOOKING.values(), ids=LOOKING.keys())
def test_output_can_be_piped(fewer, command):
    said = fewer(*command, "--quiet")
    assert said.status == 0
    assert said.out.strip()
    assert said.err == ""
    assert "\x1b" not in said.out


def test_options_stand_anywhere(fewer):
    command = ["segments", "size", "roses"]
    for at in range(len(command) + 1):
        said = fewer(*command[:at], "--json", *command[at:])
        assert said.json["people"] == 12


def test_the_project_is_named_after_the_command_too(fewer, shop):
    command = ("segments", "size", "roses", "--project", str(shop))
    assert fewer(*command, project=None).out == "12\n"


def test_every_command_has_help(fewer):
    page = fewer("--help", project=None)
    assert page.status == 0
    for name in COMMANDS:
        assert f"\n  {name} " in page.out
        assert fewer(name, "-h", project=None).out.startswith(f"Usage: fewer {name}")


def test_version_needs_no_project(fewer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = fewer("version", "--json", project=None).json
    assert found["fewer"] == "0.1.0"
    assert found["python"].count(".") == 2
    assert fewer("version", project=None).out.startswith("fewer 0.1.0\n")


@pytest.mark.parametrize("kind", ["segments", "goals", "creatives", "project"])
def test_schema_is_json_schema(fewer, tmp_path, kind):
    printed = fewer("schema", kind, project=None)
    assert json.loads(printed.out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    path = tmp_path / "schema.json"
    assert fewer("schema", kind, "--out", str(path), project=None).status == 0
    assert path.read_text() == printed.out


# ------------------------------------------------------------------------------------- data in


def test_ingesting_again_adds_nothing(fewer):
    found = fewer("ingest", "--json").json
    assert (found["changed"], found["rows"]["stored"]) == (False, 0)
    assert "Nothing new." in fewer("ingest").out


def test_quarantine_counts_and_shows_rows_only_on_request(fewer):
    counts = {c["reason"]: c["rows"] for c in fewer("quarantine", "--json").json["counts"]}
    assert counts == {"person_missing": 1, "ts_unparseable": 1}
    assert fewer("quarantine", "--json").json["rows"] == []
    found = fewer("quarantine", "--reason", "ts_unparseable", "--rows", "9", "--json").json
    [row] = found["rows"]
    assert "yesterday" in row["raw"]
    assert row["file"].endswith("web-b.csv")
    lines = (Path(row["file"]).name, str(row["row"]))
    assert ":".join(lines) in fewer("quarantine", "--rows", "9").out


def test_only_one_source(fresh):
    fewer = fewer_in(fresh)
    found = fewer("ingest", "--only", "catalogue", "--json").json
    assert found["by_source"].keys() == {"catalogue"}
    assert fewer("ingest", "--only", "katalogue").status == 1


def test_dry_run_stores_nothing(fresh):
    fewer = fewer_in(fresh)
    found = fewer("ingest", "--dry-run", "--json").json
    assert found["rows"]["stored"] > 500
    assert "Dry run: nothing was stored." in fewer("ingest", "--dry-run").out
    with Project.open(fresh) as project:
        assert project.generation.is_empty


@pytest.mark.slow
def test_rebuild_reads_files_anew(fresh, world):
    fewer = fewer_in(fresh)
    fewer("ingest")
    people = fresh / "data/people.csv"
    people.write_text(people.read_text().replace(",guest,", ",club,"))
    found = fewer("ingest", "--only", "crm", "--rebuild", "--json").json
    assert found["rows"]["stored"] == len(world.plans)
    fewer("build", "--as-of", florist.AS_OF)
    bought = {
        p for p in florist.matched(world)["regulars"] | set(world.plans)
        if p in set(fewer("segments", "members", "regulars").out.split())
    }  # fmt: skip
    assert bought > florist.members(world)["regulars"]


# ---------------------------------------------------------------------------------------- look


def test_audit_shows_what_there_is(fewer, tmp_path, world):
    said = fewer("audit")
    assert f"{len(world.events)} events of 30 people" in said.out
    assert "AU025" in said.out
    found = fewer("audit", "--json").json
    assert found["inventory"]["rows"] == len(world.events)
    page = tmp_path / "audit.html"
    assert fewer("audit", "--html", str(page), "--quiet").status == 0
    assert "AU025" in page.read_text()


def test_audit_can_fail_a_pipeline(fewer):
    worst = fewer("audit", "--json").json["findings"][0]["severity"]
    assert fewer("audit", "--fail-on", "warning").status == 1
    assert fewer("audit", "--fail-on", "error").status == int(worst == "error")


def test_validate_counts_definitions(fewer):
    found = fewer("validate", "--json").json
    assert found["counts"] == {"sources": 6, "segments": 11, "goals": 2, "creatives": 2}
    assert found["errors"] == 0


def test_strict_makes_warnings_fail(fresh):
    fewer = fewer_in(fresh)
    odd = "- {id: odd, type: engagement, where: {all: []}}\n"
    (fresh / "segments/odd.yaml").write_text(odd)
    assert fewer("validate").status == 0
    said = fewer("validate", "--strict")
    assert said.status == 1
    assert "segments/odd.yaml:1:" in said.out


# ----------------------------------------------------------------------------------------- who


def test_sizes_are_those_counted_by_hand(fewer, world):
    found = {s["id"]: s for s in fewer("segments", "ls", "--json").json["segments"]}
    matched, members = florist.matched(world), florist.members(world)
    assert {i: s["matched"] for i, s in found.items()} == {i: len(p) for i, p in matched.items()}
    assert {i: s["size"] for i, s in found.items()} == {i: len(p) for i, p in members.items()}
    assert fewer("segments", "ls", "--json").json["universe"] == len(world.everyone)
    for id_ in ("roses", "pricing_hot@30d", "nobody"):
        assert fewer("segments", "size", id_).out == f"{len(members[id_])}\n"
        assert set(fewer("segments", "members", id_).out.split()) == members[id_]


def test_the_funnel_adds_up(fewer, world):
    matched, members = florist.matched(world), florist.members(world)
    for id_ in florist.matched(world):
        found = fewer("segments", "show", id_, "--json").json
        left = matched[id_]
        assert {s["segment"] for s in found["funnel"]} == set(
            florist.EXCLUSIONS.get(id_, ("recent_buyers", "staff"))
        )
        for step in found["funnel"]:
            rest = left - members[step["segment"]]
            assert (step["removed"], step["remaining"]) == (len(left) - len(rest), len(rest))
            left = rest
        assert left == members[id_]


def test_entered_and_exited_are_against_the_build_before(fewer, world):
    from datetime import datetime

    earlier = datetime(2024, 4, 2, tzinfo=florist.ZONE).astimezone(florist.UTC)
    before, after = florist.members(world, earlier), florist.members(world)
    for segment in fewer("segments", "ls", "--json").json["segments"]:
        old, new = before[segment["id"]], after[segment["id"]]
        assert (segment["entered"], segment["exited"]) == (len(new - old), len(old - new))
    builds = fewer("segments", "ls", "--all", "--json").json["builds"]
    assert len(builds) == 2
    first = fewer("segments", "ls", "--build", builds[-1]["build"], "--json").json["segments"]
    assert {s["entered"] for s in first} == {None}


def test_show_says_the_rule_in_words(fewer):
    said = fewer("segments", "show", "readers")
    assert "Read the blog on two days of two weeks" in said.out
    assert "has done page_view" in said.out
    assert "matched" in said.out


def test_a_sample_is_stable_and_of_members(fewer, world):
    one = fewer("segments", "sample", "roses", "-n", "4").out.split()
    assert one == fewer("segments", "sample", "roses", "-n", "4").out.split()
    assert len(one) == 4
    assert set(one) < florist.members(world)["roses"]
    everyone = fewer("segments", "sample", "roses", "-n", "1000").out.split()
    assert set(everyone) == florist.members(world)["roses"]
    assert fewer("segments", "sample", "nobody").out == ""


def test_overlaps_are_those_counted_by_hand(fewer, world):
    members = florist.members(world)
    found = fewer("segments", "overlap", "--json").json["overlap"]
    assert len(found) == 11 * 10 // 2
    for pair in found:
        both = members[pair["first"]] & members[pair["second"]]
        assert pair["both"] == len(both)
        size = len(members[pair["first"]])
        assert pair["of_first"] == pytest.approx(len(both) / size if size else 0, abs=1e-6)
    [one] = fewer("segments", "overlap", "pricing_hot@7d", "roses", "--json").json["overlap"]
    assert one["both"] == len(members["pricing_hot"] & members["roses"])


@pytest.mark.parametrize("most", [1, pytest.param(6, marks=pytest.mark.slow)])
def test_why_agrees_with_members(shop, world, most):
    members = florist.members(world)
    with Project.open(shop) as project:
        for id_, people in list(members.items())[:: 5 if most == 1 else 1]:
            asked = [*sorted(people)[:most], *sorted(world.everyone - people)[:most]]
            for person in asked:
                assert project.why(id_, person).member == (person in people), (id_, person)


def test_where_a_person_stands(fewer, world):
    matched, members = florist.matched(world), florist.members(world)
    for person in ("f-01", "f-24", "f-30"):
        for standing in fewer("segments", "why", person, "--json").json["segments"]:
            id_ = standing["segment"]
            assert standing["member"] == (person in members[id_])
            assert standing["matched"] == (person in matched[id_])
            removed = standing["matched"] and not standing["member"]
            assert bool(standing["removed_by"]) == removed


def test_why_shows_the_events(fewer):
    said = fewer("segments", "why", "pricing_hot", "f-24")
    assert "This person is in pricing_hot as at 6 April 2024, 00:00 CEST." in said.out
    assert "2024-03-29 23:00:00 CET page_view path=/pricing" in said.out
    found = fewer("segments", "why", "pricing_hot", "f-25", "--json").json
    assert found["member"] is False
    assert "f-25" not in json.dumps(found)


def test_sql_selects_the_same_people(shop, fewer, world):
    members = florist.members(world)
    with Project.open(shop) as project:
        keys = dict(zip(*project.keys._table.to_pydict().values(), strict=True))
        moment = project.as_of(florist.AS_OF)
        connection = duckdb.connect()
        for name, query in project.generation.relations(moment).items():
            connection.execute(f"CREATE VIEW {name} AS {query.sql(dialect='duckdb')}")
        for id_, people in members.items():
            text = fewer("segments", "sql", id_).out
            rows = connection.execute(text).fetchall()
            assert {keys[row[0]] for row in rows} == people, id_
    connection.close()


def test_sql_at_another_moment_and_in_another_dialect(fewer):
    there = fewer("segments", "sql", "roses", "--as-of", "2024-03-01").out
    assert there != fewer("segments", "sql", "roses").out
    assert fewer("segments", "sql", "roses", "--dialect", "oracle").status == 1


# ---------------------------------------------------------------------- tailor, export, measure


def test_every_member_gets_a_message(fewer, world):
    sheets = {s["segment"]: s for s in fewer("tailor", "preview", "--json").json["sheets"]}
    members = florist.members(world)
    assert {i: s["told"] for i, s in sheets.items()} == {
        i: len(members[i]) for i in ("cart_left", "roses")
    }
    assert "is waiting" in fewer("tailor", "preview", "cart_left").out


def test_export_is_hashed_and_only_of_who_consents(fewer, world, tmp_path):
    path = tmp_path / "roses.csv"
    small = fewer("export", "roses", "--to", str(path))
    assert small.status == 5
    assert not path.exists()
    found = fewer("export", "roses", "--to", str(path), "--allow-small", "--json").json
    members = florist.members(world)["roses"]
    sent = {p for p in members if world.consents.get(p) == "yes"}
    assert found["people"]["sent"] == len(sent)
    assert found["data"] == "real"
    with path.open() as file:
        rows = list(csv.DictReader(file))
    digests = {hashlib.sha256(florist.email(p).encode()).hexdigest() for p in sent}
    assert {row["email_sha256"] for row in rows} == digests
    assert json.loads((tmp_path / "roses.csv.manifest.json").read_text())["rows"] == len(rows)


@pytest.mark.parametrize(
    "people,rows,words",
    [
        (1, 1, "1 person"),
        (1200, 1200, "1,200 people"),
        (225, 221, "225 people in 221 rows"),
        (1, 2, "1 person in 2 rows"),
    ],
)
def test_export_counts_people_not_rows(people, rows, words):
    prepared = Prepared(Delta(("email_sha256",)), people, people, {}, {})
    made = Export(Path("a.csv"), Path("a.csv.manifest.json"), {}, prepared, Receipt(rows, rows))
    assert sent(made) == words


def test_export_by_the_projects_own_ids(fewer, world, tmp_path):
    path = tmp_path / "roses.parquet"
    command = ("export", "roses", "--to", str(path), "--allow-small", "--keys", "person")
    said = fewer(*command)
    assert said.status == 0
    assert path.exists()
    assert not any(p in said.all for p in florist.members(world)["roses"])


def test_measure_counts_conversions(fewer, world):
    from datetime import timedelta

    bought = {
        e.person
        for e in world.events
        if e.name == "purchase"
        and florist.MOMENT <= e.ts < florist.MOMENT + timedelta(days=7)
    }  # fmt: skip
    found = fewer("measure", "--goal", "order", "--json").json
    rows = {row["segment"]: row for row in found["outcomes"]["rows"]}
    members = florist.members(world)
    for id_, row in rows.items():
        assert row["group"]["people"] == len(members[id_]), id_
        assert row["group"]["converted"] == len(members[id_] & bought), id_
    assert rows.keys() == members.keys() - {"recent_buyers", "staff"}
    assert "Ordered within a week" in fewer("measure").out


def test_a_gap_moves_the_outcomes(fewer):
    found = fewer("measure", "--goal", "order", "--gap", "1d", "--json").json
    design = found["outcomes"]["rows"][0]["design"]
    assert design["outcomes_from"].startswith("2024-04-06T22:00")


# --------------------------------------------------------------------------- as real processes


def _process(folder: Path, *arguments: str, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("fewer"), *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=more.get("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_finds_its_project_from_below(shop):
    done = _process(shop / "data", "segments", "size", "roses")
    assert (done.returncode, done.stdout, done.stderr) == (0, "12\n", "")


def test_nobody_reads_on(shop):
    """`fewer ... | head` closes the pipe: no traceback."""
    read, write = __import__("os").pipe()
    __import__("os").close(read)
    with open(write, "w") as nobody:  # noqa: PTH123  a descriptor, not a path
        done = _process(shop, "segments", "members", "roses", stdout=nobody)
    assert done.stderr == ""
    assert done.returncode in {0, 1}
