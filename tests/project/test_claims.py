"""Claims on a world whose truth is known: the converting session counts on neither side."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import pytest

from fewer.errors import DefinitionError, NotFoundError
from fewer.project.project import Project
from project import reading

pytestmark = pytest.mark.slow

WIDE = "{id: a, group: {did: view, within: 30d}, lookback: 7d, outcome: order, says: {ratio: 2}}"
CLAIMS = """\
- id: three_views
  name: Three or more views in a week buy 2.4x as often as one
  index: {every: monday, from: 2025-10-06, to: 2026-02-16}
  group: {did: view, within: 7d, count: {at_least: 3}}
  against: {did: view, within: 7d, count: {exactly: 1}}
  gap: 1d
  outcome: order
  says: {ratio: 2.4}
- id: at_the_checkout
  group: {did: [view, checkout], within: 7d, count: {at_least: 3}}
  against: {did: view, within: 7d, count: {exactly: 1}}
  outcome: order
  says: {at_least: 2}
- id: forbidden
  group: {did: view, within: 7d}
  part_of_converting: [view]
  outcome: order
  says: {ratio: 1.2}
- id: cheap_clicks
  reports: cpc
  says: {between: [0.82, 0.9]}
"""


@pytest.fixture(scope="module")
def rows():
    return reading.world()


@pytest.fixture(scope="module")
def magazine(rows, tmp_path_factory):
    folder = reading.write(tmp_path_factory.mktemp("claims") / "magazine", rows)
    (folder / "claims.yaml").write_text(CLAIMS)
    with Project.open(folder) as project:
        project.ingest()
        yield project


@pytest.fixture(scope="module")
def table(magazine):
    return magazine.claims()


def plain(rows, *, naive):
    """Rates of three or more views and of one, counted in plain Python over the index weeks."""
    views, bought = defaultdict(list), defaultdict(list)
    for person, at, event in rows:
        (views if event == "view" else bought)[person].append(at) if event != "checkout" else None
    counted = {True: [0, 0], False: [0, 0]}
    for week in range(5, 25):
        t = reading.START + timedelta(days=7 * week)
        begin, end = t + timedelta(days=1), t + timedelta(days=8)
        if naive:  # views and purchases of the same week
            begin, end = t - timedelta(days=7), t
        for person, seen in views.items():
            n = sum(t - timedelta(days=7) <= at < t for at in seen)
            if n >= 3 or n == 1:
                side = counted[n >= 3]
                side[0] += any(begin <= at < end for at in bought[person])
                side[1] += 1
    return counted


def test_the_converting_session_counts_on_neither_side(table, rows):
    found = table.claim("three_views")
    right, wrong = (plain(rows, naive=naive) for naive in (False, True))
    for side, group in ((found.group, True), (found.against, False)):
        assert (side.converted, side.looked) == tuple(right[group])
    naive = (wrong[True][0] / wrong[True][1]) / max(wrong[False][0] / wrong[False][1], 1e-9)
    assert naive > 8
    assert 1.3 < found.ratio.estimate.value < 3.2
    assert found.ratio.estimate.lower > 1


def test_what_makes_people_read_is_seen(table):
    """Interest decides both, so less is left among equals, and it was there before."""
    found = table.claim("three_views")
    assert found.adjusted.estimate.value < found.ratio.estimate.value
    assert found.control.estimate.lower > 1
    assert "was there already" in " ".join(found.further)
    assert found.sensitivity.value > found.sensitivity.limit > 1


def test_parts_of_converting_are_refused_and_named(table):
    found = table.claim("at_the_checkout")
    assert found.verdict.value == "refused"
    assert "checkout" in found.because
    assert "view (" not in found.because
    assert found.ratio is None
    assert table.claim("forbidden").leaks[0].event == "view"


def test_headlines_are_adapted_to_the_project(table):
    assert [claim.id for claim in table.claims if claim.headline] == [
        "conversion_26", "cac_30", "three_interactions", "ctr_20", "cpc_10_18",
    ]  # fmt: skip
    design = dict(table.claim("three_interactions").design)
    assert "view" in design["group"]
    assert "checkout" not in design["group"]
    assert design["gap"] == "1 day"
    segments = dict(table.claim("conversion_26").design)["group"]
    assert "readers" in segments
    assert "payers" not in segments  # it is made of checkouts
    for name in ("cac_30", "ctr_20", "cpc_10_18", "cheap_clicks"):
        found = table.claim(name)
        assert found.verdict.value == "can't tell with this data"
        assert found.needed.startswith("ad reports by day")


def test_every_sentence_keeps_to_its_evidence(table):
    said = str(table.to_json()).lower()
    assert "randomis" not in said
    for word in (" lift", " effect", "incremental"):
        assert word not in said.replace("may_say_lift", "")


def test_little_data_says_what_it_would_take(tmp_path):
    folder = reading.write(tmp_path / "small", reading.world(people=120))
    (folder / "claims.yaml").write_text(CLAIMS)
    with Project.open(folder) as project:
        project.ingest()
        found = project.claims(["three_views"]).claim("three_views")
    assert found.verdict.value == "can't tell with this data"
    assert found.needed


@pytest.mark.parametrize(
    "text,code",
    [
        (f"- {WIDE}", "claim_lookback"),
        ("- {id: a, group: {did: view}, outcome: order, says: {ratio: 1}}", "claim_size"),
        ("- {id: a, reports: cpc, says: {up_to: 0.8}}\n- {id: a, reports: ctr, says: {up_to: 2}}",
         "duplicate_id"),
        ("- {id: a, group: {did: view}, each: true, outcome: order, says: {ratio: 2}}",
         "each_of_what"),
        ("- {id: a, group: {did: view}, outcome: ordr, says: {ratio: 2}}", "unknown_goal"),
        ("- {id: a, group: {any: [{in_segment: readrs}]}, outcome: order, says: {ratio: 2}}",
         "unknown_segment"),
        ("- {id: a, reports: cpc, segments: [readrs], says: {up_to: 0.7}}", "unknown_segment"),
    ],
)  # fmt: skip
def test_a_wrong_claim_is_explained(magazine, text, code):
    file = magazine.folder.root / "claims.yaml"
    before = file.read_text()
    file.write_text(text)
    try:
        with pytest.raises(DefinitionError) as caught:
            magazine.claims(["a"])
    finally:
        file.write_text(before)
    assert code in {problem.code for problem in caught.value.problems}


def test_an_event_that_is_not_there_is_named(magazine):
    file = magazine.folder.root / "claims.yaml"
    file.write_text("- {id: a, group: {did: vieww, within: 7d}, outcome: order, says: {ratio: 2}}")
    try:
        found = magazine.claims(["a"]).claim("a")
    finally:
        file.write_text(CLAIMS)
    assert "no event 'vieww' is in the data (did you mean 'view'?)" in found.notes
    assert found.naive is None


def test_unknown_names_are_named(magazine):
    with pytest.raises(NotFoundError, match="three_viewz"):
        magazine.claims(["three_viewz"])
    with pytest.raises(NotFoundError, match="ordr"):
        magazine.claims(["three_interactions"], goal="ordr")


@pytest.mark.parametrize("rows", [[], [(0, reading.START, "view")]])
def test_no_data_is_no_crash(tmp_path, rows):
    folder = reading.write(tmp_path / "bare", rows)
    with Project.open(folder) as project:
        project.ingest()
        found = project.claims()
    assert len(found.claims) == 5
    assert {claim.verdict.value for claim in found.claims} == {"can't tell with this data"}
    assert all(claim.because and claim.needed for claim in found.claims)


def test_validate_reads_the_file_of_claims(magazine):
    path = magazine.folder.root / "claims.yaml"
    path.write_text("- {id: odd, groop: {all: []}}\n")
    try:
        with pytest.raises(DefinitionError) as refused:
            magazine.validate()
        assert str(refused.value).startswith("claims.yaml:1:")
    finally:
        path.write_text(CLAIMS)
