"""Randomised arms: creative, offer, landing page, window, programme, exclusions; and their truth.

They start 45 days before the end and act for 14. Everyone stands in one lane, by hash, so that
the comparisons of different lanes share nobody; in the first lane three run at once, each split
by a hash of its own. Everybody in an arm is counted in it, whatever an ad platform did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fewer.data.identity.bucket import share_of
from fewer.data.simulate.chances import ENOUGH_POWER, Ahead, Chances, Contrast, mean, size
from fewer.data.simulate.memory import Memory
from fewer.data.simulate.parameters import OUTCOME_DAYS, Parameters
from fewer.data.simulate.truth import Effect, Experiment, PlantedArm
from fewer.data.simulate.world import Bools, Floats

LANES: Final = "lanes"
BANDS: Final = ((0, 7, 1.8), (7, 14, 1.3), (14, 30, 1.0))  # days since pricing, multiplier
LOOKED: Final[dict[str, Any]] = {
    "all": [{"did": "product_view", "within": "30d"}, {"did_not": "purchase"}]
}
PRICED: Final[dict[str, Any]] = {
    "all": [
        {"did": "page_view", "where": {"path": {"starts_with": "/pricing"}}, "within": "30d"},
        {"did_not": "purchase"},
    ]
}
FAILING: Final = "offer_ten_percent"  # the list that loses people on demand
_NOBODY: Final = -1


@dataclass(frozen=True, slots=True)
class Design:
    """A comparison: which lane, which arms, what each does to the hazard of a purchase."""

    id: str
    lane: tuple[float, float]
    arms: tuple[str, ...]
    multipliers: tuple[float, ...]  # empty: by window
    words: str

    @property
    def population(self) -> dict[str, Any]:
        """Whom it is for."""
        return LOOKED if self.multipliers else PRICED


_MESSAGE, _WINDOW, _PROGRAMME, _EXCLUSIONS = (0.0, 0.4), (0.4, 0.7), (0.7, 0.85), (0.85, 1.0)
DESIGNS: Final = (
    Design(
        "creative", _MESSAGE, ("portrait", "product"), (1.0, 1.0),
        "The creative that shows the product changes nothing about who buys.",
    ),
    Design(
        "offer", _MESSAGE, ("none", "ten_percent"), (1.0, 1.5),
        "The offer of 10 % makes {ratio:.2f} times as many people buy.",
    ),
    Design(
        "landing", _MESSAGE, ("home", "category"), (1.0, 1.25),
        "The landing page of the category makes {ratio:.2f} times as many people buy.",
    ),
    Design(
        "window", _WINDOW, ("w7", "w14", "w30"), (),
        "Advertising on days {low} to {high} after pricing makes {ratio:.2f} times as many buy.",
    ),
    Design(
        "programme", _PROGRAMME, ("broad", "segmented"), (1.0, 1.26),
        "Segments make {ratio:.2f} times as many people buy as broad cells do.",
    ),
    Design(
        "exclusions", _EXCLUSIONS, ("off", "on"), (1.0, 1.0),
        "Exclusions change nothing about who buys.",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arms:
    """Who is in which arm of which comparison."""

    chosen: dict[str, npt.NDArray[np.int8]]  # by design: the arm of each person, or -1
    band: npt.NDArray[np.int8]  # band of days since pricing, or -1
    day: int

    def factor(self, *, but: str = "") -> Floats:
        """What the arms do to the hazard of each person; without the design `but`."""
        factor = np.ones(len(self.band), dtype=np.float32)
        for design in DESIGNS:
            if design.id == but:
                continue
            arm = self.chosen[design.id]
            if design.multipliers:
                table = np.array([*design.multipliers, 1.0], dtype=np.float32)
                factor *= table[arm]  # nobody's arm is -1, the last entry
            else:
                covered = (arm >= self.band) & (self.band >= 0)
                table = np.array([*(band[2] for band in BANDS), 1.0], dtype=np.float32)
                factor *= np.where(covered, table[self.band], np.float32(1))
        return factor


def assign(memory: Memory, key: Callable[[int], str], day: int, parameters: Parameters) -> Arms:
    """Split the people of each lane, as they stand at the midnight that starts `day`."""
    open_to = ~memory.ever("purchase")
    looked = memory.within("view", day, 30) & open_to
    since = day - memory.last("pricing").astype(np.int64)
    band = np.full(memory.people, _NOBODY, dtype=np.int8)
    for number, (least, most, _) in enumerate(BANDS):
        band[(since > least) & (since <= most) & open_to] = number
    keys = {int(person): key(int(person)) for person in np.flatnonzero(looked | (band >= 0))}
    salt = parameters.salt(LANES)
    lanes = {person: share_of(name, salt=salt) for person, name in keys.items()}
    chosen = {}
    for design in DESIGNS:
        inside = looked if design.multipliers else band >= 0
        arm = np.full(memory.people, _NOBODY, dtype=np.int8)
        for person in np.flatnonzero(inside).tolist():
            if design.lane[0] <= lanes[person] < design.lane[1]:
                share = share_of(keys[person], salt=parameters.salt(design.id))
                arm[person] = int(share * len(design.arms))
        chosen[design.id] = arm
    return Arms(chosen, band, day)


def arm_effects(arms: Arms, ahead: Ahead, parameters: Parameters) -> tuple[Effect, ...]:
    """The true effect of each arm against the first one of its comparison."""
    effects: list[Effect] = []
    for design in DESIGNS:
        rest = arms.factor(but=design.id)
        arm = arms.chosen[design.id]
        if design.multipliers:
            plain = ahead.converts(rest)
            helped = ahead.converts(rest * np.float32(design.multipliers[1]))
            groups = (arm >= 0, arm == 1, arm == 0)
            how = f"list `{lists(design)[1]}` against list `{lists(design)[0]}`."
            effects.append(
                _effect(f"arm_{design.id}", design.words, how, groups, (helped, plain), parameters)
            )
        else:
            effects += _window_effects(design, arms, ahead, rest, parameters)
    return tuple(effects)


def _window_effects(
    design: Design, arms: Arms, ahead: Ahead, rest: Floats, parameters: Parameters
) -> list[Effect]:
    """Bands that some arms cover and others don't: each is a randomised comparison."""
    arm = arms.chosen[design.id]
    plain = ahead.converts(rest)
    effects = []
    for number, (least, most, multiplier) in enumerate(BANDS[1:], 1):
        helped = ahead.converts(rest * np.float32(multiplier))
        band = (arms.band == number) & (arm >= 0)
        groups = (band, band & (arm >= number), band & (arm < number))
        how = f"saw pricing last {least + 1} to {most} days before: arms that reach so far back"
        effects.append(
            _effect(
                f"window_{least + 1}_{most}",
                design.words.replace("{low}", str(least + 1)).replace("{high}", str(most)),
                how + " against those that don't.",
                groups,
                (helped, plain),
                parameters,
            )
        )
    return effects


def _effect(
    name: str,
    words: str,
    how: str,
    groups: tuple[Bools, Bools, Bools],
    chances: tuple[Chances, Chances],
    parameters: Parameters,
) -> Effect:
    """Of `groups` (everyone, over, under) and `chances` (with the arm, without)."""
    (members, over, under), (helped, plain) = groups, chances
    shown = Contrast(mean(helped, members), mean(plain, members), size(over), size(under))
    return Effect(
        id=name,
        statement=words.format(ratio=shown.ratio),
        how=f"Purchase within {OUTCOME_DAYS} days of `at`: {how}",
        at=parameters.first_day + timedelta(days=parameters.arms_on),
        value=shown.ratio - 1,
        causal=True,
        recoverable=shown.power >= ENOUGH_POWER,
        power=shown.power,
        counts={"compared": shown.over, "against": shown.under},
    )


def lists(design: Design) -> tuple[str, ...]:
    """The list of each arm."""
    return tuple(f"{design.id}_{arm}" for arm in design.arms)


def described(
    arms: Arms, listed: dict[str, int], parameters: Parameters, effects: tuple[Effect, ...]
) -> tuple[Experiment, ...]:
    """The designs in plain values, for the truth."""
    found = []
    for design in DESIGNS:
        names = lists(design)
        mine = tuple(
            PlantedArm(
                name=design.arms[number],
                list=names[number],
                share=1 / len(design.arms),
                people=size(arms.chosen[design.id] == number),
                listed=listed.get(names[number], 0),
            )
            for number in range(len(design.arms))
        )
        shown = tuple(
            effect.id
            for effect in effects
            if effect.id == f"arm_{design.id}" or effect.id.startswith(f"{design.id}_")
        )
        found.append(
            Experiment(
                id=design.id,
                at=parameters.first_day + timedelta(days=arms.day),
                days=OUTCOME_DAYS,
                population=design.population,
                lane=design.lane,
                lane_salt=parameters.salt(LANES),
                salt=parameters.salt(design.id),
                arms=mine,
                effects=shown,
            )
        )
    return tuple(found)
