"""Purchases of one day, and what happens around them."""

from __future__ import annotations

import numpy as np

from fewer.data.simulate.browsing import SECOND, agent_of, pick_items, start_of_visit
from fewer.data.simulate.catalogue import ACCOUNT_CREATED
from fewer.data.simulate.log import DAY, Ints, Log, concat, events
from fewer.data.simulate.memory import Memory
from fewer.data.simulate.world import NEVER, Bools, World

COMES_BACK = 0.6  # share of buyers who take the item they left in the cart within 3 days
REFUNDED = 0.04
MOST_AT_ONCE = 40.0  # times as many, in the heaviest tail: below what an order in bulk has


class Deciders:
    """People who decided to buy and did not yet: purchases come `delay` days later on average."""

    def __init__(self, people: int, delay: float) -> None:
        self._people, self._delay = people, delay
        self._by_day: dict[int, list[Ints]] = {}

    def buyers(self, rng: np.random.Generator, decided: Ints, day: int) -> Ints:
        """Who buys on `day`, of those who decide on it and of those who did before."""
        if not self._delay:
            return decided
        later = day + rng.exponential(self._delay, len(decided)).astype(np.int64)
        for at in np.unique(later).tolist():
            self._by_day.setdefault(at, []).append(decided[later == at])
        due = self._by_day.pop(day, [])
        return np.unique(np.concatenate([*due, np.zeros(0, dtype=np.int64)]))

    def within(self, day: int, days: int) -> Bools | None:
        """Who has decided already and buys in the `days` from `day` on; None without delay."""
        if not self._delay:
            return None
        inside = np.zeros(self._people, dtype=np.bool_)
        for at, groups in self._by_day.items():
            if at < day + days:
                inside[np.concatenate(groups)] = True
        return inside


def purchases(
    rng: np.random.Generator,
    world: World,
    memory: Memory,
    person: Ints,
    *,
    day: int,
    first_order: int,
    tail: float = 0.0,
) -> Log:
    """A visit with a purchase for each `person`, today.

    Each visit is session_start, product_view, add_to_cart, begin_checkout, purchase, within
    minutes and with the same item. `tail` is the standard deviation of the logarithm of how
    many of it are bought.
    """
    start = day * DAY + start_of_visit(rng, world.country[person])
    item = _left_in_cart(rng, memory, person, start, pick_items(rng, world.leaf[person]))
    pause = (rng.exponential(50.0, (4, len(person))) * SECOND).astype(np.int64) + SECOND
    at = start + np.minimum(np.cumsum(pause, axis=0), 3400 * SECOND)
    order = first_order + np.arange(len(person))
    number = np.where(rng.random(len(person)) < 0.12, 2.0, 1.0)
    if tail:
        number *= np.minimum(np.ceil(rng.lognormal(0, tail, len(person))), MOST_AT_ONCE)
    return concat(
        [
            events("session_start", person, start, detail=agent_of(world, person)),
            events("product_view", person, at[0], item=item),
            events("add_to_cart", person, at[1], item=item),
            events("begin_checkout", person, at[2], item=item, number=number),
            events("purchase", person, at[3], item=item, number=number, order=order),
        ]
    )


def _left_in_cart(
    rng: np.random.Generator, memory: Memory, person: Ints, start: Ints, otherwise: Ints
) -> Ints:
    left = memory.cart_ts[person]
    fresh = (left >= 0) & (start - left < 3 * DAY)
    fresh &= rng.random(len(person)) < COMES_BACK
    return np.where(fresh, memory.cart_item[person], otherwise)


def refunds(rng: np.random.Generator, bought: Log, *, days: int) -> Log:
    """A few purchases come back 3 to 15 days later, if the data last so long."""
    orders = bought.only("purchase")
    orders = orders.take(rng.random(len(orders)) < REFUNDED)
    ts = orders.ts + rng.integers(3 * DAY, 15 * DAY, len(orders))
    back = events("refund", orders.person, ts, item=orders.item, order=orders.order)
    return back.take(ts < days * DAY)


def signups(rng: np.random.Generator, world: World) -> Log:
    """Accounts opened during the simulated days; before that the person was anonymous."""
    person = np.flatnonzero((world.signup_day >= 0) & (world.signup_day < NEVER))
    ts = world.signup_day[person] * DAY + start_of_visit(rng, world.country[person])
    detail = np.full(len(person), ACCOUNT_CREATED, dtype=np.int64)
    return events("form_submit", person, ts, detail=detail)
