"""Pictures and pages of results: exact numbers, names that do no harm, and nobody's id."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from fewer.errors import GuardError, NotFoundError
from fewer.journey.measure.evidence import EvidenceLabel, check_words
from fewer.pictures.display import Displayed
from fewer.project import overview, story
from fewer.project.kept import keep, kept
from fewer.project.notebook import PARTS, view
from fewer.project.pictures import KINDS, pictures
from fewer.project.project import Project
from project import florist

PEOPLE = re.compile(r"\bf-\d\d\b|@example|\+1\d{6}")


@pytest.fixture(scope="module")
def project(built) -> Project:
    return built


@pytest.fixture(scope="module")
def measured(project):
    return project.measure()


@pytest.fixture(scope="module")
def grown(world, tmp_path_factory) -> Iterator[Project]:
    """Built as at two days."""
    folder = florist.write(world, tmp_path_factory.mktemp("drawn"))
    with Project.open(folder) as opened:
        opened.ingest()
        opened.build(as_of=florist.MOMENT - timedelta(days=3))
        opened.build(as_of=florist.AS_OF)
        yield opened


@pytest.fixture(scope="module")
def told(project):
    return story.drawn(project, project.snapshot(), measured=True)


def test_combinations_are_exact_and_count_each_person_once(project):
    snapshot = project.snapshot()
    views = [v for v in overview.audiences(snapshot) if v.size]
    inside: Counter[int] = Counter()
    exactly: Counter[frozenset[str]] = Counter()
    for person in range(200):
        names = frozenset(v.title for v in views if person in v.members)
        exactly[names] += 1
        inside[min(len(names), 2)] += 1
    found = overview.combinations(snapshot)
    assert (found["in_one"], found["in_several"]) == (inside[1], inside[2])
    assert found["rows"]
    for row in found["rows"]:
        assert exactly[frozenset(found["labels"][i] for i in row["members"])] == row["people"]
    assert [r["people"] for r in found["rows"]] == sorted(
        (r["people"] for r in found["rows"]), reverse=True
    )


@pytest.mark.slow
def test_history_ends_with_this_refresh(grown):
    project, snapshot = grown, grown.snapshot()
    found = overview.history(project, snapshot)
    assert found["refreshes"] == 2
    for i, row in found["segments"].items():
        assert row["people"][-1] == snapshot.size(i)
    older = project.builds()[-1].id
    assert overview.history(project, project.snapshot(older))["refreshes"] == 1
    picture = project.picture("history")
    assert all(row[1] == "2" for row in picture.table.rows)


def test_every_kind_is_drawn_with_its_table(told):
    found = pictures(told)
    assert {name.partition(":")[0] for name in found} >= {
        "sizes", "funnel", "overlap", "combinations", "forest", "costs",
    }  # fmt: skip
    for name, picture in found.items():
        assert picture.svg.startswith("<svg"), name
        assert picture.table.rows, name
        assert florist.HOSTILE_NAME not in picture.html
        assert not PEOPLE.search(picture.html)
    assert pictures(told) == found


def test_pictures_are_found_by_name_or_by_kind(project, tmp_path):
    picture = project.picture("sizes")
    assert picture.save(tmp_path / "x.svg").read_text().startswith("<svg")
    assert project.picture("costs").name.startswith("costs:")
    with pytest.raises(NotFoundError, match="forst"):
        project.picture("forst")
    with pytest.raises(NotFoundError, match="nothing"):
        project.picture("forest:nothing")
    with pytest.raises(GuardError, match="as at another day"):
        project.picture("history")
    assert set(KINDS) >= {"sizes", "lookback"}


def test_what_needs_no_figures_is_said_first_to_last(project, measured):
    snapshot = project.snapshot()
    lines = overview.overview(snapshot, project.audit(snapshot.as_of_us), measured)
    assert any("segments have the size" in line["text"] for line in lines)
    for line in lines:
        label = EvidenceLabel(line["label"]) if line["label"] else EvidenceLabel.RAW_ASSOCIATION
        check_words(line["text"], label)


@pytest.mark.parametrize(
    "name",
    ["snapshot", "measure", "preview", *(pytest.param(n, marks=pytest.mark.slow)
                                         for n in ("audit", "claims", "suggest"))],
)  # fmt: skip
def test_results_show_themselves(project, measured, name):
    found = {
        "snapshot": project.snapshot,
        "audit": project.audit,
        "measure": lambda: measured,
        "preview": lambda: project.preview({"did": "purchase", "within": "7d"}, as_of="end"),
        "claims": project.claims,
        "suggest": lambda: project.suggest(least=2),
    }[name]()
    assert isinstance(found, Displayed)
    shown = found._repr_html_()
    assert shown is not None
    assert shown.startswith('<div class="fewer">')
    assert florist.HOSTILE_NAME not in shown
    assert not PEOPLE.search(shown)


def test_nothing_else_is_shown():
    assert view(object()) is None


def test_answers_are_kept_by_name_and_known_to_be_old(project):
    keep(project, "lookback", {"a": 1}, "roses")
    keep(project, "lookback", {"a": 2}, "roses")
    keep(project, "lookback", {"a": 3}, "asters")
    assert [one["answer"]["a"] for one in kept(project, "lookback")] == [3, 2]
    assert not any(one["stale"] for one in kept(project, "lookback"))
    path = project.store.root / "answers" / "lookback.json"
    path.write_text(path.read_text().replace('"generation": ', '"generation": 9'))
    assert all(one["stale"] for one in kept(project, "lookback"))
    path.write_text("no json")
    assert kept(project, "lookback") == []
    path.unlink()


NASTY = '<script>alert("x")</script>'


def test_parts_of_the_report_escape_what_they_are_told():
    rate = {"rate": 0.1, "expected_rate": None, "people": 1, "converted": 1}
    answers = {
        "claims": {
            "data": "simulated",
            "claims": [
                {
                    "title": NASTY, "claimed": NASTY, "verdict": "can't tell with this data",
                    "because": NASTY, "needed": NASTY, "further": [NASTY], "label": NASTY,
                    "ratio": {"words": NASTY},
                }
            ],
        },
        "discovery": {
            "goal": NASTY, "combinations_tested": 1, "features": 1,
            "segments": [
                {
                    "id": NASTY, "words": NASTY, "size": 1, "discovery": rate,
                    "confirmation": None, "status": NASTY, "stable": False,
                    "detectability": {"words": NASTY},
                }
            ],
        },
        "suggestions": {
            "segments": [{"id": NASTY, "words": NASTY, "type": NASTY, "size": 1,
                          "sizes": [{"people": 3}]}],
        },
        "recommendations": {
            "recommendations": [{"title": NASTY, "verdict": NASTY, "reason": NASTY,
                                 "label": NASTY}],
        },
    }  # fmt: skip
    assert answers.keys() == PARTS.keys()
    for name, answer in answers.items():
        html = PARTS[name](answer)
        assert "<script" not in html
        assert "&lt;script&gt;" in html
    assert "not enough data yet" in PARTS["claims"](answers["claims"])
    assert "Simulated data." in PARTS["claims"](answers["claims"])
    empty = {"goal": "g", "combinations_tested": 0, "features": 0, "segments": []}
    assert "Nothing was found" in PARTS["discovery"](empty)
    assert PARTS["recommendations"]({"recommendations": []}) == ""
