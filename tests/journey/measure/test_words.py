"""Only randomised figures say lift, effect or incremental: in JSON, terminal and report."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser

import pytest
from rich.console import Console

from fewer.interfaces.cli import measure_view, run_view
from fewer.interfaces.report.page import render
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.project.experiment_files import import_arms
from fewer.project.project import Project

CAUSAL = re.compile(r"\b(up)?lift\w*|\beffects?\b|\bincremental\w*", re.IGNORECASE)
STRONG = {label.value for label in EvidenceLabel if label.may_say_lift}
PEOPLE = 900

SETTINGS = """\
version: 1
name: All kinds of evidence
currency: EUR
holdout: {list: held, percent: 20}
exclude: [kept_out]
ads:
  names: [{ad_set: "{segment} | {arm}"}, {campaign: Prospecting, segment: broad}]
  reached: {did: seen}
sources:
  - id: events
    files: events.csv
    events:
      event: {column: event}
      person: id
      ts: ts
      properties: {value: {column: value, type: number}}
  - {id: held, files: held.csv, lists: {list: held, person: id}}
  - {id: meta, files: ads.csv, ad_reports: {from: meta}}
"""
SEGMENTS = """\
- id: hot
  name: Saw pricing
  where: {did: pricing, within: 7d, lookback: true}
  variants: {lookback: [7d, 14d, 30d]}
  size: {min: 1, max: 5000}
- {id: readers, where: {did: read, within: 30d}, size: {min: 1, max: 5000}}
- {id: kept_out, where: {in_list: held}, exclude_defaults: false}
"""
GOALS = "- {id: order, did: purchase, value: {of: value, currency: EUR}, outcome_window: 14d}\n"
EXPERIMENTS = """\
- id: versions
  tests: elsewhere
  arms: [{id: a, percent: 50}, {id: b, percent: 50}]
  metrics: [order]
  margin_percent: 20
  starts: 2026-03-01
  ends: 2026-03-15
"""


def write(folder):
    (folder / "segments").mkdir()
    for name, text in (("fewer", SETTINGS), ("goals", GOALS), ("experiments", EXPERIMENTS),
                       ("segments/all", SEGMENTS)):  # fmt: skip
        (folder / f"{name}.yaml").write_text(text)
    events, held, arms = ["id,event,ts,value"], ["id"], ["person,arm"]
    for n in range(PEOPLE):
        person = f"p{n}"
        arms.append(f"{person},{'ab'[n % 2]}")
        held += [person] if n % 5 == 0 else []
        events.append(f"{person},read,2026-02-{1 + n % 27:02},")
        if n % 3:
            events.append(f"{person},pricing,2026-02-{5 + n % 24:02},")
        if n % 5 and n % 2:
            events.append(f"{person},seen,2026-03-02,")
        if n % 7 == 0 or n % 11 == 0:
            events.append(f"{person},purchase,2026-03-0{1 + n % 9},{20 + n % 9}")
    events.append("p1,read,2026-04-01,")
    ads = ["Day,Campaign name,Ad set name,Amount spent (EUR),Impressions,Link clicks,Purchases"]
    for day in range(1, 29):
        for name, campaign in (
            ("hot | a", "Spring"), ("hot | b", "Spring"), ("all", "Prospecting"), ("new", "Odd"),
        ):  # fmt: skip
            ads.append(
                f"2026-03-{day:02},{campaign},{name},{9 + day % 5},{900 + day},{20 + day % 7},2"
            )
    for name, rows in (("events", events), ("held", held), ("arms", arms), ("ads", ads)):
        (folder / f"{name}.csv").write_text("\n".join(rows) + "\n")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evidence")
    write(folder)
    with Project.open(folder) as opened:
        opened.ingest()
        opened.build(as_of="2026-03-01")
        opened.experiments.register("versions")
        import_arms(opened, "versions", folder / "arms.csv", columns={})
        yield opened


@pytest.fixture(scope="module")
def measured(project):
    return project.measure()


def walk(value, label, path=""):
    """Every text, with the label of the nearest object above it that has one."""
    if isinstance(value, dict):
        label = value.get("label") or label
        for key, part in value.items():
            if key == "may_say_lift":
                assert part is (label in STRONG), path
                continue
            if not (part is None or part in ((), [], "")):
                yield key.replace("_", " "), label, f"{path}.{key}"
            yield from walk(part, label, f"{path}.{key}")
    elif isinstance(value, list):
        for at, part in enumerate(value):
            yield from walk(part, label, f"{path}[{at}]")
    elif isinstance(value, str):
        yield value, label, path


def test_every_text_of_the_json(measured):
    data = measured.to_json()
    labels = set()
    for text, label, path in walk(data, None):
        labels.add(label)
        if CAUSAL.search(text):
            assert label in STRONG or (label or "").startswith("randomised"), f"{path}: {text}"
    assert {
        "randomised holdout",
        "randomised arm",
        "raw association",
        "adjusted association",
    } <= labels


def test_every_figure_has_a_label_and_a_unit(measured):
    def figures(value):
        if isinstance(value, dict):
            if "kind" in value and "state" in value:
                yield value
            for part in value.values():
                yield from figures(part)
        elif isinstance(value, list):
            for part in value:
                yield from figures(part)

    found = list(figures(measured.to_json()))
    assert len(found) > 50
    for one in found:
        assert one["label"] in {label.value for label in EvidenceLabel}
        assert one["unit"]
        assert one["words"]
        if one["value"] is None or one["lower"] is None:
            assert one["why"] or one["lower"] is not None, one["words"]


def test_the_terminal(measured):
    out = io.StringIO()
    measure_view.show(Console(file=out, width=250), measured)
    text = out.getvalue()
    assert text.startswith("What to conclude")
    block = ""
    for line in text.splitlines():
        if "  " not in line.strip() or "association" in line or "randomised" in line:
            block = line
        if CAUSAL.search(line):
            assert "randomised" in line or "randomised" in block, line
    assert "iCPA" in text


class Texts(HTMLParser):
    """The texts of a page that people see, in order."""

    def __init__(self):
        super().__init__()
        self.skipping = 0
        self.found = []

    def handle_starttag(self, tag, attrs):  # noqa: ARG002  the name is the parser's
        self.skipping += tag in ("script", "style")

    def handle_endtag(self, tag):
        self.skipping -= tag in ("script", "style")

    def handle_data(self, data):
        if not self.skipping and data.strip():
            self.found.append(data.strip())


def test_the_report(project):
    """Whatever of the page says lift stands in a block that says randomised."""
    html = render([run_view.story(project, None)], title="Evidence", made="now", version="0")

    parser = Texts()
    parser.feed(html)
    said = [t for t in parser.found if CAUSAL.search(t)]
    for text in said:
        at = parser.found.index(text)
        near = " ".join(parser.found[max(0, at - 40) : at + 5]).lower()
        assert "random" in near or "held out" in near, text


def test_what_belongs_to_no_segment_is_listed(measured):
    [lost] = measured.to_json()["ads_without_segment"]
    assert (lost["name"], lost["days"], lost["currency"]) == ("new", 28, "EUR")
    assert "rules under ads: names" in measured.conclusions[-1].text


def test_what_reaching_somebody_did_is_larger_than_of_everyone_assigned(measured):
    rows = [r for r in measured.randomised if r.experiment == "held" and r.segment == "readers"]
    reach = rows[0].comparisons[0].causal.reach
    assert reach.control == 0
    assert 0.4 < reach.treated < 0.6
    everyone = rows[0].comparisons[0].difference.estimate.value
    assert reach.difference.estimate.value == pytest.approx(everyone / reach.treated)
    assert reach.difference.estimate.method == "Fieller"


def test_measuring_again_later_says_what_changed(project):
    before = project.measure()
    assert before.changes == ()
    path = project.store.root / "measured" / f"{before.snapshot}.jsonl"
    kept = path.read_text()
    path.write_text(re.sub(r'"hot, order": \[\d+, true\]', '"hot, order": [1, false]', kept))
    [change] = [c for c in project.measure().changes if c.what == "hot, order"]
    assert change.then == 1
    assert "its window was still open" in change.words
    assert "p1" not in kept
