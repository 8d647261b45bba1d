"""Exploring without a claim: groups of people who behave alike, and look-alikes of a segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pyroaring import BitMap

from fewer.errors import GuardError
from fewer.journey.discover.alike import SIZES, rank
from fewer.journey.discover.clusters import clusters as grouped
from fewer.language.data import to_data
from fewer.language.words import describe
from fewer.model.condition import AllOf, Condition
from fewer.model.window import from_utc_micros
from fewer.pictures.display import Displayed
from fewer.project.discovering import Ask, Scene, scene

if TYPE_CHECKING:
    from fewer.project.project import Project

_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class Cluster:
    """A group, and the rule nearest to it."""

    people: int
    rule: Condition
    rule_people: int
    precision: float
    recall: float
    rate: float | None  # of the group who reach the goal afterwards; None without a goal

    @property
    def words(self) -> str:
        """The rule in words."""
        return describe(self.rule)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "people": self.people,
            "words": self.words,
            "where": to_data(self.rule),
            "rule_people": self.rule_people,
            "precision": round(self.precision, 4),
            "recall": round(self.recall, 4),
            "rate": None if self.rate is None else round(self.rate, 6),
        }


@dataclass(frozen=True, slots=True)
class Clusters(Displayed):
    """Groups as at one moment, those with the best rules first."""

    as_of_us: int
    people: int
    goal: str | None
    groups: tuple[Cluster, ...]
    data: str = "real"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "data": self.data,
            "as_of": from_utc_micros(self.as_of_us).isoformat(),
            "people": self.people,
            "goal": self.goal,
            "groups": [group.to_json() for group in self.groups],
        }


@dataclass(frozen=True, slots=True)
class Step:
    """The most alike: how many, and how alike the last of them is."""

    people: int
    score: float
    ratio: float  # mean score of them over that of everyone outside

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"people": self.people, "score": round(self.score, 6), "ratio": round(self.ratio, 3)}


@dataclass(frozen=True, slots=True)
class Alike(Displayed):
    """People outside a segment by how much they resemble its people; no one is named."""

    segment: str
    as_of_us: int
    inside: int
    outside: int
    auc: float
    steps: tuple[Step, ...]
    signals: tuple[tuple[str, float], ...]
    data: str = "real"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "data": self.data,
            "segment": self.segment,
            "as_of": from_utc_micros(self.as_of_us).isoformat(),
            "inside": self.inside,
            "outside": self.outside,
            "auc": round(self.auc, 4),
            "steps": [step.to_json() for step in self.steps],
            "signals": [{"words": w, "ratio": round(r, 3)} for w, r in self.signals],
        }


def clusters(project: Project, ask: Ask) -> Clusters:
    """Groups of people who behave alike, within the size band."""
    seen = scene(project, ask)
    matrix = seen.chosen.matrix
    found = grouped(matrix, band=(ask.least, ask.most), seed=ask.seed)[:_SHOWN]
    groups = []
    for group in found:
        conditions = tuple(seen.chosen.features[f].condition for f in group.rule)
        rule = conditions[0] if len(conditions) == 1 else AllOf(all=conditions)
        rate = None if seen.converted is None else float(seen.converted[group.rows].mean())
        groups.append(
            Cluster(len(group.rows), rule, group.rule_people, group.precision, group.recall, rate)
        )
    return Clusters(
        seen.look.as_of_us, matrix.people, seen.goal, tuple(groups), project.settings.data
    )


def look_alikes(project: Project, segment_id: str, ask: Ask) -> Alike:
    """People outside a segment, ranked by what its people do.

    Raises:
        NotFoundError: no segment of that id.
        GuardError: fewer than 50 members, or no one outside.
    """
    project.definitions.segment(segment_id)
    seen = scene(project, ask, members_of=segment_id)
    persons, members = seen.chosen.persons, seen.members or BitMap()
    inside = np.isin(persons, np.asarray(members.to_array(), dtype=np.uint32))
    _enough(segment_id, inside)
    made = rank(seen.chosen.matrix, inside, seen.activity, seed=ask.seed)
    outside = np.sort(made.scores[~inside])[::-1]
    steps = [
        Step(size, float(outside[size - 1]), float(outside[:size].mean() / outside.mean()))
        for size in SIZES
        if size <= len(outside)
    ]
    signals = tuple((describe(seen.chosen.features[f].condition), r) for f, r in made.signals)
    return Alike(
        segment_id,
        seen.look.as_of_us,
        int(inside.sum()),
        len(outside),
        made.auc,
        tuple(steps),
        signals,
        project.settings.data,
    )


def _enough(segment_id: str, inside: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    fewest = 50
    if inside.sum() < fewest or inside.all():
        raise GuardError(
            f"{segment_id!r} has {int(inside.sum()):,} people at that moment: a ranking needs"
            f" {fewest} members at least, and people outside. Choose another segment or --at."
        )


__all__ = ["Alike", "Cluster", "Clusters", "Scene", "Step", "clusters", "look_alikes"]
