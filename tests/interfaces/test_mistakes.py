"""What people get wrong at the command line, and what it tells them: never a traceback."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from fewer.interfaces.cli import main
from fewer.project import clock
from interfaces.conftest import Fewer, fewer_in
from project import florist


@pytest.fixture(scope="module")
def ingested(world, tmp_path_factory) -> Path:
    """A florist with data and no build; tests copy it."""
    folder = florist.write(world, tmp_path_factory.mktemp("ingested"))
    assert fewer_in(folder)("ingest").status == 0
    return folder


@pytest.fixture
def copied(ingested, tmp_path) -> Path:
    return shutil.copytree(ingested, tmp_path / "florist")


def _failed(said, status: int, *words: str) -> None:
    assert said.status == status, said.all
    assert said.out == ""
    for word in words:
        assert word in said.err
    assert "Traceback" not in said.err


# --------------------------------------------------------------------------------- exit status


@pytest.mark.parametrize(
    "arguments",
    [
        ["bild"],
        ["build", "--as-off", "now"],
        ["segments", "why", "roses", "f-01", "f-02"],
        ["export", "roses"],
        ["ingest", "--preview"],
        ["schema", "segment"],
        ["init", ".", "--example", "shop", "--from", __file__],
    ],
)
def test_misuse_ends_with_2(fewer, arguments):
    _failed(fewer(*arguments), 2, "Error: ")


def test_interrupt_ends_with_130(fewer, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fewer.project.project.Project.open", interrupted)
    _failed(fewer("segments", "ls"), 130, "Stopped.")


def test_exit_codes_are_those_documented():
    assert (main.EXIT_FAILED, main.EXIT_GUARD, main.EXIT_INTERRUPTED) == (1, 5, 130)
    assert click.UsageError("").exit_code == 2


# ------------------------------------------------------------------------------------ projects


def test_no_project(fewer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _failed(fewer("build", project=None), 1, "error[project_not_found]", "fewer init")
    _failed(fewer("build", project=tmp_path), 1, str(tmp_path), "--project")
    monkeypatch.setenv("FEWER_PROJECT", str(tmp_path / "gone"))
    _failed(fewer("build", project=None), 1, "FEWER_PROJECT")


def test_the_environment_names_the_project(fewer, shop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FEWER_PROJECT", str(shop))
    assert fewer("segments", "size", "roses", project=None).out == "12\n"


def test_doctor_without_a_project_fails_and_says_how_to_start(fewer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = fewer("doctor", "--json", project=None)
    assert said.status == 1
    assert said.json["ok"] is False
    assert "fewer init" in said.out


def test_doctor_misses_files(copied):
    (copied / "data/staff.csv").unlink()
    said = fewer_in(copied)("doctor")
    assert said.status == 1
    assert "FAIL source staff: no file matches data/staff.csv" in said.out


def test_a_project_is_not_made_twice(fewer, tmp_path):
    folder = str(tmp_path / "new")
    assert fewer("init", folder, project=None).status == 0
    _failed(fewer("init", folder, project=None), 1, "error[project_exists]")
    assert fewer("validate", project=Path(folder)).status == 0


# ------------------------------------------------------------------------------------ too early


@pytest.mark.parametrize(
    "command",
    [["segments", "ls"], ["segments", "why", "roses", "f-01"], ["measure"], ["report"],
     ["tailor", "preview"], ["export", "roses", "--to", "x.csv"]],
)  # fmt: skip
def test_no_build_yet(ingested, command):
    _failed(fewer_in(ingested)(*command), 1, "Run `fewer build` first.")


def test_an_empty_store(fresh):
    fewer = fewer_in(fresh)
    _failed(fewer("build", "--as-of", "end"), 1, "error[no_data]", "fewer ingest")
    said = fewer("build", "--as-of", florist.AS_OF)
    assert said.status == 0
    assert "0 people in all" in said.out
    assert fewer("audit").status == 0
    assert fewer("quarantine").out == "No row was rejected.\n"
    assert fewer("segments", "members", "roses").out == ""


def test_no_goals(copied):
    fewer = fewer_in(copied)
    fewer("build", "--as-of", florist.AS_OF)
    _failed(fewer("measure", "--goal", "oder"), 1, "Did you mean 'order'?")
    _failed(fewer("measure", "--gap", "soon"), 1, "error[bad_duration]")
    (copied / "goals.yaml").unlink()
    _failed(fewer("measure"), 5, "goals.yaml")
    assert fewer("report").status == 0


@pytest.mark.slow
def test_no_data_after_the_moment(copied):
    fewer = fewer_in(copied)
    fewer("build", "--as-of", "2024-06-01")
    _failed(fewer("measure"), 5, "nothing can be known yet")
    found = fewer("report", "--json").json["story"]
    assert (found["outcomes"], found["measured"]) == ([], None)


# --------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    "command",
    [["show"], ["size"], ["members"], ["sample"], ["overlap"], ["why"], ["sql"]],
    ids=lambda command: command[0],
)
def test_unknown_segment(fewer, command):
    last = ["f-01"] if command == ["why"] else []
    _failed(
        fewer("segments", *command, "rose", *last),
        1,
        "error[not_found]",
        "No segment 'rose'.",
        "Did you mean 'roses'?",
    )


def test_unknown_names_elsewhere(fewer, tmp_path):
    path = str(tmp_path / "x.csv")
    _failed(fewer("export", "rose", "--to", path), 1, "Did you mean 'roses'?")
    _failed(fewer("build", "--only", "rose", "--as-of", "end"), 1, "Did you mean 'roses'?")
    _failed(fewer("build", "--engine", "dukdb", "--as-of", "end"), 1, "duckdb")
    _failed(fewer("tailor", "preview", "rose"), 1, "Did you mean 'roses'?")
    _failed(fewer("segments", "ls", "--build", "99-abc"), 1, "No refresh '99-abc'.")
    _failed(fewer("ingest", "--only", "crn"), 1, "Did you mean 'crm'?")


def test_unknown_person_is_not_repeated(fewer):
    said = fewer("segments", "why", "roses", "who@secret.example")
    _failed(said, 1, "No person of that id")
    assert "secret" not in said.all


def test_an_error_as_json(fewer):
    said = fewer("segments", "size", "rose", "--json")
    assert (said.status, said.err) == (1, "")
    assert said.json["data"] == "real"
    assert said.json["error"]["code"] == "not_found"


@pytest.mark.parametrize("when", ["yesterday", "2024-13-01", "2024-04-06T25:00", "", "-7d"])
def test_unreadable_moment(fewer, when):
    _failed(fewer("build", "--as-of", when), 1, "error[as_of_unreadable]", "2026-03-01")


# ------------------------------------------------------------------------------- broken files


def test_all_problems_of_all_files_with_their_places(copied):
    (copied / "segments/more.yaml").write_text(
        "- id: Bad Id\n"
        "  where: {did: page_view, wihtin: 7d}\n"
        "- id: twice\n"
        "  id: twice\n"
        "  where: {did: page_view, within: 7 days}\n"
    )
    (copied / "goals.yaml").write_text("- {id: order, did: purchase, outcome_window: week}\n")
    said = fewer_in(copied)("validate")
    assert said.status == 1
    for place in ("1:7", "2:27", "4:3", "5:35"):
        assert f"segments/more.yaml:{place}:" in said.err
    assert "goals.yaml:1:" in said.err
    assert "Did you mean 'within'?" in said.err
    assert "problems." in said.err
    found = fewer_in(copied)("build", "--as-of", "end", "--json")
    assert found.status == 1
    problems = found.json["error"]["problems"]
    assert {p["file"] for p in problems} == {"segments/more.yaml", "goals.yaml"}
    assert all(p["line"] and p["column"] and p["code"] for p in problems)


def test_broken_settings(copied):
    path = copied / "fewer.yaml"
    path.write_text(path.read_text().replace("Europe/Berlin", "Europe/Berlim") + "zone: x\n")
    said = fewer_in(copied)("validate")
    _failed(said, 1, "fewer.yaml:5:11:", "Europe/Berlin", "'zone'")


def test_broken_yaml(copied):
    (copied / "segments/more.yaml").write_text("- id: a\n  where: {did: [page_view}\n")
    _failed(fewer_in(copied)("build", "--as-of", "end"), 1, "segments/more.yaml:2:")


def test_broken_creative(copied):
    path = copied / "creatives/all.yaml"
    path.write_text(path.read_text().replace("segment: cart_left", "segment: cart_lost"))
    _failed(fewer_in(copied)("validate"), 1, "creatives/all.yaml:2:", "cart_left")


def test_a_missing_file(copied):
    (copied / "data/people.csv").unlink()
    _failed(fewer_in(copied)("ingest"), 1, "error[source_error]", "people.csv")


@pytest.mark.slow
def test_an_unwritable_report(fewer, tmp_path):
    folder = tmp_path / "file"
    folder.write_text("no folder")
    _failed(fewer("report", "--quiet", "--out", str(folder / "r.html")), 1, "error[delivery_error]")
    _failed(fewer("audit", "--quiet", "--html", str(folder / "r.html")), 1, "error[")
    _failed(fewer("schema", "--out", str(folder / "r.json")), 1, "error[")


# ------------------------------------------------------------------------------ now or the end


def test_data_that_ended_long_ago_is_said(copied):
    fewer = fewer_in(copied)
    said = fewer("build", "--json")
    assert said.status == 0
    assert "The newest event is from 2024-04-15" in said.err
    assert "--as-of end" in said.err
    moment = datetime.fromisoformat(said.json["as_of"])
    assert datetime.now(UTC) - moment < timedelta(minutes=5)
    assert {s["size"] for s in said.json["segments"] if s["id"] == "pricing_hot"} == {0}
    at_end = fewer("build", "--as-of", "end", "--json")
    assert at_end.err.count("newest event") == 0
    assert at_end.json["as_of"].startswith("2024-04-15T")


@pytest.mark.parametrize("answer, moment", [("y\n", "2024"), ("\n", "2024"), ("n\n", "now")])
def test_a_person_is_asked(copied, monkeypatch, answer, moment):
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(answer))
    monkeypatch.setattr("fewer.interfaces.cli.shell.Shell.may_ask", lambda shell: shell.prompts)
    fewer: Fewer = fewer_in(copied)
    said = fewer("build", "--only", "roses")
    assert "instead?" in said.err
    now = clock.words(clock.now_us(), florist.ZONE).split(",")[0]
    assert ("as at 16 April 2024" in said.out) == (moment == "2024")
    assert (f"as at {now}" in said.out) == (moment == "now")
    assert "instead?" not in fewer("build", "--only", "roses", "--no-prompts").err


def test_data_that_is_fresh_needs_no_word(fresh):
    now = datetime.now(UTC).replace(microsecond=0)
    web = fresh / "data/web-a.csv"
    row = f"f-02,{florist.micros(now - timedelta(hours=1))},page_view,/pricing,,\n"
    ahead = f"f-02,{florist.micros(now + timedelta(days=900))},page_view,/pricing,,\n"
    web.write_text(web.read_text() + row + ahead)
    fewer = fewer_in(fresh)
    fewer("ingest")
    said = fewer("build", "--json")
    assert "newest event" not in said.err
    [size] = [s["size"] for s in said.json["segments"] if s["id"] == "pricing_hot"]
    assert size == 1
    # A clock that runs ahead does not move the end of the data.
    end = datetime.fromisoformat(fewer("build", "--as-of", "end", "--json").json["as_of"])
    assert end == now - timedelta(hours=1) + timedelta(seconds=1)


@pytest.mark.parametrize(
    "when, instant",
    [
        ("2024-04-06", "2024-04-05T22:00:00+00:00"),
        ("2024-03-31", "2024-03-30T23:00:00+00:00"),
        ("2024-04-06T09:30", "2024-04-06T07:30:00+00:00"),
        ("2024-04-06T09:30Z", "2024-04-06T09:30:00+00:00"),
        ("2024-04-06T09:30+05:30", "2024-04-06T04:00:00+00:00"),
    ],
)
def test_moments(shop, when, instant):
    from fewer.model.window import from_utc_micros
    from fewer.project.project import Project

    with Project.open(shop) as project:
        assert from_utc_micros(project.as_of(when)).isoformat() == instant


# -------------------------------------------------------------------------------------- guards


def test_an_enforced_size_refuses_and_saves_nothing(copied):
    path = copied / "segments/all.yaml"
    path.write_text(path.read_text().replace("{min: 6, max: 9}", "{min: 7, max: 9, enforce: true}"))
    fewer = fewer_in(copied)
    said = fewer("build", "--as-of", florist.AS_OF)
    _failed(said, 5, "error[refused_by_guard]", "readers has 6 people, wanted 7 to 9")
    assert fewer("segments", "ls", "--all", "--json").json["builds"] == []
    found = fewer("build", "--as-of", florist.AS_OF, "--json")
    assert found.json["error"]["code"] == "refused_by_guard"
    assert json.loads(found.out)["data"] == "real"
