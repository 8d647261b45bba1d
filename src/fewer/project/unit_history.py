"""The past of regions and slots: their people as they would have been drawn at the time.

Who is in a segment, or in a region that events state, got there by doing something. Counted by
who is in it now, the past would know the future and look better than anything that is to come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from pyroaring import BitMap

from fewer.journey.measure.units.happened import Happened, Places, Totals, Window, totals
from fewer.project.assigning import held_out_of_all
from fewer.project.building import plan_of
from fewer.project.regions import Stated, stated

if TYPE_CHECKING:
    from fewer.model.experiment import Experiment
    from fewer.model.metric import Metric
    from fewer.project.knowing import Knowing


class Past:
    """People of an experiment's regions or slots, at the moment and before it."""

    def __init__(self, known: Knowing, experiment: Experiment) -> None:
        self.known, self.experiment = known, experiment
        self._people: dict[int, BitMap] = {}
        self._stated: dict[int, Stated] = {}

    @cached_property
    def never(self) -> BitMap:
        """People held out of everything."""
        return held_out_of_all(self.known.project, self.known.everyone)

    @property
    def moving(self) -> bool:
        """Whether people come and go by what they do: then each past window has its own."""
        traits = self.known.project.generation.catalog.traits
        by_event = self.experiment.region is not None and self.experiment.region not in traits
        return bool(self.experiment.segments) or by_event

    def people(self, at_us: int) -> BitMap:
        """Everyone it is about: of its segments at that moment, or everyone."""
        if not self.experiment.segments:
            return self.known.everyone - self.never
        if at_us not in self._people:
            found = BitMap().union(*self.segments(at_us).values())
            self._people[at_us] = found - self.never
        return self._people[at_us]

    def segments(self, at_us: int) -> dict[str, BitMap]:
        """People of its segments at a moment, exclusions applied."""
        project = self.known.project
        plan = plan_of(project, at_us, project.definitions.segments)
        found = self.known.engine.evaluate(plan.only(list(self.experiment.segments)))
        return {name: found.members[name] for name in self.experiment.segments}

    def stated(self, at_us: int) -> Stated:
        """Who is said to be in which region, as at a moment."""
        if at_us not in self._stated:
            self._stated[at_us] = stated(self.known, str(self.experiment.region), at_us)
        return self._stated[at_us]

    def members(self, at_us: int) -> dict[str, BitMap]:
        """Region -> the experiment's people in it at a moment."""
        inside = self.people(at_us)
        found = {name: people & inside for name, people in self.stated(at_us).members.items()}
        return {name: people for name, people in found.items() if people}

    def by_region(
        self,
        metric: Metric,
        happened: Mapping[str, Happened],
        windows: Sequence[Window],
        names: Sequence[str],
    ) -> Totals | None:
        """Totals by window and region, each of the people at the window's start."""
        if not self.moving:
            members = self.members(self.known.as_of_us)
            return totals(metric, happened, Places.make(_of(members, names)), windows)
        rows = [
            totals(metric, happened, Places.make(_of(self.members(window[0]), names)), [window])
            for window in windows
        ]
        return _stacked(rows)

    def by_slot(
        self, metric: Metric, happened: Mapping[str, Happened], windows: Sequence[Window]
    ) -> Totals | None:
        """Totals by slot of one stretch, of the people at its start."""
        return totals(metric, happened, Places.make({"all": self.people(windows[0][0])}), windows)


def _of(members: Mapping[str, BitMap], names: Sequence[str]) -> dict[str, BitMap]:
    return {name: members.get(name, BitMap()) for name in names}


def _stacked(rows: Sequence[Totals | None]) -> Totals | None:
    known = [row for row in rows if row is not None]
    if not known or len(known) < len(rows):
        return None
    return Totals(
        np.vstack([row.above for row in known]),
        np.vstack([row.below for row in known]),
        np.vstack([row.converted for row in known]),
        known[0].counted,
    )
