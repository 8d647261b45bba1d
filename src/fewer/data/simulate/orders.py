"""Purchases, drawn from the hazard of each person and day, and what happens around them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fewer.data.simulate.browsing import SECOND, pick_items, start_of_visit
from fewer.data.simulate.catalogue import ACCOUNT_CREATED, AGENTS, PRICING
from fewer.data.simulate.log import CODE, DAY, Ints, Log, concat, events
from fewer.data.simulate.world import NEVER, World

COMES_BACK = 0.6  # share of buyers who take the item they left in the cart within 3 days
REFUNDED = 0.04


def purchases(
    rng: np.random.Generator, world: World, buys: npt.NDArray[np.bool_], browsed: Log
) -> Log:
    """A visit with a purchase for each (day, person) marked in `buys`.

    Each visit is session_start, product_view, add_to_cart, begin_checkout, purchase, within
    minutes and with the same item.
    """
    day, person = np.nonzero(buys)
    start = day * DAY + start_of_visit(rng, world.country[person])
    item = _left_in_cart(rng, browsed, person, start, pick_items(rng, world.leaf[person]))
    pause = (rng.exponential(50.0, (4, len(person))) * SECOND).astype(np.int64) + SECOND
    at = start + np.minimum(np.cumsum(pause, axis=0), 3400 * SECOND)
    order = np.arange(len(person))
    number = np.where(rng.random(len(person)) < 0.12, 2.0, 1.0)
    agent = world.device[person] % len(AGENTS)
    return concat(
        [
            events("session_start", person, start, detail=agent),
            events("product_view", person, at[0], item=item),
            events("add_to_cart", person, at[1], item=item),
            events("begin_checkout", person, at[2], item=item, number=number),
            events("purchase", person, at[3], item=item, number=number, order=order),
        ]
    )


def _left_in_cart(
    rng: np.random.Generator, browsed: Log, person: Ints, start: Ints, otherwise: Ints
) -> Ints:
    carts = browsed.only("add_to_cart")
    if not len(carts):
        return otherwise
    span = 400 * DAY
    key = carts.person * span + carts.ts
    ranked = np.argsort(key)
    wanted = person * span + start
    last = np.searchsorted(key[ranked], wanted) - 1
    found = ranked[np.maximum(last, 0)]
    fresh = (last >= 0) & (carts.person[found] == person) & (start - carts.ts[found] < 3 * DAY)
    fresh &= rng.random(len(person)) < COMES_BACK
    return np.where(fresh, carts.item[found], otherwise)


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


def pricing_views(log: Log) -> Log:
    """The page views of the pricing pages."""
    return log.take((log.event == CODE["page_view"]) & np.isin(log.detail, PRICING))
