"""The report: one page that needs nothing else, says what it shows, and lets no name do harm."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from html import unescape
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from fewer.data.simulate.truth import Effect, Truth
from fewer.project.kept import keep
from fewer.project.project import Project
from interfaces.conftest import Fewer, Said, fewer_in
from project import florist

VOID = {"meta", "link", "br", "img", "input", "hr", "circle", "line", "rect", "path", "polyline"}
CAUSAL = re.compile(r"\b(up)?lift(s|ed)?\b|\beffects?\b|\bincremental(ity|ly)?\b", re.IGNORECASE)
CLAIMS = re.compile(r"\b(supported|supports|proven|proves?)\b", re.IGNORECASE)


class Page(HTMLParser):
    """What a browser would see: tags balanced, ids, addresses, texts by section and picture."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.pictures: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        if tag == "svg":
            self.pictures.append("")
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in {"href", "src", "srcset", "action", "data", "poster", "xlink:href"}:
                self.addresses.append(value or "")
            elif name.startswith("on"):
                self.handlers.append(name)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)
        if "svg" in self.open:
            self.pictures[-1] += data

    @property
    def text(self) -> str:
        return " ".join(self.texts)


@pytest.fixture(scope="session")
def page(shop, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    assert fewer_in(shop)("report", "--out", str(path)).status == 0
    return path.read_text()


@pytest.fixture(scope="session")
def ran(world, tmp_path_factory) -> tuple[Fewer, Said]:
    """The florist again, marked as simulated, with a holdout and a planted effect."""
    folder = florist.write(world, tmp_path_factory.mktemp("simulated"), data="simulated")
    settings = folder / "fewer.yaml"
    holdout = (
        "  - id: holdout\n    files: data/holdout.csv\n"
        "    lists: {list: holdout, person: user}\nexclude:"
    )
    text = settings.read_text().replace("exclude:", holdout) + (
        "holdout: {list: holdout, percent: 30}\n"
    )
    settings.write_text(text)
    held = [p for n, p in enumerate(florist.PEOPLE) if n % 3 == 1]
    (folder / "data/holdout.csv").write_text("user\n" + "".join(f"{p}\n" for p in held))
    _truth().write(folder / "truth.json")
    fewer = fewer_in(folder)
    said = fewer("run", "--as-of", florist.AS_OF)
    assert said.status == 0
    return fewer, said


@pytest.fixture(scope="session")
def simulated(ran) -> Fewer:
    return ran[0]


@pytest.fixture(scope="session")
def simulated_page(simulated, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    assert simulated("report", "--out", str(path)).status == 0
    return path.read_text()


def _truth() -> Truth:
    effects = [
        Effect(
            id="lift_none",
            statement="The campaign to `pricing_hot` changes nothing.",
            how="",
            segments=("pricing_hot",),
            at=florist.MOMENT,
            value=0.0,
            causal=True,
            recoverable=True,
        ),
        Effect(
            id="ctr_hot",
            statement="Click-through rate of `pricing_hot` is 40 times that of the broad campaign.",
            how="Sums of `pricing_hot` against the sums of `broad`.",
            segments=("pricing_hot",),
            value=40.0,
            causal=True,
            recoverable=True,
        ),
    ]
    day = florist.FIRST.date()
    return Truth(
        seed=7, days=60, first_day=day, last_day=day, launch=florist.MOMENT, outcome_days=7,
        people=30, accounts=28, rows={}, events={}, planted={}, effects=tuple(effects),
    )  # fmt: skip


def test_the_page_needs_nothing_else(page):
    seen = Page(page)
    assert seen.open == []
    assert seen.tags["iframe"] == seen.tags["object"] == 0
    assert seen.handlers == []
    outside = [a for a in seen.addresses if not a.startswith(("#", "data:,"))]
    assert outside == []
    styles = "".join(re.findall(r"<style>(.*?)</style>", page, re.DOTALL))
    assert "url(" not in styles
    assert "@import" not in styles


def test_the_one_script_is_ours_and_no_other_may_run(page):
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    ours = files("fewer.interfaces.report").joinpath("report.js").read_text(encoding="utf-8")
    assert script == ours
    assert not re.search(r"fetch|XMLHttp|import|https?:|eval|innerHTML", script)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    allowed = unescape(policy.group(1))
    assert f"script-src 'sha256-{digest}'" in allowed
    assert "default-src 'none'" in allowed


def test_ids_are_unique_and_links_lead_to_them(page):
    seen = Page(page)
    repeated = [i for i, n in Counter(seen.ids).items() if n > 1]
    assert repeated == []
    assert {a[1:] for a in seen.addresses if a.startswith("#")} <= set(seen.ids)


def test_hostile_names_are_text(page):
    """Names of segments, events, values and creatives come from files of anyone."""
    for hostile in (florist.HOSTILE_NAME, florist.HOSTILE_EVENT):
        assert hostile not in page
        assert any(hostile in text for text in Page(page).texts), hostile
    assert florist.HOSTILE_TEXT not in page
    assert 'alert("creative")</script>' not in page
    assert "<b>&" not in page


def test_sizes_stand_in_the_page(page, world):
    text = Page(page).text
    for id_, people in florist.members(world).items():
        assert id_.partition("@")[0] in text
        assert f"{len(people):,}" in text
    assert f"{len(world.everyone)} people in all" in text


def test_every_section_is_there(page):
    ids = set(Page(page).ids)
    for section in ("audit", "segments", "overlap", "lookback", "creatives", "outcomes", "costs"):
        assert f"florist-{section}" in ids
    assert "florist-planted" not in ids


def test_the_contents_name_every_section(page):
    nav = page[page.index("<nav") : page.index("</nav>")]
    ids = re.findall(r'<h3 id="(florist-[a-z]+)"', page)
    assert re.findall(r'href="#(florist-[a-z]+)"', nav) == ids
    assert ids[0] == "florist-overview"


def test_every_picture_has_words_and_a_table(page):
    figures = re.findall(r"<figure>.*?</figure>", page, re.DOTALL)
    assert len(figures) > 6
    for figure in figures:
        assert '<th scope="row">' in figure
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        assert 'role="img"' in svg
        assert "<title>" in svg
        assert "aria-label=" in svg


def test_every_figure_of_the_overview_says_its_evidence(page):
    matters = page[page.index('class="matters"') :]
    matters = matters[: matters.index("</ul>")]
    assert matters.count("<li>") >= 2
    for line in matters.split("<li>")[1:]:
        if "converted" in line:
            assert '<span class="badge ev assoc">raw association</span>' in line


def test_answers_that_were_kept_are_sections(shop, page):
    assert "florist-discovery" not in page
    with Project.open(shop) as project:
        answer = {"goal": "order", "combinations_tested": 7, "features": 3, "segments": []}
        keep(project, "discovery", answer)
        try:
            seen = fewer_in(shop)("report", "--json")
        finally:
            (project.store.root / "answers" / "discovery.json").unlink()
    assert seen.json["story"]["discovery"]["answer"] == answer
    found = Page((shop / "report.html").read_text())
    assert "florist-discovery" in found.ids
    assert "Nothing was found that later data confirms." in found.text


def test_the_page_is_the_same_for_the_same_story(shop, page, tmp_path):
    again = tmp_path / "again.html"
    assert fewer_in(shop)("report", "--out", str(again)).status == 0
    made = re.compile(r"Made [-0-9: ]+ UTC")
    assert made.sub("", again.read_text()) == made.sub("", page)


def test_real_data_is_not_marked_and_claims_no_effect(page):
    text = Page(page).text
    assert "simulated" not in text.lower()
    assert "SIMULATED" not in page
    claims = [found.group() for found in CAUSAL.finditer(text)]
    assert claims == []
    assert CLAIMS.search(text) is None
    assert "association" in text


def test_every_simulated_picture_carries_its_mark(simulated_page):
    page = simulated_page
    seen = Page(page)
    pictures = [p for p in seen.pictures if p.strip()]
    assert len(pictures) > 8
    for picture in seen.pictures:
        assert "simulated" in picture.lower(), picture[:200]
    large = [p for p in seen.pictures if "SIMULATED DATA" in p]
    assert len(large) >= 6  # all but the small ones inside tables are written across, too
    assert CLAIMS.search(seen.text) is None
    assert "Recovered the planted effect" in seen.text


def test_every_simulated_section_says_so(simulated_page):
    page = simulated_page
    sections = re.split(r'<h3 id="florist-', page)[1:]
    assert [s.split('"')[0] for s in sections] == [
        "overview", "segments", "outcomes", "costs", "lookback", "overlap", "creatives", "audit",
        "planted",
    ]  # fmt: skip
    for section in sections:
        assert "simulated" in section.lower(), section[:80]
    # The audit has a mark of its own, once.
    told = page[page.index('<h3 id="florist-segments') : page.index('<h3 id="florist-audit')]
    told += page[page.index('<h3 id="florist-planted') :]
    for table in re.findall(r"<table.*?</table>", told, re.DOTALL):
        assert "simulated" in table.lower(), table[:300]


def test_a_planted_effect_is_recovered_or_not(ran):
    simulated, told = ran
    planted = simulated("report", "--json").json["story"]["planted"]
    found = {row["title"]: row["recovered"] for row in planted}
    assert found == {
        "The campaign to `pricing_hot` changes nothing.": True,
        "Click-through rate of `pricing_hot` is 40 times that of the broad campaign.": False,
    }
    said = told.out
    assert "recovered the planted effect: yes" in said
    assert "recovered the planted effect: no" in said
    assert CLAIMS.search(said) is None


@pytest.mark.parametrize(
    "command",
    [
        ["ingest"], ["quarantine"], ["audit"], ["validate"], ["build", "--as-of", florist.AS_OF],
        ["segments", "ls"], ["segments", "ls", "--all"], ["segments", "show", "roses"],
        ["segments", "size", "roses"], ["segments", "members", "roses"],
        ["segments", "sample", "roses"], ["segments", "overlap"],
        ["segments", "why", "roses", "f-01"], ["segments", "sql", "roses"], ["tailor", "preview"],
        ["measure"], ["doctor"], ["report"],
        ["segments", "size", "rose"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_json_of_simulated_data_says_so(simulated, command):
    said = simulated(*command, "--json")
    assert said.json["data"] == "simulated"
    assert CLAIMS.search(said.out) is None


def test_an_export_of_simulated_data_says_so(simulated, tmp_path):
    path = tmp_path / "x.csv"
    made = simulated("export", "roses", "--to", str(path), "--allow-small", "--json")
    assert made.json["data"] == "simulated"
    manifest = json.loads(path.with_name("x.csv.manifest.json").read_text())
    assert manifest["data"] == "simulated"


def test_associations_are_never_called_more(fewer):
    measured = fewer("measure", "--json")
    for said in (fewer("measure"), measured):
        words = said.out.replace("may_say_lift", "")
        assert CAUSAL.search(words) is None, CAUSAL.search(words)
    figures = list(_figures(measured.json))
    assert figures
    assert not any(figure["may_say_lift"] for figure in figures)


def _figures(tree):
    if isinstance(tree, dict):
        if "may_say_lift" in tree:
            yield tree
        for value in tree.values():
            yield from _figures(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _figures(value)
