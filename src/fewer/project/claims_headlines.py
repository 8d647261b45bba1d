"""The headline claims of a project: its own segments, events and goal filled in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import numpy as np

from fewer.journey.measure.claims.headlines import (
    CONVERSION,
    INTERACTIONS,
    TITLES,
    conversion_claim,
    interactions_claim,
    report_claims,
)
from fewer.journey.measure.claims.leak import leaks
from fewer.journey.measure.claims.result import ClaimResult
from fewer.journey.measure.claims.verdict import Verdict, size_words
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.model.claim import AtRisk, Claim, PeopleClaim, Says
from fewer.model.goal import Goal

if TYPE_CHECKING:
    from fewer.project.claims import Checker

_REPEAT: Final = 0.2  # share of conversions by people who had converted before


@dataclass(frozen=True)
class Templates:
    """Headline claims, as far as the project has what they are about."""

    checker: Checker

    def made(
        self, names: Collection[str], goal_id: str | None
    ) -> tuple[list[Claim], list[ClaimResult]]:
        """Templates adapted to the project, and what the others need."""
        ads = [c for c in report_claims(self.checker.project.definitions.segments) if c.id in names]
        made: list[Claim] = list(ads)
        about_people = [name for name in names if name in (CONVERSION, INTERACTIONS)]
        goals = self.checker.project.definitions.goals
        if not goals:
            lacking = [_lacks(name, "there is no goal", self.checker.a_goal())
                       for name in about_people]  # fmt: skip
            return made, lacking
        goal = self.checker.project.definitions.goal(goal_id) if goal_id else goals[0]
        lacking = []
        for name in about_people:
            claim = self._conversion(goal) if name == CONVERSION else self._interactions(goal)
            if isinstance(claim, ClaimResult):
                lacking.append(claim)
            else:
                made.append(claim)
        return made, lacking

    def _conversion(self, goal: Goal) -> PeopleClaim | ClaimResult:
        excluded = set(self.checker.project.settings.exclude)
        excluded |= {e for s in self.checker.segments.values() for e in s.exclude}
        tied = {leak.event for leak in leaks(self.checker.close(goal), self.checker.events(goal))}
        usable = [
            s
            for s in self.checker.segments.values()
            if s.id not in excluded
            and s.status != "archived"
            and not (self.checker.used(s.where) & tied)
        ]
        if not usable:
            needed = "segments that are not made of actions that are part of converting"
            if not self.checker.segments:
                needed = "segments: `fewer suggest` offers some that this data holds"
            return _lacks(CONVERSION, "there is no segment to look at", needed)
        return conversion_claim(goal, usable, self._at_risk(goal))

    def _interactions(self, goal: Goal) -> PeopleClaim | ClaimResult:
        events = self.checker.events(goal)
        tied = {leak.event for leak in leaks(self.checker.close(goal), events)}
        usable = sorted(set(events) - tied)
        if not usable:
            needed = "events other than the goal's, such as visits or views"
            return _lacks(INTERACTIONS, "there are no interactions to count", needed)
        return interactions_claim(goal, usable, self._at_risk(goal))

    def _at_risk(self, goal: Goal) -> AtRisk:
        """Whoever converted is out, unless people usually convert again."""
        persons = self.checker.conversions(goal).persons
        if not len(persons):
            return "everyone"
        again = 1 - len(np.unique(persons)) / len(persons)
        return "everyone" if again > _REPEAT else "not_before"


def _lacks(name: str, because: str, needed: str) -> ClaimResult:
    says = Says(ratio=Decimal("1.26" if name == CONVERSION else "2.4"))
    return ClaimResult(
        id=name,
        title=TITLES[name],
        size=size_words(says),
        headline=True,
        verdict=Verdict.CANNOT_TELL,
        because=because,
        label=EvidenceLabel.RAW_ASSOCIATION,
        needed=needed,
    )
