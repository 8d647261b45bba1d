"""Assignments and results made elsewhere: rows read one by one, and refused ones reported.

A refused row is told by its number and reason; what it holds may be a person's address and is
not repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pyroaring import BitMap

_SHOWN: Final = 20
_MOST_MOMENTS: Final = 60
"""Different times of assignment kept apart; beyond it a person counts from the start of that day:
what somebody did earlier that day knows nothing of their arm, and nothing done after is lost."""

TWO_ARMS: Final = "person in two arms"
TWO_IDS: Final = "person in two arms under two ids"
OTHER_VERSION: Final = "person saw another arm's version"
LEFT_OUT: Final = (TWO_ARMS, TWO_IDS, OTHER_VERSION)
"""Reasons for which somebody with an arm is taken in none: what they were given isn't known."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Rows that were not taken, by reason, with the numbers of the first few."""

    counts: Mapping[str, int]
    rows: Mapping[str, tuple[int, ...]]

    @property
    def total(self) -> int:
        """Rows refused."""
        return sum(self.counts.values())

    def to_json(self) -> list[dict[str, Any]]:
        """Plain data."""
        return [
            {"reason": reason, "rows": count, "first_rows": list(self.rows[reason])}
            for reason, count in self.counts.items()
        ]


@dataclass
class _Refusing:
    rows: dict[str, list[int]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def refuse(self, row: int, reason: str) -> None:
        self.counts[reason] = self.counts.get(reason, 0) + 1
        shown = self.rows.setdefault(reason, [])
        if len(shown) < _SHOWN:
            shown.append(row)

    def told(self) -> Refused:
        return Refused(self.counts, {reason: tuple(rows) for reason, rows in self.rows.items()})


@dataclass(frozen=True, slots=True)
class ImportedArms:
    """People by moment and arm, as read from a file."""

    moments: Mapping[int, Mapping[str, BitMap]]
    taken: int
    refused: Refused
    left_out: Mapping[str, Mapping[str, int]]  # reason -> arm first seen in -> people


@dataclass
class _Reading:
    """People met so far: arm, time and row of those in one arm, and those who crossed."""

    refusing: _Refusing = field(default_factory=_Refusing)
    found: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    ids: dict[int, str] = field(default_factory=dict)
    crossed: dict[int, tuple[str, str]] = field(default_factory=dict)

    def meet(
        self, who: int, arm: str, when: int, row: int, *, id_: str, other_version: bool
    ) -> None:
        first = self.ids.setdefault(who, id_)
        if who in self.crossed:
            self.refusing.refuse(row, self.crossed[who][1])
            return
        before = self.found.get(who)
        if before is not None and before[0] != arm:
            self._cross(who, before, row, TWO_ARMS if id_ == first else TWO_IDS)
        elif other_version:
            self._cross(who, before or (arm, when, row), row, OTHER_VERSION)
        elif before is not None:
            again = "person repeated" if id_ == first else "person repeated under another id"
            self.refusing.refuse(row, again)
        else:
            self.found[who] = (arm, when, row)

    def _cross(self, who: int, first: tuple[str, int, int], row: int, reason: str) -> None:
        self.crossed[who] = (first[0], reason)
        if self.found.pop(who, None) is not None:
            self.refusing.refuse(first[2], reason)
        self.refusing.refuse(row, reason)

    def left_out(self) -> dict[str, dict[str, int]]:
        counts: dict[str, dict[str, int]] = {}
        for arm, reason in self.crossed.values():
            of = counts.setdefault(reason, {})
            of[arm] = of.get(arm, 0) + 1
        return counts


def read_arms(
    rows: Iterable[tuple[Any, Any, Any]],
    *,
    arms: Sequence[str],
    number: Callable[[str], int | None],
    moment: Callable[[Any], int | None],
    usual_us: int | None,
    day_start: Callable[[int], int],
    other_version: Callable[[int], bool] = lambda _: False,
) -> ImportedArms:
    """People put into arms elsewhere.

    Somebody who is in two arms, or was shown what another arm is given, is taken in none of
    them: it isn't known which one they saw. So is a person whom two ids stand for, when the
    ids are in different arms.

    Args:
        rows: (person, arm, time or None), the first row of data being row 1.
        arms: Those of the experiment.
        number: Person number of an id; None for a stranger.
        moment: UTC microseconds of a time as written; None when it can't be read.
        usual_us: From when people without a time count; None: they are refused.
        day_start: Last local midnight at or before an instant.
        other_version: Whether the row of that number shows what another arm is given.
    """
    reading = _Reading()
    refuse = reading.refusing.refuse
    known = frozenset(arms)
    times: dict[Any, int | None] = {}
    for at, (person, arm, time) in enumerate(rows, 1):
        if person is None or not str(person):
            refuse(at, "no person")
            continue
        if arm is None or str(arm) not in known:
            refuse(at, "no such arm in the experiment")
            continue
        if time not in times:
            times[time] = usual_us if time is None else moment(time)
        when = times[time]
        if when is None:
            refuse(at, "no time that can be read")
            continue
        who = number(str(person))
        if who is None:
            refuse(at, "person not in the data")
            continue
        reading.meet(who, str(arm), when, at, id_=str(person), other_version=other_version(at))
    return ImportedArms(
        _by_moment(reading.found, day_start),
        len(reading.found),
        reading.refusing.told(),
        reading.left_out(),
    )


def _by_moment(
    found: Mapping[int, tuple[str, int, int]], day_start: Callable[[int], int]
) -> dict[int, dict[str, BitMap]]:
    moments = {when for _, when, _ in found.values()}
    many = len(moments) > _MOST_MOMENTS
    cut = {when: day_start(when) if many else when for when in moments}
    grouped: dict[int, dict[str, list[int]]] = {}
    for who, (arm, when, _) in found.items():
        grouped.setdefault(cut[when], {}).setdefault(arm, []).append(who)
    return {
        when: {arm: BitMap(people) for arm, people in grouped[when].items()}
        for when in sorted(grouped)
    }


_NUMBERS: Final = ("estimate_percent", "lower_percent", "upper_percent")
_COUNTS: Final = ("people", "converted", "people_control", "converted_control")
LIFT_COLUMNS: Final = ("study", "metric", *_NUMBERS, *_COUNTS, "starts", "ends", "randomised_by")
"""Columns of a file of results; `study`, `metric` and `estimate_percent` with its interval are
needed, or the four counts."""


def read_lifts(rows: Iterable[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], Refused]:
    """Results of lift studies made elsewhere, in percent of the comparison.

    Returns the rows taken, as plain data, and those refused.
    """
    refusing = _Refusing()
    taken = []
    for at, row in enumerate(rows, 1):
        given = {k: v for k, v in row.items() if k in LIFT_COLUMNS and v not in (None, "")}
        reason = next(_wrong(given), None)
        if reason is None:
            taken.append({key: _plain(key, value) for key, value in given.items()})
        else:
            refusing.refuse(at, reason)
    return taken, refusing.told()


def _plain(key: str, value: Any) -> str | float | int:
    if key in _NUMBERS:
        return float(value)
    return int(float(value)) if key in _COUNTS else str(value)


def _wrong(given: Mapping[str, Any]) -> Iterator[str]:
    for key in ("study", "metric"):
        if key not in given:
            yield f"no {key}"
    if "randomised_by" not in given:
        yield "randomised_by is empty: a result without random groups is no lift"
    for key in (*_NUMBERS, *_COUNTS):
        if key in given and not _is_number(given[key]):
            yield f"{key} is no number"
    has_counts = all(key in given for key in _COUNTS)
    if not has_counts and not all(key in given for key in _NUMBERS):
        yield "neither an estimate with its interval nor the four counts"
        return
    if all(key in given for key in _NUMBERS):
        middle, low, high = (float(given[key]) for key in _NUMBERS)
        if not low <= middle <= high:
            yield "the estimate lies outside its interval"
    for people, converted in (_COUNTS[:2], _COUNTS[2:]):
        if has_counts and not 0 <= float(given[converted]) <= float(given[people]):
            yield f"more {converted} than {people}"


def _is_number(value: Any) -> bool:
    try:
        return float(value) == float(value)
    except (TypeError, ValueError):
        return False
