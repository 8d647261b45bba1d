"""Plans: equal questions are one leaf, few passes answer many leaves, references come in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewer.errors import CycleError, DefinitionError, NotFoundError
from fewer.evaluate.plan import formula as f
from fewer.evaluate.plan.bounds import closed, exact, whole
from fewer.evaluate.plan.clock import offsets
from fewer.evaluate.plan.passes import WIDEST, Keyed, Tally, matches_of
from fewer.evaluate.plan.plan import Reads, plan
from fewer.model.catalog import Catalog
from fewer.model.measure import Comparison
from fewer.model.segment import Segment
from fewer.model.window import DAY, Duration, to_utc_micros

AS_OF = datetime(2026, 3, 31, tzinfo=UTC)
CATALOG = Catalog(
    events={"view": 900, "buy": 10, "refund": 1},
    properties={
        "path": {"text": "p1_t"},
        "price": {"number": "p2_n"},
        "at": {"timestamp": "p3_s"},
    },
    traits={"plan": {"text": "t1_t"}},
    first_ts=to_utc_micros(datetime(2025, 1, 1, tzinfo=UTC)),
)


def planned(*wheres, timezone="UTC", default_exclude=()):
    segments = [
        where if isinstance(where, Segment) else Segment(id=f"s{n}", where=where)
        for n, where in enumerate(wheres)
    ]
    return plan(
        segments,
        as_of_us=to_utc_micros(AS_OF),
        timezone=timezone,
        session_gap=Duration.parse("30m"),
        catalog=CATALOG,
        default_exclude=default_exclude,
    )


@pytest.mark.parametrize(
    "one, other",
    [
        ({"did_not": "view"}, {"did": "view", "count": {"exactly": 0}}),
        ({"did_not": "view"}, {"did": "view", "count": {"less_than": 1}}),
        ({"did": "view"}, {"did": "view", "count": {"more_than": 0.5}}),
        ({"did": ["buy", "view"]}, {"did": ["view", "buy"]}),
        ({"did": "view", "within": "7d"}, {"did": "view", "within": "1w"}),
        ({"did": "view", "within": "7d"}, {"did": "view", "since": "2026-03-24"}),
        ({"did": "view", "within": "2d", "calendar": True}, {"did": "view", "since": "2026-03-29"}),
        (
            {"did": "view", "where": {"path": "a", "price": {"at_least": 1, "less_than": 2}}},
            {"did": "view", "where": {"price": {"between": [1, 1.999999]}, "path": ["a", "a"]}},
        ),
        (
            {"did": "view", "where": {"path": {"equals": "ÄB", "ignore_case": True}}},
            {"did": "view", "where": {"path": {"equals": "äb", "ignore_case": True}}},
        ),
        (
            {"did": "view", "where": {"at": {"within": "1d"}}},
            {"did": "view", "where": {"at": {"after": "2026-03-30", "before": "2026-03-31"}}},
        ),
        (
            {"did": "view", "where": {"nothing": "a"}},
            {"did": "view", "where": {"nothing": {"at_least": 1}, "path": "a"}},
        ),
        ({"trait": "plan", "exists": True}, {"trait": "plan", "missing": False}),
        (
            {"did": "view", "between": {"from": "9d", "to": "2d"}},
            {"did": "view", "since": "2026-03-22", "until": "2026-03-29"},
        ),
    ],
)
def test_the_same_question_is_one_leaf(one, other):
    assert len(planned(one, other).leaves) == 1


@pytest.mark.parametrize(
    "one, other",
    [
        ({"did": "view"}, {"did": "buy"}),
        ({"did": "view"}, {"did": "*"}),
        ({"did": "view"}, {"did": "view", "within": "36500d"}),
        ({"did": "view", "where": {"path": "a"}}, {"did": "view", "where": {"path": "A"}}),
        (
            {"did": "view", "mean": {"of": "price", "at_least": 1}},
            {"did": "view", "mean": {"of": "price", "more_than": 0.999999}},
        ),
        ({"last": {"did": "view"}}, {"first": {"did": "view"}}),
        (
            {"sequence": [{"did": "view"}, {"did": "buy"}]},
            {"sequence": [{"did": "buy"}, {"did": "view"}]},
        ),
    ],
)
def test_another_question_is_another_leaf(one, other):
    assert len(planned(one, other).leaves) == 2


def test_windows_of_one_behaviour_share_a_pass():
    made = planned(*({"did": "view", "within": f"{days}d"} for days in range(1, 31)))
    assert [type(each) for each in made.passes] == [Tally]
    assert made.passes[0].leaves == tuple(range(30))


def test_lookback_variants_of_a_sequence_share_a_pass():
    sequence = {"sequence": [{"did": "view"}, {"did": "buy"}], "within": "7d"}
    made = planned(Segment(id="s", where=sequence, variants={"lookback": ["14d", "30d"]}))
    assert made.ids == ("s", "s@14d", "s@30d")
    assert len(made.passes) == 1
    assert len(made.passes[0].leaves) == 3


def test_no_pass_is_wider_than_the_limit_and_none_loses_a_leaf():
    made = planned(
        *(
            {"did": event, "within": f"{days}d", measure: {"at_least": 2}}
            for event, days, measure in product(
                ("view", "buy", "refund"), range(1, 101), ("count", "days")
            )
        )
    )
    assert len(made.leaves) == 600
    answered = [n for each in made.passes for n in each.leaves]
    assert sorted(answered) == list(range(600))
    assert max(len(each.leaves) for each in made.passes) <= WIDEST
    assert len(made.passes) <= 600 / WIDEST + 6


def test_rare_events_share_a_pass_but_not_with_a_frequent_one():
    made = planned(
        *({"did": "view", "within": f"{days}d"} for days in range(1, 41)),
        {"did": "buy"},
        {"did": "refund"},
    )
    read = [
        {name for n in each.leaves for m in matches_of(made.leaves[n]) for name in m.events}
        for each in made.passes
    ]
    assert sorted(map(sorted, read)) == [["buy", "refund"], ["view"]]


def test_what_no_data_can_change_is_in_no_pass():
    made = planned(
        {"did": "view", "where": {"nothing": "x"}},
        {"did": "view", "since": "2026-05-01"},
        {"did": "view", "sum": {"of": "path", "at_most": 3}},
        {"trait": "nothing", "missing": True},
        {"sample": {"percent": 0, "salt": "a"}},
        {"sample": {"percent": 100, "salt": "a"}},
        {"sequence": [{"did": "view"}, {"did": "buy"}], "same": ["nothing"]},
        {"last": {"did": "view"}, "having": {"nothing": 1}},
    )
    assert made.passes == ()
    assert made.reads == Reads((), None)


def test_distinct_days_and_values_are_passes_of_their_own():
    made = planned(
        {"did": "view", "days": {"at_least": 2}},
        {"did": "buy", "days": {"at_least": 2}},
        {"did": "buy", "distinct": {"of": "path", "at_least": 2}},
        {"did": "buy", "periods": {"each": "7d", "last": 4, "at_least": 2}},
    )
    assert [type(each) for each in made.passes] == [Keyed] * 3


def test_reads_only_what_is_needed():
    made = planned({"did": "view", "within": "7d"}, {"last": {"did": "buy"}, "within": "30d"})
    assert made.reads.events == ("buy", "view")
    assert made.reads.since == to_utc_micros(AS_OF - timedelta(days=30))
    assert planned({"did": "*", "within": "7d"}).reads.events is None
    assert planned({"first": {"did": "buy"}, "within": "7d"}).reads.since is None


def test_a_part_of_a_plan_has_its_references_and_nothing_else():
    made = planned(
        Segment(id="a", where={"did": "view"}),
        Segment(id="b", where={"in_segment": "a"}, exclude=["c"]),
        Segment(id="c", where={"did": "buy"}),
        Segment(id="d", where={"did": "refund"}),
    )
    part = made.only(["b"])
    assert set(part.ids) == {"a", "b", "c"}
    assert len(part.leaves) == 2
    assert part.as_of_us == made.as_of_us
    with pytest.raises(NotFoundError):
        made.only(["e"])


def test_order_follows_references():
    made = planned(
        Segment(id="a", where={"in_segment": "b@7d"}),
        Segment(
            id="b",
            where={"did": "view", "within": "1d"},
            variants={"lookback": ["7d"]},
            exclude=["c"],
        ),
        Segment(id="c", where={"did": "buy"}),
    )
    places = [planned_.id for planned_ in made.segments]
    assert places.index("c") < places.index("b@7d") < places.index("a")
    assert made.ids == ("a", "b", "b@7d", "c")


def test_a_circle_is_named_in_full():
    with pytest.raises(CycleError, match="a -> b -> c -> a"):
        planned(
            Segment(id="a", where={"in_segment": "b"}),
            Segment(id="b", where={"did": "view"}, exclude=["c"]),
            Segment(id="c", where={"not": {"in_segment": "a"}}),
        )


def test_a_default_exclusion_must_not_need_what_it_excludes_from():
    heavy = Segment(id="heavy", where={"did": "buy"})
    recent = Segment(id="recent", where={"in_segment": "heavy"})
    with pytest.raises(CycleError, match="heavy"):
        planned(heavy, recent, default_exclude=["recent"])
    apart = heavy.model_copy(update={"exclude_defaults": False})
    made = planned(apart, recent, default_exclude=["recent"])
    assert made.by_id["recent"].exclude == made.by_id["heavy"].exclude == ()


def test_references_to_nothing_and_ids_used_twice():
    with pytest.raises(NotFoundError, match="Did you mean 'buyers'"):
        planned(
            Segment(id="buyers", where={"did": "buy"}),
            Segment(id="others", where={"all": []}, exclude=["buyer"]),
        )
    with pytest.raises(DefinitionError, match="'a'"):
        planned(Segment(id="a", where={"all": []}), Segment(id="a", where={"any": []}))


# ------------------------------------------------------------------------------ normal forms

bounds = st.builds(
    lambda kinds: Comparison(**kinds),
    st.dictionaries(
        st.sampled_from(["at_least", "at_most", "more_than", "less_than", "exactly"]),
        st.decimals(-3, 3, places=2),
        min_size=1,
    ),
)


@given(comparison=bounds, number=st.integers(0, 4))
def test_bounds_on_counts_mean_what_was_written(comparison, number):
    assert whole(comparison).holds(number) == comparison.holds(Decimal(number))


@given(comparison=bounds, micros=st.integers(-3_000_100, 3_000_100))
def test_bounds_on_values_mean_what_was_written(comparison, micros):
    assert closed(comparison).holds(micros) == comparison.holds(Decimal(micros) / 1_000_000)


@given(comparison=bounds, total=st.integers(-9_000_000, 9_000_000), of=st.integers(1, 7))
def test_bounds_on_ratios_mean_what_was_written(comparison, total, of):
    # The fraction itself, not its decimal expansion: both sides times `of`.
    scaled = Comparison(**{name: bound * of for name, bound in comparison.bounds.items()})
    assert exact(comparison).holds(total, of) == scaled.holds(Decimal(total) / 1_000_000)


formulas = st.recursive(
    st.builds(f.Holds, st.integers(0, 4)),
    lambda inner: st.one_of(
        st.builds(f.Opposite, inner),
        *(
            st.builds(kind, st.lists(inner, max_size=3).map(tuple))
            for kind in (f.Every, f.Some, f.NoneOf)
        ),
    ),
    max_leaves=12,
)


def value(formula, truth):
    match formula:
        case f.Holds():
            return truth[formula.leaf]
        case f.Opposite():
            return not value(formula.member, truth)
        case f.Every():
            return all(value(m, truth) for m in formula.members)
        case f.Some():
            return any(value(m, truth) for m in formula.members)
        case f.NoneOf():
            return not any(value(m, truth) for m in formula.members)


@given(formula=formulas, truth=st.lists(st.booleans(), min_size=5, max_size=5))
def test_normal_formulas_have_the_same_value_and_negate_leaves_only(formula, truth):
    normal = f.normal(formula)
    assert value(normal, truth) == value(formula, truth)
    assert value(f.normal(formula, negate=True), truth) != value(formula, truth)
    assert negates_leaves_only(normal)


def negates_leaves_only(formula):
    match formula:
        case f.Opposite():
            return isinstance(formula.member, f.Holds | f.MemberOf)
        case f.Every() | f.Some():
            return all(map(negates_leaves_only, formula.members))
        case _:
            return isinstance(formula, f.Holds | f.MemberOf)


# --------------------------------------------------------------------------------- time zones

ZONES = ("UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca")


@given(
    zone=st.sampled_from(ZONES),
    start=st.datetimes(datetime(1995, 1, 1), datetime(2030, 1, 1)),
    length=st.integers(1, 4_000),
    at=st.floats(0, 1, exclude_max=True),
)
def test_offsets_are_those_of_the_zone_at_every_instant(zone, start, length, at):
    begin = to_utc_micros(start.replace(tzinfo=UTC))
    end = begin + length * DAY
    found = offsets(ZoneInfo(zone), begin, end)
    instant = begin + int(at * (end - begin))
    in_force = [each for each in found if each.since <= instant][-1]
    moment = datetime.fromtimestamp(instant // 1_000_000, ZoneInfo(zone))
    assert timedelta(microseconds=in_force.micros) == moment.utcoffset()


def test_offsets_change_at_the_exact_instant():
    change = to_utc_micros(datetime(2026, 3, 8, 7, tzinfo=UTC))
    found = offsets(ZoneInfo("America/New_York"), change - DAY, change + DAY)
    assert [(each.since, each.micros // 3_600_000_000) for each in found] == [
        (change - DAY, -5),
        (change, -4),
    ]
