"""Whatever breaks, the platform ends with exactly who should be there: real store, real HTTP."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fewer.data.store.outbox import Outbox
from fewer.data.store.store import Store
from fewer.destinations.base import Batch, Opening, Remote
from fewer.destinations.sandbox.server import Faults
from fewer.destinations.sandbox.webhook import Receiver
from fewer.destinations.webhook import WebhookDestination
from fewer.errors import DeliveryError
from fewer.journey.activate.apply import Target, deliver
from fewer.journey.activate.change import change
from fewer.journey.activate.plan import Line, batches
from fewer.model.delivery import StoredBatch, StoredPlan

COLUMNS: Final = ("email_sha256",)
SECRET: Final = "a word of the tests"  # noqa: S105  of a stand-in
SOAK: Final = int(os.environ.get("FEWER_SOAK", "1"))


class DiedError(BaseException):
    """The process ended here: nothing after it ran."""


class Dying:
    """An outbox whose process dies at one of its steps."""

    def __init__(self, box: Outbox, at: int) -> None:
        self._box, self._left = box, at

    def __getattr__(self, name):
        found = getattr(self._box, name)
        if name not in ("begin", "finish", "fail", "remote"):
            return found

        def step(*args, **kwargs):
            self._die()
            done = found(*args, **kwargs)
            self._die()
            return done

        return step

    def _die(self):
        self._left -= 1
        if self._left == 0:
            raise DiedError


class World:
    """A store, a receiver, and people whose rows are their numbers."""

    def __init__(self, folder, faults=None):
        self.store = Store.open(folder)
        self.box = Outbox(self.store)
        self.receiver = Receiver(SECRET, faults).start()
        self.count = 0

    def close(self):
        self.receiver.stop()
        self.store.close()

    def row(self, person):
        return (f"{person:064x}",)

    def expected(self, people):
        return {self.row(p) for p in people}

    def sync(self, people, *, dies=0, size=3, again=False):
        """One plan for one segment, applied; False where the process died or rows wait."""
        rows = {self.box.token(COLUMNS, self.row(p)): (p, self.row(p)) for p in people}
        number = self.box.audience("hook", "s", COLUMNS)
        found = change({t: p for t, (p, _) in rows.items()}, self.box.known(number), again=again)
        line = Line("hook", "webhook", "s", "S", COLUMNS, 0, 0, {}, found, {}, {}, 0)
        self.count += 1
        name = f"plan-{self.count}"
        self.box.save(
            StoredPlan(name, self.count, "planned", "", {}),
            [
                StoredBatch(name, at, number, one.op, one.tokens, one.people)
                for at, one in enumerate(batches([line], [size]))
            ],
        )
        return self.go_on(name, number, rows, dies)

    def go_on(self, name, number, rows, dies=0):
        opening = Opening(SECRET, self.receiver.url, waits=(0.001, 0.01, 5.0))
        platform = WebhookDestination.of(opening)

        def of(batch: StoredBatch) -> Mapping[bytes, tuple[str, ...]]:
            if batch.op == "remove":
                return self.box.rows(number, batch.tokens)
            return {token: rows[token][1] for token in batch.tokens}

        box = Dying(self.box, dies) if dies else self.box
        target = Target(number, "hook", Remote("s", "S", COLUMNS), platform, of)
        try:
            [done] = deliver(
                self.box.batches(name), {number: target}, box,
                now_us=lambda: 1, tell=lambda *_: None, should_stop=lambda: False,
            )  # fmt: skip
        except DiedError:
            return False
        finally:
            platform.close()
        return not done.waiting

    @property
    def there(self):
        return self.receiver.audiences.get("s", set())

    @property
    def known(self):
        return self.box.known(self.box.audience("hook", "s", COLUMNS))


@pytest.fixture
def world(tmp_path):
    found = World(tmp_path)
    yield found
    found.close()


def test_changes_only_are_sent(world):
    assert world.sync(range(10))
    assert world.there == world.expected(range(10))
    before = world.receiver.counts["requests"]
    assert world.sync(range(10))
    assert world.receiver.counts["requests"] == before
    assert world.sync(range(2, 12))
    assert world.there == world.expected(range(2, 12))
    assert world.receiver.counts["requests"] == before + 2


def test_a_full_refresh_sends_everyone_again(world):
    world.sync(range(10))
    world.receiver.audiences["s"].clear()  # somebody deleted them there
    world.sync(range(10))
    assert world.there == set()
    world.sync(range(10), again=True)
    assert world.there == world.expected(range(10))


@settings(
    max_examples=12 * SOAK, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    steps=st.lists(
        st.tuples(st.sets(st.integers(0, 12)), st.integers(0, 14), st.booleans()),
        min_size=1, max_size=5,
    ),
    seed=st.integers(0, 2**16),
)  # fmt: skip
def test_deltas_crashes_faults_and_replays(tmp_path_factory, steps, seed):
    """After any of them, one undisturbed sync makes the platform exactly what it should be."""
    faults = Faults(
        throttled=0.1, failed=0.1, dropped_before=0.1, dropped_after=0.1, failed_after=0.1,
        twice=0.1, seed=seed,
    )  # fmt: skip
    world = World(tmp_path_factory.mktemp("world"), faults)
    try:
        people: set[int] = set()
        for people, dies, goes_on in steps:
            done = world.sync(people, dies=dies)
            if not done and goes_on:  # the same plan again, as a resumed apply
                rows = {world.box.token(COLUMNS, world.row(p)): (p, world.row(p)) for p in people}
                number = world.box.audience("hook", "s", COLUMNS)
                world.go_on(f"plan-{world.count}", number, rows)
        world.receiver.faults = Faults()
        assert world.sync(people)
        assert world.there == world.expected(people)
        assert {k.person for k in world.known.values()} == people
        assert all(k.certain for k in world.known.values())
    finally:
        world.close()


def test_died_after_sending_leaves_the_rows_uncertain(world):
    assert not world.sync(range(3), dies=7)  # begun, sent, and not written down
    assert world.there == world.expected(range(3))
    assert [k.certain for k in world.known.values()] == [False] * 3
    assert world.sync([])  # nobody should be there any more: they are removed all the same
    assert world.there == set()


def test_refused_rows_go_to_quarantine_and_are_tried_again(world):
    world.receiver.faults = Faults(refused_rows=1.0)
    assert world.sync(range(4))
    assert world.there == set()
    assert world.box.refused("plan-1") == [(1, "add", "not wanted", 4)]
    assert world.known == {}
    world.receiver.faults = Faults()
    assert world.sync(range(4))
    assert world.there == world.expected(range(4))


def test_a_removal_that_is_refused_is_not_forgotten(world):
    world.sync(range(4))
    world.receiver.faults = Faults(refused_rows=1.0)
    world.sync([])
    assert world.there == world.expected(range(4))
    world.receiver.faults = Faults()
    world.sync([])
    assert world.there == set()


def test_a_platform_that_is_away_keeps_its_rows_waiting(world):
    world.receiver.faults = Faults(failed=1.0)
    assert not world.sync(range(5))
    [batch, *_] = world.box.batches("plan-1")
    assert batch.state == "failed"
    world.receiver.faults = Faults()
    assert world.sync(range(5))
    assert world.there == world.expected(range(5))


def test_a_wrong_secret_stops_at_once(world):
    world.receiver.secret += "?"
    assert not world.sync(range(9))
    assert world.receiver.counts["requests"] == 1
    assert "refuses the key" in world.box.batches("plan-1")[0].receipt["error"]


def test_nothing_that_is_sent_shows_in_a_repr():
    batch = Batch("add", COLUMNS, (("ab" * 32,),), 1, 1, 1, 1)
    assert "abab" not in repr(batch)
    assert "sesame" not in repr(Opening("sesame"))


def test_an_address_must_be_safe():
    with pytest.raises(DeliveryError, match="https"):
        WebhookDestination.of(Opening("s", "http://example.com/hook"))


def test_sealed_rows_hold_no_identifier(world):
    world.sync(range(50))
    path = next(world.store.root.glob("control.db*"))
    everything = b"".join(p.read_bytes() for p in world.store.root.glob("control.db*"))
    assert path
    assert not any(world.row(p)[0].encode() in everything for p in range(50))
    assert np.unique([len(t) for t in world.known]).tolist() == [16]
