"""The report in a browser: quiet, alone, and readable on a wide screen and on a telephone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interfaces.conftest import fewer_in

pytestmark = pytest.mark.browser

OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CUT_OFF = """() => [...document.querySelectorAll("body *")]
  .filter(e => e.checkVisibility() && !e.closest(".scroll") && !e.closest("svg"))
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => `${e.tagName}.${e.className} ${e.textContent.trim().slice(0, 40)}`)"""
OVERLAPPING = """() => [...document.querySelectorAll("svg")].flatMap(svg => {
  const texts = [...svg.querySelectorAll("text:not(.watermark):not([transform])")]
    .map(t => [t.textContent, t.getBoundingClientRect()]).filter(([w, r]) => w && r.width);
  return texts.flatMap(([w, a], i) => texts.slice(i + 1).filter(([, b]) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1.5 &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4).map(([v]) => `${w} | ${v}`));
})"""


@pytest.fixture(scope="module")
def report(shop, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("browser") / "report.html"
    assert fewer_in(shop)("report", "--out", str(path)).status == 0
    return path


@pytest.fixture(scope="module", params=[1600, 1024, 390], ids=["wide", "tablet", "telephone"])
def opened(report, chromium, tmp_path_factory, request) -> Iterator[tuple[Any, list[str]]]:
    """The page, and everything that it asked for or complained about."""
    from playwright.sync_api import sync_playwright

    noticed: list[str] = []
    profile = tmp_path_factory.mktemp("profile")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium,
            headless=True,
            args=OPTIONS,
            viewport={"width": request.param, "height": 900},
        )
        page = browser.new_page()
        page.on("console", lambda message: noticed.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: noticed.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (noticed.append("dialog"), dialog.dismiss()))
        page.on(
            "request",
            lambda asked: None if asked.url == report.as_uri() else noticed.append(asked.url),
        )
        page.goto(report.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        yield page, noticed
        browser.close()


def test_it_is_quiet_and_alone(opened):
    _, noticed = opened
    assert [n for n in noticed if not n.startswith("data:")] == []


def test_nothing_is_cut_off(opened):
    page, _ = opened
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


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
