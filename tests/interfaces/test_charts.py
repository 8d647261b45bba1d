"""Pictures: inside their frame, with labels that can be read and numbers in the right place."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewer.interfaces.report import charts
from fewer.interfaces.report.charts import Bar, Interval

SVG = "{http://www.w3.org/2000/svg}"
NASTY = '<script>alert("x")</script> & "quoted" \' ' * 3


def drawn(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314  our own text


def _inside(root: ET.Element, *, turned: bool = False) -> None:
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for text in root.iter(f"{SVG}text"):
        if text.get("class") == "watermark" or (turned and text.get("transform")):
            continue
        wide = len(text.text or "") * float(text.get("font-size", "12")) * 0.56
        x, y = float(text.attrib["x"]), float(text.attrib["y"])
        start = {"start": x, "middle": x - wide / 2, "end": x - wide}[
            text.get("text-anchor", "start")
        ]
        assert start >= -1, text.text
        assert start + wide <= width + 1, text.text
        assert 0 <= y <= height, text.text
    for rect in root.iter(f"{SVG}rect"):
        x, wide = float(rect.attrib["x"]), float(rect.attrib["width"])
        assert wide >= 0
        assert -1 <= x <= x + wide <= width + 1


def _texts(root: ET.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=80)
counts = st.integers(0, 3_000_000)


@given(
    bars=st.lists(
        st.builds(
            Bar,
            label=names,
            size=counts,
            removed=st.lists(st.tuples(names, counts), max_size=4).map(tuple),
            low=st.integers(0, 300),
            high=st.integers(301, 90_000),
        ),
        min_size=1,
        max_size=6,
    ),
    simulated=st.booleans(),
)
def test_sizes_stay_inside(bars, simulated):
    svg = charts.sizes(bars, simulated=simulated)
    root = drawn(svg)
    _inside(root)
    for bar in bars:
        assert f"{bar.size:,}" in _texts(root)
    assert ("SIMULATED DATA" in _texts(root)) == simulated


def test_bars_grow_with_the_size_and_say_whether_it_fits():
    svg = charts.sizes(
        [Bar("few", 20), Bar("some", 200), Bar("many", 2_001), Bar("own", 50, low=10, high=60)],
        simulated=False,
    )
    bars = [r for r in drawn(svg).iter(f"{SVG}rect") if r.get("rx") == "2"]
    widths = [float(r.attrib["width"]) for r in bars]
    assert widths[0] < widths[3] < widths[1] < widths[2]
    assert [r.attrib["fill"] for r in bars] == [
        charts.GREY, charts.BLUE, charts.GREY, charts.BLUE
    ]  # fmt: skip


@given(
    rows=st.lists(
        st.builds(
            Interval,
            label=names,
            estimate=st.floats(1e-4, 1e4),
            low=st.one_of(st.just(0.0), st.floats(1e-5, 1)),
            high=st.one_of(st.just(float("inf")), st.floats(1, 1e5)),
            words=names,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_intervals_stay_inside_even_without_an_end(rows):
    root = drawn(charts.forest(rows, simulated=True, title="Order"))
    _inside(root)
    _, _, width, _ = map(float, root.attrib["viewBox"].split())
    for line in root.iter(f"{SVG}line"):
        assert 0 <= float(line.attrib["x1"]) <= float(line.attrib["x2"]) <= width


def test_no_difference_is_between_less_and_more():
    root = drawn(
        charts.forest(
            [Interval("less", 0.5, 0.3, 0.8), Interval("more", 2.0, 1.2, 3.0)],
            simulated=False,
            title="Order",
        )
    )
    less, more = (float(r.attrib["x"]) + 4 for r in root.iter(f"{SVG}rect"))
    [middle] = [
        float(line.attrib["x1"]) for line in root.iter(f"{SVG}line") if "stroke-dasharray" in
        line.attrib
    ]  # fmt: skip
    assert less < middle < more


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["0-7 days", "8-14 days", "15-30 days", "more than 60 days"]),
            counts,
            st.floats(0, 1),
            st.floats(0, 1),
            st.floats(0, 1),
        ).map(lambda row: (row[0], row[1], *sorted(row[2:])[1:2], *sorted(row[2:])[::2])),
        min_size=1,
        max_size=3,
    )
)
def test_bands_stay_inside(rows):
    root = drawn(charts.bands(rows, simulated=True, title="Saw pricing"))
    _inside(root)
    for label, people, *_ in rows:
        assert label in _texts(root)
        assert f"{people:,}" in _texts(root)


def test_overlap_shows_shares_of_the_row():
    svg = charts.heatmap(["a", "b"], [[1.0, 0.25], [0.5, 1.0]], simulated=False, title="Overlap")
    root = drawn(svg)
    _inside(root, turned=True)
    assert [t for t in _texts(root) if "%" in t] == ["25%", "50%"]
    titles = [t.text for t in root.iter(f"{SVG}title")]
    assert "a / b: 25.0%" in titles


@pytest.mark.parametrize("simulated", [False, True])
def test_names_are_text_and_marks_are_there(simulated):
    pictures = [
        charts.sizes([Bar(NASTY, 5, ((NASTY, 3),))], simulated=simulated, title=NASTY),
        charts.heatmap([NASTY] * 2, [[1, 1], [1, 1]], simulated=simulated, title=NASTY),
        charts.forest([Interval(NASTY, 1, 1, 1, NASTY)], simulated=simulated, title=NASTY),
        charts.bands([(NASTY, 1, 0.1, 0.0, 0.2)], simulated=simulated, title=NASTY),
    ]
    for svg in pictures:
        root = drawn(svg)
        assert "<script" not in svg
        assert ("simulated" in root.attrib["aria-label"]) == simulated
        assert bool(re.search(r"SIMULATED DATA", svg)) == simulated
        assert root.find(f"{SVG}title") is not None


def test_nothing_to_draw_is_nothing():
    assert charts.sizes([], simulated=True) == ""
    assert charts.forest([], simulated=True, title="") == ""
    assert charts.bands([], simulated=True, title="") == ""
    assert charts.heatmap(["a"], [[1.0]], simulated=True, title="") == ""
