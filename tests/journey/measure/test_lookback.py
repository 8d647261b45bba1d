"""Lookback bands share nobody, and add up."""

import pytest
from pyroaring import BitMap

from fewer.journey.measure.population import Population
from fewer.model.goal import Goal
from fewer.model.window import DAY
from fewer.stats.proportion import rate

from .conftest import Design, event, measure

T = 400 * DAY
ORDER = Goal.model_validate({"id": "order", "did": "purchase", "outcome_window": "7d"})
DESIGN = Design(index_us=T, data_end_us=T + 20 * DAY, data="real", adjust=False)


@pytest.fixture
def source(reader):
    """1,200 people: of those here in the last 7 days 1 in 4 buys, 8-14 1 in 8, 15-30 1 in 16."""
    events = [event(p, T - DAY, "visit") for p in range(3000)]
    for start, every in ((0, 4), (400, 8), (800, 16)):
        events += [event(p, T + DAY) for p in range(start, start + 400, every)]
    return reader(events)


def variants(**windows):
    parent = Population("hot", "Hot", BitMap(range(1200)), 30 * DAY)
    return [
        parent,
        *(
            Population(f"hot@{w}", f"Hot · {w}", BitMap(p), 7 * DAY, "hot")
            for w, p in windows.items()
        ),
    ]


NESTED = {"30d": range(1200), "7d": range(400), "14d": range(800)}


def test_bands_are_disjoint_and_totals_are_sums(source):
    (chart,) = measure(source, [ORDER], variants(**NESTED), DESIGN).lookbacks
    assert (chart.segment, chart.title) == ("hot", "Hot")
    assert [band.label for band in chart.bands] == ["0-7 days", "8-14 days", "15-30 days"]
    assert [band.added.counts for band in chart.bands] == ["100 of 400", "50 of 400", "25 of 400"]
    assert [band.total.counts for band in chart.bands] == [
        "100 of 400", "150 of 800", "175 of 1,200",
    ]  # fmt: skip
    assert chart.bands[2].added.rate.estimate == rate([25], [400]).at(0)
    total = 0
    for band in chart.bands:
        total += band.added.people
        assert band.total.people == total


def test_each_band_is_compared_with_the_one_before(source):
    (chart,) = measure(source, [ORDER], variants(**NESTED), DESIGN).lookbacks
    first, second, third = chart.bands
    assert first.step is None
    assert second.step.against.counts == first.added.counts
    assert second.step.ratio.estimate.value == pytest.approx(0.5)
    assert second.step.ratio.estimate.upper < 1
    assert third.step.p_adjusted >= third.step.p
    data = chart.to_json()
    assert data["bands"][1]["step"]["label"] == "raw association"


def test_windows_of_not_being_here_nest_the_other_way(source):
    """Not here for 30 days is a part of not here for 14, and that of not here for 7."""
    people = {"7d": range(1200), "14d": range(800), "30d": range(300)}
    (chart,) = measure(source, [ORDER], variants(**people), DESIGN).lookbacks
    assert [band.label for band in chart.bands] == ["more than 30 days", "15-30 days", "8-14 days"]
    assert [band.added.people for band in chart.bands] == [300, 500, 400]
    assert [band.total.people for band in chart.bands] == [300, 800, 1200]
    assert [band.window for band in chart.bands] == ["30d", "14d", "7d"]


def test_windows_that_do_not_nest_have_no_bands(source):
    """Exactly one visit in 7 days is no part of exactly one in 14, nor the reverse."""
    (chart,) = measure(
        source, [ORDER], variants(**{"7d": range(500), "14d": range(100, 700)}), DESIGN
    ).lookbacks
    assert chart.bands == ()
    assert "do not hold one another" in chart.note


def test_hours_are_labelled_in_hours(source):
    (chart,) = measure(
        source, [ORDER], variants(**{"12h": range(10), "2d": range(30)}), DESIGN
    ).lookbacks
    assert [band.label for band in chart.bands] == ["0-12 hours", "12-48 hours"]


def test_segments_without_variants_have_no_chart(source):
    assert measure(source, [ORDER], variants(), DESIGN).lookbacks == ()
