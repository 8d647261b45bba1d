"""Pictures: inside their frame, with labels that can be read and numbers in the right place."""

from __future__ import annotations

import itertools
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewer.pictures.axis import Axis, LogAxis, around
from fewer.pictures.bars import Bar, funnel, sizes
from fewer.pictures.cost import Bubble, bubbles
from fewer.pictures.decay import Age, Band, bands, decay
from fewer.pictures.display import Displayed
from fewer.pictures.forest import Interval, forest
from fewer.pictures.history import History, histories, spark
from fewer.pictures.overlap import Combination, heatmap, upset
from fewer.pictures.page import Picture, Table
from fewer.pictures.svg import COLOURS, REASONS, dark_style, short, wide

SVG = "{http://www.w3.org/2000/svg}"
NASTY = '<script>alert("x")</script> & "quoted" \' ' * 3


def drawn(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314  our own text


def _inside(root: ET.Element, *, turned: bool = False) -> None:
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    shifted = {text for group in root.iter(f"{SVG}g") for text in group.iter(f"{SVG}text")}
    for text in root.iter(f"{SVG}text"):
        if text in shifted or text.get("class") == "watermark":
            continue
        if turned and text.get("transform"):
            continue
        room = len(text.text or "") * float(text.get("font-size", "12")) * 0.56
        x, y = float(text.attrib["x"]), float(text.attrib["y"])
        start = {"start": x, "middle": x - room / 2, "end": x - room}[
            text.get("text-anchor", "start")
        ]
        assert start >= -1, text.text
        assert start + room <= width + 1, text.text
        assert 0 <= y <= height, text.text
    for rect in root.iter(f"{SVG}rect"):
        x, long = float(rect.attrib["x"]), float(rect.attrib["width"])
        assert long >= 0
        assert -6 <= x <= x + long <= width + 1


def _texts(root: ET.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=80)
counts = st.integers(0, 3_000_000)
either = st.booleans()
some_bars = st.lists(
    st.builds(
        Bar,
        label=names,
        size=counts,
        removed=st.lists(st.tuples(names, counts), max_size=4).map(tuple),
        low=st.integers(1, 300),
        high=st.integers(301, 90_000),
    ),
    min_size=1,
    max_size=6,
)
quick = settings(max_examples=40)


@quick
@given(bars=some_bars, simulated=either, narrow=either)
def test_sizes_stay_inside(bars, simulated, narrow):
    root = drawn(sizes(bars, simulated=simulated, narrow=narrow))
    _inside(root)
    for bar in bars:
        assert f"{bar.size:,}" in _texts(root)
    assert ("SIMULATED DATA" in _texts(root)) == simulated


def test_bars_grow_with_the_size_and_say_whether_it_fits():
    svg = sizes(
        [Bar("few", 20), Bar("some", 200), Bar("many", 2_001), Bar("own", 50, low=10, high=60)],
        simulated=False,
    )
    bars = [r for r in drawn(svg).iter(f"{SVG}rect") if r.get("rx") == "2" and r.find(f"{SVG}title")
            is not None]  # fmt: skip
    widths = [float(r.attrib["width"]) for r in bars]
    assert widths[0] < widths[3] < widths[1] < widths[2]
    blue, paper = COLOURS["blue"][0], COLOURS["paper"][0]
    assert [r.attrib["fill"] for r in bars] == [paper, blue, paper, blue]


@quick
@given(bars=some_bars, narrow=either)
def test_what_is_removed_and_what_is_left_fill_the_row(bars, narrow):
    svg = funnel(bars, simulated=False, narrow=narrow)
    assert bool(svg) == any(n for bar in bars for _, n in bar.removed)
    if svg:
        _inside(drawn(svg))


def test_reasons_are_told_by_letters_too():
    bars = [Bar("all", 100, (("Bought", 50), ("Left", 1)))]
    texts = _texts(drawn(funnel(bars, simulated=False)))
    assert texts.count("A") == 2  # beside the words, and on the bar
    assert texts.count("B") == 1  # too narrow for a letter
    assert "removed: Bought" in texts


def _contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [0, 1])
def test_colours_can_be_told_from_paper(dark):
    paper, stripe = COLOURS["paper"][dark], COLOURS["stripe"][dark]
    for words in ("ink", "quiet", "blue", "orange"):
        assert min(_contrast(COLOURS[words][dark], back) for back in (paper, stripe)) >= 4.5
    assert _contrast(COLOURS["grey"][dark], paper) >= 3
    assert all(_contrast("#000000", colour) >= 4.5 for colour in REASONS)


@pytest.mark.parametrize("dark", [0, 1])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.4, 0.54, 0.56, 0.7, 1.0])
def test_shares_can_be_read_on_their_shade(share, dark):
    svg = heatmap(["a", "b"], [[1, share], [share, 1]], simulated=False, title="t")
    cell = re.search(r'fill-opacity="([\d.]+)".*?class="f-(\w+)"', svg)
    assert cell is not None
    shade, words = float(cell.group(1)), cell.group(2)
    blue, paper = COLOURS["blue"][dark], COLOURS["paper"][dark]
    mixed = "#" + "".join(
        f"{round(int(blue[i : i + 2], 16) * shade + int(paper[i : i + 2], 16) * (1 - shade)):02x}"
        for i in (1, 3, 5)
    )
    assert _contrast(COLOURS[words][dark], mixed) >= 4.5


def test_long_names_stand_on_two_lines():
    name = "Bought twice or more in 90 days for 60 dollars or more"
    svg = forest([Interval(name, 1.5, 1.2, 1.9)], simulated=False, title="t")
    texts = _texts(drawn(svg))
    assert any("Bought twice" in a and f"{a} {b}" == name for a, b in itertools.pairwise(texts))


def test_what_is_claimed_stands_beside_what_is_found():
    rows = [Interval("One", 1.4, 1.1, 1.7, stated=(2.4,)), Interval("Two", 0.9, 0.8, 0.95)]
    svg = forest(rows, simulated=False, title="t", clear="clear of no difference")
    texts = _texts(drawn(svg))
    assert {"claimed", "not clear"} <= set(texts)
    assert "claimed" not in _texts(drawn(forest(rows[1:], simulated=False, title="t")))


def test_nobody_removed_needs_no_picture():
    assert funnel([Bar("all", 300)], simulated=False) == ""


@quick
@given(
    rows=st.lists(
        st.builds(
            Interval,
            label=names,
            estimate=st.floats(1e-4, 1e4),
            low=st.one_of(st.just(0.0), st.floats(1e-5, 1)),
            high=st.one_of(st.just(float("inf")), st.floats(1, 1e5)),
            words=names,
            strong=either,
            pooled=either,
            alone=either,
        ),
        min_size=1,
        max_size=6,
    ),
    narrow=either,
)
def test_intervals_stay_inside_even_without_an_end(rows, narrow):
    root = drawn(forest(rows, simulated=True, title="Order", narrow=narrow))
    _inside(root)
    _, _, width, _ = map(float, root.attrib["viewBox"].split())
    for line in root.iter(f"{SVG}line"):
        assert -6 <= float(line.attrib["x1"]) <= float(line.attrib["x2"]) <= width


def test_no_difference_is_between_less_and_more():
    root = drawn(
        forest(
            [Interval("less", 0.5, 0.3, 0.8), Interval("more", 2.0, 1.2, 3.0)],
            simulated=False,
            title="Order",
        )
    )
    marks = [r for r in root.iter(f"{SVG}rect") if r.find(f"{SVG}title") is not None]
    less, more = (float(r.attrib["x"]) + 4.5 for r in marks)
    [middle] = [
        float(line.attrib["x1"]) for line in root.iter(f"{SVG}line") if "stroke-dasharray" in
        line.attrib
    ]  # fmt: skip
    assert less < middle < more


def test_an_interval_without_end_is_an_arrow_and_said():
    said = _texts(drawn(forest([Interval("a", 2, 1.1, float("inf"))], simulated=False, title="x")))
    assert "the interval goes on, or has no limit there" in said
    closed = _texts(drawn(forest([Interval("a", 2, 1.1, 3)], simulated=False, title="x")))
    assert "the interval goes on, or has no limit there" not in closed
    pooled = forest([Interval("all", 1.2, 1.1, 1.3, pooled=True)], simulated=False, title="x")
    assert "all segments together" in _texts(drawn(pooled))
    alone = forest([Interval("few", 1.2, 0, float("inf"), alone=True)], simulated=False, title="x")
    assert "too little data for an interval" in _texts(drawn(alone))


@quick
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["0-7 days", "8-14 days", "15-30 days", "more than 60 days"]),
            counts,
            st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted),
        ).map(lambda row: Band(row[0], row[1], row[2][1], row[2][0], row[2][2])),
        min_size=1,
        max_size=3,
    )
)
def test_bands_stay_inside(rows):
    root = drawn(bands(rows, simulated=True, title="Saw pricing"))
    _inside(root)
    for row in rows:
        assert f"{row.people:,}" in _texts(root)


@pytest.mark.parametrize("narrow", [False, True])
def test_decay_shows_steps_curve_half_life_and_window(narrow):
    ages = [
        Age(0, 3, 900, 0.04, 0.03, 0.05, 0.04, 0.041),
        Age(3, 7, 800, 0.02, 0.01, 0.03, 0.025, 0.024),
        Age(7, 30, 9, 0.03, 0.0, 0.4, 0.025, 0.011),
    ]
    svg = decay(ages, simulated=False, title="x", half_life=4.2, window=7, narrow=narrow)
    root = drawn(svg)
    _inside(root)
    said = _texts(root)
    assert "half-life 4.2 days" in said
    assert "recommended: 7 days" in said
    bare = _texts(drawn(decay(ages[:2], simulated=False, title="x")))
    assert not any("half-life" in words and "days" in words for words in bare)


def test_overlap_shows_shares_of_the_row():
    svg = heatmap(["a", "b"], [[1.0, 0.25], [0.5, 1.0]], simulated=False, title="Overlap")
    root = drawn(svg)
    _inside(root, turned=True)
    assert [t for t in _texts(root) if "%" in t] == ["25 %", "50 %"]
    titles = [t.text for t in root.iter(f"{SVG}title")]
    assert "a / b: 25.0 %" in titles


@quick
@given(labels=st.lists(names, min_size=3, max_size=3), people=st.lists(counts, min_size=2,
       max_size=2), narrow=either)  # fmt: skip
def test_combinations_stay_inside_and_say_their_people(labels, people, narrow):
    rows = [Combination((0, 2), people[0]), Combination((0, 1, 2), people[1])]
    root = drawn(upset(labels, [5, 6, 7], rows, simulated=False, title="x", narrow=narrow))
    _inside(root)
    for count in people:
        assert f"{count:,}" in _texts(root)


@quick
@given(
    rows=st.lists(
        st.tuples(names, st.lists(counts, min_size=1, max_size=5)).map(
            lambda row: History(row[0], tuple("d" for _ in row[1]), tuple(row[1]))
        ),
        min_size=1,
        max_size=7,
    ),
    narrow=either,
)
def test_histories_stay_inside(rows, narrow):
    svg = histories(rows, simulated=True, narrow=narrow)
    assert bool(svg) == any(len(row.people) > 1 for row in rows)
    if svg:
        _inside(drawn(svg))
    for row in rows:
        assert bool(spark(row)) == (len(row.people) > 1)


amounts = st.floats(0.01, 500)
limits = st.one_of(st.none(), amounts)


@quick
@given(
    rows=st.lists(
        st.builds(Bubble, label=names, cost=amounts, cost_low=limits, cost_high=limits,
                  rate=st.floats(0, 1), rate_low=st.none(), rate_high=st.none(),
                  people=st.one_of(st.none(), counts)),
        min_size=1,
        max_size=9,
    ),
    narrow=either,
)  # fmt: skip
def test_bubbles_carry_their_currency_and_stay_inside(rows, narrow):
    svg = bubbles(rows, simulated=False, title="x", across="EUR per click", up="conversions",
                  narrow=narrow)  # fmt: skip
    root = drawn(svg)
    _inside(root)
    assert any("EUR per click" in words for words in _texts(root))


@pytest.mark.parametrize("simulated", [False, True])
def test_names_are_text_and_marks_are_there(simulated):
    pictures = [
        sizes([Bar(NASTY, 5, ((NASTY, 3),))], simulated=simulated, title=NASTY),
        funnel([Bar(NASTY, 5, ((NASTY, 3),))], simulated=simulated, title=NASTY),
        heatmap([NASTY] * 2, [[1, 1], [1, 1]], simulated=simulated, title=NASTY),
        upset([NASTY] * 2, [1, 1], [Combination((0, 1), 1)], simulated=simulated, title=NASTY),
        forest([Interval(NASTY, 1, 1, 1, NASTY)], simulated=simulated, title=NASTY),
        bands([Band(NASTY, 1, 0.1, 0.0, 0.2)], simulated=simulated, title=NASTY),
        histories([History(NASTY, ("a", "b"), (1, 2))], simulated=simulated, title=NASTY),
        bubbles([Bubble(NASTY, 1, 1, 1, 0.1, 0.1, 0.1, 1)], simulated=simulated, title=NASTY,
                across=NASTY, up=NASTY),
    ]  # fmt: skip
    for svg in pictures:
        root = drawn(svg)
        assert "<script" not in svg
        assert ("simulated" in root.attrib["aria-label"]) == simulated
        assert bool(re.search(r"SIMULATED DATA", svg)) == simulated
        assert root.find(f"{SVG}title") is not None


def test_nothing_to_draw_is_nothing():
    assert sizes([], simulated=True) == ""
    assert forest([], simulated=True, title="") == ""
    assert bands([], simulated=True, title="") == ""
    assert decay([], simulated=True, title="") == ""
    assert heatmap(["a"], [[1.0]], simulated=True, title="") == ""
    assert upset(["a"], [1], [], simulated=True, title="") == ""
    assert bubbles([], simulated=True, title="", across="", up="") == ""


def test_axes_have_round_values_that_do_not_touch():
    axis = LogAxis(0.4, 30, 0, 300)
    ratios = axis.ratios()
    assert 1.0 in ratios
    assert all(axis.at(b) - axis.at(a) > 20 for a, b in itertools.pairwise(ratios))
    assert Axis(0, 0.07, 0, 100).ticks(4) == [0.0, 0.02, 0.04, 0.06]
    low, high = around([0, float("inf"), 0.0001, 3], least=0.05, most=20)
    assert 0.04 < low < 0.05
    assert high > 3


def test_every_colour_has_one_for_dark_paper():
    for name, (_, dark) in COLOURS.items():
        assert f".f-{name}{{fill:{dark}}}" in dark_style()


def test_a_text_is_cut_to_its_room():
    assert short("short", 100) == "short"
    assert wide(short("a very long name indeed", 80), 12) <= 80
    assert wide("顧客", 12) == wide("abcd", 12)


def test_a_picture_shows_itself_with_its_table_and_can_be_saved(tmp_path):
    table = Table(("Segment", "People"), (("<b>", "1,200"), ("b", "-")), "All & more")
    svg = sizes([Bar("a", 300)], simulated=False)
    one = Picture("sizes", "People", svg, table, words="Read me")
    shown = one._repr_html_()
    assert "<svg" in shown
    assert '<td class="n">1,200</td>' in shown
    assert "&lt;b&gt;" in shown
    assert "All &amp; more" in shown
    file = one.save(tmp_path / "a.svg")
    assert ET.fromstring(file.read_text()).tag == f"{SVG}svg"  # noqa: S314  our own text


def test_what_nobody_draws_shows_nothing():
    assert Displayed()._repr_html_() is None
