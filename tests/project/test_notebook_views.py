"""Every result shows itself in a notebook: alone, with a table, with its mark, and nobody's id."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest

from fewer.pictures.display import Displayed
from fewer.pictures.page import Picture
from fewer.project.drawing import Drawing
from fewer.project.notebook import view
from fewer.project.pictures import KINDS, claims, stated
from fewer.project.project import Project
from project import florist, reading

PEOPLE = re.compile(r"\bf-\d\d\b|@example|\+1\d{6}|>p\d+<")


class Seen(HTMLParser):
    """Tags with what they need to be understood."""

    def __init__(self, shown: str) -> None:
        super().__init__()
        self.tables = self.captions = self.pictures = self.titles = 0
        self.heads: list[str | None] = []
        self.outside: list[str] = []
        self.feed(shown)

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        self.tables += tag == "table"
        self.captions += tag == "caption"
        self.pictures += tag == "svg"
        self.titles += tag == "title"
        if tag == "th":
            self.heads.append(known.get("scope"))
        self.outside += [v for k, v in attrs if k in ("src", "href", "srcset") and v]


def looked_at(result: Any, *, simulated: bool) -> str:
    """What the notebook would show, checked for what holds of every result."""
    assert isinstance(result, Displayed)
    shown = result._repr_html_()
    assert shown is not None
    assert shown.startswith('<div class="fewer">')
    seen = Seen(shown)
    assert seen.tables >= 1
    assert seen.captions == seen.tables
    assert set(seen.heads) <= {"col", "row"}
    assert seen.outside == []
    assert "<script" not in shown
    assert not PEOPLE.search(shown)
    assert ("simulated" in shown.lower().replace("badge.simulated", "")) is simulated
    for svg in re.findall(r"<svg.*?</svg>", shown, re.DOTALL):
        assert "<title>" in svg
        assert ("simulated" in svg.lower()) is simulated
    return html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", shown, flags=re.DOTALL))


@pytest.fixture(scope="module", params=["real", "simulated"])
def shop(request, world, tmp_path_factory) -> Iterator[tuple[Project, bool]]:
    folder = florist.write(world, tmp_path_factory.mktemp("views"), data=request.param)
    with Project.open(folder) as project:
        project.ingest()
        project.build(as_of=florist.AS_OF)
        yield project, request.param == "simulated"


def test_refresh_preview_and_outcomes(shop):
    project, simulated = shop
    assert "Matched" in looked_at(project.snapshot(), simulated=simulated)
    preview = project.preview({"did": "purchase", "within": "7d"}, as_of="end")
    assert "has done purchase" in looked_at(preview, simulated=simulated)
    assert "Ratio" in looked_at(project.measure(), simulated=simulated)


@pytest.mark.slow
def test_audit_claims_suggestions_and_next_steps(shop):
    project, simulated = shop
    assert "What to do" in looked_at(project.audit(), simulated=simulated)
    assert "claimed:" in looked_at(project.claims(), simulated=simulated)
    assert "People" in looked_at(project.suggest(least=2), simulated=simulated)
    found = project.recommend(compare_windows=False)
    assert "Why" in looked_at(found, simulated=simulated)


@pytest.fixture(scope="module", params=["real", "simulated"])
def magazine(request, tmp_path_factory) -> Iterator[tuple[Project, bool]]:
    folder = reading.write(tmp_path_factory.mktemp("magazine") / "m", reading.world(600))
    (folder / "goals.yaml").write_text(
        f"{reading.GOALS}- {{id: back, name: Comes back, did: view, outcome_window: 7d}}\n"
    )
    settings = folder / "fewer.yaml"
    settings.write_text(f"data: {request.param}\n{settings.read_text()}")
    with Project.open(folder) as project:
        project.ingest()
        yield project, request.param == "simulated"


@pytest.mark.slow
def test_what_is_found_in_the_data(magazine):
    project, simulated = magazine
    # Few people, so any size will do; what is found matters less here than how it is shown.
    found = project.discover(goal="back", least=20, most=500)
    shown = found._repr_html_()
    assert shown is not None
    assert ("simulated" in shown.lower().replace("badge.simulated", "")) is simulated
    lookback = project.lookback("readers", windows=("7d", "14d", "30d"))
    assert "Recommended" in looked_at(lookback, simulated=simulated)
    groups = project.clusters(least=20, most=500)
    assert "Rule nearest" in looked_at(groups, simulated=simulated)
    resembling = project.look_alikes("readers", least=20, most=500)
    assert "people outside readers" in looked_at(resembling, simulated=simulated)


def test_pictures_are_methods(shop):
    project, simulated = shop
    drawn = {
        "sizes": project.sizes,
        "funnel": project.funnel,
        "overlap": project.overlap,
        "combinations": project.combinations,
        "forest": project.forest,
        "lookback": project.decay,
        "costs": project.costs,
    }
    for name, draw in drawn.items():
        picture = draw()
        assert isinstance(picture, Picture)
        assert picture.name.partition(":")[0] == name
        looked_at(picture, simulated=simulated)
    goal = project.definitions.goals[0].id
    assert project.forest(goal).name == f"forest:{goal}"
    methods = {name for name in vars(Drawing) if not name.startswith("_")}
    assert methods == {"picture", "sizes", "funnel", "size_history", "overlap", "combinations",
                       "forest", "decay", "costs", "claims_checked"}  # fmt: skip
    assert len(KINDS) == len(methods) - 1


def claim(title: str, claimed: str, **found: Any) -> dict[str, Any]:
    figure = {"value": 1.4, "lower": 1.1, "upper": 1.7, "words": "1.4x (association)", **found}
    return {
        "title": title, "claimed": claimed, "verdict": "can't tell with this data",
        "because": "b", "needed": None, "further": [], "label": "raw association",
        "ratio": figure if found.get("value", 1) else None,
    }  # fmt: skip


def test_claims_are_drawn_beside_what_is_claimed():
    answer = {
        "data": "simulated",
        "claims": [
            claim("One", "2.4x"),
            claim("Two", "−10 % to −18 %", value=0.85, lower=None, upper=0.95),
            claim("Three", "+26 %", value=None),
        ],
    }
    picture = claims(answer, simulated=True)
    assert picture is not None
    assert [row[0] for row in picture.table.rows] == ["One", "Two"]
    assert "no limit to 0.95" in picture.table.rows[1]
    assert "claimed" in picture.svg
    assert "SIMULATED DATA" in picture.svg
    assert claims({"claims": [claim("Three", "+26 %", value=None)]}, simulated=False) is None
    table = type("ClaimTable", (SimpleNamespace,), {"to_json": lambda _: answer})()
    shown = view(table)
    assert shown is not None
    assert "SIMULATED DATA" in shown


@pytest.mark.parametrize(
    "words, ratios",
    [
        ("2.4x", (2.4,)),
        ("up to −30 %", (0.7,)),
        ("+126 % or more", (2.26,)),
        ("1,200x", (1200.0,)),
        ("much", ()),
    ],
)
def test_sizes_of_claims_are_read_as_ratios(words, ratios):
    assert stated(words) == ratios
