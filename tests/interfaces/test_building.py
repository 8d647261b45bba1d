"""``fewer preview``, ``fewer build --explain``, builds that were stopped, ``fewer runs``."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path

import pytest

from fewer.evaluate.engines.base import Capabilities
from fewer.evaluate.engines.duckdb import DuckDBEngine
from fewer.interfaces.cli.preview_view import sparkline
from fewer.project.project import Project
from interfaces.conftest import fewer_in
from project import florist

AT = ("--as-of", florist.AS_OF)
PRICING = "{did: page_view, where: {path: {starts_with: /pricing}}, within: 7d}"


@pytest.fixture
def own(shop, tmp_path) -> Path:
    return shutil.copytree(shop, tmp_path / "florist")


# ----------------------------------------------------------------------------------- preview


def test_a_preview_shows_size_funnel_history_overlap_and_sample(fewer, world):
    said = fewer("preview", "roses", *AT).out
    members, matched = florist.members(world)["roses"], florist.matched(world)["roses"]
    assert f"{len(members)} of 30 people as at 6 April 2024, 00:00 CEST: as wanted" in said
    assert f"matched {len(matched)}" in " ".join(said.split())
    assert "less Bought in the last 3 days" in said
    assert "30 days: 7 Mar 2024 ▅" in said
    assert "pricing_hot" in said
    names = said.split("some of them: ")[1].split()
    assert {name.strip(",") for name in names} < members
    assert len(names) == 5


def test_a_preview_of_any_rule(fewer, world, tmp_path, monkeypatch):
    size = len(florist.members(world)["pricing_hot"])
    path = tmp_path / "rule.yaml"
    path.write_text(PRICING)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PRICING.encode())))
    for rule in (("--where", PRICING), ("-f", str(path)), ("-",), ("pricing_hot@7d",)):
        found = fewer("preview", *rule, *AT, "--json").json
        assert found["size"] == size, rule
        assert [len(found[name]) for name in ("history", "sample")] == [30, 5]


def test_a_preview_as_asked(fewer, world):
    found = fewer(
        "preview", "--where", PRICING, *AT, "--history", "3", "--sample", "0", "--no-overlap",
        "--no-exclude-defaults", "--exclude", "roses", "--json",
    ).json  # fmt: skip
    left = florist.matched(world)["pricing_hot"] - florist.members(world)["roses"]
    assert found["size"] == len(left)
    assert len(found["history"]) == 3
    assert not {"overlap", "sample"} & found.keys()
    said = fewer("preview", "--where", PRICING, *AT, "--history", "0", "--sample", "0").out
    assert "days:" not in said
    assert "some of them" not in said


def test_previews_of_no_one(fewer):
    said = fewer("preview", "--where", "did: page_vew", *AT)
    assert said.status == 0
    assert "0 of 30 people" in said.out
    assert "warning[unknown_event]" in said.out
    assert "Did you mean 'page_view'?" in said.out


@pytest.mark.parametrize(
    "arguments, status, words",
    [
        ((), 2, "Name one rule"),
        (("roses", "--where", "did: a"), 2, "Name one rule"),
        (("rosess",), 1, "Did you mean 'roses'"),
        (("--where", "did: a\nwihtin: 7d"), 1, "--where:2:1: error[unknown_key]"),
        (("--where", "{in_segment: rosess}"), 1, "--where:1:14: error[unknown_segment]"),
        (("--where", "did: a", "--exclude", "staf"), 1, "Did you mean 'staff'"),
        (("-f", "nowhere.yaml"), 2, "does not exist"),
        (("roses", "--engine", "duckbd"), 1, "Did you mean 'duckdb'"),
    ],
)
def test_mistakes_are_explained(fewer, arguments, status, words):
    said = fewer("preview", *arguments, *AT)
    assert said.status == status
    assert words in said.err
    assert said.out == ""


def test_a_file_with_a_mistake_is_named(fewer, tmp_path):
    path = tmp_path / "rule.yaml"
    path.write_text("all:\n  - {did: a}\n  - {trai: plan}\n")
    assert f"{path}:3:5: error[bad_condition]" in fewer("preview", "-f", str(path), *AT).err


def test_bars_begin_at_zero():
    assert sparkline([]) == ""
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([7, 0, 14]) == "▅▁█"
    assert sparkline([0, 2, 4], "_=#") == "_=#"


# ----------------------------------------------------------------------------------- explain


def test_explain_says_who_asks_what(own):
    fewer = fewer_in(own)
    said = fewer("build", *AT, "--explain", "--engine", "duckdb").out
    flat = " ".join(said.split())
    assert "Plan on duckdb: 16 segments ask 16 different questions" in flat
    assert "is on the list staff staff 2" in flat
    assert "universe" in said
    assert "most memory of this process" in said
    assert "SELECT" not in said
    assert "SELECT" in fewer("build", *AT, "--explain", "--sql", "--engine", "duckdb").out


def test_explain_as_json_has_everything(own):
    found = fewer_in(own)("build", *AT, "--explain", "--engine", "duckdb", "--json").json
    plan = found["plan"]
    assert (plan["engine"], plan["segments"], plan["batches"]) == ("duckdb", 16, 1)
    askers = {s for leaf in plan["leaves"] for s in leaf["segments"]}
    assert askers == {s["id"] for s in found["segments"]}
    spent = sum(leaf["seconds"] for leaf in plan["leaves"])
    assert 0 < spent < found["seconds"]
    assert {step["name"] for step in found["steps"]} >= {"universe", "tally_1", "result_1"}
    assert all(step["sql"].startswith(("SELECT", "WITH")) for step in found["steps"])
    assert plan["figures"]["process_peak_bytes"] > 10_000_000
    assert sum(s["seconds"] for s in found["segments"]) == pytest.approx(found["seconds"], abs=1e-4)


def test_a_dry_run_reads_nothing(own, monkeypatch):
    fewer = fewer_in(own)
    with Project.open(own) as project:
        builds = len(project.builds())

    def never(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(DuckDBEngine, "evaluate", never)
    said = fewer("build", *AT, "--explain", "--dry-run", "--only", "roses", "--engine", "duckdb")
    assert said.status == 0, said.err
    assert "3 segments ask 3 different questions, 2 passes" in " ".join(said.out.split())
    assert "add_to_cart, purchase" in said.out
    with Project.open(own) as project:
        assert len(project.builds()) == builds


@pytest.mark.parametrize("option", ["--sql", "--dry-run"])
def test_options_of_explain_need_it(fewer, option):
    said = fewer("build", *AT, option)
    assert said.status == 2
    assert "belong to --explain" in said.err


def test_what_the_engine_lacks_is_said_before_it_runs(own, monkeypatch):
    lacks = {"sequence": "Use --engine embedded."}
    capabilities = Capabilities("duckdb", executed_in_tests=True, lacks=lacks)
    monkeypatch.setattr(DuckDBEngine, "capabilities", capabilities)
    fewer = fewer_in(own)
    said = fewer("build", *AT, "--engine", "duckdb")
    assert said.status == 1
    assert "error[unsupported_by_engine]" in said.err
    assert "cart_left uses 'sequence'. Use --engine embedded." in " ".join(said.err.split())
    dry = fewer("build", *AT, "--engine", "duckdb", "--explain", "--dry-run")
    assert dry.status == 0
    assert "can't: cart_left uses 'sequence'. Use --engine embedded." in dry.out
    assert fewer("build", *AT, "--engine", "duckdb", "--only", "roses").status == 0
    asked = ("--where", "sequence: [{did: add_to_cart}, {did: purchase}]", "--engine", "duckdb")
    assert "preview uses 'sequence'" in fewer("preview", *asked, *AT).err


# ---------------------------------------------------------------------------- stopped, resumed


def stop(folder: Path, batches: int) -> None:
    asked = iter([False] * (batches * 20))

    def enough() -> bool:
        kept = len(list((folder / ".fewer/unfinished").rglob("[0-9]*.batch")))
        return kept >= batches or next(asked, True)

    with Project.open(folder) as project, pytest.raises(Exception, match="Stopped"):
        project.build(as_of=florist.AS_OF, batch=4, should_stop=enough)


def test_an_interrupted_build_is_mentioned_and_resumed(own):
    fewer = fewer_in(own)
    before = fewer("segments", "ls", "--json").json
    stop(own, 2)
    mentioned = fewer("build", "--as-of", "2024-04-01").err
    assert "A refresh as at 6 April 2024, 00:00 CEST was interrupted." in mentioned
    assert "`fewer build --resume` finishes it" in " ".join(mentioned.split())
    resumed = fewer("build", "--resume", "--explain")
    assert resumed.status == 0
    assert "8 segments were done before it was interrupted" in resumed.out
    after = fewer("segments", "ls", "--json").json
    assert after["fingerprint"] == before["fingerprint"]
    nothing = fewer("build", "--resume")
    assert nothing.status == 1
    assert "No interrupted build" in nothing.err


@pytest.mark.parametrize(
    "more", [AT, ("--engine", "duckdb"), ("--only", "roses"), ("--explain", "--dry-run")]
)
def test_a_resume_takes_nothing_else(fewer, more):
    said = fewer("build", "--resume", *more)
    assert said.status == 2
    assert "leave out" in said.err


def test_runs_say_how_they_ended(own):
    fewer = fewer_in(own)
    stop(own, 1)
    said = fewer("runs")
    first, *others = said.out.splitlines()[1:]
    assert " stopped " in first
    assert all(" done " in line for line in others)
    found = fewer("runs", "-n", "1", "--json").json["runs"]
    [run] = found
    assert (run["kind"], run["state"], run["segments"], run["done"]) == ("build", "stopped", 16, 4)
    assert "store" not in run
    json.dumps(found)


def test_show_says_what_a_segment_cost(fewer):
    assert "its share of the refresh: " in fewer("segments", "show", "roses").out
    found = fewer("segments", "show", "roses", "--json").json
    assert found["seconds"] > 0
    assert found["rows"] > 0
