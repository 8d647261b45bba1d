"""Traps about sequences: edges of spans, greedy choices that fail, absence, values and sessions."""

from __future__ import annotations

from typing import Any

from oracle.drawn import at, draw


def did(event: str, within_next: str | None = None, **where: Any) -> dict[str, Any]:
    step: dict[str, Any] = {"did": event}
    return _finished(step, within_next, where)


def did_not(event: str, within_next: str, **where: Any) -> dict[str, Any]:
    return _finished({"did_not": event}, within_next, where)


def _finished(step: dict[str, Any], within_next: str | None, where: Any) -> dict[str, Any]:
    step |= {"within_next": within_next} if within_next else {}
    return step | ({"where": where} if where else {})


def sequence(*steps: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"sequence": list(steps), **keys}


class TestEdgesOfSpans:
    """``0 < t2 - t1 <= D``."""

    world = draw(
        zero=[at("-9d", "a"), at("-9d", "b")],
        least=[at("-9d", "a"), at("-9d +1us", "b")],
        most=[at("-9d", "a"), at("-7d", "b")],
        over=[at("-9d", "a"), at("-7d +1us", "b")],
    )

    def test_both_ends(self, engine):
        found = engine.ask(
            self.world,
            sequence(did("a"), did("b", "2d")),
            sequence(did("a"), did("b")),
            sequence(did("b"), did("a")),
        )
        assert found == [{"least", "most"}, {"least", "most", "over"}, set()]


class TestGreedyChoicesFail:
    """The first match of a step is not always the one that leads on.

    early: a . . . b a b c      the a at -9d has its b too late; the second a works
    late:  a b . . . b c        the b right after a has its c too late; the later b works
    """

    world = draw(
        early=[at("-9d", "a"), at("-6d", "b"), at("-5d", "a"), at("-4d", "b"), at("-3d", "c")],
        late=[at("-9d", "a"), at("-8d", "b"), at("-7d", "b"), at("-6d", "c")],
        never=[at("-9d", "a"), at("-6d", "b"), at("-5d", "a"), at("-5d", "c")],
    )

    def test_some_chain_is_enough(self, engine):
        found = engine.ask(
            self.world,
            sequence(did("a"), did("b", "1d"), did("c", "1d")),
            sequence(did("a"), did("b", "2d"), did("c", "1d")),
            sequence(did("a"), did("b"), did("c")),
            sequence(did("a"), did("b"), did("a"), did("b")),
        )
        assert found == [{"early"}, {"early", "late"}, {"early", "late", "never"}, {"early"}]

    def test_the_same_step_again(self, engine):
        world = draw(
            one=[at("-3d", "a")],
            tie=[at("-3d", "a"), at("-3d", "a")],
            two=[at("-3d", "a"), at("-2d", "a")],
            three=[at("-3d", "a"), at("-2d", "a"), at("-1d", "a")],
        )
        found = engine.ask(
            world,
            sequence(did("a")),
            sequence(did("a"), did("a")),
            sequence(did("a"), did("a", "1d"), did("a", "1d")),
            sequence(did("*"), did("*"), did("*"), did("*")),
        )
        assert found == [{"one", "tie", "two", "three"}, {"two", "three"}, {"three"}, set()]


class TestSequencesInWindows:
    """All present steps lie in the window; what leads to them outside does not help."""

    world = draw(
        inside=[at("-7d", "a"), at("-1us", "b")],
        before=[at("-7d -1us", "a"), at("-1d", "b")],
        after=[at("-7d", "a"), at("+0us", "b")],
        again=[at("-8d", "a"), at("-6d", "a"), at("-5d", "b")],
    )

    def test_edges(self, engine):
        found = engine.ask(
            self.world,
            sequence(did("a"), did("b"), within="7d"),
            sequence(did("a"), did("b"), since="2026-03-24", until="2026-03-26"),
            sequence(did("a"), did("b"), between={"from": "8d", "to": "24h"}),
            sequence(did("a"), did("b"), until="2026-03-24"),
        )
        assert found == [{"inside", "again"}, set(), {"again"}, set()]


class TestAbsence:
    """No match in ``(t, t + D]`` after the last present step, and ``t + D < as_of``."""

    world = draw(
        at_t=[at("-5d", "cart"), at("-5d", "buy")],
        soon=[at("-5d", "cart"), at("-5d +1us", "buy")],
        edge=[at("-5d", "cart"), at("-3d", "buy")],
        over=[at("-5d", "cart"), at("-3d +1us", "buy")],
        young=[at("-2d", "cart")],
        older=[at("-2d -1us", "cart")],
        retry=[at("-9d", "cart"), at("-8d", "buy"), at("-5d", "cart")],
    )

    def test_both_edges_of_the_span_and_of_time(self, engine):
        found = engine.ask(
            self.world,
            sequence(did("cart"), did_not("buy", "2d")),
            sequence(did("cart"), did_not("buy", "2d"), did("buy")),
            sequence(did("cart"), did_not("buy", "2d"), did("*", "4d")),
        )
        assert found == [
            {"at_t", "over", "older", "retry"},
            {"over"},
            {"over"},
        ]

    def test_the_span_may_reach_past_until_but_never_past_as_of(self, engine):
        found = engine.ask(
            self.world,
            sequence(did("cart"), did_not("buy", "2d"), until="2026-03-26T00:00:00.000001Z"),
            sequence(did("cart"), did_not("buy", "5d"), until="2026-03-27"),
            sequence(did("cart"), did_not("buy", "5d")),
            sequence(did("cart"), did_not("sale", "1w")),
        )
        assert found == [{"at_t", "over", "retry"}, set(), set(), {"retry"}]

    def test_events_outside_the_window_break_an_absence(self, engine):
        """The window chooses present steps only: a later purchase is a purchase."""
        week = {"between": {"from": "6d", "to": "4d"}}
        found = engine.ask(
            self.world,
            sequence(did("cart"), did_not("buy", "2d"), **week),
            sequence(did("cart"), did_not("buy", "49h"), **week),
        )
        assert found == [{"at_t", "over", "retry"}, {"at_t", "retry"}]

    def test_two_absences_and_a_step_between(self, engine):
        world = draw(
            ann=[at("-9d", "a"), at("-7d", "b")],
            bob=[at("-9d", "a"), at("-8d", "x"), at("-7d", "b")],
            cy=[at("-9d", "a"), at("-7d", "b"), at("-6d", "y")],
            dee=[at("-9d", "a"), at("-8d", "y"), at("-7d", "b")],
        )
        found = engine.ask(
            world,
            sequence(did("a"), did_not("x", "1d"), did_not("y", "1d"), did("b")),
            sequence(did("a"), did_not("x", "3d"), did("b"), did_not("y", "1d")),
            sequence(did("a"), did_not("x", "1d"), did("b", "2d")),
            sequence(did("a"), did_not("b", "3d"), did("y")),
        )
        assert found == [{"ann", "cy"}, {"ann", "dee"}, {"ann", "cy", "dee"}, set()]

    def test_absence_of_an_event_of_the_step_itself(self, engine):
        """The event at t is not in ``(t, t + D]``, so `did a, did_not a` has a meaning."""
        world = draw(
            ann=[at("-5d", "a")], bob=[at("-5d", "a"), at("-4d", "a")], cy=[at("-1h", "a")]
        )
        found = engine.ask(
            world,
            sequence(did("a"), did_not("a", "1d")),
            sequence(did("a"), did_not("*", "5d")),
            sequence(did("a"), did_not("a", "1d"), until="2026-03-26T12:00Z"),
        )
        assert found == [{"ann", "bob"}, set(), {"ann"}]

    def test_where_of_an_absent_step(self, engine):
        world = draw(
            ann=[at("-5d", "a"), at("-4d", "buy", v=1)],
            bob=[at("-5d", "a"), at("-4d", "buy", v=2)],
            cy=[at("-5d", "a"), at("-4d", "buy")],
        )
        found = engine.ask(
            world,
            sequence(did("a"), did_not("buy", "2d", v=1)),
            sequence(did("a"), did_not("buy", "2d", v={"not_equals": 1})),
            sequence(did("a"), did_not("buy", "2d", v={"missing": True})),
        )
        assert found == [{"bob", "cy"}, {"ann", "cy"}, {"ann", "bob"}]


class TestSame:
    """Steps agree on a value that is there; missing agrees with nothing, types are kept apart."""

    world = draw(
        agree=[at("-9d", "v", i="x"), at("-8d", "b", i="x")],
        other=[at("-9d", "v", i="x"), at("-8d", "b", i="y")],
        hole=[at("-9d", "v", i="x"), at("-8d", "b")],
        holes=[at("-9d", "v"), at("-8d", "b")],
        types=[at("-9d", "v", i="1"), at("-8d", "b", i=1)],
        true=[at("-9d", "v", i=True), at("-8d", "b", i=1)],
        empty=[at("-9d", "v", i=""), at("-8d", "b", i="")],
        number=[at("-9d", "v", i=5), at("-8d", "b", i=5)],
        cross=[at("-9d", "v", i="x"), at("-8d", "v", i="y"), at("-7d", "b", i="x")],
    )

    def test_present(self, engine):
        found = engine.ask(
            self.world,
            sequence(did("v"), did("b"), same=["i"]),
            sequence(did("v"), did("b", "1d"), same=["i"]),
            sequence(did("v"), same=["i"]),
            sequence(did("v"), did("b"), same=["i", "missing"]),
        )
        everyone = set(self.world.persons.values())
        assert found == [
            {"agree", "empty", "number", "cross"},
            {"agree", "empty", "number"},
            everyone - {"holes"},
            set(),
        ]

    def test_absent(self, engine):
        """Viewed a product and did not buy *that* product."""
        found = engine.ask(self.world, sequence(did("v"), did_not("b", "3d"), same=["i"]))
        assert found == [{"other", "hole", "types", "true", "cross"}]

    def test_several_properties(self, engine):
        world = draw(
            both=[at("-9d", "v", i="x", j=1), at("-8d", "b", i="x", j=1)],
            half=[at("-9d", "v", i="x", j=1), at("-8d", "b", i="x", j=2)],
            parts=[
                at("-9d", "v", i="x", j=1),
                at("-8d", "b", i="x", j=2),
                at("-7d", "b", i="y", j=1),
            ],
        )
        found = engine.ask(
            world,
            sequence(did("v"), did("b"), same=["i", "j"]),
            sequence(did("v"), did_not("b", "2d"), same=["i", "j"]),
            sequence(did("v"), did("b"), same=["j"]),
        )
        assert found == [{"both"}, {"half", "parts"}, {"both", "parts"}]

    def test_an_attribute_of_items(self, engine):
        """Two items of one brand agree on the brand; an item nobody knows has none."""
        world = draw(
            brand=[at("-9d", "v", item_id="a"), at("-8d", "b", item_id="c")],
            other=[at("-9d", "v", item_id="a"), at("-8d", "b", item_id="d")],
            gone=[at("-9d", "v", item_id="z"), at("-8d", "b", item_id="z")],
            items={"a": {"brand": "N"}, "c": {"brand": "N"}, "d": {"brand": "n"}},
        )
        found = engine.ask(
            world,
            sequence(did("v"), did("b"), same=["item.brand"]),
            sequence(did("v"), did("b"), same=["item_id"]),
            sequence(did("v"), did_not("b", "2d"), same=["item.brand"]),
        )
        assert found == [{"brand"}, {"gone"}, {"other"}]

    def test_the_value_of_the_first_step_holds_to_the_end(self, engine):
        """x y x y: three steps agree only if all three do, not each with the one before."""
        world = draw(
            ann=[at("-9d", "v", i="x"), at("-8d", "v", i="y"), at("-7d", "b", i="x"),
                 at("-6d", "c", i="y")],
            bob=[at("-9d", "v", i="x"), at("-8d", "v", i="y"), at("-7d", "b", i="y"),
                 at("-6d", "c", i="y")],
        )  # fmt: skip
        assert engine.ask(world, sequence(did("v"), did("b"), did("c"), same=["i"])) == [{"bob"}]


class TestSessions:
    """A gap of exactly 30 minutes ends a session; any event of the person keeps it open."""

    world = draw(
        below=[at("-60m", "v"), at("-30m -1us", "b")],
        exact=[at("-60m", "v"), at("-30m", "b")],
        kept=[at("-90m", "v"), at("-61m", "ping"), at("-32m", "pong"), at("-3m", "b")],
        late=[at("-60m", "v"), at("-10m", "b"), at("+0us", "ping")],
        stored=[at("-90m", "v", session_id="s"), at("-10m", "b", session_id="s")],
        differ=[at("-60m", "v", session_id="s"), at("-50m", "b", session_id="t")],
    )

    def test_derived_not_stored(self, engine):
        found = engine.ask(self.world, sequence(did("v"), did("b"), same=["session_id"]))
        assert found == [{"below", "kept", "differ"}]

    def test_absent_counts_that_session_only(self, engine):
        asked = sequence(did("v"), did_not("b", "59m"), same=["session_id"])
        assert engine.ask(self.world, asked) == [{"exact", "kept", "late", "stored"}]

    def test_another_gap(self, engine):
        asked = sequence(did("v"), did("b"), same=["session_id"])
        found = engine.ask(self.world, asked, session_gap="31m")
        assert found == [{"below", "exact", "kept", "differ"}]

    def test_events_outside_the_window_keep_a_session_open(self, engine):
        """The session is of all events before as_of, not of those in the window or the steps."""
        world = draw(ann=[at("-80m", "ping"), at("-55m", "v"), at("-30m", "x"), at("-5m", "b")])
        asked = sequence(did("v"), did("b"), same=["session_id"], within="1h")
        assert engine.ask(world, asked) == [{"ann"}]

    def test_two_persons_never_share_a_session(self, engine):
        world = draw(ann=[at("-20m", "v")], bob=[at("-10m", "b"), at("-25m", "w")])
        found = engine.ask(
            world,
            sequence(did("v"), did("b"), same=["session_id"]),
            sequence(did("w"), did("b"), same=["session_id"]),
        )
        assert found == [set(), {"bob"}]

    def test_elsewhere_session_id_is_a_property_like_any_other(self, engine):
        found = engine.ask(
            self.world,
            {"did": "v", "where": {"session_id": "s"}},
            {"did": "*", "distinct": {"of": "session_id", "exactly": 2}},
        )
        assert found == [{"stored", "differ"}, {"differ"}]
