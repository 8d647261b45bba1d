"""How an audit is shown: a page of its own, a section of the report, the terminal."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from io import StringIO

import pytest
from rich.console import Console

from fewer.interfaces.cli.audit_view import render, spark
from fewer.interfaces.report.audit import page, section, sparkline

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Structure(HTMLParser):
    """Ids, addresses, scripts, and whether every element is closed where it was opened."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.addresses, self.tags, self.tables = [], [], [], set(), []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.addresses += [given[name] for name in ("href", "src") if name in given]
        if tag == "table":
            self.tables.append(set())
        if self.tables and tag in ("caption", "th"):
            self.tables[-1].add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes nothing"


@pytest.fixture
def audit(world):
    """An audit with findings, categories, hidden values and a hostile name."""
    world.items = [
        {"item_id": "a", "category": "Shoes > <b>Running</b>"},
        {"item_id": "b", "category": "Hats"},
    ]
    world.people = [{"person": n, "key": f"secret-{n}", "plan": "pro"} for n in range(60)]
    world.consents = [{"person": n, "purpose": "ads", "state": "granted"} for n in range(10)]
    world.lists = [{"list_id": "vip", "person": 1}]
    for n in range(40):
        world.did(
            n,
            world.ago(1 + n),
            "<script>alert(1)</script>",
            times=3,
            item_id="a",
            user_id=f"secret-{n}",
            value=n + 1,
        )
    world.did(1, world.ago(3), "sale", value=-2, item_id="ghost")
    return world.audit


def test_a_page_of_its_own(audit):
    text = page(audit(project="Shop & Co"))
    found = Structure(text)
    assert found.open == []
    assert len(set(found.ids)) == len(found.ids)
    assert "script" not in found.tags
    assert [a for a in found.addresses if not a.startswith(("#", "data:"))] == []
    assert {a[1:] for a in found.addresses if a.startswith("#")} <= set(found.ids)
    assert "Shop &amp; Co: what the data holds" in text
    assert "<b>Running" not in text


def test_every_table_has_headers(audit):
    for parts in Structure(page(audit())).tables:
        assert "th" in parts


def test_findings_are_worst_first_with_what_to_do(audit):
    text = section(audit())
    severities = re.findall(r'<article class="finding (\w+)"', text)
    ranks = [("error", "warning", "info").index(each) for each in severities]
    assert ranks == sorted(ranks)
    assert text.count("What to do") == len(severities) == len(audit().findings)


def test_two_sections_fit_on_one_page(audit):
    ids = Structure(section(audit(), prefix="a") + section(audit(), prefix="b")).ids
    assert len(set(ids)) == len(ids)


def test_nobody_is_shown(audit):
    assert "secret" not in page(audit())
    assert "may point to a person" in page(audit())


def test_simulated_data_is_marked_in_every_picture(audit):
    text = section(audit(data="simulated"))
    pictures = re.findall(r"<svg.*?</svg>", text)
    assert pictures
    assert all("simulated</text>" in picture for picture in pictures)
    assert "Simulated data" in text
    assert "simulated" not in section(audit()).lower()


def test_a_sparkline_says_its_numbers_in_words(audit):
    point = audit().inventory.events[0]
    picture = sparkline(point)
    assert "rows a day from 2026-02-19 to 2026-03-30, at most 3" in picture
    assert picture.count("M") == 40


def test_an_empty_project_has_a_page(world):
    text = page(world.audit())
    assert Structure(text).open == []
    assert "Nothing found. Every check passed." in text


def test_terminal(audit):
    console = Console(width=100, record=True, file=StringIO())
    console.print(render(audit(project="Shop")))
    text = console.export_text()
    assert "Shop as at 2026-03-31: 121 events of 60 people" in text
    assert "● AU015 1 sale rows have a negative value" in text
    assert "→ " in text
    assert "secret" not in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_sparks_of_long_histories_keep_their_width():
    assert len(spark([1] * 1000)) <= 24
    assert spark([]) == ""
