"""The figures of docs/statistics.md are what the code gives, and what is offered holds."""

import math
import re

import pytest

from stats.coverage_table import END, PAGE, START, order_value, row, spend

TEXT = PAGE.read_text("utf-8").split(START)[1].split(END)[0]
TABLES = [
    [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines()[2:]]
    for part in re.findall(r"(?:^\|.*\n?)+", TEXT, re.MULTILINE)
]


def number(cell):
    plain = cell.replace("*", "").replace(",", "").replace("%", "").strip()
    return math.nan if plain == "none" else float(plain)


def test_the_page_has_every_cell():
    assert [len(t) for t in TABLES] == [20, 20, 16, 8]


def test_what_is_offered_holds():
    for table in TABLES[:2]:
        for line in table:
            for cell in (line[2], line[4]):  # Newcombe, and the ratio as it is offered
                assert not number(cell) < 94.5, line


@pytest.mark.parametrize("table, rest", [(0, 1), (1, 20)])
def test_cells_are_what_the_code_gives(table, rest):
    line = TABLES[table][7]
    n, base = number(line[0]), number(line[1]) / 100
    found = row(int(n), base, rest, worlds=8000)
    for cell, value in zip(line[2:], found, strict=True):
        assert number(cell) == pytest.approx(value, abs=1.2, nan_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize("table, rest", [(0, 1), (1, 20)])
def test_all_cells_are_what_the_code_gives(table, rest):
    for line in TABLES[table]:
        found = row(int(number(line[0])), number(line[1]) / 100, rest)
        assert [number(c) for c in line[2:]] == pytest.approx(found, abs=0.06, nan_ok=True)


@pytest.mark.slow
def test_amounts_are_what_the_code_gives():
    for line in TABLES[2]:
        found = spend(int(number(line[0])), number(line[1]) / 100, number(line[2]))
        assert [number(c) for c in line[3:]] == pytest.approx(found, abs=0.06, nan_ok=True)
    for line in TABLES[3]:
        found = order_value(int(number(line[0])), number(line[1]))
        assert [number(c) for c in line[2:]] == pytest.approx(found, abs=0.06, nan_ok=True)
