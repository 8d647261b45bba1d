"""A synthetic shop, written as raw files the way a real shop would have them.

Nothing here is real: every file name starts with ``simulated-``, and `Truth` says what was
planted. The same parameters give the same bytes.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np

from fewer.data.simulate import arms as arms_of
from fewer.data.simulate.dispatch import Dispatch
from fewer.data.simulate.life import Shop
from fewer.data.simulate.log import Ints
from fewer.data.simulate.parameters import LAST_DAY, OUTCOME_DAYS, Parameters
from fewer.data.simulate.people import write_arms, write_assigned, write_lists, write_people
from fewer.data.simulate.tables import write_arm_reports, write_items, write_reports
from fewer.data.simulate.truth import Experiment, Truth

CONTACTS, LISTS, LOST = range(30, 33)  # streams of chance


def simulate(
    out: Path,
    parameters: Parameters | None = None,
    *,
    truth: Path | None = None,
    people: int = 0,
    events: int = 0,
    seed: int | None = None,
    days: int = 0,
) -> Truth:
    """Write a shop's raw files into `out` and return what was planted in them.

    Events are written day by day, so memory grows with the people and not with the events.

    Args:
        out: Folder for the files; made if missing, files of the same names are replaced.
        parameters: Everything that can be chosen; the worked example when left out.
        truth: File for what was planted; ``truth.json`` in `out` when left out. Keep it where
            no tool reads it.
        people: In place of `parameters.people`.
        events: In place of `parameters.events`.
        seed: In place of `parameters.seed`.
        days: In place of `parameters.days`.

    Returns:
        The truth, which is also written to `truth`.

    Raises:
        ValueError: When a size is too small for the planted effects to exist.
    """
    given = {"people": people, "events": events, "days": days}
    change = {name: value for name, value in given.items() if value}
    if seed is not None:
        change["seed"] = seed
    base = {} if parameters is None else parameters.model_dump(exclude_unset=True)
    chosen = Parameters(**(base | change))
    out.mkdir(parents=True, exist_ok=True)
    shop = Shop(chosen)
    dispatch = Dispatch(out, shop)
    for day, log in enumerate(shop.days()):
        dispatch.write(day, log)
    dispatch.close()
    found = _finish(out, shop, dispatch)
    found.write(truth or out / "truth.json")
    return found


def _finish(out: Path, shop: Shop, dispatch: Dispatch) -> Truth:
    """Write everything that is not an event, and state the truth."""
    chosen, world, first = shop.parameters, shop.world, shop.parameters.first_day
    seen = dispatch.seen_known[: world.people] | dispatch.seen_unknown[: world.people]
    contacts = write_people(
        out / "simulated-people.csv",
        chosen.rng(CONTACTS),
        world,
        shop.roll,
        first_day=first,
        days=chosen.days,
    )
    lists, strangers = write_lists(out, chosen.rng(LISTS), world, shop.roll, shop.holdout, seen)
    accounts = int(world.account.sum())
    listed = lists_of(shop)
    arms_at = first + timedelta(days=chosen.arms_on)
    arm_rows = write_arms(
        out / "simulated-arms.csv",
        world,
        shop.roll,
        listed,
        assigned=arms_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    rows = dispatch.rows()
    rows |= {"simulated-people.csv": accounts + contacts["consent_changes"]} | lists
    rows |= {"simulated-arms.csv": arm_rows}
    rows |= write_assigned(
        out,
        shop.roll,
        {
            design.id: {
                arm: listed[name]
                for arm, name in zip(design.arms, arms_of.lists(design), strict=True)
            }
            for design in arms_of.DESIGNS
        },
        day=chosen.arms_on,
        assigned=arms_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    rows |= write_items(out, shop.items)
    rows |= write_reports(out, shop.table, first)
    rows |= write_arm_reports(out, shop.arm_table, first)
    experiments: tuple[Experiment, ...] = ()
    if shop.arms is not None:
        sizes = {name: len(who) for name, who in listed.items()}
        experiments = arms_of.described(shop.arms, sizes, chosen, shop.effects)
    joined = (world.signup_day >= 0) & world.account
    planted = dispatch.planted(accounts=np.flatnonzero(world.account)) | contacts
    planted |= {
        "staff": int(world.staff.sum()),
        "people_without_account": world.people - accounts,
        "later_known": int((joined & (world.signup_day < chosen.days)).sum()),
        "held_out": int((shop.holdout & (world.account | seen)).sum()),
        "unsubscribed_strangers": strangers,
    }
    return Truth(
        seed=chosen.seed,
        days=chosen.days,
        first_day=first.date(),
        last_day=LAST_DAY,
        launch=first + timedelta(days=chosen.launch),
        outcome_days=OUTCOME_DAYS,
        people=world.people,
        accounts=accounts,
        rows=rows,
        events=dispatch.events(),
        planted=planted,
        effects=shop.effects,
        parameters=chosen,
        half_life=chosen.half_life,
        decay=shop.decay,
        decay_at=first + timedelta(days=chosen.launch - OUTCOME_DAYS),
        segments=shop.segments,
        experiments=experiments,
    )


def lists_of(shop: Shop) -> dict[str, Ints]:
    """People of each arm's list; one arm loses some of its keen when a failure is planted."""
    lists: dict[str, Ints] = {}
    if shop.arms is None or shop.arms_level is None:
        return lists
    for design in arms_of.DESIGNS:
        arm = shop.arms.chosen[design.id]
        for number, name in enumerate(arms_of.lists(design)):
            lists[name] = np.flatnonzero(arm == number)
    failure = shop.parameters.ratio_failure
    if failure:
        name = arms_of.FAILING
        people = lists[name]
        keen = shop.arms_level[people] > np.median(shop.arms_level[people])
        lost = keen & (shop.parameters.rng(LOST).random(len(people)) < failure)
        lists[name] = people[~lost]
    return lists
