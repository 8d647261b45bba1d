"""Plain counts over the generated rows of a small shop, beside what is true of them.

Nothing of the product selects people here: groups and outcomes are loops over events, as in a
textbook. Only the intervals come from `fewer.stats`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from fewer.data.simulate.advertising import ad_effects, reports
from fewer.data.simulate.arm_reports import AD_ARMS, arm_ad_effects, arm_reports
from fewer.data.simulate.catalogue import CAMPAIGNS, PRICING
from fewer.data.simulate.life import ARM_REPORTS, REPORTS, Shop
from fewer.data.simulate.log import CODE, DAY, INTERACTIONS
from fewer.data.simulate.parameters import OUTCOME_DAYS, Parameters
from fewer.data.simulate.shop import lists_of
from fewer.stats.mean import Moments, mean_ratio, moments
from fewer.stats.proportion import ratio
from fewer.stats.ratio import ratio_of_ratios

SIZED = {"people": 12_000, "events": 60_000, "days": 80}
LOOKS = {CODE[name] for name in INTERACTIONS}
ONCE = ("lift_pricing", "lift_placebo", "lift_winback", "arm_creative", "arm_offer",
        "arm_landing", "arm_programme", "arm_exclusions", "window_8_14", "window_15_30",
        "selection_three_plus", "recency_decay")  # fmt: skip
NULL = ("lift_placebo", "arm_creative", "arm_exclusions")


@dataclass
class Past:
    """When each person did what matters, in days and parts of days."""

    pricing: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    view: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    looks: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    bought: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    shown: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    spent: dict[int, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True)
class Seen:
    """One effect in one world: counts, the interval, the truth."""

    effect: str
    counts: tuple[int, int, int, int]
    lower: float
    upper: float
    truth: float
    whole: float | None = None

    @property
    def interval(self) -> bool:
        return not (np.isnan(self.lower) and np.isnan(self.upper))

    @property
    def covers(self) -> bool:
        return self.holds(self.truth)

    def holds(self, value: float) -> bool:
        low = -np.inf if np.isnan(self.lower) else self.lower
        high = np.inf if np.isnan(self.upper) else self.upper
        return low <= value <= high


class World:
    """A shop that has lived through its days, and what its people did."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.shop = Shop(parameters)
        self.past = Past()
        people = self.shop.world.people
        for log in self.shop.days():
            self._note(log, people)

    def _note(self, log, people: int) -> None:
        paid = np.append(self.shop.items.price, np.nan)[log.item] * log.number
        rows = zip(log.person.tolist(), (log.ts / DAY).tolist(), log.event.tolist(),
                   log.detail.tolist(), paid.tolist(), strict=True)  # fmt: skip
        for person, at, event, detail, amount in rows:
            if person >= people:
                continue
            if event == CODE["purchase"]:
                self.past.bought[person].append(at)
                self.past.spent[person].append((at, amount))
            elif event == CODE["page_view"] and detail in PRICING:
                self.past.pricing[person].append(at)
            elif event == CODE["ad_impression"]:
                self.past.shown[person].add(detail // 2)
            if event in LOOKS:
                self.past.looks[person].append(at)
            if event == CODE["product_view"]:
                self.past.view[person].append(at)

    def never_bought(self, person: int, at: int) -> bool:
        return not any(t < at for t in self.past.bought.get(person, ()))

    def buys(self, person: int, at: int) -> bool:
        return any(at <= t < at + OUTCOME_DAYS for t in self.past.bought.get(person, ()))

    def last(self, what: dict[int, list[float]], person: int, at: int) -> float:
        """Days since the last one before `at`; infinite without one."""
        return at - max((t for t in what.get(person, ()) if t < at), default=-np.inf)

    def members(self, segment: str) -> list[int]:
        """People of a campaign's segment at the launch."""
        at, past = self.parameters.launch, self.past
        if segment == "lapsing_buyers":
            return [p for p in past.bought if 31 < self.last(past.bought, p, at) <= 75]
        hot = {p for p in past.pricing if self.last(past.pricing, p, at) <= 7}
        if segment == "pricing_hot":
            return [p for p in hot if self.never_bought(p, at)]
        return [p for p in past.view if self.last(past.view, p, at) <= 21
                and p not in hot and self.never_bought(p, at)]  # fmt: skip

    def worth(self, people: list[int], at: int) -> Moments:
        """What these people spend in the time that counts."""
        sums = [
            sum(paid for t, paid in self.past.spent.get(p, ()) if at <= t < at + OUTCOME_DAYS)
            for p in people
        ]
        x = np.array(sums or [0.0])
        return moments([len(people)], [x.sum()], [(x**2).sum()], [(x > 0).sum()])

    def revenue(self) -> Iterator[Seen]:
        """Amounts per person of arms that change nothing: ratio 1, whatever the baskets are."""
        lists, at = lists_of(self.shop), self.parameters.arms_on
        for name, one, other in (("creative", "portrait", "product"), ("exclusions", "off", "on")):
            first, second = (self.worth(lists[f"{name}_{arm}"].tolist(), at)
                             for arm in (other, one))  # fmt: skip
            found = mean_ratio(first, second)
            yield Seen(f"revenue_{name}", (0, 0, 0, 0), float(found.lower[0]),
                       float(found.upper[0]), 1.0)  # fmt: skip

    def split(self, first: list[int], second: list[int], at: int) -> tuple[int, int, int, int]:
        k = [sum(self.buys(p, at) for p in group) for group in (first, second)]
        return k[0], len(first), k[1], len(second)

    def counts(self, effect: str) -> tuple[int, int, int, int]:
        """(bought, people) of the two groups that `effect` compares."""
        kind, _, name = effect.partition("_")
        chosen = self.parameters
        if kind == "lift":
            segment = {"pricing": "pricing_hot", "placebo": "product_warm"}.get(name)
            people = self.members(segment or "lapsing_buyers")
            held = self.shop.holdout
            return self.split(
                [p for p in people if not held[p]], [p for p in people if held[p]], chosen.launch
            )
        if kind == "reached":  # the tempting comparison
            people = [p for p in self.members("product_warm") if not self.shop.holdout[p]]
            campaign = [c.id for c in CAMPAIGNS].index("warm_reminder")
            seen = [p for p in people if campaign in self.past.shown.get(p, ())]
            rest = [p for p in people if campaign not in self.past.shown.get(p, ())]
            return self.split(seen, rest, chosen.launch)
        if kind == "arm":
            lists = lists_of(self.shop)
            one, other = (who for who in lists if who.startswith(f"{name}_"))
            return self.split(lists[other].tolist(), lists[one].tolist(), chosen.arms_on)
        if kind == "window":
            return self._window(int(name.partition("_")[0]) - 1)
        return self._standing(effect)

    def _window(self, after: int) -> tuple[int, int, int, int]:
        at, lists = self.parameters.arms_on, lists_of(self.shop)
        until = {7: 14, 14: 30}[after]
        groups: tuple[list[int], list[int]] = ([], [])
        for name, reach in (("w7", 7), ("w14", 14), ("w30", 30)):
            for p in lists[f"window_{name}"].tolist():
                if after < self.last(self.past.pricing, p, at) <= until:
                    groups[reach <= after].append(p)
        return self.split(*groups, at)

    def _standing(self, effect: str) -> tuple[int, int, int, int]:
        at = self.parameters.launch - OUTCOME_DAYS
        past = self.past
        if effect.startswith("selection"):
            k = {p: sum(at - 7 <= t < at for t in times) for p, times in past.looks.items()}
            many = [p for p, n in k.items() if n >= 3 and self.never_bought(p, at)]
            one = [p for p, n in k.items() if n == 1 and self.never_bought(p, at)]
            return self.split(many, one, at)
        since = {p: self.last(past.pricing, p, at) for p in past.pricing}
        near = [p for p, d in since.items() if d <= 7 and self.never_bought(p, at)]
        far = [p for p, d in since.items() if 14 < d <= 30 and self.never_bought(p, at)]
        return self.split(far, near, at)

    def seen(self) -> Iterator[Seen]:
        """Every effect among people that this world holds."""
        truths = {effect.id: effect for effect in self.shop.effects}
        for name in ONCE:
            counts = self.counts(name)
            if not (counts[1] and counts[3]):
                continue
            found = ratio(*([each] for each in counts))
            effect = truths[name]
            shift = 1 if name.startswith(("lift", "arm", "window")) else 0
            whole = None if effect.whole is None else 1 + effect.whole
            yield Seen(name, counts, float(found.lower[0]), float(found.upper[0]),
                       effect.value + shift, whole)  # fmt: skip


class Ads:
    """The ad reports of a world; they depend on nobody, so no days need to be lived."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        scale, wander = parameters.events / 1_000_000, parameters.wander
        self.table = reports(
            parameters.rng(REPORTS), days=parameters.days, launch=parameters.launch, scale=scale,
            wander=wander,
        )  # fmt: skip
        self.arms = arm_reports(
            parameters.rng(ARM_REPORTS), first=parameters.arms_on, days=OUTCOME_DAYS, scale=scale,
            wander=wander,
        )  # fmt: skip

    def seen(self) -> Iterator[Seen]:
        """Ratios to the broad audience, and between randomised arms."""
        effects = (*ad_effects(self.table), *arm_ad_effects(self.arms, self.parameters))
        truths = {effect.id: effect.value for effect in effects}
        for name, low, high in (*self._to_broad(), *self._between_arms()):
            yield Seen(name, (0, 0, 0, 0), low, high, truths[name])

    def _to_broad(self) -> Iterator[tuple[str, float, float]]:
        made, broad = self.table, [0]
        pools = {"interest": [1, 2], "placebo": [3]}
        for name in ("ctr_interest", "cpc_interest", "ctr_placebo"):
            metric, _, pool = name.partition("_")
            yield name, *_ratio(made, made.day, made.campaign, metric, pools[pool], broad)

    def _between_arms(self) -> Iterator[tuple[str, float, float]]:
        made, day = self.arms, self.arms.day - self.parameters.arms_on
        known = {arm.experiment for arm in AD_ARMS}
        for effect in arm_ad_effects(made, self.parameters):
            experiment, _, metric = effect.id.partition("_")
            assert experiment in known
            base, other = (i for i, a in enumerate(AD_ARMS) if a.experiment == experiment)
            yield effect.id, *_ratio(made, day, made.arm, metric, [other], [base])


def _ratio(made, day, group, metric: str, first: list[int], second: list[int]):
    """Limits of the ratio of a metric of two groups of rows, with days as clusters."""
    over, under = {"ctr": ("clicks", "impressions"), "cpc": ("spend", "clicks"),
                   "cpa": ("spend", "conversions")}[metric]  # fmt: skip

    def by_day(which: list[int], what: str) -> np.ndarray:
        mine = np.isin(group, which)
        return np.bincount(day[mine], weights=getattr(made, what)[mine], minlength=day.max() + 1)

    found = ratio_of_ratios(by_day(first, over), by_day(first, under),
                            by_day(second, over), by_day(second, under))  # fmt: skip
    return float(found.lower), float(found.upper)
