"""Who is in the groups of a claim at its index times: one plan for each moment."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from pyroaring import BitMap

from fewer.journey.measure.claims.panel import Look, Windows
from fewer.model.claim import PeopleClaim
from fewer.model.condition import ANY_EVENT, Condition, Did
from fewer.model.measure import Comparison
from fewer.model.segment import Segment
from fewer.model.window import DAY, MINUTE, Between, Duration
from fewer.project.rolling import engines, evaluate, free_id

if TYPE_CHECKING:
    from fewer.evaluate.engines.base import Engine
    from fewer.project.guarding import Tell
    from fewer.project.project import Project

_ACTIVE_DAYS: Final = (1, 2, 4, 8, 16, 32)
_ACTIVITY: Final = 90  # days before the lookback in which they are counted


class Looks:
    """Who is in a claim's groups at its index times: one plan each, two with `population_at`."""

    def __init__(self, project: Project, claim: PeopleClaim, windows: Windows) -> None:
        self.project, self.claim = project, claim
        far = {f"group_{n}": condition for n, condition in enumerate(claim.groups)}
        if claim.against is not None:
            far["against"] = claim.against
        self.population = {} if claim.population is None else {"population": claim.population}
        self.late = claim.population_at.micros if claim.population_at else 0
        if not self.late:
            far |= self.population
        self.conditions = far | _activity(windows.lookback_us)

    def at(self, moments: Sequence[int], tell: Tell) -> list[Look]:
        """Groups at each of the moments."""
        later: Iterator[tuple[int, Engine]] = iter(())
        if self.late:
            later = engines(self.project, [t + self.late for t in moments])
        looks = []
        for n, (t, engine) in enumerate(engines(self.project, moments), 1):
            tell(f"checking {self.claim.id}: index time {n} of {len(moments)}")
            found, everyone = self._matching(engine, self.conditions, t, self.claim.exclude)
            if self.late:
                then, one = next(later)
                found |= self._matching(one, self.population, then)[0]
            looks.append(self._look(t, found, everyone))
        return looks

    def _look(self, t: int, found: dict[str, BitMap], everyone: BitMap) -> Look:
        people = found.get("population", everyone) & everyone
        for name in self.claim.exclude:
            people -= found[name]
        groups = tuple(
            self._sized(found[f"group_{n}"] & people) for n in range(len(self.claim.groups))
        )
        # A comparison that is written may overlap the group: everyone, a broader segment.
        against = found.get("against", people) & people
        if "against" not in found:
            against -= BitMap.union(*(found[f"group_{n}"] for n in range(len(groups))))
        levels = tuple(found[f"active_{days}"] for days in _ACTIVE_DAYS)
        return Look(t, groups, against, levels)

    def _sized(self, group: BitMap) -> BitMap:
        """The group, or nobody where it has another size than the claim is about."""
        guard = self.claim.size
        if guard is None or guard.min <= len(group) <= guard.max:
            return group
        return BitMap()

    def _matching(
        self,
        engine: Engine,
        conditions: Mapping[str, Condition],
        t: int,
        also: Collection[str] = (),
    ) -> tuple[dict[str, BitMap], BitMap]:
        """People for whom each condition holds at `t`, members of segments, and everyone."""
        ids = {name: free_id(self.project, f"claim_{name}") for name in conditions}
        made = [
            Segment(id=ids[name], where=condition, exclude_defaults=False)
            for name, condition in conditions.items()
        ]
        for name in also:
            self.project.definitions.segment(name)
        seen = evaluate(self.project, engine, made, also, t)
        found = {name: seen.members[i] for name, i in ids.items()}
        return found | {name: seen.members[name] for name in also}, seen.universe


def _activity(lookback_us: int) -> dict[str, Condition]:
    """People with at least so many active days in the 90 before the lookback."""
    to = Duration(-(-lookback_us // MINUTE), "m")
    window = Between(from_=Duration(to.amount + _ACTIVITY * DAY // MINUTE, "m"), to=to)
    return {
        f"active_{days}": Did(
            did=(ANY_EVENT,), between=window, days=Comparison.model_validate({"at_least": days})
        )
        for days in _ACTIVE_DAYS
    }
