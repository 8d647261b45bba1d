"""A synthetic shop, written as raw files the way a real shop would have them.

Nothing here is real: every file name starts with ``simulated-``, and `Truth` says what was
planted. The same arguments give the same bytes.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np

from fewer.data.simulate.advertising import Reports, ad_effects, reports
from fewer.data.simulate.browsing import browse, sessions_for
from fewer.data.simulate.campaign import (
    OUTCOME_DAYS,
    Campaigns,
    ad_clicks,
    association_effects,
    held_out,
    lift_effects,
    target,
)
from fewer.data.simulate.catalogue import (
    BRANDS,
    CAMPAIGNS,
    LEAVES,
    PLATFORMS,
    Items,
    catalogue,
)
from fewer.data.simulate.dirt import SECOND, Dose, bots, duplicates, marks, odd_orders, orphan
from fewer.data.simulate.log import CODE, DAY, SERVER, Log, concat
from fewer.data.simulate.orders import purchases, refunds, signups
from fewer.data.simulate.people import Roll, enrol, holdout_keys, write_lists, write_people
from fewer.data.simulate.server import Server, write_server
from fewer.data.simulate.truth import Effect, Truth
from fewer.data.simulate.web import OLD_ITEMS, Web, write_web
from fewer.data.simulate.world import Bools, World, build_world

LAST_DAY = date(2026, 6, 30)
LAUNCH_BEFORE_END = 15  # days of data after the launch of the campaigns
OUTAGE_BEFORE_END = 65  # the browser's log of one whole day is lost
WRONG_CENTURY = 365 * 5  # days by which the clocks of future events run ahead
MIN_DAYS, MIN_PEOPLE, MIN_EVENTS = 80, 500, 10_000
SEED = 16  # of the first twenty, the one whose association is nearest to the claim's 2.4


def simulate(
    out: Path,
    *,
    people: int = 50_000,
    events: int = 1_000_000,
    seed: int = SEED,
    days: int = 120,
) -> Truth:
    """Write a shop's raw files into `out` and return what was planted in them.

    Args:
        out: Folder for the files; made if missing, files of the same names are replaced.
        people: Human beings, about 62 % of them with an account; machines come on top.
        events: About so many rows of events in all, dirt included.
        seed: Of everything random.
        days: Length of the data; the last day is 2026-06-30 UTC.

    Returns:
        The truth, which is also written as ``truth.json``.

    Raises:
        ValueError: When a size is too small for the planted effects to exist.
    """
    for name, value, least in (
        ("people", people, MIN_PEOPLE),
        ("events", events, MIN_EVENTS),
        ("days", days, MIN_DAYS),
    ):
        if value < least:
            raise ValueError(f"{name} == {value}, must be >= {least}.")
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    first = datetime.combine(LAST_DAY - timedelta(days=days - 1), time(), tzinfo=UTC)
    shop = _live(rng, people=people, events=events, days=days, first_day=first)
    return _write(out, rng, shop, seed=seed, first_day=first, days=days)


@dataclass(frozen=True, slots=True)
class _Shop:
    world: World
    items: Items
    roll: Roll
    campaigns: Campaigns
    log: Log  # every event that happened, machines included
    table: Reports
    dose: Dose
    effects: tuple[Effect, ...]


def _live(
    rng: np.random.Generator, *, people: int, events: int, days: int, first_day: datetime
) -> _Shop:
    """Let the days pass: visits, orders, campaigns, machines."""
    dose = Dose.for_size(people=people, events=events)
    items = catalogue(rng)
    world = build_world(rng, people=people, days=days)
    launch = days - LAUNCH_BEFORE_END
    luck = rng.random(world.hazard.shape, dtype=np.float32)
    orders_expected = int((luck < world.hazard).sum())
    wanted = events - dose.bot_events - dose.duplicates - 5 * orders_expected
    browsed = browse(rng, world, sessions=sessions_for(max(wanted, events // 2)))
    joined = signups(rng, world)
    roll = enrol(rng, world, joined, bots=dose.bots)
    campaigns = target(
        browsed,
        bought=np.any(luck[:launch] < world.hazard[:launch], axis=0),
        launch=launch,
        holdout=held_out(holdout_keys(roll, world, launch=launch)),
    )
    ordered = purchases(rng, world, luck < campaigns.chance(world), browsed)
    people_did = concat(
        [browsed, ordered, refunds(rng, ordered, days=days), joined, ad_clicks(rng, campaigns)]
    )
    table = reports(rng, days=days, launch=launch, scale=events / 1_000_000)
    before, during = launch - OUTCOME_DAYS, launch
    effects = (
        *lift_effects(world, campaigns, first_day=first_day),
        *association_effects(world, campaigns, people_did, index=before, first_day=first_day),
        *association_effects(
            world,
            campaigns,
            people_did,
            index=during,
            first_day=first_day,
            suffix="_during_campaign",
        ),
        *ad_effects(table),
    )
    outage = days - OUTAGE_BEFORE_END
    machines = bots(rng, dose, items, first=people, days=days, never_on=outage)
    log = concat([people_did, machines])
    return _Shop(world, items, roll, campaigns, log, table, dose, effects)


def _write(
    out: Path, rng: np.random.Generator, shop: _Shop, *, seed: int, first_day: datetime, days: int
) -> Truth:
    at_server = np.isin(shop.log.event, [CODE[name] for name in SERVER])
    server = _server(rng, shop, shop.log.take(at_server))
    web, web_dirt = _web(rng, shop, shop.log.take(~at_server), days=days)
    rows = write_web(out, web, shop.roll, shop.items, first_day=first_day)
    rows |= write_server(out, server, shop.roll, shop.items, first_day=first_day)
    seen = np.bincount(shop.log.person, minlength=shop.world.people)[: shop.world.people] > 0
    contacts = write_people(
        out / "simulated-people.csv", rng, shop.world, shop.roll, first_day=first_day, days=days
    )
    lists, strangers = write_lists(out, rng, shop.world, shop.roll, shop.campaigns.holdout, seen)
    accounts = int(shop.world.account.sum())
    rows |= {"simulated-people.csv": accounts + contacts["consent_changes"]} | lists
    rows |= _write_items(out, shop.items)
    rows |= _write_reports(out, shop.table, first_day)
    truth = Truth(
        seed=seed,
        days=days,
        first_day=first_day.date(),
        last_day=LAST_DAY,
        launch=first_day + timedelta(days=shop.campaigns.launch),
        outcome_days=OUTCOME_DAYS,
        people=shop.world.people,
        accounts=accounts,
        rows=rows,
        events=_sum(web.log.counts(), server.log.counts()),
        planted=_planted(shop, server, accounts=accounts, seen=seen)
        | _identities(shop, web, server)
        | web_dirt
        | contacts
        | {"unsubscribed_strangers": strangers},
        effects=shop.effects,
    )
    truth.write(out / "truth.json")
    return truth


def _server(rng: np.random.Generator, shop: _Shop, log: Log) -> Server:
    dose = shop.dose
    log = odd_orders(rng, log.take(np.argsort(log.ts, kind="stable")), dose)
    broken, no_time, bad_time = marks(
        rng, len(log), (dose.broken_json, dose.missing_time, dose.bad_time)
    )
    # Damage of different kinds never meets in one row, so that each count can be checked.
    sound = np.flatnonzero((log.event == CODE["purchase"]) & ~(broken | no_time | bad_time))
    text = np.zeros(len(log), dtype=np.bool_)
    text[rng.choice(sound, min(dose.text_revenue, len(sound)), replace=False)] = True
    return Server(log, text, broken, no_time, bad_time)


def _web(
    rng: np.random.Generator, shop: _Shop, log: Log, *, days: int
) -> tuple[Web, dict[str, int]]:
    """The browser's rows in the order of receipt, with their dirt; and how much of it."""
    outage = log.ts // DAY == days - OUTAGE_BEFORE_END
    log = log.take(~outage)
    log = log.take(np.argsort(log.ts, kind="stable"))
    log = orphan(rng, log, shop.dose, known=len(shop.items.ids), old=OLD_ITEMS)
    received = log.ts + rng.integers(SECOND // 20, 3 * SECOND, len(log))
    dose = shop.dose
    future, ahead, nobody = marks(rng, len(log), (dose.future, dose.clock_ahead, dose.no_person))
    ts = log.ts.copy()
    ts[future] += WRONG_CENTURY * DAY
    received[ahead] = ts[ahead] - rng.integers(600 * SECOND, 6 * 3600 * SECOND, dose.clock_ahead)
    sound = np.flatnonzero(~(future | ahead | nobody))
    repeated = duplicates(rng, sound, dose)
    again = np.concatenate([np.arange(len(log)), repeated])
    again = again[np.argsort(received[again], kind="stable")]
    moved = Log(log.person, ts, log.event, log.item, log.detail, log.number, log.order)
    dirt = {"duplicates": len(repeated), "lost_in_outage": int(outage.sum())}
    return Web(moved.take(again), received[again], nobody[again], again), dirt


def _planted(shop: _Shop, server: Server, *, accounts: int, seen: Bools) -> dict[str, int]:
    dose, world = shop.dose, shop.world
    joined = (world.signup_day >= 0) & world.account
    orders = server.log.event == CODE["purchase"]
    return {
        "bots": dose.bots,
        "bot_events": dose.bot_events,
        "orphan_item_events": dose.orphan_items,
        "future_events": dose.future,
        "clock_ahead": dose.clock_ahead,
        "no_person": dose.no_person,
        "negative_revenue": int((orders & (server.log.number < 0)).sum()),
        "bulk_orders": int((orders & (server.log.number > 100)).sum()),
        "text_revenue": int(server.text_revenue.sum()),
        "broken_json": int(server.broken_json.sum()),
        "missing_time": int(server.missing_time.sum()),
        "bad_time": int(server.bad_time.sum()),
        "people_without_account": world.people - accounts,
        "later_known": int(joined.sum()),
        "held_out": int((shop.campaigns.holdout & (world.account | seen)).sum()),
    }


def _identities(shop: _Shop, web: Web, server: Server) -> dict[str, int]:
    """People as the files tell them apart: a row shows the user id, or else the anonymous one."""
    unreadable = server.broken_json | server.missing_time | server.bad_time
    read = [web.log.take(~web.anonymous), server.log.take(~unreadable)]
    person, ts = (np.concatenate([getattr(log, name) for log in read]) for name in ("person", "ts"))
    known = shop.roll.known(person, ts)
    accounts = np.flatnonzero(shop.world.account)
    return {
        "accounts_without_events": len(np.setdiff1d(accounts, person[known])),
        "anonymous_ids": len(np.unique(person[~known])),
    }


def _write_items(out: Path, items: Items) -> dict[str, int]:
    with (out / "simulated-items.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["item_id", "name", "category_path", "brand", "price", "currency"])
        for i, item_id in enumerate(items.ids):
            path = "/".join(LEAVES[items.leaf[i]])
            price = f"{items.price[i]:.2f}"
            writer.writerow([item_id, items.names[i], path, BRANDS[items.brand[i]], price, "USD"])
    return {"simulated-items.csv": len(items.ids)}


def _write_reports(out: Path, table: Reports, first_day: datetime) -> dict[str, int]:
    name = "simulated-ad-reports.csv"
    head = ["day", "platform", "account", "campaign", "ad_set", "segment", "arm", "currency"]
    head += ["impressions", "clicks", "spend", "conversions", "value"]
    with (out / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        for row in range(len(table.day)):
            day = (first_day + timedelta(days=int(table.day[row]))).date()
            platform = PLATFORMS[table.platform[row]]
            campaign = CAMPAIGNS[table.campaign[row]]
            arm = "broad" if campaign.segment == "broad" else "targeted"
            names = [platform, f"{platform}-001", campaign.id, f"{campaign.id}_{platform}"]
            facts = [table.impressions[row], table.clicks[row], f"{table.spend[row]:.2f}"]
            facts += [table.conversions[row], f"{table.value[row]:.2f}"]
            writer.writerow([day, *names, campaign.segment, arm, "USD", *facts])
    return {name: len(table.day)}


def _sum(*counts: dict[str, int]) -> dict[str, int]:
    names = sorted({name for part in counts for name in part})
    return {name: sum(part.get(name, 0) for part in counts) for name in names}
