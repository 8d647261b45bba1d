"""What goes wrong in real logs, planted in exact numbers."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from fewer.data.simulate.catalogue import AGENTS, BOT_AGENTS, PLAIN_PATHS, Items
from fewer.data.simulate.log import CODE, DAY, Ints, Log, concat, events
from fewer.data.simulate.parameters import Parameters
from fewer.data.simulate.world import Bools

SECOND = 1_000_000
BOTS = 20  # stream of chance
HUMAN_LOOKING = 0.25  # share of bots that hide behind a person's user agent
LATE = (DAY, 3 * DAY)  # how much later an app that was offline delivers


@dataclass(frozen=True, slots=True)
class Dose:
    """How many of each kind to plant: in all, or on one day."""

    bot_events: int
    duplicates: int
    late: int
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
    def of(cls, parameters: Parameters) -> Dose:
        """Shares of a real log: a few percent of bots, some permille of the rest."""

        def part(share: float) -> int:
            return max(2, round(parameters.events * share * parameters.dirt))

        return cls(
            bot_events=part(0.022),
            duplicates=part(0.004),
            late=part(0.002),
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

    def by_day(self, rng: np.random.Generator, days: int) -> list[Dose]:
        """Spread over the days by chance."""
        share = np.full(days, 1 / days)
        spread = {
            column.name: rng.multinomial(getattr(self, column.name), share).tolist()
            for column in fields(self)
        }
        return [
            Dose(**{name: counts[day] for name, counts in spread.items()}) for day in range(days)
        ]


class Bots:
    """Machines: each crawls once, in one run, a page every 0.4 to 2 seconds.

    They are the people at positions `first` and above; a quarter of them send the user agent
    of a person and can be told by their rate only. None comes on the day of the outage.
    """

    def __init__(self, parameters: Parameters, *, bot_events: int) -> None:
        rng = parameters.rng(BOTS)
        self.count = max(4, round(parameters.people / 1250 * max(parameters.dirt, 0.1)))
        self._first = parameters.people
        self._sizes = rng.multinomial(
            max(bot_events - self.count, 0), np.full(self.count, 1 / self.count)
        )
        self._day = rng.integers(0, parameters.days - 1, self.count)
        self._day += self._day >= parameters.outage
        self._start = self._day * DAY + rng.integers(0, DAY // 4, self.count)

    def crawl(self, rng: np.random.Generator, items: Items, day: int) -> Log:
        """The machines of one day."""
        bot = np.flatnonzero(self._day == day)
        hidden = bot < round(self.count * HUMAN_LOOKING)
        agent = np.where(hidden, bot % len(AGENTS), len(AGENTS) + bot % len(BOT_AGENTS))
        sizes, start = self._sizes[bot], self._start[bot]
        who = np.repeat(np.arange(len(bot)), sizes)
        run = np.cumsum(rng.integers(SECOND * 2 // 5, 2 * SECOND, len(who)))
        before = np.concatenate([[0], run])[np.cumsum(sizes) - sizes]
        ts = start[who] + run - before[who] + SECOND
        looks = rng.random(len(who)) < 0.5
        item = np.where(looks, rng.integers(0, len(items.ids), len(who)), -1)
        path = np.where(looks, -1, rng.integers(0, PLAIN_PATHS, len(who)))
        code = np.where(looks, CODE["product_view"], CODE["page_view"])
        pages = events(code, self._first + bot[who], ts, item=item, detail=path)
        opened = events("session_start", self._first + bot, start, detail=agent)
        return concat([opened, pages])


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
    for part in np.split(chosen, np.cumsum(counts)[:-1]):  # fewer rows than wanted: some are empty
        mask = np.zeros(size, dtype=np.bool_)
        mask[part] = True
        masks.append(mask)
    return masks
