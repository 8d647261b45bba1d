"""The days of the shop, one after another: visits, orders, campaigns, machines, and their truth.

Only today's events are in memory, and a few bytes for each person; so the length of the
simulation costs time and no memory. Each purpose and day has chance of its own, so nothing
depends on how the events are written.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import numpy as np

from fewer.data.simulate import arms as arms_of
from fewer.data.simulate.advertising import ad_effects, reports
from fewer.data.simulate.arm_reports import arm_ad_effects, arm_reports
from fewer.data.simulate.browsing import browse, sessions_for
from fewer.data.simulate.campaign import (
    HOLDOUT,
    Standing,
    Wave,
    association_effects,
    contacts,
    decay_table,
    held_out,
    lift_effects,
    standing,
    target,
)
from fewer.data.simulate.catalogue import catalogue
from fewer.data.simulate.chances import MOST, Ahead, Chances, mean, size
from fewer.data.simulate.dirt import Bots, Dose
from fewer.data.simulate.log import DAY, Log, Pending, concat
from fewer.data.simulate.memory import Memory
from fewer.data.simulate.orders import Deciders, purchases, refunds, signups
from fewer.data.simulate.parameters import OUTCOME_DAYS, Parameters
from fewer.data.simulate.people import enrol
from fewer.data.simulate.plants import PLANTS, multipliers
from fewer.data.simulate.touch import OPENS_PER_PERSON_DAY, newsletters
from fewer.data.simulate.truth import Band, Effect, PlantedSegment
from fewer.data.simulate.world import (
    WEEKDAY,
    Bools,
    Floats,
    Intent,
    build_world,
    mean_visits,
)

ITEMS, JOINED, ROLL, REPORTS, WAVE, ARMS, DOSES, ARM_REPORTS = range(2, 10)  # streams of chance,
VISITS, LUCK, ORDERS, NEWS, CRAWLS, BACK, DELAYS = range(10, 17)  # these one for each day
_PLANTS_RAISE: Final = 1.1  # purchases by planted segments, about


class Shop:
    """A shop that lives through its days. `days` may be iterated once; the truth is there after."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.items = catalogue(parameters.rng(ITEMS))
        self.world = build_world(parameters)
        self.dose = Dose.of(parameters)
        self.bots = Bots(parameters, bot_events=self.dose.bot_events)
        self._joined = signups(parameters.rng(JOINED), self.world)
        self.roll = enrol(parameters.rng(ROLL), self.world, self._joined, bots=self.bots.count)
        keys = (self.roll.key(i, parameters.launch) for i in range(self.world.people))
        self.holdout = held_out(keys, parameters.holdout, salt=parameters.salt(HOLDOUT))
        scale = parameters.events / 1_000_000
        self.table = reports(
            parameters.rng(REPORTS),
            days=parameters.days,
            launch=parameters.launch,
            scale=scale,
            wander=parameters.wander,
        )
        self.arm_table = arm_reports(
            parameters.rng(ARM_REPORTS),
            first=parameters.arms_on,
            days=OUTCOME_DAYS,
            scale=scale,
            wander=parameters.wander,
        )
        self.arms: arms_of.Arms | None = None
        self.arms_level: Floats | None = None
        self.effects: tuple[Effect, ...] = ()
        self.segments: tuple[PlantedSegment, ...] = ()
        self.decay: tuple[Band, ...] = ()
        self._memory = Memory(self.world.people)
        self._intent = Intent(self.world, parameters)
        self._pending = Pending()
        self._deciders = Deciders(self.world.people, parameters.delay)
        self._orders = 0
        self.wave: Wave | None = None
        self._factor: Floats | None = None
        self._judge = _Judge(self)

    def days(self) -> Iterator[Log]:
        """All that happened on each day, machines included, in no particular order."""
        per_rate = self._visits_per_rate()
        for day in range(self.parameters.days):
            self._intent.step()
            self._begin(day)
            people_did = self._live(day, per_rate)
            self._memory.note(day, people_did)
            self._judge.end(day)
            crawl = self.bots.crawl(self.parameters.rng(CRAWLS, day), self.items, day)
            yield concat([people_did, crawl])
        self.effects += ad_effects(self.table)
        self.effects += arm_ad_effects(self.arm_table, self.parameters)

    def _visits_per_rate(self) -> float:
        """Visits for each unit of the rate of visits, so that the events come to what is wanted."""
        chosen, dose = self.parameters, self.dose
        person_days = self.world.people * chosen.days
        orders = float(self._intent.hazard().mean(dtype=np.float64)) * person_days * _PLANTS_RAISE
        other = dose.bot_events + dose.duplicates + 5 * orders + OPENS_PER_PERSON_DAY * person_days
        wanted = max(chosen.events - other, chosen.events / 2)
        rhythm = sum(WEEKDAY) / len(WEEKDAY)
        return sessions_for(wanted) / (person_days * rhythm * mean_visits(chosen))

    def _begin(self, day: int) -> None:
        """What is decided at the midnight that starts `day`."""
        chosen = self.parameters
        if day == chosen.arms_on:
            self.arms = arms_of.assign(self._memory, lambda i: self.roll.key(i, day), day, chosen)
            self.arms_level = self._intent.level.copy()
            self._factor = self.arms.factor()
        elif day in (chosen.arms_on + OUTCOME_DAYS, chosen.launch + OUTCOME_DAYS):
            self._factor = None
        elif day == chosen.launch:
            rng = chosen.rng(WAVE)
            self.wave = target(rng, self._memory, self._intent.level, self.holdout, chosen)
            self._factor = self.wave.factor()
            self._pending.add(contacts(rng, self.wave, chosen))
        self._judge.begin(day, self._memory, self._deciders.within(day, OUTCOME_DAYS))

    def _live(self, day: int, per_rate: float) -> Log:
        chosen, world, intent = self.parameters, self.world, self._intent
        plain = intent.hazard()
        hazard = np.minimum(plain * multipliers(self._memory, chosen, day), MOST)
        self._judge.add(plain, hazard)
        chance = hazard if self._factor is None else np.minimum(hazard * self._factor, MOST)
        buyers = np.flatnonzero(chosen.rng(LUCK, day).random(world.people, np.float32) < chance)
        buyers = self._deciders.buyers(chosen.rng(DELAYS, day), buyers, day)
        ordered = purchases(
            chosen.rng(ORDERS, day),
            world,
            self._memory,
            buyers,
            day=day,
            first_order=self._orders,
            tail=chosen.baskets,
        )
        self._orders += len(buyers)
        self._pending.add(refunds(chosen.rng(BACK, day), ordered, days=chosen.days))
        return concat(
            [
                browse(
                    chosen.rng(VISITS, day),
                    world,
                    intent,
                    visits_per_rate=per_rate,
                    confounding=chosen.confounding,
                ),
                ordered,
                self._joined.take(self._joined.ts // DAY == day),
                newsletters(chosen.rng(NEWS, day), world, intent),
                self._pending.due(day),
            ]
        )


class _Judge:
    """Keeps true chances while an effect is being judged, and states it when its days are over."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._plain: Ahead | None = None  # as if no segment had been planted
        self._ahead: Ahead | None = None
        self._groups: Standing | None = None
        self._inside: list[Bools] = []

    def begin(self, day: int, memory: Memory, decided: Bools | None) -> None:
        chosen = self._shop.parameters
        before = chosen.launch - OUTCOME_DAYS
        if day in (chosen.arms_on, before, chosen.launch):
            self._ahead = self._judging(memory, decided)
        if day in (before, chosen.launch):
            self._plain = self._judging(memory, decided)
            self._groups = standing(memory, day)
        if day == before:
            self._inside = [plant.members(memory, day) for plant in PLANTS]

    def _judging(self, memory: Memory, decided: Bools | None) -> Ahead:
        delay = self._shop.parameters.delay
        return Ahead(memory.people, days=OUTCOME_DAYS, delay=delay, decided=decided)

    def add(self, plain: Floats, hazard: Floats) -> None:
        if self._ahead is not None:
            self._ahead.add(hazard)
        if self._plain is not None:
            self._plain.add(plain)

    def end(self, day: int) -> None:
        """State what is true once the days of a moment are over."""
        if self._ahead is None:
            return
        shop, chosen = self._shop, self._shop.parameters
        if day == chosen.arms_on + OUTCOME_DAYS - 1 and shop.arms is not None:
            shop.effects += arms_of.arm_effects(shop.arms, self._ahead, chosen)
            self._ahead = None
        elif day == chosen.launch - 1 and self._groups is not None and self._plain is not None:
            converts = self._ahead.converts()
            bare = self._plain.converts()
            shop.effects += association_effects(self._groups, converts, bare, chosen)
            shop.decay = decay_table(self._groups, converts)
            shop.segments = self._segments(converts, bare)
            self._ahead = self._plain = None
            self._inside = []
        elif day == chosen.launch + OUTCOME_DAYS - 1 and shop.wave is not None:
            shop.effects = self._campaign(shop.wave) + shop.effects
            self._ahead = self._plain = None

    def _campaign(self, wave: Wave) -> tuple[Effect, ...]:
        if self._ahead is None or self._plain is None or self._groups is None:
            return ()
        chosen, factor = self._shop.parameters, wave.factor()
        return lift_effects(wave, self._ahead, chosen) + association_effects(
            self._groups,
            self._ahead.converts(factor),
            self._plain.converts(factor),
            chosen,
            suffix="_during_campaign",
        )

    def _segments(self, planted: Chances, without: Chances) -> tuple[PlantedSegment, ...]:
        chosen = self._shop.parameters
        day = chosen.launch - OUTCOME_DAYS
        return tuple(
            PlantedSegment(
                id=plant.id,
                where=plant.where,
                multiplier=plant.excess(chosen, day),
                later_multiplier=plant.excess(chosen, chosen.launch),
                at=chosen.first_day + timedelta(days=day),
                people=size(inside),
                rate=mean(planted, inside),
                rate_without=mean(without, inside),
            )
            for plant, inside in zip(PLANTS, self._inside, strict=True)
        )
