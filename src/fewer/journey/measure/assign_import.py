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
_MOST_MOMENTS: Final = 400
"""Different times of assignment kept apart; beyond it a person counts from the next midnight."""


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


def read_arms(
    rows: Iterable[tuple[Any, Any, Any]],
    *,
    arms: Sequence[str],
    number: Callable[[str], int | None],
    moment: Callable[[Any], int | None],
    usual_us: int | None,
    next_midnight: Callable[[int], int],
) -> ImportedArms:
    """People put into arms elsewhere.

    Somebody who is in two arms is taken in none of them: it isn't known which one they saw.

    Args:
        rows: (person, arm, time or None), the first row of data being row 1.
        arms: Those of the experiment.
        number: Person number of an id; None for a stranger.
        moment: UTC microseconds of a time as written; None when it can't be read.
        usual_us: From when people without a time count; None: they are refused.
        next_midnight: First local midnight at or after an instant.
    """
    refusing = _Refusing()
    found: dict[int, tuple[str, int, int]] = {}
    twice: set[int] = set()
    for at, (person, arm, time) in enumerate(rows, 1):
        if person is None or not str(person):
            refusing.refuse(at, "no person")
            continue
        if arm is None or str(arm) not in arms:
            refusing.refuse(at, "no such arm in the experiment")
            continue
        when = usual_us if time is None else moment(time)
        if when is None:
            refusing.refuse(at, "no time that can be read")
            continue
        who = number(str(person))
        if who is None:
            refusing.refuse(at, "person not in the data")
        elif who in twice:
            refusing.refuse(at, "person in two arms")
        elif who not in found:
            found[who] = (str(arm), when, at)
        elif found[who][0] == str(arm):
            refusing.refuse(at, "person repeated")
        else:
            twice.add(who)
            refusing.refuse(found.pop(who)[2], "person in two arms")
            refusing.refuse(at, "person in two arms")
    moments = {when for _, when, _ in found.values()}
    cut = next_midnight if len(moments) > _MOST_MOMENTS else int
    grouped: dict[int, dict[str, list[int]]] = {}
    for who, (arm, when, _) in found.items():
        grouped.setdefault(cut(when), {}).setdefault(arm, []).append(who)
    return ImportedArms(
        {
            when: {arm: BitMap(people) for arm, people in grouped[when].items()}
            for when in sorted(grouped)
        },
        len(found),
        refusing.told(),
    )


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
