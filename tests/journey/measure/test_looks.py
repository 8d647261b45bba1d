"""Reading experiments every day: what holds at all looks together, and what is left out."""

import math
import os

import numpy as np
import pytest
from pyroaring import BitMap

from fewer.journey.measure.assignment import Assignment
from fewer.journey.measure.causal import ITT
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.landmark import Landmark
from fewer.journey.measure.looks import USUAL_RATE, expected, sequences
from fewer.journey.measure.metrics import ONE_LOOK, Arms, result
from fewer.journey.measure.outcomes import Outcomes
from fewer.journey.measure.population import Population, Sums
from fewer.journey.measure.programme import programme
from fewer.journey.measure.randomised import Terms, examine
from fewer.journey.measure.table import Verdict
from fewer.model.goal import Goal
from fewer.model.metric import Metric
from fewer.model.window import DAY
from fewer.stats.margin import Verdict as Held
from fewer.stats.mean import Moments
from fewer.stats.sequential import sequential_split

SOAK = int(os.environ.get("FEWER_SOAK", "1"))
LOOKS = 28
LABEL = EvidenceLabel.RANDOMISED_ARM
ORDER = Goal.model_validate(
    {"id": "order", "did": "purchase", "outcome_window": "28d",
     "value": {"of": "value", "currency": "EUR"}}
)  # fmt: skip


def slack(worlds, share=0.05):
    """Three standard errors of a share that is counted in so many worlds."""
    return 3 * math.sqrt(share * (1 - share) / worlds)


def late(rng, worlds, people, share, days):
    """Conversions by the end of each day; half of them come within `days`, some never."""
    by_day = share * (1 - 0.5 ** (np.arange(1, LOOKS + 1) / days))
    first = np.diff(np.concatenate([[0.0], by_day]))
    came = rng.multinomial(people, [*first, 1 - first.sum()], worlds)[:, :LOOKS]
    return came.cumsum(axis=1), by_day


def spent(rng, converted, people, day):
    """Sums of amounts, skewed as amounts are, of those who converted by each day."""
    worlds = len(converted)
    each = rng.lognormal(3, 0.8, (worlds, converted.max()))
    total, squares = (np.pad((each**k).cumsum(axis=1), ((0, 0), (1, 0))) for k in (1, 2))
    at = np.arange(worlds), converted[:, day]
    n = np.full(worlds, float(people))
    return Moments(n, total[at], squares[at], converted[:, day].astype(np.float64))


def at_look(converted, value, people, day):
    k = converted[:, day]
    n = np.full(len(k), people)
    return Sums(n, k, k, np.zeros_like(k), value)


def ever_wrong(worlds, people, shares, days, guess):
    """Share of worlds in which some of 28 daily looks leaves out that day's truth, by figure."""
    rng = np.random.default_rng(people)
    (k1, f1), (k2, f2) = (late(rng, worlds, people, share, days) for share in shares)
    planned = np.full(worlds, max(2 * people * guess, 40.0))
    average = math.exp(3 + 0.8**2 / 2)
    wrong = np.zeros((4, worlds), dtype=bool)
    for day in range(LOOKS):
        # The same seed at every look: each person's amount is drawn once.
        v1 = spent(np.random.default_rng(1), k1, people, day)
        v2 = spent(np.random.default_rng(2), k2, people, day)
        first, second = at_look(k1, v1, people, day), at_look(k2, v2, people, day)
        gap, times = f1[day] - f2[day], f1[day] / f2[day]
        truths = gap, times, gap * average, times
        for i, (found, truth) in enumerate(
            zip(sequences(first, second, 0.95, planned), truths, strict=True)
        ):
            wrong[i] |= (found.lower > truth) | (found.upper < truth)
    return wrong.mean(axis=1)


@pytest.mark.parametrize(
    "people, shares, days, guess",
    [
        (2_000, (0.05, 0.05), 7, 0.05),
        (2_000, (0.08, 0.05), 3, 0.01),  # far fewer expected than came
        (1_000, (0.4, 0.4), 14, 0.4),  # odds, not counts, are the clock
    ],
)
def test_late_conversions(people, shares, days, guess):
    worlds = 200
    wrong = ever_wrong(worlds, people, shares, days, guess)
    assert (wrong <= 0.05 + slack(worlds)).all(), wrong


@pytest.mark.slow
@pytest.mark.parametrize("people", [500, 2_000])
@pytest.mark.parametrize("shares", [(0.02, 0.02), (0.05, 0.065), (0.1, 0.1), (0.5, 0.4)])
@pytest.mark.parametrize("days, guess", [(1, 0.05), (7, 0.02), (30, 0.2)])
def test_late_conversions_in_full(people, shares, days, guess):
    worlds = 1_000 * SOAK
    wrong = ever_wrong(worlds, people, shares, days, guess)
    assert (wrong <= 0.05 + slack(worlds)).all(), wrong


def test_more_is_expected_only_of_what_was_known_before():
    groups = [BitMap(range(10_000)), BitMap(range(100))]
    assert expected(groups, None).tolist() == [10_000 * USUAL_RATE, 40]
    known = outcomes(range(0, 10_000, 20))
    assert expected(groups, known).tolist() == pytest.approx([500 / 0.95, 40])


def alarms(worlds, looks, groups, level):
    rng = np.random.default_rng(looks)
    found = 0
    for _ in range(worlds):
        a_day = rng.integers(20, 400)
        seen = rng.multinomial(a_day, groups, looks).cumsum(axis=0)
        found += sequential_split(seen, groups, level=level).broken.any()
    return found / worlds


@pytest.mark.parametrize("groups", [(0.5, 0.5), (0.8, 0.2), (0.5, 0.3, 0.2)])
def test_sound_splits_are_rarely_called_broken_on_any_of_28_days(groups):
    worlds = 400
    assert alarms(worlds, LOOKS, groups, 0.05) <= 0.05 + slack(worlds)


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.05, 0.01, 0.0005])
def test_sound_splits_over_a_year(level):
    worlds = 4_000 * SOAK
    assert alarms(worlds, 365, (0.5, 0.5), level) <= level + slack(worlds, level)


# ---------------------------------------------------------------------------------- in the product


def outcomes(persons, *, day=LOOKS, value=20.0, people=10_000):
    who = np.array(sorted(persons), dtype=np.uint32)
    return Outcomes(
        goal=ORDER,
        landmark=Landmark(0, 0, 28 * DAY, day * DAY),
        persons=who,
        conversions=np.ones(len(who), dtype=np.int64),
        value=np.full(len(who), value) + who % 7,
        before=BitMap(),
        at_risk=BitMap(range(people)),
        currency="EUR",
        confidence=0.95,
    )


def halves(people=10_000):
    arms = {"new": BitMap(range(0, people, 2)), "old": BitMap(range(1, people, 2))}
    return Assignment("page", arms, {"new": 0.5, "old": 0.5}, "old", LABEL)


EVERYONE = Population("everyone", "Everyone assigned", BitMap(range(10_000)))


class TestProgramme:
    @pytest.mark.slow
    def test_holds_at_every_look(self):
        rng = np.random.default_rng(5)
        worlds, wrong, single = 120 * SOAK, 0, 0
        parts = [Population(f"s{i}", f"S{i}", BitMap(range(i * 800, i * 800 + 800)))
                 for i in range(5)]  # fmt: skip
        arms = BitMap(range(0, 4_000, 2)), BitMap(range(1, 4_000, 2))
        planned = expected([p.members for p in parts], None)
        how = {"experiment": "e", "arms": ("a", "b"), "people": arms, "label": LABEL, "spend": None}
        for _ in range(worlds):
            when = rng.exponential(10, 4_000)
            when[rng.random(4_000) > 0.1] = np.inf
            missed = [False, False]
            for day in range(1, LOOKS + 1, 2):
                found = outcomes(np.flatnonzero(when < day), people=4_000)
                for i, plan in enumerate((planned, None)):
                    e = programme(parts, found, planned=plan, **how).ratio.estimate
                    missed[i] |= e.excludes(1)
            wrong, single = wrong + missed[0], single + missed[1]
        assert wrong / worlds <= 0.05 + slack(worlds)
        assert single / worlds > 0.1  # what an interval for one look would have done

    def test_says_nothing_before_conversions_enough(self):
        found = examine([EVERYONE], [outcomes(range(30))], [halves()], Terms(sequential=True))
        one = found.programmes[0]
        assert one.ratio.estimate.lower is None
        assert "too few events so far" in one.ratio.estimate.why
        assert one.verdict is Verdict.CANNOT_TELL


class TestExperiment:
    def test_a_clear_change_is_seen_before_the_end(self):
        came = [p for p in range(10_000) if p % 2 == 0 and p % 10 < 4]  # 20 % of one arm
        came += [p for p in range(10_000) if p % 2 == 1 and p % 20 == 1]  # 10 % of the other
        found = examine(
            [EVERYONE], [outcomes(came, day=6)], [halves()],
            Terms(sequential=True, over={"page": False}),
        )  # fmt: skip
        row = found.rows[0]
        assert row.comparisons[0].verdict is Verdict.MORE
        assert (
            row.comparisons[0].ratio.estimate.method == "confidence sequence, valid at every look"
        )
        assert found.programmes[0].verdict is Verdict.MORE
        assert ITT in row.notes
        more = row.comparisons[0].causal
        assert (more.shrunk, more.reach, more.adjusted_value) == (None, None, None)
        assert "left out while looking daily" in more.notes[-1]

    def test_every_interval_is_wider_than_for_one_look(self):
        came = range(0, 10_000, 11)
        once, daily = (
            examine([EVERYONE], [outcomes(came)], [halves()], Terms(sequential=s))
            for s in (False, True)
        )
        for name in ("difference", "ratio", "value_difference", "value_ratio"):
            one, all_looks = (
                getattr(x.rows[0].comparisons[0], name).estimate for x in (once, daily)
            )
            assert all_looks.lower < one.lower < one.upper < all_looks.upper, name
        one, all_looks = (x.programmes[0].ratio.estimate for x in (once, daily))
        assert all_looks.lower < one.lower < one.upper < all_looks.upper


class TestMetrics:
    @pytest.fixture
    def arms(self):
        one = halves()
        people = one.arms["new"], one.arms["old"]
        found = outcomes(range(0, 10_000, 5))
        return Arms("new", "old", people, LABEL, {"order": found}, [], sequential=True)

    def test_rates_and_means_hold_at_every_look(self, arms):
        for spec in ({"rate": {"goal": "order"}}, {"mean": {"goal": "order", "of": "value"}}):
            found = result(Metric.model_validate({"id": "m", **spec}), arms)
            assert found.ratio.estimate.method == "confidence sequence, valid at every look"

    def test_margins_too(self, arms):
        metric = Metric.model_validate(
            {"id": "m", "rate": {"goal": "order"}, "guardrail": {"margin_percent": 30}}
        )
        found = result(metric, arms)
        assert found.margin.worst == pytest.approx(found.ratio.estimate.lower)
        assert found.margin.verdict is Held.WITHIN

    def test_a_ratio_of_sums_is_read_once(self, arms):
        metric = Metric.model_validate(
            {
                "id": "aov",
                "ratio": {
                    "of": {"goal": "order", "of": "value"},
                    "to": {"goal": "order", "of": "conversions"},
                },
            }
        )
        found = result(metric, arms)
        assert (found.ratio, found.note) == (None, ONE_LOOK)
        assert "read it once" in found.sentence
