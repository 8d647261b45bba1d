"""The outcome table: numbers by hand, verdicts, labels, and words."""

import json
import re

import numpy as np
import pytest
from pyroaring import BitMap

from fewer.journey.measure.figure import Figure
from fewer.journey.measure.population import Population, population, reach_us
from fewer.journey.measure.table import Verdict
from fewer.model.goal import Goal
from fewer.model.segment import Segment, expand
from fewer.model.window import DAY
from fewer.stats.multiplicity import benjamini_hochberg
from fewer.stats.proportion import difference, exact_p, rate, ratio

from .conftest import Design, event, measure

T = 400 * DAY
ORDER = Goal.model_validate(
    {"id": "order", "did": "purchase", "outcome_window": "7d",
     "value": {"of": "value", "currency": "EUR"}}
)  # fmt: skip
VISIT = Goal.model_validate({"id": "visit", "did": "visit", "outcome_window": "28d"})
CAUSAL = re.compile(r"\b(up)?lift|\beffect|\bincremental", re.IGNORECASE)


def design(**more):
    return Design(**{"index_us": T, "data_end_us": T + 20 * DAY, "data": "real"} | more)


def shop(reader, *, inside=400, rest=3600, k1=80, k2=360, value=25.0):
    """`inside` people of a segment and `rest` others, of whom so many buy after T."""
    buyers = [*range(k1), *range(inside, inside + k2)]
    events = [event(p, T - 3 * DAY, "visit") for p in range(inside + rest)]
    events += [event(p, T + DAY, value=value + p % 7) for p in buyers]
    return reader(events), [Population("hot", "Hot", BitMap(range(inside)), 7 * DAY)]


@pytest.fixture
def found(reader):
    source, people = shop(reader)
    return measure(source, [ORDER, VISIT], people, design())


def test_a_row_holds_the_numbers_of_the_statistics(found):
    row = found.outcomes.row("hot", "order")
    assert (row.group.people, row.group.converted) == (400, 80)
    rest = row.against("rest")
    assert (rest.against.people, rest.against.converted) == (3600, 360)
    table = ([80], [400], [360], [3600])
    assert row.group.rate.estimate == rate([80], [400]).at(0)
    assert rest.ratio.estimate == ratio(*table).at(0)
    assert rest.difference.estimate == difference(*table).at(0)
    assert rest.p == pytest.approx(exact_p(*table)[0])
    assert rest.verdict is Verdict.MORE
    assert rest.needed == ()
    assert row.group.value.estimate.value == pytest.approx(
        np.mean([25 + p % 7 if p < 80 else 0 for p in range(400)])
    )


def test_everyone_is_the_rest_and_the_segment_together(found):
    """Figures against everyone are those against the rest, restated: the same evidence."""
    row = found.outcomes.row("hot", "order")
    rest, everyone = row.against("rest"), row.against("everyone")
    assert (everyone.against.people, everyone.against.converted) == (4000, 440)
    assert everyone.ratio.estimate.value == pytest.approx((80 / 400) / (440 / 4000))
    assert everyone.difference.estimate.value == pytest.approx(80 / 400 - 440 / 4000)
    low = rest.ratio.estimate.lower
    assert everyone.ratio.estimate.lower == pytest.approx(low / (0.1 * low + 0.9))
    assert everyone.value_ratio.estimate.value < rest.value_ratio.estimate.value
    assert (everyone.p, everyone.verdict) == (rest.p, rest.verdict)


def test_p_values_are_adjusted_over_segments_and_goals(reader):
    source, people = shop(reader, k1=48)
    people += [Population(f"s{i}", f"S{i}", BitMap(range(i, 4000, 7))) for i in range(4)]
    table = measure(source, [ORDER, VISIT], people, design(adjust=False)).outcomes
    rows = [row.against("rest") for row in table.rows]
    raw = [np.nan if c.p is None else c.p for c in rows]
    np.testing.assert_allclose(
        [np.nan if c.p_adjusted is None else c.p_adjusted for c in rows], benjamini_hochberg(raw)
    )
    assert table.family == np.isfinite(raw).sum() == 5  # nobody visits after T
    assert {row.against("rest").verdict for row in table.rows if row.goal == "visit"} == {
        Verdict.CANNOT_TELL
    }


@pytest.mark.parametrize(
    "shape, verdict",
    [
        ({"inside": 60, "k1": 7, "rest": 3940, "k2": 394}, Verdict.CANNOT_TELL),
        ({"inside": 2000, "k1": 800, "rest": 2000, "k2": 800}, Verdict.NO_DIFFERENCE),
        ({"inside": 1000, "k1": 50, "rest": 3000, "k2": 450}, Verdict.LESS),
        ({"inside": 300, "k1": 0, "rest": 3700, "k2": 0}, Verdict.CANNOT_TELL),
        ({"inside": 0, "k1": 0, "rest": 4000, "k2": 300}, Verdict.CANNOT_TELL),
    ],
)
def test_verdicts(reader, shape, verdict):
    source, people = shop(reader, **shape)
    row = measure(source, [ORDER], people, design()).outcomes.row("hot", "order")
    assert row.comparisons[0].verdict is verdict
    json.dumps(row.to_json(), allow_nan=False)


def test_what_it_would_take_is_said(reader):
    source, people = shop(reader, inside=310, k1=15, rest=3690, k2=148)
    row = measure(source, [ORDER], people, design()).outcomes.row("hot", "order")
    claim, seen = row.comparisons[0].needed
    assert claim.words.startswith("to see +26 %, ")
    assert claim.has == 310 < claim.people
    assert seen.ratio == pytest.approx((15 / 310) / (148 / 3690))


def test_a_claim_that_the_base_rate_leaves_no_room_for_needs_no_people(reader):
    source, people = shop(reader, inside=1000, k1=900, rest=1000, k2=900)
    row = measure(source, [ORDER], people, design()).outcomes.row("hot", "order")
    assert row.comparisons[0].needed == ()


def test_the_sentence_of_an_association(reader):
    source, people = shop(reader, inside=310, k1=48, rest=2159, k2=180)
    row = measure(source, [ORDER], people, design(adjust=False)).outcomes.row("hot", "order")
    limits = ratio([48], [310], [180], [2159]).at(0)
    assert row.sentence == (
        "converted 1.9x as often (association, 95 % interval "
        f"{limits.lower:.1f}-{limits.upper:.1f}; 48 of 310 against 180 of 2,159)"
    )


def test_no_conversions_anywhere_else_has_a_lower_limit_only(reader):
    source, people = shop(reader, inside=1000, k1=40, rest=1000, k2=0)
    row = measure(source, [ORDER], people, design()).outcomes.row("hot", "order")
    assert "the ratio can't be given" in row.sentence
    assert "no upper limit" in row.sentence
    assert row.against("everyone").ratio.estimate.upper == pytest.approx(2)


def every_text(value):
    if isinstance(value, dict):
        for v in value.values():
            yield from every_text(v)
    elif isinstance(value, list):
        for v in value:
            yield from every_text(v)
    elif isinstance(value, str):
        yield value


def test_associations_never_say_lift(found):
    data = found.to_json()
    for row in data["rows"]:
        for comparison in row["comparisons"]:
            assert comparison["may_say_lift"] is False
            assert comparison["label"] == "raw association"
            assert not CAUSAL.search(" ".join(every_text({**comparison, "adjusted": None})))
    assert not CAUSAL.search(" ".join(every_text(data["notes"])))


def test_every_figure_has_unit_label_and_words(found):
    def figures(value):
        if isinstance(value, dict):
            if "estimate" in value or {"value", "lower", "state"} <= set(value):
                yield value
            for v in value.values():
                yield from figures(v)
        elif isinstance(value, list):
            for v in value:
                yield from figures(v)

    data = found.to_json()
    seen = list(figures(data))
    assert len(seen) > 20
    for figure in seen:
        assert figure["unit"]
        assert figure["label"] in {"raw association", "adjusted association"}
        assert figure["words"]
    assert data["data"] == "real"
    assert data["watermark"] == ""


def test_simulated_data_is_marked(reader):
    source, people = shop(reader)
    data = measure(source, [ORDER], people, design(data="simulated")).to_json()
    assert (data["data"], data["watermark"]) == ("simulated", "simulated data")


def test_an_incomplete_window_is_noted_on_every_row(found):
    row = found.outcomes.row("hot", "visit")
    assert row.notes[0] == "only 20 of 28 days observed"
    assert row.to_json()["design"]["complete"] is False


def test_earlier_conversions_are_noted_or_left_out(reader):
    events = [event(p, T - DAY, "purchase" if p < 30 else "visit") for p in range(200)]
    events += [event(p, T + DAY, value=1) for p in range(0, 200, 2)]
    source = reader(events)
    people = [Population("half", "Half", BitMap(range(100)))]
    row = measure(source, [ORDER], people, design()).outcomes.row("half", "order")
    assert (row.group.people, row.group.before) == (100, 30)
    assert "30 of them had already converted before" in row.notes
    table = measure(source, [ORDER], people, design(at_risk="not_before")).outcomes
    row = table.row("half", "order")
    assert (row.group.people, row.group.converted, row.group.before) == (70, 35, 0)
    assert "without a conversion before" in table.at_risk


def test_selection_by_activity_is_taken_away_by_adjusting(reader):
    """Intent drives visits and purchases; the segment's visits themselves change nothing."""
    rng = np.random.default_rng(4)
    people = 6000
    intent = rng.integers(0, 5, people)
    events = []
    for person in range(people):
        before = rng.random(80) < 0.03 * intent[person]
        events += [event(person, T - (d + 10) * DAY, "visit") for d in np.flatnonzero(before)]
        events.append(event(person, T - 300 * DAY, "visit"))
    recent = np.flatnonzero(rng.random(people) < 0.05 + 0.1 * intent)
    events += [event(int(p), T - 2 * DAY, "visit") for p in recent]
    bought = np.flatnonzero(rng.random(people) < 0.01 + 0.03 * intent)
    events += [event(int(p), T + DAY, value=1) for p in bought]
    members = [Population("recent", "Recent", BitMap(recent.astype(np.uint32)), 7 * DAY)]
    row = measure(reader(events), [ORDER], members, design()).outcomes.row("recent", "order")
    raw, adjusted = row.comparisons[0].ratio.estimate, row.comparisons[0].adjusted
    assert raw.lower > 1.2
    assert adjusted.estimate.lower < 1.1
    assert adjusted.estimate.value < raw.value - 0.25
    assert adjusted.label.value == "adjusted association"
    assert f"; {adjusted.number} among people equally active before; " in row.sentence
    assert adjusted.note == "among people with equally many active days 97 to 8 days before"


def test_reach_of_conditions():
    def reach(**where):
        return reach_us(Segment.model_validate({"id": "s", "where": where}).where)

    did = {"did": "visit"}
    assert reach(**did, within="7d") == 7 * DAY
    assert reach(**did) is None
    assert reach(all=[{**did, "within": "7d"}, {"did_not": "purchase"}]) == 7 * DAY
    assert reach(last=did, between={"from": "60d", "to": "30d"}) == 60 * DAY
    assert reach(**did, periods={"each": "7d", "last": 4, "at_least": 2}) == 28 * DAY
    assert reach(trait="age", equals=3) is None


def test_variants_know_their_parent():
    where = {"did": "visit", "within": "7d"}
    segment = Segment.model_validate(
        {"id": "hot", "where": where, "variants": {"lookback": ["7d", "30d"]}}
    )
    made = [population(s, BitMap()) for s in expand([segment])]
    assert [(p.id, p.variant_of, p.reach_us) for p in made] == [
        ("hot", None, 7 * DAY),
        ("hot@7d", "hot", 7 * DAY),
        ("hot@30d", "hot", 30 * DAY),
    ]


def test_figures_read_like_figures():
    def shown(estimate, kind, unit="EUR per click"):
        from fewer.journey.measure.evidence import EvidenceLabel

        return Figure(estimate, kind, unit, EvidenceLabel.RAW_ASSOCIATION).words

    share = rate([48], [310]).at(0)
    assert shown(share, "share") == "15.5 % (association, 95 % interval 11.9-19.9 %)"
    gap = difference([48], [310], [180], [2159]).at(0)
    assert shown(gap, "points") == (
        "+7.15 points (association, 95 % interval +3.34 to +11.73 points)"
    )
    none = ratio([0], [0], [1], [9]).at(0)
    assert shown(none, "times") == ("- (association, no interval: no people in one of the groups)")
