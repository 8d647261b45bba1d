"""From what happened on a day to the files: each system's rows, with what goes wrong in them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from fewer.data.simulate.dirt import LATE, SECOND, Dose, duplicates, marks, odd_orders, orphan
from fewer.data.simulate.log import CODE, DAY, EVENTS, SERVER, TOUCH, Ints, Log
from fewer.data.simulate.server import NAME, Server, ServerFile
from fewer.data.simulate.web import OLD_ITEMS, EventFiles, Web, joined, touch_table, web_table
from fewer.data.simulate.world import Bools

if TYPE_CHECKING:
    from fewer.data.simulate.life import Shop

WRONG_CENTURY: Final = 365 * 5  # days by which the clocks of future events run ahead
DOSES, WEB, BACK_END = 40, 41, 42  # streams of chance
_BUSY_CLOCK: Final = 6 * 3600 * SECOND  # clocks run ahead after this time of day only


class Dispatch:
    """Writes each day to the files of its systems. Late rows wait for the day they arrive."""

    def __init__(self, out: Path, shop: Shop) -> None:
        chosen = shop.parameters
        self._shop = shop
        self._doses = shop.dose.by_day(chosen.rng(DOSES), chosen.days)
        self._web = EventFiles(out, "simulated-web", chosen)
        self._touch = EventFiles(out, "simulated-touch", chosen)
        self._server = ServerFile(out, shop.roll, shop.items, first_day=chosen.first_day)
        self._waiting: list[Web] = []
        self._numbered = 0
        self._touched = 0
        self._planted: Counter[str] = Counter()
        self._events = np.zeros(len(EVENTS), dtype=np.int64)
        everyone = len(shop.roll.tokens)
        self.seen_known: Bools = np.zeros(everyone, dtype=np.bool_)
        self.seen_unknown: Bools = np.zeros(everyone, dtype=np.bool_)

    def write(self, day: int, log: Log) -> None:
        """One day's events; days come in order."""
        log = log.take(np.argsort(log.ts, kind="stable"))
        at_server = np.isin(log.event, [CODE[name] for name in SERVER])
        at_touch = np.isin(log.event, [CODE[name] for name in TOUCH])
        dose = self._doses[day]
        self._write_server(day, log.take(at_server), dose)
        self._write_web(day, log.take(~(at_server | at_touch)), dose)
        touched = log.take(at_touch)
        self._count(touched)
        self._see(touched)
        table = touch_table(
            touched,
            self._shop.roll,
            first_number=self._touched,
            first_day=self._shop.parameters.first_day,
        )
        self._touch.write(day, table)
        self._touched += len(touched)

    def close(self) -> None:
        """Finish all files."""
        for file in (self._web, self._touch, self._server):
            file.close()

    def rows(self) -> dict[str, int]:
        """Rows of each file."""
        return self._web.rows | self._touch.rows | {NAME: self._server.rows}

    def events(self) -> dict[str, int]:
        """Rows of each event name, dirt included."""
        found = zip(EVENTS, self._events.tolist(), strict=True)
        return {name: count for name, count in sorted(found) if count}

    def planted(self, *, accounts: Ints) -> dict[str, int]:
        """How much dirt of each kind, and people as the files tell them apart."""
        return {
            "bots": self._shop.bots.count,
            "bot_events": self._shop.dose.bot_events,
            **self._planted,
            "accounts_without_events": int(np.count_nonzero(~self.seen_known[accounts])),
            "anonymous_ids": int(np.count_nonzero(self.seen_unknown)),
        }

    def _write_server(self, day: int, log: Log, dose: Dose) -> None:
        rng = self._shop.parameters.rng(BACK_END, day)
        log = odd_orders(rng, log, dose)
        broken, no_time, bad_time = marks(
            rng, len(log), (dose.broken_json, dose.missing_time, dose.bad_time)
        )
        # Damage of different kinds never meets in one row, so that each count can be checked.
        orders = log.event == CODE["purchase"]
        sound = np.flatnonzero(orders & ~(broken | no_time | bad_time))
        text = np.zeros(len(log), dtype=np.bool_)
        text[rng.choice(sound, min(dose.text_revenue, len(sound)), replace=False)] = True
        self._server.write(Server(log, text, broken, no_time, bad_time))
        self._count(log)
        self._see(log.take(~(broken | no_time | bad_time)))
        self._plant(
            negative_revenue=orders & (log.number < 0),
            bulk_orders=orders & (log.number > 100),
            text_revenue=text,
            broken_json=broken,
            missing_time=no_time,
            bad_time=bad_time,
        )

    def _write_web(self, day: int, log: Log, dose: Dose) -> None:
        chosen = self._shop.parameters
        if day == chosen.outage:
            self._planted["lost_in_outage"] = len(log)
            log = log.take(np.zeros(len(log), dtype=np.bool_))
        web = self._soil(chosen.rng(WEB, day), log, dose, day)
        end = (day + 1) * DAY
        if day == chosen.days - 1:
            end = np.iinfo(np.int64).max
        everything = joined([*self._waiting, web])
        now = everything.received < end
        self._waiting = [everything.take(~now)]
        arrived = everything.take(now)
        self._count(arrived.log)
        self._see(arrived.log.take(~arrived.anonymous))
        first = chosen.first_day
        table = web_table(arrived, self._shop.roll, self._shop.items, first_day=first)
        self._web.write(day, table)

    def _soil(self, rng: np.random.Generator, log: Log, dose: Dose, day: int) -> Web:
        """The browser's rows of a day, with their dirt."""
        views = int(np.count_nonzero(log.event == CODE["product_view"]))
        log = orphan(rng, log, dose, known=len(self._shop.items.ids), old=OLD_ITEMS)
        size = len(log)
        received = log.ts + rng.integers(SECOND // 20, 3 * SECOND, size)
        future, ahead, nobody, late = marks(
            rng, size, (dose.future, dose.clock_ahead, dose.no_person, dose.late)
        )
        ahead &= log.ts % DAY > _BUSY_CLOCK + 3 * SECOND
        late &= day < self._shop.parameters.days - LATE[1] // DAY - 1
        ts = log.ts.copy()
        ts[future] += WRONG_CENTURY * DAY
        received[ahead] = ts[ahead] - rng.integers(600 * SECOND, _BUSY_CLOCK, int(ahead.sum()))
        received[late] += rng.integers(*LATE, int(late.sum()))
        repeated = duplicates(rng, np.flatnonzero(~(future | ahead | nobody | late)), dose)
        again = np.concatenate([np.arange(size), repeated])
        moved = Log(log.person, ts, log.event, log.item, log.detail, log.number, log.order)
        self._plant(future_events=future, clock_ahead=ahead, no_person=nobody, late=late)
        self._planted["duplicates"] += len(repeated)
        self._planted["orphan_item_events"] += min(dose.orphan_items, views)
        web = Web(moved, received, nobody, self._numbered + np.arange(size))
        self._numbered += size
        return web.take(again)

    def _plant(self, **masks: Bools) -> None:
        for name, mask in masks.items():
            self._planted[name] += int(np.count_nonzero(mask))

    def _count(self, log: Log) -> None:
        self._events += np.bincount(log.event, minlength=len(EVENTS))

    def _see(self, log: Log) -> None:
        """A row shows the user id, or else the anonymous one."""
        known = self._shop.roll.known(log.person, log.ts)
        self.seen_known[log.person[known]] = True
        self.seen_unknown[log.person[~known]] = True
