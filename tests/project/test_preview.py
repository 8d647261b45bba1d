"""Live answers are those of a build, at every moment, on every engine of this process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

import duckdb
import pytest

from fewer.errors import CycleError, DefinitionError, NotFoundError, StoppedError
from fewer.evaluate.engines.embedded import EmbeddedEngine
from fewer.language.write import to_yaml
from fewer.model.condition import Did
from fewer.model.segment import Segment
from fewer.model.window import DAY
from fewer.project.project import Project
from project import florist

ENGINES = ("embedded", "duckdb")
SLOW = pytest.mark.slow
PRICING = {"did": "page_view", "where": {"path": {"starts_with": "/pricing"}}, "within": "7d"}


@pytest.fixture(scope="module")
def here(built, tmp_path_factory) -> Iterator[Project]:
    """A copy of the florist's project with a snapshot; not to be written to."""
    folder = shutil.copytree(built.folder.root, tmp_path_factory.mktemp("preview") / "florist")
    with Project.open(folder) as project:
        yield project


@pytest.fixture
def folder(here, tmp_path) -> Path:
    return shutil.copytree(here.folder.root, tmp_path / "florist")


def preview(project, condition, **how):
    return project.preview(condition, as_of=how.pop("as_of", florist.AS_OF), **how)


def people(project, bitmap):
    return set(project.keys.of(bitmap).to_pylist())


# ------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize("engine", ENGINES)
def test_every_segment_is_as_in_the_snapshot(here, engine):
    snapshot = here.snapshot()
    previewer = here.previewer(florist.AS_OF, engine=engine)
    for id_, view in snapshot.segments.items():
        found = previewer.preview(previewer.segment(id_))
        assert (found.matched, found.members) == (view.matched, view.members), id_
        assert found.universe == snapshot.universe
        assert found.funnel.rows() == [(s.segment, s.removed, s.remaining) for s in view.funnel]
        assert found.verdict == view.verdict
        assert (found.words, found.tree) == (view.words, view.tree)
        assert list(map(str, found.proposals())) == list(view.proposals) or "@" in id_


def test_a_condition_by_hand(here, world):
    found = preview(here, PRICING)
    assert people(here, found.matched) == florist.matched(world)["pricing_hot"]
    assert people(here, found.members) == florist.members(world)["pricing_hot"]
    assert (found.verdict, found.universe) == ("too_small", len(world.everyone))


def test_every_way_to_say_it_is_one(here):
    yaml = "did: page_view\nwhere: {path: {starts_with: /pricing}}\nwithin: 7d\n"
    segment = Segment(id="mine", where=Did.model_validate(PRICING))
    ways = [
        PRICING,
        yaml,
        yaml.encode(),
        json.dumps(PRICING),
        Did.model_validate(PRICING),
        segment,
        to_yaml([segment]),
        {"id": "mine", "where": PRICING},
        {"where": PRICING, "size": {"min": 1, "max": 5}},
    ]
    found = [preview(here, way) for way in ways]
    assert len({one.members.serialize() for one in found}) == 1
    assert len({one.words for one in found}) == 1
    assert [one.segment.id for one in found[:5]] == ["preview"] * 5
    assert found[-1].verdict == "too_large"


def test_exclusions_as_asked(here, world):
    matched, members = florist.matched(world), florist.members(world)
    bare = preview(here, PRICING, exclude_defaults=False)
    assert people(here, bare.members) == matched["pricing_hot"]
    assert bare.funnel.steps == ()
    more = preview(here, PRICING, exclude=["roses"])
    assert people(here, more.members) == members["pricing_hot"] - members["roses"]
    assert [s.exclusion for s in more.funnel.steps] == ["roses", "recent_buyers", "staff"]
    own = {"where": PRICING, "exclude": ["roses"], "exclude_defaults": False}
    assert people(here, preview(here, own).members) == matched["pricing_hot"] - members["roses"]


def test_members_of_other_segments(here, world):
    members = florist.members(world)
    either = {"any": [{"in_segment": "roses"}, {"in_segment": "pricing_hot@30d"}]}
    found = preview(here, either, exclude_defaults=False)
    assert people(here, found.members) == members["roses"] | members["pricing_hot@30d"]


def test_an_id_of_the_project_is_that_segment_edited(here, world):
    edited = {"id": "roses", "where": PRICING, "exclude_defaults": False}
    assert people(here, preview(here, edited).members) == florist.matched(world)["pricing_hot"]
    # Others still see the segment as it is in the files.
    both = preview(here, {"in_segment": "roses"}, exclude_defaults=False)
    assert people(here, both.members) == florist.members(world)["roses"]


def test_an_exclusion_may_be_of_any_size(here):
    previewer = here.previewer(florist.AS_OF)
    assert previewer.preview(previewer.segment("staff")).verdict == "within"


def test_a_project_may_have_a_segment_called_preview(folder, world):
    path = folder / "segments/more.yaml"
    path.write_text("- {id: preview, where: {did: purchase}, exclude_defaults: false}\n")
    with Project.open(folder) as project:
        found = preview(project, PRICING)
        assert found.segment.id == "preview_2"
        assert people(project, found.members) == florist.members(world)["pricing_hot"]
        assert "preview" in {one.segment for one in found.overlap()}


def test_proposals_give_what_they_say(here):
    previewer = here.previewer(florist.AS_OF)
    found = previewer.preview(previewer.segment("quiet"))
    assert found.verdict == "too_large"
    [first, *_] = found.proposals()
    assert str(first) == here.snapshot().segments["quiet"].proposals[0]
    assert previewer.preview(previewer.segment("readers")).proposals() == ()


# ----------------------------------------------------------------------------------- history


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_each_day_of_a_history_by_hand(here, world, engine):
    found = here.previewer(florist.AS_OF, engine=engine)
    for id_ in ("pricing_hot", "quiet", "cart_left"):
        points = found.preview(found.segment(id_)).history()
        assert len(points) == 30
        for back, point in enumerate(reversed(points)):
            moment = florist.MOMENT - timedelta(days=back)
            assert point.as_of_us == florist.micros(moment)
            sizes = (florist.matched(world, moment)[id_], florist.members(world, moment)[id_])
            assert (point.matched, point.size) == tuple(map(len, sizes)), (id_, moment)


def test_a_history_is_as_long_as_asked(here):
    found = preview(here, PRICING, history=3)
    assert [p.as_of_us for p in found.history()] == [
        found.as_of_us - back * DAY for back in (2, 1, 0)
    ]
    assert found.history(5)[2:] == found.history()
    assert found.history(1)[0].size == found.size
    assert found.history(0) == ()


def test_a_history_can_be_stopped(here):
    told = []
    found = preview(here, {**PRICING, "within": "11d"})
    with pytest.raises(StoppedError):
        found.history(progress=lambda *done: told.append(done), should_stop=lambda: len(told) > 3)
    assert told == [(n, 30) for n in range(1, 5)]


VERSIONS = """\
name: Versions
sources:
  - id: log
    files: events.csv
    events: {event: {column: what}, person: who, ts: at}
  - id: crm
    files: people.csv
    people: {person: who, traits: {plan: plan}, valid_from: since}
  - id: lists
    files: lists.csv
    lists: {list: {constant: vip}, person: who, valid_from: since}
"""
SEGMENT = """\
- {id: pros, where: {all: [{trait: plan, equals: pro}, {did: view, within: 3d}]}, exclude: [vips]}
- {id: vips, where: {in_list: vip}}
"""


@pytest.mark.parametrize(
    "engine, every", [("embedded", 6), ("duckdb", 6), pytest.param("embedded", 1, marks=SLOW)]
)
def test_a_history_reads_versions_valid_then(tmp_path, engine, every):
    plans = [(f"p{n}", "free" if n % 2 else "pro", f"2026-03-{n % 9 + 1:02}") for n in range(40)]
    plans += [(f"p{n}", "pro" if n % 2 else "free", f"2026-03-{n % 7 + 9:02}") for n in range(40)]
    files = {
        "fewer.yaml": VERSIONS,
        "segments/all.yaml": SEGMENT,
        "events.csv": "what,who,at\n"
        + "".join(f"view,p{n % 40},2026-03-{n % 20 + 1:02}T12:00:00Z\n" for n in range(300)),
        "people.csv": "who,plan,since\n" + "".join(",".join(row) + "\n" for row in plans),
        "lists.csv": "who,since\n" + "".join(f"p{n},2026-03-{n + 1:02}\n" for n in range(15)),
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    with Project.open(tmp_path) as project:
        project.ingest()
        previewer = project.previewer("2026-03-18", engine=engine)
        points = previewer.preview(previewer.segment("pros")).history(18)
        assert {p.size for p in points} == {0, 1, 2, 3}
        for point in points[::every]:
            view = project.build(as_of=point.as_of_us, engine="duckdb").segments["pros"]
            assert (point.matched, point.size) == (view.matched_size, view.size)


# ----------------------------------------------------------------------------------- overlap


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("as_of", [florist.AS_OF, "2024-04-05"])
def test_overlaps_by_hand(here, world, engine, as_of):
    """At the moment of a snapshot, which is read, and at another one, which is computed."""
    back = 0 if as_of == florist.AS_OF else 1
    members = florist.members(world, florist.MOMENT - timedelta(days=back))
    found = preview(here, PRICING, as_of=as_of, engine=engine)
    overlaps = found.overlap()
    assert {one.segment for one in overlaps} == {i for i in members if "@" not in i}
    these = members["pricing_hot"]
    for one in overlaps:
        those = members[one.segment]
        both = len(these & those)
        assert (one.people, one.both) == (len(those), both), one.segment
        assert one.of_this == (both / len(these) if these else 0)
        assert one.of_other == (both / len(those) if those else 0)
    assert [one.both for one in overlaps] == sorted((o.both for o in overlaps), reverse=True)


def test_a_segment_is_not_compared_with_itself(here):
    previewer = here.previewer(florist.AS_OF)
    found = previewer.preview(previewer.segment("roses")).overlap()
    assert "roses" not in {one.segment for one in found}


@pytest.mark.parametrize(
    "change", ["nothing", "segment", "session", "data"], ids="snapshot after {}".format
)
def test_a_snapshot_is_used_only_when_it_is_of_the_same(folder, monkeypatch, change):
    if change == "segment":
        path = folder / "segments/all.yaml"
        path.write_text(path.read_text().replace("within: 21d", "within: 40d"))
    if change == "session":
        path = folder / "fewer.yaml"
        path.write_text(path.read_text().replace("phone_region: DE", "session_gap: 1h"))
    if change == "data":
        line = f"f-30,{florist.micros(florist.MOMENT) - 1},page_view,/pricing,,\n"
        (folder / "data/web-c.csv").write_text(f"user,at,action,page,item,note\n{line}")
    evaluate, planned = EmbeddedEngine.evaluate, []

    def counted(self, plan, **how):
        planned.append(len(plan.segments))
        return evaluate(self, plan, **how)

    with Project.open(folder) as project:
        if change == "data":
            project.ingest()
        monkeypatch.setattr(EmbeddedEngine, "evaluate", counted)
        found = preview(project, PRICING)
        assert found.size
        overlaps = found.overlap()
        assert planned == ([1] if change == "nothing" else [3, 11])
        built = project.build(as_of=florist.AS_OF)
        for one in overlaps:
            assert one.people == built.segments[one.segment].size


# ------------------------------------------------------------------------------ sample, words


def test_a_sample_is_stable_and_of_members(here, world):
    found = preview(here, PRICING)
    assert found.sample() == preview(here, dict(reversed(PRICING.items()))).sample()
    assert len(found.sample()) == 5
    assert set(found.sample(1_000)) == florist.members(world)["pricing_hot"]
    assert set(found.sample(3)) < set(found.sample(5))
    assert preview(here, {"did": "nothing"}).sample() == []
    other = preview(here, {**PRICING, "within": "6d"})
    assert len(other.sample(0)) == 0


def test_a_sample_needs_no_list_of_everyone(folder):
    with Project.open(folder) as project:
        found = preview(project, PRICING).sample()
        assert "keys" not in project.__dict__
        assert project.keys  # now it is there, and says the same
        project.keys.number("f-01")
        assert preview(project, PRICING).sample() == found


def test_findings_with_places_and_hints(here):
    found = preview(here, "all:\n  - did: page_vew\n  - {trait: plan, equals: cub}\n")
    [event, value] = found.findings()
    assert (event.code, str(event.place)) == ("unknown_event", "<condition>:2:10")
    assert (value.code, str(value.place)) == ("unknown_value", "<condition>:3:27")
    assert "'club'" in value.hint
    assert [f.code for f in found.findings(look_up=False)] == ["unknown_event"]
    previewer = here.previewer(florist.AS_OF)
    quiet = previewer.preview(previewer.segment("quiet"))
    assert {f.place.file for f in quiet.findings()} <= {"segments/all.yaml"}
    assert previewer.preview(previewer.segment("quiet@7d")).findings() == []


def test_json_is_all_that_was_asked_for(here):
    whole = preview(here, PRICING).to_json()
    json.dumps(whole)
    assert len(whole["history"]) == 30
    assert whole["funnel"][0]["title"] == "Bought in the last 3 days"
    some = preview(here, PRICING, history=0, sample=0, overlap=False).to_json()
    assert whole.keys() - some.keys() == {"history", "sample", "overlap"}


# ------------------------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    "condition, code, place, hint",
    [
        ("did: a\nwihtin: 7d", "unknown_key", "<condition>:2:1", "'within'"),
        ({"did": "a", "within": "7days"}, "bad_duration", "<condition>:3:13", "7d"),
        ({"did": "a", "within": None}, "empty_value", "<condition>:3:13", ""),
        ("any: [{in_segment: rosess}]", "unknown_segment", "<condition>:1:20", "'roses'"),
        ({"where": PRICING, "exclude": ["staf"]}, "unknown_segment", "<condition>:12:5", "'staff'"),
        ("purchase", "bad_condition", "<condition>:1:1", "did: purchase"),
        ("", "empty_value", "<condition>:1:1", ""),
        ("did: [a", "open_bracket", "<condition>:1:6", ""),
        ("[{id: a, where: {did: a}}, {id: b, where: {did: b}}]", "not_one", "<condition>:1:1", ""),
        ('{"did": "a", "count": {}}', "no_bound", "<condition>:1:23", ""),
    ],
)  # fmt: skip
def test_mistakes_have_a_place_and_a_hint(here, condition, code, place, hint):
    with pytest.raises(DefinitionError) as caught:
        preview(here, condition)
    problem = caught.value.problems[0]
    assert (problem.code, problem.place) == (code, place)
    assert hint in problem.hint


def test_circles_are_named(here):
    with pytest.raises(CycleError, match="roses -> cart_left -> roses"):
        preview(here, {"id": "roses", "where": {"in_segment": "cart_left"}})


def test_unknown_exclusions(here):
    with pytest.raises(NotFoundError, match="Did you mean 'staff'"):
        preview(here, PRICING, exclude=["staf"])


def test_data_that_is_none_of_ours(here):
    with pytest.raises(DefinitionError, match="plain data"):
        preview(here, {"did": "a", "since": object()})


# ---------------------------------------------------------------------------------- kept warm


def test_one_engine_for_many_edits(here, monkeypatch):
    here.refresh()
    opened, engine = [], Project.engine

    def counted(self, *asked):
        opened.append(asked)
        return engine(self, *asked)

    monkeypatch.setattr(Project, "engine", counted)
    for days in range(1, 6):
        found = preview(here, {**PRICING, "within": f"{days}d"})
        assert len(found.history(5)) == 5
        assert found.overlap()
    assert len(opened) == 1


def test_new_data_is_seen_after_an_ingest(folder):
    with Project.open(folder) as project:
        before = preview(project, PRICING).matched_size
        kept = project.previewer(florist.AS_OF)
        assert project.previewer(florist.AS_OF) is kept
        line = f"f-30,{florist.micros(florist.MOMENT) - 1},page_view,/pricing,,\n"
        (folder / "data/web-c.csv").write_text(f"user,at,action,page,item,note\n{line}")
        project.ingest()
        assert project.previewer(florist.AS_OF) is not kept
        assert preview(project, PRICING).matched_size == before + 1


def test_now_is_taken_to_the_minute(here):
    found = here.preview(PRICING)
    assert found.as_of_us % 60_000_000 == 0
    assert found.size == 0


@pytest.mark.slow
def test_what_is_ours_takes_little_time(here, monkeypatch):
    """Reading, checking and planning a typical condition: under 5 ms beside the engine."""
    evaluate, spent = EmbeddedEngine.evaluate, []

    def timed(self, plan, **how):
        start = perf_counter()
        found = evaluate(self, plan, **how)
        spent.append(perf_counter() - start)
        return found

    monkeypatch.setattr(EmbeddedEngine, "evaluate", timed)
    ours = []
    for hours in range(1, 60):
        spent.clear()
        start = perf_counter()
        both = [{**PRICING, "within": f"{hours}h"}, {"trait": "plan", "equals": "club"}]
        assert preview(here, {"all": both}).size >= 0
        ours.append(perf_counter() - start - sum(spent))
    assert median(ours) < 0.005


# ------------------------------------------------------------------------------ tables in place

IN_PLACE = """\
version: 1
name: In place
engine: {name: duckdb, file: data.duckdb}
tables:
  events:
    - {table: views, event: view, person: who, ts: {column: seen, zone: UTC}}
  lists: {table: members, list: {column: list}, person: who}
"""


def test_tables_in_place_are_previewed_where_they_are(tmp_path):
    with duckdb.connect(str(tmp_path / "data.duckdb")) as connection:
        connection.execute("CREATE TABLE views (who VARCHAR, seen TIMESTAMP)")
        connection.execute("CREATE TABLE members (who VARCHAR, list VARCHAR)")
        connection.execute("INSERT INTO members VALUES ('ann', 'vip')")
        for day, who in enumerate(("ann", "bob", "cy", "ann", "dee"), 1):
            row = (who, datetime(2026, 3, day, 12))
            connection.execute("INSERT INTO views VALUES (?, ?)", row)
    (tmp_path / "fewer.yaml").write_text(IN_PLACE)
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments/all.yaml").write_text("- {id: vips, where: {in_list: vip}}\n")
    with Project.open(tmp_path) as project:
        found = project.preview("{did: view, within: 2d}", as_of="2026-03-06", exclude=["vips"])
        assert (found.matched_size, found.size, found.universe) == (2, 1, 4)
        assert [p.matched for p in found.history(4)] == [2, 2, 2, 2]
        assert [p.size for p in found.history(4)] == [1, 2, 1, 1]
        assert found.sample() == ["dee"]
        [vips] = found.overlap()
        assert (vips.people, vips.both) == (1, 0)
