"""The report in a browser: quiet, alone, and readable on a wide screen and on a telephone."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interfaces.browser import (
    CUT_OFF,
    FAINT,
    HEADINGS,
    LOST,
    OUTSIDE,
    OVERLAPPING,
    SPILLING,
    UNNAMED,
    opening,
)
from interfaces.conftest import fewer_in

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(shop, tmp_path_factory) -> Path:
    folder = shutil.copytree(shop, tmp_path_factory.mktemp("browser") / "florist")
    fewer = fewer_in(folder)
    for asked in (["claims"], ["suggest", "--min", "2"], ["recommend", "--no-windows"]):
        assert fewer(*asked).status == 0
    assert fewer("report").status == 0
    return folder / "report.html"


@pytest.fixture(scope="module", params=[1600, 1280, 390], ids=["wide", "laptop", "telephone"])
def opened(report, chromium, tmp_path_factory, request) -> Iterator[tuple[Any, list[str]]]:
    """The page, and everything that it asked for or complained about."""
    yield from opening(report, chromium, tmp_path_factory.mktemp("profile"), request.param)


def test_it_is_quiet_and_alone(opened):
    _, noticed = opened
    assert [n for n in noticed if not n.startswith("data:")] == []


def test_nothing_is_cut_off(opened):
    page, _ = opened
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_everything_has_a_name(opened):
    page, _ = opened
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title()


def test_headings_leave_out_no_level(opened):
    page, _ = opened
    levels = page.evaluate(HEADINGS)
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(opened, scheme):
    page, _ = opened
    page.emulate_media(color_scheme=scheme)
    faint = page.evaluate(FAINT)
    page.emulate_media(color_scheme="light")
    assert faint == []


def test_no_text_spills_out_of_its_box(opened):
    page, _ = opened
    assert page.evaluate(SPILLING) == []
    assert page.evaluate(OUTSIDE) == []


def test_answers_can_be_read_without_scrolling_sideways(opened):
    page, _ = opened
    sections = page.evaluate("[...document.querySelectorAll('main h3')].map(h => h.id)")
    assert {"florist-claims", "florist-recommendations", "florist-suggestions"} <= set(sections)
    assert sections.index("florist-recommendations") < sections.index("florist-segments")
    wider = """[...document.querySelectorAll("table.wide")].filter(t =>
      t.checkVisibility() && t.scrollWidth > t.closest(".scroll").clientWidth + 1).length"""
    assert page.evaluate(wider) == 0


def test_the_keys_reach_everything(opened):
    page, _ = opened
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate(LOST) == []


def test_labels_of_pictures_do_not_overlap(opened):
    page, _ = opened
    assert page.evaluate(OVERLAPPING) == []


def test_links_lead_to_sections(opened):
    page, _ = opened
    page.click("nav a[href='#florist-segments']")
    box = page.locator("#florist-segments").bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 900
    bar = page.locator("nav").bounding_box()
    assert bar is not None
    beside = bar["x"] + bar["width"] <= box["x"]
    # Not below the bar that stays on top.
    assert beside or box["y"] >= bar["y"] + bar["height"] - 1


def test_it_is_dark_where_the_reader_is(opened):
    page, _ = opened
    colour = "getComputedStyle(document.body).backgroundColor"
    mark = "getComputedStyle(document.querySelector('svg .f-ink')).fill"
    light = page.evaluate(f"[{colour}, {mark}]")
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(f"[{colour}, {mark}]")
    page.emulate_media(color_scheme="light")
    assert light[0] != dark[0]
    assert light[1] != dark[1]


def test_it_can_be_printed_without_the_contents(opened):
    page, _ = opened
    page.emulate_media(media="print")
    hidden = page.evaluate("getComputedStyle(document.querySelector('nav')).display")
    page.emulate_media(media="screen")
    assert hidden == "none"
