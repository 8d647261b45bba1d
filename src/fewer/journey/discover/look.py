"""Asking an engine, at one moment, who fits which conditions, and how active people were."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from fewer.evaluate.engines.base import Engine
from fewer.evaluate.plan.plan import plan
from fewer.journey.discover.facts import sql
from fewer.journey.discover.features import Feature
from fewer.journey.discover.kernels import together
from fewer.journey.discover.matrix import Floats, Matrix, affordable, from_bitmaps
from fewer.model.catalog import Catalog
from fewer.model.condition import Condition
from fewer.model.segment import Segment
from fewer.model.window import DAY, Duration

LOOKS_BACK_DAYS = 90
_RECENT_DAYS = 30
_BROADEST = 0.5  # of everyone: a feature beyond says little
_ALIKE = 0.97  # people in common, over people in either: one of the two is enough
_MOST_LEFT_OUT = 0.005  # of people, with too many features to be searched


@dataclass(frozen=True, slots=True)
class Look:
    """An engine at one moment, and what is needed to ask it."""

    engine: Engine
    catalog: Catalog
    timezone: str
    session_gap: Duration
    as_of_us: int

    def segments(
        self, segments: Sequence[Segment], exclude: Sequence[str] = ()
    ) -> tuple[Mapping[str, BitMap], BitMap]:
        """Members of segments, and everyone: one plan, evaluated at once."""
        made = plan(
            segments,
            as_of_us=self.as_of_us,
            timezone=self.timezone,
            session_gap=self.session_gap,
            catalog=self.catalog,
            default_exclude=exclude,
        )
        found = self.engine.evaluate(made)
        return found.members, found.universe

    def conditions(self, conditions: Sequence[Condition]) -> tuple[list[BitMap], BitMap]:
        """People for whom each holds, exclusions aside, and everyone."""
        asked = [
            Segment(id=f"f{at}", where=condition, exclude_defaults=False)
            for at, condition in enumerate(conditions)
        ]
        members, everyone = self.segments(asked)
        return [members[segment.id] for segment in asked], everyone

    def activity(self, persons: NDArray[np.uint32]) -> Floats:
        """Events lately, active days in a quarter, and days since the last: (people, 3)."""
        rows = self.engine.run(
            sql(
                "SELECT person, count(CASE WHEN ts >= $recent THEN 1 END) AS n,"
                " count(DISTINCT ts // $day) AS days, max(ts) AS latest"
                " FROM events WHERE $inside GROUP BY person",
                start=self.as_of_us - LOOKS_BACK_DAYS * DAY,
                end=self.as_of_us,
                recent=self.as_of_us - _RECENT_DAYS * DAY,
                day=DAY,
            )
        )
        who = rows.column("person").to_numpy().astype(np.int64)
        place = np.searchsorted(persons, who)
        known = (place < len(persons)) & (
            persons[np.minimum(place, max(len(persons) - 1, 0))] == who
        )
        out = np.zeros((len(persons), 3))
        out[:, 2] = LOOKS_BACK_DAYS
        latest = rows.column("latest").to_numpy().astype(np.float64)
        since = (self.as_of_us - latest) / DAY
        for at, column in enumerate((rows.column("n").to_numpy(), rows.column("days").to_numpy())):
            out[place[known], at] = column[known]
        out[place[known], 2] = since[known]
        return out


@dataclass(frozen=True, slots=True)
class Chosen:
    """Features that fit a search, with who has them."""

    features: tuple[Feature, ...]
    matrix: Matrix
    persons: NDArray[np.uint32]

    @property
    def groups(self) -> tuple[int, ...]:
        """The thing each feature speaks of, as a number."""
        known: dict[str, int] = {}
        return tuple(known.setdefault(f.group, len(known)) for f in self.features)

    def without(self, refused: Collection[str]) -> Chosen:
        """Those that speak of nothing that is refused."""
        kept = [
            at for at, f in enumerate(self.features) if f.group.replace(" ", ":") not in refused
        ]
        if not kept:
            return self
        return Chosen(
            tuple(self.features[at] for at in kept), self.matrix.columns(kept), self.persons
        )


def choose(
    features: Sequence[Feature], members: Sequence[BitMap], people: BitMap, *, least: int, most: int
) -> Chosen:
    """Of the features those of a useful size, no two of the same people, `most` at most.

    Which of them predict the goal plays no part, so that nothing is tested twice.
    """
    persons = np.asarray(people.to_array(), dtype=np.uint32)
    sized = [
        at
        for at, bitmap in enumerate(members)
        if least <= bitmap.intersection_cardinality(people) <= _BROADEST * len(people)
    ][: 2 * most]
    matrix = from_bitmaps([members[at] for at in sized], persons)
    fresh = _unlike(matrix)[:most]
    while fresh:
        part = matrix.columns(fresh)
        counts = part.counts
        if (counts > affordable(counts)).mean() <= _MOST_LEFT_OUT:
            break
        fresh = fresh[: len(fresh) * 9 // 10]  # the things that come last go first
    kept = tuple(features[sized[at]] for at in fresh)
    return Chosen(kept, matrix.columns(fresh), persons)


def _unlike(matrix: Matrix) -> list[int]:
    """Features that no earlier one has the same people as."""
    if not matrix.features:
        return []
    sample = matrix.rows(np.arange(matrix.people) % max(matrix.people // 200_000, 1) == 0)
    both = together(sample.csr(), np.ones(sample.people))
    sizes = np.diag(both)
    alike = both / np.maximum(sizes[:, None] + sizes[None, :] - both, 1)
    kept: list[int] = []
    for at in range(matrix.features):
        if not kept or alike[at, kept].max() < _ALIKE:
            kept.append(at)
    return kept
