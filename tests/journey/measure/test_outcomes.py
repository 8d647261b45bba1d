"""Which events are outcomes, against a plain reading of the rules."""

from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from fewer.errors import DefinitionError, GuardError
from fewer.journey.measure.landmark import landmark
from fewer.model.goal import Goal
from fewer.model.window import DAY, HOUR, Duration

from .conftest import event

T = 100 * DAY
END = T + 60 * DAY


def goal(**more):
    return Goal.model_validate({"id": "order", "did": "purchase", "outcome_window": "7d"} | more)


def at(what, *, end=END, **more):
    return landmark(what, index_us=T, data_end_us=end, **more)


def read(make, events, what, *, people=(), at_risk="everyone", end=END, **more):
    reader = make(events, people=people, items=[("shoe", "Fashion > Shoes"), ("pot", "Home")])
    found = reader.outcomes(what, at(what, end=end, **more), reader.everyone(T), at_risk=at_risk)
    value = [None] * len(found.persons) if found.value is None else found.value.tolist()
    rows = zip(found.persons.tolist(), found.conversions.tolist(), value, strict=True)
    return {p: (n, v) for p, n, v in rows}, found


def test_both_edges_of_the_window(reader):
    """Outcomes count in ``[T + gap, T + gap + window)``; features end before T."""
    day = DAY
    events = [
        event(1, T - 1),
        event(2, T),
        event(3, T + 7 * day - 1),
        event(4, T + 7 * day),
        *(event(p, T - 5 * day, "visit") for p in (2, 3, 4)),
    ]
    converted, found = read(reader, events, goal())
    assert set(converted) == {2, 3}
    assert set(found.before) == {1}
    gapped, _ = read(reader, events, goal(gap="1d"))
    assert set(gapped) == {3, 4}


def test_people_who_appear_later_are_not_at_risk(reader):
    """Whoever is first seen after T was in no segment and in no rest at T."""
    converted, found = read(reader, [event(1, T - DAY, "visit"), event(9, T + DAY)], goal())
    assert (set(found.at_risk), converted) == ({1}, {})


def test_first_counts_a_person_once_and_every_counts_all(reader):
    events = [
        event(1, T - DAY, "visit"),
        event(1, T + HOUR, value=30, id_="b"),
        event(1, T + HOUR, value=10, id_="a"),
        event(1, T + DAY, value=50),
    ]
    value = {"of": "value", "currency": "EUR"}
    assert read(reader, events, goal(value=value))[0] == {1: (1, 10.0)}  # ties: the smaller id
    every, found = read(reader, events, goal(value=value, counts="every"))
    assert every == {1: (3, 90.0)}
    assert found.unit == "EUR per person"


def test_reversed_conversions_do_not_count(reader):
    refund = {"did": "refund", "same": ["order_id"]}
    events = [
        *(event(p, T - DAY, "visit") for p in range(1, 8)),
        event(1, T + HOUR, order="a", value=10),
        event(1, T + 20 * DAY, "refund", order="a"),  # long after the window, still taken back
        event(2, T + HOUR, order="b", value=10),
        event(2, T + HOUR, "refund", order="other"),
        event(3, T + HOUR, order="c", value=10),
        event(4, T + 2 * HOUR, "refund", order="c"),  # somebody else's
        event(5, T + HOUR, value=10),  # no order id: nothing can agree with it
        event(5, T + 2 * HOUR, "refund"),
        event(6, T + 2 * HOUR, order="d", value=10),
        event(6, T + HOUR, "refund", order="d"),  # before the conversion
        event(7, T + HOUR, order="e", value=10),
        event(7, T + 2 * HOUR, "refund", order="e"),
        event(7, T + 3 * HOUR, order="f", value=70),
    ]
    what = goal(reversed_by=refund, value={"of": "value"})
    converted, _ = read(reader, events, what)
    assert converted == {2: (1, 10), 3: (1, 10), 5: (1, 10), 6: (1, 10), 7: (1, 70)}


def test_the_moment_of_a_reversal_can_be_the_conversions_own(reader):
    events = [
        event(1, T - DAY, "visit"),
        event(1, T + HOUR, order="a"),
        event(1, T + HOUR, "refund", order="a"),
    ]
    what = goal(reversed_by={"did": "refund", "same": ["order_id"]})
    assert read(reader, events, what)[0] == {}


def test_a_goal_reads_like_a_condition(reader):
    """Predicates on properties and item attributes are those of the segment language."""
    events = [
        *(event(p, T - DAY, "visit") for p in (1, 2, 3)),
        event(1, T + HOUR, item="shoe", value=20),
        event(2, T + HOUR, item="pot", value=90),
        event(3, T + HOUR, item="unknown", value=90),
    ]
    where = {"item.category": {"under": "Fashion"}}
    assert set(read(reader, events, goal(where=where))[0]) == {1}
    assert set(read(reader, events, goal(where={"value": {"at_least": 50}}))[0]) == {2, 3}
    assert set(read(reader, events, goal(did=["visit", "purchase"]))[0]) == {1, 2, 3}
    assert set(read(reader, events, goal(did="*"))[0]) == {1, 2, 3}
    assert read(reader, events, goal(where={"colour": "red"}))[0] == {}


def test_only_people_without_an_earlier_conversion(reader):
    events = [event(1, T - 50 * DAY), event(1, T + DAY), event(2, T - DAY, "visit"), event(2, T)]
    converted, found = read(reader, events, goal(), at_risk="not_before")
    assert (set(converted), set(found.at_risk), set(found.before)) == ({2}, {2}, set())


def test_a_window_past_the_end_of_the_data_says_so(reader):
    end = T + 5 * DAY
    events = [event(1, T - DAY, "visit"), event(1, T + 4 * DAY), event(1, T + 6 * DAY)]
    converted, found = read(reader, events, goal(counts="every"), end=end)
    assert converted == {1: (1, None)}
    assert found.landmark.note == "only 5 of 7 days observed"
    assert found.landmark.to_json()["measured_until"] == "1970-04-16T00:00:00Z"
    assert at(goal()).note == ""


def test_hours_are_told_in_hours():
    assert at(goal(outcome_window="2w"), end=T + 10 * HOUR).note == (
        "only 10 hours of 14 days observed"
    )


def test_groups_of_another_moment_are_refused():
    with pytest.raises(GuardError, match="as at 1970-04-12"):
        at(goal(), as_of_us=T + DAY)
    assert at(goal(), as_of_us=T).index_us == T


def test_nothing_can_be_known_before_the_window_begins():
    with pytest.raises(GuardError, match="nothing can be known yet"):
        at(goal(gap="3d"), end=T + 2 * DAY)


def test_a_given_window_and_gap_replace_the_goals():
    found = at(goal(gap="1d"), gap=Duration.parse("2d"), window=Duration.parse("3d"))
    assert (found.start_us, found.end_us) == (T + 2 * DAY, T + 5 * DAY)


def test_a_derived_session_can_not_tie_a_reversal(reader):
    what = goal(reversed_by={"did": "refund", "same": ["session_id"]})
    with pytest.raises(DefinitionError, match="session_id"):
        read(reader, [event(1, T)], what)


def test_a_value_that_has_no_numbers_is_zero(reader):
    events = [event(1, T - DAY, "visit"), event(1, T + 1)]
    assert read(reader, events, goal(value={"of": "path"}))[0] == {1: (1, 0.0)}
    assert read(reader, events, goal(value={"of": "nowhere"}))[0] == {1: (1, 0.0)}


def test_the_newest_events_day_is_known_to_its_end(reader):
    ahead = event(1, T + 900 * DAY)
    make = reader([event(1, T + 5 * HOUR), ahead], timezone="America/New_York")
    known = make.data_end(not_after_us=T + 40 * DAY)
    assert known == T + 5 * HOUR + 24 * HOUR  # T + 5 h is midnight in New York
    assert make.data_end(not_after_us=T + 6 * HOUR) == T + 6 * HOUR
    assert make.data_end(not_after_us=T) is None


NAMES = ("purchase", "refund", "visit")
EDGES = [T - DAY, T - 1, T, T + 1, T + DAY, T + 7 * DAY - 1, T + 7 * DAY, T + 8 * DAY]
rows = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.sampled_from(EDGES),
        st.sampled_from(NAMES),
        st.sampled_from(["a", "b", None]),
        st.sampled_from([None, 0.0, 1.5, 20.0]),
    ),
    max_size=25,
)


def plainly(events, what, gap):
    """The rules read aloud: what each person at risk did in the window."""
    start = T + gap
    found = {}
    people = {p for p, ts, *_ in events if ts < T}
    by_person = defaultdict(list)
    for n, (person, ts, name, order, value) in enumerate(events):
        undone = (
            what.reversed_by
            and order is not None
            and any(
                p == person and k == "refund" and o == order and t >= ts for p, t, k, o, _ in events
            )
        )
        if name == "purchase" and not undone and start <= ts < start + 7 * DAY and person in people:
            by_person[person].append((ts, f"e{n:06d}", value or 0.0))
    for person, bought in by_person.items():
        values = [v for _, _, v in sorted(bought)]
        first = what.counts == "first"
        found[person] = (1, values[0]) if first else (len(values), sum(values))
    return found


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=rows, counts=st.sampled_from(["first", "every"]), back=st.booleans(), gap=st.booleans()
)
def test_agrees_with_a_plain_reading(reader, events, counts, back, gap):
    more = {"reversed_by": {"did": "refund", "same": ["order_id"]}} if back else {}
    more |= {"gap": "1d"} if gap else {}
    what = goal(counts=counts, value={"of": "value"}, **more)
    made = [event(p, ts, n, order=o, value=v) for p, ts, n, o, v in events]
    converted, found = read(reader, made, what)
    assert converted == plainly(events, what, DAY if gap else 0)
    assert found.bitmap == BitMap(converted)


def test_conversions_of_all_times_are_those_of_each_moment(reader):
    """Rolling designs ask once; a conversion that was taken back is none at any moment."""
    events = [
        event(1, T - 3 * DAY, order="a"),
        event(3, T - DAY, "visit"),
        event(2, T + DAY, order="b"),
        event(2, T + 2 * DAY, "refund", order="b"),
        event(3, T + 4 * DAY, order="c"),
        event(3, T + 5 * DAY, order="d"),
    ]
    what = goal(reversed_by={"did": "refund", "same": ["order_id"]})
    persons, times = reader(events).conversions(what, until_us=END)
    assert list(zip(persons.tolist(), times.tolist(), strict=True)) == [
        (1, T - 3 * DAY), (3, T + 4 * DAY), (3, T + 5 * DAY),
    ]  # fmt: skip
    inside = set(persons[(times >= T) & (times < T + 7 * DAY)].tolist())
    converted, _ = read(reader, events, what)
    assert inside == set(converted)
