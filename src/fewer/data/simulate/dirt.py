"""What goes wrong in real logs, planted in exact numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fewer.data.simulate.catalogue import AGENTS, BOT_AGENTS, PLAIN_PATHS, Items
from fewer.data.simulate.log import CODE, DAY, Ints, Log, concat, events
from fewer.data.simulate.world import Bools

SECOND = 1_000_000
HUMAN_LOOKING = 0.25  # share of bots that hide behind a person's user agent
AHEAD = (600 * SECOND, 6 * 3600 * SECOND)  # how far wrong clocks run ahead


@dataclass(frozen=True, slots=True)
class Dose:
    """How many of each kind to plant, for a log of a given size."""

    bots: int
    bot_events: int
    duplicates: int
    orphan_items: int
    future: int
    clock_ahead: int
    no_person: int
    negative_revenue: int
    bulk_orders: int
    text_revenue: int
    broken_json: int
    missing_time: int
    bad_time: int

    @classmethod
    def for_size(cls, *, people: int, events: int) -> Dose:
        """Shares of a real log: a few percent of bots, some permille of the rest."""

        def part(share: float) -> int:
            return max(2, round(events * share))

        return cls(
            bots=max(4, people // 1250),
            bot_events=part(0.022),
            duplicates=part(0.004),
            orphan_items=part(0.002),
            future=part(0.00006),
            clock_ahead=part(0.0003),
            no_person=part(0.0002),
            negative_revenue=part(0.000012),
            bulk_orders=part(0.000006),
            text_revenue=part(0.00004),
            broken_json=part(0.00003),
            missing_time=part(0.00001),
            bad_time=part(0.00001),
        )


def bots(
    rng: np.random.Generator, dose: Dose, items: Items, *, first: int, days: int, never_on: int
) -> Log:
    """Machines: each crawls in one run, a page every 0.4 to 2 seconds.

    They are the people at positions `first` and above; a quarter of them send the user agent
    of a person and can be told by their rate only. None comes on the day `never_on`.
    """
    sizes = rng.multinomial(dose.bot_events - dose.bots, np.full(dose.bots, 1 / dose.bots))
    bot = np.arange(dose.bots)
    day = rng.integers(0, days - 1, dose.bots)
    day += day >= never_on
    start = day * DAY + rng.integers(0, DAY // 4, dose.bots)
    hidden = bot < round(dose.bots * HUMAN_LOOKING)
    agent = np.where(hidden, bot % len(AGENTS), len(AGENTS) + bot % len(BOT_AGENTS))

    who = np.repeat(bot, sizes)
    pause = rng.integers(SECOND * 2 // 5, 2 * SECOND, len(who))
    run = np.cumsum(pause)
    first_of = np.cumsum(sizes) - sizes
    ts = start[who] + run - run[np.minimum(first_of, len(run) - 1)][who] + SECOND
    looks = rng.random(len(who)) < 0.5
    item = np.where(looks, rng.integers(0, len(items.ids), len(who)), -1)
    path = np.where(looks, -1, rng.integers(0, PLAIN_PATHS, len(who)))
    code = np.where(looks, CODE["product_view"], CODE["page_view"])
    crawl = events(code, first + who, ts, item=item, detail=path)
    return concat([events("session_start", first + bot, start, detail=agent), crawl])


def orphan(rng: np.random.Generator, log: Log, dose: Dose, *, known: int, old: int) -> Log:
    """Point some product views at items that left the catalogue (positions past `known`)."""
    views = np.flatnonzero(log.event == CODE["product_view"])
    chosen = rng.choice(views, min(dose.orphan_items, len(views)), replace=False)
    item = log.item.copy()
    item[chosen] = known + rng.integers(0, old, len(chosen))
    return replace(log, item=item)


def odd_orders(rng: np.random.Generator, log: Log, dose: Dose) -> Log:
    """Give some purchases a negative quantity (tests, cancellations) and some a huge one."""
    orders = np.flatnonzero(log.event == CODE["purchase"])
    wanted = min(dose.negative_revenue + dose.bulk_orders, len(orders))
    chosen = rng.choice(orders, wanted, replace=False)
    number = log.number.copy()
    number[chosen[: dose.negative_revenue]] = -1.0
    number[chosen[dose.negative_revenue :]] = 500.0
    return replace(log, number=number)


def duplicates(rng: np.random.Generator, rows: Ints, dose: Dose) -> Ints:
    """Positions of rows that a retry delivered a second time, in ascending order."""
    return np.sort(rng.choice(rows, min(dose.duplicates, len(rows)), replace=False))


def marks(rng: np.random.Generator, size: int, counts: tuple[int, ...]) -> list[Bools]:
    """Disjoint random sets of rows, one of each size in `counts`, as masks."""
    chosen = rng.choice(size, min(sum(counts), size), replace=False)
    masks = []
    for part in np.split(chosen, np.cumsum(counts)[:-1]):
        mask = np.zeros(size, dtype=np.bool_)
        mask[part] = True
        masks.append(mask)
    return masks
