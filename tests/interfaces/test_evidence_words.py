"""Whatever command gives figures: only randomised ones are called lift, effect, incremental."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from interfaces.conftest import Fewer, fewer_in
from journey.measure import test_words as evidence

CAUSAL = evidence.CAUSAL
NO_FIGURE = re.compile(
    # What these words may also be: a definition of the rule itself, a denial, or a plan.
    r"no lift|not? (a |an )?(lift|effect)|lift is|only .*(lift|effect)|what would .*(lift|effect)"
    r"|can't be called|may be called lift|measured elsewhere|test it|hold out|held out|random"
    r"|takes? effect|side effect",
    re.IGNORECASE,
)
COMMANDS = [
    ("measure",),
    ("measure", "--sequential"),
    ("suggest",),
    ("discover", "--goal", "order"),
    ("claims",),
    ("lookback", "hot", "--windows", "7d,14d,30d"),
    ("recommend",),
    ("segments", "ls"),
    ("preview", "hot"),
    ("audit",),
]


@pytest.fixture(scope="module")
def fewer(tmp_path_factory) -> Fewer:
    folder = Path(tmp_path_factory.mktemp("words"))
    evidence.write(folder)
    fewer = fewer_in(folder)
    for step in (
        ("ingest",),
        ("build", "--as-of", "2026-03-01"),
        ("experiment", "register", "versions"),
        ("experiment", "import", "versions", str(folder / "arms.csv")),
    ):
        said = fewer(*step)
        assert said.status == 0, said.all
    return fewer


def labelled(label: str | None) -> bool:
    return label in evidence.STRONG or (label or "").startswith(("randomised", "geo"))


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_in_json(fewer, command):
    said = fewer(*command, "--json")
    assert said.status in (0, 5), said.all
    for text, label, path in evidence.walk(said.json, None):
        if CAUSAL.search(text) and not labelled(label):
            assert NO_FIGURE.search(text), f"{path}: {text}"


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_in_the_terminal(fewer, command):
    said = fewer(*command)
    assert said.status in (0, 5), said.all
    lines = said.out.splitlines()
    for at, line in enumerate(lines):
        if CAUSAL.search(line):
            near = " ".join(lines[max(0, at - 3) : at + 2])  # a table's title is above its head
            assert NO_FIGURE.search(near), near


@pytest.mark.slow
def test_in_the_page(fewer, tmp_path):
    """After everything has been kept that the page can show."""
    for command in COMMANDS:
        assert fewer(*command).status in (0, 5), command
    file = tmp_path / "page.html"
    said = fewer("report", "--out", str(file))
    assert said.status == 0, said.all
    parser = evidence.Texts()
    parser.feed(file.read_text())
    seen = [at for at, text in enumerate(parser.found) if CAUSAL.search(text)]
    assert seen, "the page of a project with experiments says lift somewhere"
    for at in seen:
        near = " ".join(parser.found[max(0, at - 40) : at + 5]).lower()
        assert NO_FIGURE.search(near), parser.found[at]
