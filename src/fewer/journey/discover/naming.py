"""Ids, names and types of segments that nobody named: short, stable, from what they say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import Final

from fewer.model.condition import AllOf, AnyOf, Condition, Did, DidNot, First, Last, Not, Trait
from fewer.model.segment import SegmentType

_LONGEST: Final = 56
_STEP: Final = re.compile(r"[^a-z0-9]+")


def slug(condition: Condition) -> str:
    """An id for a condition.

    >>> slug(AllOf(all=[Did(did="view", where={"item.category": "Pets > Cats"}, within="7d"),
    ...                 Did(did="search", count={"at_least": 3}, within="30d")]))
    'view_cats_7d_and_search_3_times_30d'
    """
    parts = condition.all if isinstance(condition, AllOf) else (condition,)
    text = "_and_".join(_slug(part) for part in parts)
    return (re.sub(r"^[^a-z]+", "", text) or "found")[:_LONGEST].rstrip("_")


def unused(wanted: str, taken: Collection[str]) -> str:
    """The id, or with a number behind it if it is taken."""
    found, number = wanted, 1
    while found in taken:
        number += 1
        found = f"{wanted}_{number}"
    return found


def _slug(part: Condition) -> str:
    match part:
        case Did():
            words = [*part.did, *_where(part.where)]
            name, measure = part.measure
            if name == "count" and measure.at_least and measure.at_least > 1:
                words.append(f"{measure.at_least}_times")
            elif name != "count":
                words.append(name)
            words.append(str(part.within or ""))
        case DidNot():
            words = ["no", *part.did_not, *_where(part.where), str(part.within or "")]
        case Last():
            words = ["last", *part.last.did, *_where(part.last.where), _window(part)]
        case First():
            words = ["first", *part.first.did, _window(part)]
        case Trait():
            words = [part.trait, *map(str, part.tests.values())]
        case Not():
            words = ["not", _slug(part.not_)]
        case AnyOf():
            words = ["any", *(_slug(p) for p in part.any)]
        case _:
            words = [type(part).__name__]
    return _STEP.sub("_", _ascii("_".join(w for w in words if w).lower())).strip("_")


def _ascii(text: str) -> str:
    """Letters without their marks, so that an id can still be read.

    >>> _ascii("möbel straße")
    'mobel strasse'
    """
    bare = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    return "".join(c for c in bare if not unicodedata.combining(c))


def _where(where: object) -> list[str]:
    if not where:
        return []
    found = []
    for test in where.values():  # type: ignore[attr-defined]
        [value] = list(test.tests.values())[:1]
        found.append(str(value).rpartition(" > ")[2])
    return found


def _window(part: Last | First) -> str:
    if part.between:
        return f"{part.between.to}_{part.between.from_}"
    return str(part.within or "")


def type_of(condition: Condition) -> SegmentType:
    """The type that fits a rule best."""
    parts = condition.all if isinstance(condition, AllOf) else (condition,)
    if any(isinstance(p, Did) and any(n.startswith("item.") for n in p.where or ()) for p in parts):
        return "interest"
    if any(isinstance(p, Did) and p.where for p in parts):
        return "content"
    if any(isinstance(p, Last | First) or _repeated(p) for p in parts):
        return "recency_frequency"
    return "engagement"


def _repeated(part: Condition) -> bool:
    if not isinstance(part, Did):
        return False
    name, measure = part.measure
    return name != "count" or bool(measure.at_least and measure.at_least > 1)
