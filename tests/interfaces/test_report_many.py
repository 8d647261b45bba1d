"""The report of some hundred segments: small, quick to read, searched and sorted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interfaces.browser import CUT_OFF, OUTSIDE, SPILLING, UNNAMED, opening
from interfaces.conftest import fewer_in
from project import florist

pytestmark = pytest.mark.browser

MANY = 500


@pytest.fixture(scope="module")
def many(world, tmp_path_factory) -> Path:
    """The report of a project with some hundred segments."""
    folder = florist.write(world, tmp_path_factory.mktemp("many") / "florist")
    rows = [
        f"- {{id: many_{i}, name: Number {i} of those who looked at {1 + i // 60} pages or more,"
        f" type: engagement, where: {{did: page_view, within: {1 + i % 60}d,"
        f" count: {{at_least: {1 + i // 60}}}}}}}"
        for i in range(MANY)
    ]
    (folder / "segments/many.yaml").write_text("\n".join(rows) + "\n")
    fewer = fewer_in(folder)
    assert fewer("run", "--as-of", florist.AS_OF).status == 0
    return folder / "report.html"


@pytest.fixture(scope="module", params=[1280, 390], ids=["laptop", "telephone"])
def opened_many(many, chromium, tmp_path_factory, request) -> Iterator[tuple[Any, list[str]]]:
    yield from opening(many, chromium, tmp_path_factory.mktemp("profile"), request.param)


def test_some_hundred_segments_stay_readable(many, opened_many):
    page, noticed = opened_many
    assert many.stat().st_size < 3_000_000
    assert [n for n in noticed if not n.startswith("data:")] == []
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(SPILLING) == []
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate(UNNAMED) == []
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = false)")
    assert page.evaluate("document.documentElement.scrollHeight") < 22_000
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")


def test_long_tables_can_be_searched(opened_many):
    page, _ = opened_many
    shown = "[...document.querySelectorAll('table.segments tr[data-size]')].filter(r => !r.hidden)"
    bar = page.locator(".search", has=page.get_by_text("of another size")).first
    everyone = page.evaluate(f"{shown}.length")
    bar.get_by_role("searchbox").fill("many_49")
    assert bar.locator("output").inner_text().startswith("11 of ")
    assert page.evaluate(f"{shown}.length") == 11  # 49, and 490 to 499
    heads = "[...document.querySelectorAll('table.segments tr.type')].filter(r => !r.hidden).length"
    assert page.evaluate(heads) == 1
    bar.get_by_role("searchbox").fill("")
    bar.get_by_role("checkbox").check()
    assert page.evaluate(f"{shown}.every(r => r.dataset.size !== 'within')")
    assert page.evaluate(f"{shown}.length") < everyone
    bar.get_by_role("checkbox").uncheck()
    assert page.evaluate(f"{shown}.length") == everyone


def test_long_tables_can_be_sorted(opened_many):
    page, _ = opened_many
    column = """() => { const t = [...document.querySelectorAll("figure table")].find(t =>
      t.tHead.textContent.includes("Wanted at least"));
      return [...t.tBodies[0].rows].map(r => +r.cells[1].textContent.replace(",", "")); }"""
    button = page.get_by_role("button", name="Matched").first
    button.click()
    falling = page.evaluate(column)
    assert falling == sorted(falling, reverse=True)
    button.click()
    assert page.evaluate(column) == falling[::-1] or page.evaluate(column) == sorted(falling)
