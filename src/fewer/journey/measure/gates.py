"""Split checks: whether the groups of an experiment are still the groups that chance made.

Checked where people can be lost: as assigned, as sent to the platforms, as analysed inside each
segment. A broken one withholds every figure that depends on it: whoever was lost was not lost by
chance, and a difference may be nothing but that. One that chance explains badly is told, with
its p-value, and its figures are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np
from pyroaring import BitMap

from fewer.journey.measure.assign_import import TWO_ARMS
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


UNUSUAL: Final = 0.01
"""From here down to the alarm a split is told as unusual; no figure is withheld for it."""


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
    looks: tuple[tuple[int, ...], ...] = ()  # sizes so far, in the order people were assigned
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Reason -> arm -> people with an arm who are analysed in none."""

    @property
    def decisive(self) -> float | None:
        """The p-value that decides: over all segments of the stage, where there are several."""
        return self.p if self.p_adjusted is None else self.p_adjusted

    @property
    def broken(self) -> bool:
        """Whether chance can't explain the sizes."""
        return self.decisive is not None and self.decisive < ALARM

    @property
    def unusual(self) -> bool:
        """Whether chance explains the sizes, but badly."""
        return self.decisive is not None and ALARM <= self.decisive < UNUSUAL

    @property
    def state(self) -> str:
        """``as planned``, ``unusual``, ``broken`` or ``too few people to check``."""
        if self.decisive is None:
            return "too few people to check"
        return "broken" if self.broken else "unusual" if self.unusual else "as planned"

    def watched(self) -> Gate:
        """The same with a p-value that holds at every look, instead of the one for a single look.

        It is the lowest over all people in the order in which they were assigned, where that
        order is known (`looks`), and that of the sizes now where it isn't: never wrong more often
        than it says, and blind to a fault that has come and gone.
        """
        if self.p is None:
            return self
        seen = self.looks or [tuple(self.sizes.values())]
        found = sequential_split(seen, list(self.planned.values()))
        return replace(self, p=float(found.p[-1]), p_sequential=float(found.p[-1]))

    @property
    def words(self) -> str:
        """Every group's size beside its planned share, p, and what follows from it."""
        whole = sum(self.sizes.values())
        where = STAGES[self.stage] + (f", {self.segment}" if self.segment else "")
        groups = ", ".join(
            f"{size:,} in {name!r} ({percent(size / whole) if whole else '0'} %, planned"
            f" {percent(self.planned[name])} %)"
            for name, size in self.sizes.items()
        )
        return f"{where}: of {whole:,} people {groups}; {self._judged}"

    @property
    def _judged(self) -> str:
        p = self.decisive
        if p is None:
            return self.state
        kind = "p at every look" if self.p_sequential is not None else "p"
        if self.p_adjusted is not None:
            kind += " over all segments"
        said = f"{kind} {p:.2g}: {self.state}"
        if self.broken:
            return f"{said}, below {ALARM:g}"
        if not self.unusual:
            return said
        return (
            f"{said}, as uneven as that by chance once in {1 / p:,.0f} fair splits. Figures are"
            f" withheld below {ALARM:g} only; find out who is missing before you rely on them"
        )

    @property
    def left_out_words(self) -> str:
        """Who is in no arm though they had one, by reason and arm; empty if nobody is."""
        told = []
        for reason, by_arm in self.left_out.items():
            arms = ", ".join(f"{n:,} of {arm!r}" for arm, n in sorted(by_arm.items()))
            said = f"{sum(by_arm.values()):,} people are in no arm ({reason}): {arms}"
            # Somebody in two arms was lost by both: there is nothing to compare.
            p = None if reason == TWO_ARMS else _evenly(by_arm, self.planned)
            if p is not None and p < ALARM:
                said += f"; the arms did not lose alike, p {p:.2g}, which chance can't explain"
            elif p is not None:
                said += f"; the arms lost alike, p {p:.2g}"
            told.append(said)
        return ". ".join(told)

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
            "state": self.state,
            "threshold": ALARM,
            "left_out": {reason: dict(arms) for reason, arms in self.left_out.items()},
            "left_out_words": self.left_out_words,
            "note": self.note,
            "words": self.words,
        }


def _evenly(lost: Mapping[str, int], planned: Mapping[str, float]) -> float | None:
    """P of people lost from the arms by the arms' shares; None for too few or a stranger."""
    if not set(lost) <= set(planned):
        return None
    p = split_check([lost.get(arm, 0) for arm in planned], list(planned.values())).p[0]
    return None if np.isnan(p) else float(p)


def gate(
    experiment: str,
    stage: Stage,
    arms: Mapping[str, BitMap],
    shares: Mapping[str, float],
    *,
    segment: str | None = None,
    note: str = "",
    waves: Sequence[BitMap] = (),
) -> Gate:
    """The split check of some people of an experiment.

    `waves` are the people assigned together, the earliest first, for checks at every look.
    """
    whole = sum(shares[name] for name in arms)
    sizes = {name: len(people) for name, people in arms.items()}
    planned = {name: shares[name] / whole for name in arms}
    p = float(split_check(list(sizes.values()), list(planned.values())).p[0])
    looks = np.array([[len(who & wave) for who in arms.values()] for wave in waves], np.int64)
    return Gate(
        experiment,
        stage,
        segment,
        sizes,
        planned,
        None if np.isnan(p) else p,
        note=note,
        looks=tuple(map(tuple, looks.cumsum(axis=0).tolist())) if len(waves) > 1 else (),
    )


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
    waves: Sequence[BitMap] = (),
) -> Iterator[Gate]:
    """Checks of who was sent to the platforms.

    Args:
        experiment: Its id.
        arms: Everyone assigned.
        shares: Planned.
        sent: People who were sent, of any arm.
        held: The arm that nothing may be sent to, if there is one.
        waves: People assigned together, the earliest first.
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
        yield gate(experiment, "synced", meant, shares, note=note, waves=waves)
    elif note:
        sizes = {name: len(people & sent) for name, people in arms.items()}
        planned = {name: float(name != held) for name in arms}
        yield Gate(experiment, "synced", None, sizes, planned, None, note=note)


def distinct(gates: Iterable[Gate]) -> list[Gate]:
    """The same less those of the very people that an earlier check of the experiment was of."""
    seen: set[tuple[str, tuple[tuple[str, int], ...]]] = set()
    found = []
    for one in gates:
        key = one.experiment, tuple(one.sizes.items())
        if key not in seen or one.note or one.left_out:
            found.append(one)
        seen.add(key)
    return found


def withheld(gates: Sequence[Gate], experiment: str, segment: str | None) -> Gate | None:
    """The broken check that a figure of this experiment and segment depends on, if any."""
    for one in gates:
        if one.experiment == experiment and one.segment in (None, segment) and one.broken:
            return one
    return None
