"""How many people join a test in a week, from refreshes that were made, where there are enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyroaring import BitMap

from fewer.journey.measure.assign_waterfall import waterfall
from fewer.model.window import WEEK
from fewer.project.observing import WEEKS

if TYPE_CHECKING:
    from fewer.model.segment import Segment
    from fewer.project.project import Project

_LEAST: Final = 3
_MOST: Final = 60


@dataclass(frozen=True, slots=True)
class Traffic:
    """People a week who were in none of the segments before, by segment.

    Attributes:
        refreshes: Snapshots it is counted from.
        days: Between the first and the last of them.
    """

    joining: Mapping[str, float]
    refreshes: int
    days: float

    @property
    def words(self) -> str:
        """Which counts were used."""
        return (
            f"People who join are counted from {self.refreshes} refreshes over {self.days:.3g}"
            " days; a wave of newcomers then need not come again."
        )


def traffic(
    project: Project, segments: Sequence[Segment], as_of_us: int, never: BitMap
) -> Traffic | None:
    """Counted from snapshots of the last weeks with the same definitions.

    None where there are fewer than three, or they span less than a week: then past weeks are
    evaluated anew.
    """
    if project.is_in_place:
        return None
    kept: dict[int, dict[str, BitMap]] = {}
    for info in project.builds()[:_MOST]:
        if not as_of_us - WEEKS * WEEK <= info.as_of_us <= as_of_us or info.as_of_us in kept:
            continue
        if any(segment.id not in info.sizes for segment in segments):
            continue
        view = project.snapshot(info.id)
        ours = [view.segment(segment.id) for segment in segments]
        same = all(
            one.definition.where == segment.where and one.definition.exclude == segment.exclude
            for one, segment in zip(ours, segments, strict=True)
        )
        if same:
            found = waterfall({one.id: one.members for one in ours}, without=never)
            kept[info.as_of_us] = {k.segment: k.people for k in found}
    moments = sorted(kept)
    if len(moments) < _LEAST or moments[-1] - moments[0] < WEEK:
        return None
    weeks = (moments[-1] - moments[0]) / WEEK
    before = BitMap().union(*kept[moments[0]].values())
    new = dict.fromkeys((segment.id for segment in segments), 0)
    for moment in moments[1:]:
        for name, people in kept[moment].items():
            new[name] += len(people - before)
        before |= BitMap().union(*kept[moment].values())
    return Traffic({n: count / weeks for n, count in new.items()}, len(moments), weeks * 7)
