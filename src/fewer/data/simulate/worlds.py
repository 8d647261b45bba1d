"""Labelled worlds for discovery: people, features and outcomes, with conjunctions planted in them.

No files, no time: a table as a discovery method sees it, and beside it what is true. The same
seed gives the same world. `worlds` makes many; `Setting` chooses size and mechanism.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_TOPICS = 10
_OWN_TOPIC = 0.6  # share of what a person does that belongs to their topic
_MAIN_EFFECTS = 10  # features that raise or lower the chance alone
_TRIES = 4_000  # candidates looked at for each conjunction before giving up
_SEASONAL = 0.3  # share of features that follow the season
_IN_A_BURST = 0.04  # share of people
_NEAR = 0.7  # share of candidates whose terms are of one topic
_MOST = 0.9  # no chance of converting is above this
_APART = 0.3  # planted conjunctions share at most this much of their people (Jaccard)


class Mechanism(StrEnum):
    """What else moves both behaviour and conversion, so that naive associations arise."""

    ACTIVITY = "activity"
    """Active people do more of everything and convert more often; activity is observed."""
    INTENT = "intent"
    """A hidden intent does both; the number of events is only a noisy sign of it."""
    SEASONAL = "seasonal"
    """Some features and the rate follow the day; the later cohort lives in another season."""
    BURST = "burst"
    """A few people act in a burst of many features at once, and those convert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Size and mechanism of a labelled world.

    Attributes:
        people: In each of the two cohorts.
        features: Binary features ("did X in window W").
        numeric: Numeric features (sums, seconds), skewed and correlated with activity.
        mean_features: Features a person has, on average, about.
        base_rate: Share of people who convert, about, plants aside.
        planted: Conjunctions planted; the first `triples` have three terms, the others two.
        triples: How many of them have three terms.
        with_numeric: How many (from the last) have a numeric threshold as a term.
        decayed: How many (from the first, every third) lose most of their effect later.
        decay: Share of the excess (multiplier - 1) that those lose.
        multiplier: Least and greatest multiplier of the chance of converting.
        size: Least and greatest number of members in the first cohort.
        mechanism: Where naive associations come from.
        strength: How strongly the mechanism moves conversion; 0 switches it off.
    """

    people: int = 100_000
    features: int = 200
    numeric: int = 6
    mean_features: float = 8.0
    base_rate: float = 0.02
    planted: int = 12
    triples: int = 6
    with_numeric: int = 2
    decayed: int = 4
    decay: float = 0.6
    multiplier: tuple[float, float] = (2.5, 5.0)
    size: tuple[int, int] = (300, 2_500)
    mechanism: Mechanism = Mechanism.ACTIVITY
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: has binary feature `column`, or numeric `column` is `at_least` so much."""

    column: int
    at_least: float | None = None


@dataclass(frozen=True, slots=True)
class Planted:
    """A conjunction and what it does to the chance of converting."""

    terms: tuple[Term, ...]
    multiplier: float
    later_multiplier: float
    size: int  # members in the first cohort
    later_size: int
    expected: float  # conversions of the members in the first cohort, plants included

    @property
    def decays(self) -> bool:
        """Whether it is weaker in the later cohort."""
        return self.later_multiplier < self.multiplier


@dataclass(frozen=True, slots=True)
class Cohort:
    """People of one time. `chance` and `cause` are hidden: no method may read them.

    Binary features are in compressed rows: person `i` has the ascending
    ``features[start[i]:start[i + 1]]``.
    """

    start: Ints  # (people + 1,)
    features: npt.NDArray[np.int32]  # (pairs of person and feature,)
    numeric: Floats  # (people, numeric)
    events: Ints  # (people,): observed activity, at least the number of features
    day: Ints  # (people,): day of observation, 0..27
    converted: Bools  # (people,)
    chance: Floats  # (people,): true chance of converting
    cause: Floats  # (people,): the hidden mover: activity, intent, season or burst

    @property
    def people(self) -> int:
        """How many people."""
        return len(self.start) - 1

    def matrix(self, features: int) -> Bools:
        """Dense (people, features)."""
        dense = np.zeros((self.people, features), dtype=np.bool_)
        dense[np.repeat(np.arange(self.people), np.diff(self.start)), self.features] = True
        return dense

    def members(self, terms: tuple[Term, ...]) -> Bools:
        """Who fits all the terms."""
        inside = np.ones(self.people, dtype=np.bool_)
        owner = np.repeat(np.arange(self.people), np.diff(self.start))
        for term in terms:
            if term.at_least is None:
                has = np.zeros(self.people, dtype=np.bool_)
                has[owner[self.features == term.column]] = True
            else:
                has = self.numeric[:, term.column] >= term.at_least
            inside &= has
        return inside

    def shuffled(self, seed: int) -> Cohort:
        """The same people with outcomes that belong to others: nothing is left to discover."""
        order = np.random.default_rng([seed, 7]).permutation(self.people)
        return replace(self, converted=self.converted[order], chance=self.chance[order])


@dataclass(frozen=True, slots=True)
class Labelled:
    """A world: a cohort to discover in, a later one to confirm on, and the truth."""

    seed: int
    setting: Setting
    discovery: Cohort
    later: Cohort
    planted: tuple[Planted, ...]


def worlds(seed: int, *, count: int = 1, setting: Setting | None = None) -> Iterator[Labelled]:
    """Independent worlds, one for each of the seeds ``seed, seed + 1, ...``.

    Raises:
        ValueError: When so many conjunctions of that size don't exist among so few people.
    """
    for number in range(seed, seed + count):
        yield world(number, setting)


def world(seed: int, setting: Setting | None = None) -> Labelled:
    """One labelled world. Costs about 1 s for 100,000 people x 200 features."""
    chosen = setting or Setting()
    rng = np.random.default_rng([seed, 1])
    nature = _nature(rng, chosen)
    first, later = (_behave(rng, chosen, nature, later=when) for when in (False, True))
    terms = _conjunctions(rng, chosen, nature, first)
    most, least = chosen.multiplier[1], chosen.multiplier[0]
    multipliers = rng.uniform(least, most, len(terms))
    fades = np.zeros(len(terms), dtype=np.bool_)
    fades[np.argsort(np.arange(len(terms)) % 3, kind="stable")[: chosen.decayed]] = True
    afterwards = np.where(fades, 1 + (multipliers - 1) * (1 - chosen.decay), multipliers)
    level = np.log(chosen.base_rate) - np.log(np.mean(np.exp(first.risk)))
    first_cohort, insiders = first.convert(rng, terms, multipliers, level)
    later_cohort, outsiders = later.convert(rng, terms, afterwards, level)
    planted = tuple(
        Planted(
            terms=terms[i],
            multiplier=float(multipliers[i]),
            later_multiplier=float(afterwards[i]),
            size=int(insiders[i].sum()),
            later_size=int(outsiders[i].sum()),
            expected=float(first_cohort.chance[insiders[i]].sum()),
        )
        for i in range(len(terms))
    )
    return Labelled(seed, chosen, first_cohort, later_cohort, planted)


@dataclass(frozen=True, slots=True)
class _Nature:
    """What stays the same between the two cohorts."""

    topic: Ints  # of each feature
    popularity: Floats
    main: Floats  # effect of each feature alone, on the log of the chance
    seasonal: Bools  # features that follow the season
    leaning: Floats  # (topics, numeric): of each topic towards each number


@dataclass(frozen=True, slots=True)
class _Behaviour:
    """A cohort before anyone has converted."""

    cohort: Cohort
    risk: Floats  # log of the chance, up to a constant

    def convert(
        self, rng: np.random.Generator, terms: list[tuple[Term, ...]], by: Floats, level: float
    ) -> tuple[Cohort, list[Bools]]:
        chance = np.exp(self.risk + level)
        insiders = [self.cohort.members(conjunction) for conjunction in terms]
        for members, multiplier in zip(insiders, by.tolist(), strict=True):
            chance = np.where(members, chance * multiplier, chance)
        chance = np.minimum(chance, _MOST)
        converted = rng.random(len(chance)) < chance
        return replace(self.cohort, chance=chance, converted=converted), insiders


def _nature(rng: np.random.Generator, setting: Setting) -> _Nature:
    size = setting.features
    popularity = 1.0 / (np.arange(size) + 3.0) ** 0.6
    main = np.zeros(size)
    raised = rng.choice(size, min(_MAIN_EFFECTS, size), replace=False)
    main[raised] = rng.uniform(-0.3, 0.5, len(raised))
    return _Nature(
        topic=rng.integers(0, _TOPICS, size),
        popularity=rng.permutation(popularity / popularity.sum()),
        main=main,
        seasonal=rng.random(size) < _SEASONAL,
        leaning=rng.normal(0, 0.6, (_TOPICS, setting.numeric)),
    )


def _behave(
    rng: np.random.Generator, setting: Setting, nature: _Nature, *, later: bool
) -> _Behaviour:
    people = setting.people
    active = rng.lognormal(-0.32, 0.8, people)  # mean 1, heavy right tail
    topic = rng.integers(0, _TOPICS, people)
    day = rng.integers(0, 28, people)
    busy, pull, cause = _mechanism(rng, setting, active, day, later=later)
    draws = rng.poisson(1.35 * setting.mean_features * busy)
    owner = np.repeat(np.arange(people), draws)
    done = _draw(rng, nature, topic[owner], _season(day[owner], later=later), setting)
    pairs = np.unique(owner * setting.features + done)
    owner, features = np.divmod(pairs, setting.features)
    start = np.zeros(people + 1, dtype=np.int64)
    np.cumsum(np.bincount(owner, minlength=people), out=start[1:])
    own = np.bincount(owner, weights=nature.main[features], minlength=people)
    cohort = Cohort(
        start=start,
        features=features.astype(np.int32),
        numeric=_numeric(rng, draws, nature.leaning[topic]),
        events=draws + rng.poisson(2.0 * busy),
        day=day,
        converted=np.zeros(people, dtype=np.bool_),
        chance=np.zeros(people),
        cause=cause,
    )
    return _Behaviour(cohort, own + setting.strength * pull)


def _mechanism(
    rng: np.random.Generator, setting: Setting, active: Floats, day: Ints, *, later: bool
) -> tuple[Floats, Floats, Floats]:
    """(how much each does, pull on the log of the chance, the hidden cause)."""
    match setting.mechanism:
        case Mechanism.ACTIVITY:
            return active, 0.5 * np.log(active), active
        case Mechanism.INTENT:
            intent = rng.gamma(0.6, 1 / 0.6, len(active))
            return active * (0.55 + 0.45 * intent), np.log(0.25 + intent), intent
        case Mechanism.SEASONAL:
            season = _season(day, later=later)
            return active * (0.75 + 0.5 * season), 0.3 * np.log(active) + 1.2 * season, season
        case Mechanism.BURST:
            burst = rng.random(len(active)) < _IN_A_BURST
            pull: Floats = np.where(burst, 1.6, 0.0)
            return np.where(burst, active + 3.0, active), pull, burst.astype(np.float64)


def _season(day: Ints, *, later: bool) -> Floats:
    """0 out of season, 1 at its height; the later cohort is past it."""
    height: Floats = np.sin(np.pi * (day + (14.0 if later else 0.0)) / 28.0) ** 2
    return height


def _draw(
    rng: np.random.Generator, nature: _Nature, topic: Ints, season: Floats, setting: Setting
) -> Ints:
    """A feature for each act: of the own topic mostly, by popularity, by season."""
    size = setting.features
    tables = np.empty((_TOPICS, size))
    for number in range(_TOPICS):
        inside = np.where(nature.topic == number, nature.popularity, 0.0)
        share = inside / inside.sum() if inside.sum() else nature.popularity
        tables[number] = np.cumsum(_OWN_TOPIC * share + (1 - _OWN_TOPIC) * nature.popularity)
    flat = (tables / tables[:, -1:] + np.arange(_TOPICS)[:, None]).ravel()
    found = np.searchsorted(flat, rng.random(len(topic)) + topic, side="right") - topic * size
    done: Ints = np.clip(found, 0, size - 1)
    if setting.mechanism is Mechanism.SEASONAL and nature.seasonal.any():
        chosen = np.flatnonzero(nature.seasonal)
        moved = rng.random(len(done)) < 0.3 * season
        done[moved] = rng.choice(chosen, int(moved.sum()))
    return done


def _numeric(rng: np.random.Generator, draws: Ints, leaning: Floats) -> Floats:
    level = 0.5 * np.log1p(draws)[:, None] + leaning + rng.normal(0, 0.7, leaning.shape)
    number: Floats = np.round(10.0 * np.exp(level), 2)
    return number


def _conjunctions(
    rng: np.random.Generator, setting: Setting, nature: _Nature, first: _Behaviour
) -> list[tuple[Term, ...]]:
    """Random conjunctions whose sizes fit the band and whose members are mostly others'."""
    cohort = first.cohort
    owner = np.repeat(np.arange(cohort.people), np.diff(cohort.start))
    order = np.argsort(cohort.features, kind="stable")
    bounds = np.searchsorted(cohort.features[order], np.arange(setting.features + 1))
    having = [owner[order[bounds[i] : bounds[i + 1]]] for i in range(setting.features)]
    found: list[tuple[Term, ...]] = []
    taken: list[Ints] = []
    for number in range(setting.planted):
        numeric = number >= setting.planted - setting.with_numeric
        length = 3 if number < setting.triples else 2
        for _ in range(_TRIES):
            terms, members = _candidate(
                rng, setting, nature, cohort, having, length=length, numeric=numeric
            )
            if _fits(setting, members) and all(_apart(members, other) for other in taken):
                found.append(terms)
                taken.append(members)
                break
        else:
            low, high = setting.size
            message = (
                f"no conjunction of {length} terms with {low} to {high} of {setting.people} people;"
                " widen `size`, or raise `people` or `mean_features`."
            )
            raise ValueError(message)
    return found


def _candidate(
    rng: np.random.Generator,
    setting: Setting,
    nature: _Nature,
    cohort: Cohort,
    having: list[Ints],
    *,
    length: int,
    numeric: bool,
) -> tuple[tuple[Term, ...], Ints]:
    binary = length - numeric
    lead = int(rng.integers(setting.features))
    near = np.flatnonzero(nature.topic == nature.topic[lead])
    pool = near if len(near) >= binary and rng.random() < _NEAR else np.arange(setting.features)
    rest = rng.choice(pool, binary, replace=False)
    columns = sorted({lead, *rest.tolist()})[:binary]
    members = having[columns[0]]
    for column in columns[1:]:
        members = np.intersect1d(members, having[column], assume_unique=True)
    terms = [Term(column) for column in columns]
    if numeric and len(members):
        column = int(rng.integers(setting.numeric))
        edge = float(np.quantile(cohort.numeric[:, column], rng.uniform(0.6, 0.95)))
        members = members[cohort.numeric[members, column] >= edge]
        terms.append(Term(column, at_least=edge))
    return tuple(terms), members


def _fits(setting: Setting, members: Ints) -> bool:
    return setting.size[0] <= len(members) <= setting.size[1]


def _apart(one: Ints, other: Ints) -> bool:
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both <= _APART * (len(one) + len(other) - both)
