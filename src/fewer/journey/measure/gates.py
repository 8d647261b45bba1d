"""Split checks: whether the groups of an experiment are still the groups that chance made.

Checked where people can be lost: as assigned, as sent to the platforms, as analysed inside each
segment. A broken one withholds every figure that depends on it: whoever was lost was not lost by
chance, and a difference may be nothing but that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from pyroaring import BitMap

from fewer.journey.measure.figure import percent
from fewer.stats.multiplicity import benjamini_hochberg
from fewer.stats.sequential import sequential_split
from fewer.stats.split import ALARM, split_check

Stage = Literal["assigned", "synced", "analysed"]
STAGES: Final[dict[Stage, str]] = {
    "assigned": "as assigned",
    "synced": "as sent to the platforms",
    "analysed": "as analysed",
}


@dataclass(frozen=True, slots=True)
class Gate:
    """One split check. `p` is None where too few people were there to check."""

    experiment: str
    stage: Stage
    segment: str | None
    sizes: Mapping[str, int]
    planned: Mapping[str, float]  # shares, together 1
    p: float | None
    p_adjusted: float | None = None  # over the segments of the same stage
    p_sequential: float | None = None  # holds at every look
    note: str = ""

    @property
    def broken(self) -> bool:
        """Whether chance can't explain the sizes."""
        fixed = self.p if self.p_adjusted is None else self.p_adjusted
        return any(p is not None and p < ALARM for p in (fixed, self.p_sequential))

    def watched(self) -> Gate:
        """The same with a p-value that holds at every look, instead of the one for a single look.

        Sizes at earlier looks are not kept, which makes it less sharp and never wrong.
        """
        if self.p is None:
            return self
        found = sequential_split([list(self.sizes.values())], list(self.planned.values()))
        return replace(self, p=float(found.p[0]), p_sequential=float(found.p[0]))

    @property
    def words(self) -> str:
        """``as assigned: 800 of 1,000 in sent, planned 80.0 % (p 0.99): as planned``."""
        whole = sum(self.sizes.values())
        name, size = next(iter(self.sizes.items()))
        where = STAGES[self.stage] + (f", {self.segment}" if self.segment else "")
        if self.p is None:
            said = "too few people to check"
        else:
            said = f"p {self.p:.2g}: " + ("broken" if self.broken else "as planned")
        seen = percent(size / whole) if whole else "0"
        return (
            f"{where}: {size:,} of {whole:,} people are in {name!r}, {seen} %; planned were"
            f" {percent(self.planned[name])} % ({said})"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "experiment": self.experiment,
            "stage": self.stage,
            "segment": self.segment,
            "sizes": dict(self.sizes),
            "planned": dict(self.planned),
            "p": self.p,
            "p_adjusted": self.p_adjusted,
            "p_sequential": self.p_sequential,
            "broken": self.broken,
            "note": self.note,
            "words": self.words,
        }


def gate(
    experiment: str,
    stage: Stage,
    arms: Mapping[str, BitMap],
    shares: Mapping[str, float],
    *,
    segment: str | None = None,
    note: str = "",
) -> Gate:
    """The split check of some people of an experiment."""
    whole = sum(shares[name] for name in arms)
    sizes = {name: len(people) for name, people in arms.items()}
    planned = {name: shares[name] / whole for name in arms}
    p = float(split_check(list(sizes.values()), list(planned.values())).p[0])
    return Gate(experiment, stage, segment, sizes, planned, None if np.isnan(p) else p, note=note)


def adjusted(gates: Iterable[Gate]) -> list[Gate]:
    """The same, p-values of segments adjusted within each experiment and stage."""
    given = list(gates)
    families: dict[tuple[str, str], list[int]] = {}
    for i, one in enumerate(given):
        if one.segment is not None:
            families.setdefault((one.experiment, one.stage), []).append(i)
    for places in families.values():
        p = [np.nan if (seen := given[i].p) is None else seen for i in places]
        for i, q in zip(places, benjamini_hochberg(p).tolist(), strict=True):
            given[i] = replace(given[i], p_adjusted=None if np.isnan(q) else q)
    return given


def synced(
    experiment: str,
    arms: Mapping[str, BitMap],
    shares: Mapping[str, float],
    sent: BitMap,
    *,
    held: str | None,
) -> Iterator[Gate]:
    """Checks of who was sent to the platforms.

    Args:
        experiment: Its id.
        arms: Everyone assigned.
        shares: Planned.
        sent: People who were sent, of any arm.
        held: The arm that nothing may be sent to, if there is one.
    """
    meant = {name: people & sent for name, people in arms.items() if name != held}
    leaked = len(arms[held] & sent) if held is not None else 0
    note = ""
    if leaked:
        note = (
            f"{leaked:,} people of {held!r} were sent to a platform all the same: what is measured"
            " is smaller than what the ads did"
        )
    if len(meant) > 1:
        yield gate(experiment, "synced", meant, shares, note=note)
    elif note:
        sizes = {name: len(people & sent) for name, people in arms.items()}
        planned = {name: float(name != held) for name in arms}
        yield Gate(experiment, "synced", None, sizes, planned, None, note=note)


def withheld(gates: Sequence[Gate], experiment: str, segment: str | None) -> Gate | None:
    """The broken check that a figure of this experiment and segment depends on, if any."""
    for one in gates:
        if one.experiment == experiment and one.segment in (None, segment) and one.broken:
            return one
    return None
