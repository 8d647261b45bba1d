"""Short names for segments that nobody named, from the words of the data itself."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from fewer.model.condition import AllOf, Condition, Did, DidNot, First, Last, Occurrence, Trait
from fewer.model.measure import Comparison
from fewer.model.window import Between, Duration

_LONGEST: Final = 100


def title(condition: Condition) -> str:
    """A name for a condition, as it would head a column.

    >>> title(Did(did="product_view", where={"item.category": {"under": "Pets > Cats"}},
    ...           within="30d", count={"at_least": 3}))
    'Product view: Cats, 3 times or more in 30 days'
    >>> title(AllOf(all=[Did(did="view", within="7d"), DidNot(did_not="order", within="30d")]))
    'View in 7 days, but no order in 30 days'
    >>> title(Last(last=Occurrence(did="visit"), between=Between(from_="30d", to="14d")))
    'Last visit 14 to 30 days ago'
    """
    text = _said(condition)
    return (text[:1].upper() + text[1:])[:_LONGEST]


def _said(condition: Condition) -> str:
    match condition:
        case AllOf():
            return _together([*condition.all])
        case Did():
            return _did(condition)
        case DidNot():
            return (
                f"no {_events(condition.did_not)}{_about(condition.where)}{_in(condition.within)}"
            )
        case Last():
            return f"last {_occurred(condition.last)}{_when(condition.within, condition.between)}"
        case First():
            return f"first {_occurred(condition.first)}{_when(condition.within, condition.between)}"
        case Trait():
            [value] = list(condition.tests.values())[:1]
            return f"{_plain(condition.trait)} {_value(value)}"
    return "people"


def _together(parts: list[Condition]) -> str:
    found = _said(parts[0])
    for before, part in pairwise(parts):
        if _same(before, part):  # mostly of one kind, of enough events: the share says it all
            found = _said(part)
        else:
            found += f"{', but ' if isinstance(part, DidNot) else ' and '}{_said(part)}"
    return found


def _same(before: Condition, part: Condition) -> bool:
    both = isinstance(before, Did) and isinstance(part, Did)
    return both and before.did == part.did and part.measure[0] == "share"  # type: ignore[union-attr]


def _did(did: Did) -> str:
    name, measure = did.measure
    head = f"{_events(did.did)}{_about(did.where)}"
    if name == "share" and did.share is not None:
        return f"{_events(did.did)}: mostly {_tests(did.share.where)}{_in(did.within)}"
    if name == "days":
        return f"{head} on {_least(measure)} days or more{_in(did.within)}"
    if name == "count" and _least(measure) > 1:
        return f"{head}{',' if did.where else ''} {_least(measure)} times or more{_in(did.within)}"
    return f"{head}{_in(did.within)}"


def _least(measure: object) -> int:
    at_least = measure.at_least if isinstance(measure, Comparison) else None
    return int(at_least or 1)


def _occurred(what: Occurrence) -> str:
    return f"{_events(what.did)}{_about(what.where)}"


def _events(names: tuple[str, ...]) -> str:
    return " or ".join(_plain(name) for name in names)


def _about(where: object) -> str:
    return f": {_tests(where)}" if where else ""


def _tests(where: object) -> str:
    tests = where.values()  # type: ignore[attr-defined]
    return ", ".join(_value(next(iter(test.tests.values()))) for test in tests)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    last = str(value).rpartition(" > ")[2]
    return last.capitalize() if last.isupper() and len(last) > 3 else last  # noqa: PLR2004  no short names


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").replace("-", " ").replace(".", " ").split()) or name


def _in(within: Duration | None) -> str:
    return f" in {within.words}" if within else ""


def _when(within: Duration | None, between: Between | None) -> str:
    if between is None:
        return _in(within)
    if between.from_ is None:
        return f" more than {between.to.words} ago"
    newer = between.to.words
    if between.to.unit == between.from_.unit:
        newer = str(between.to.amount)
    return f" {newer} to {between.from_.words} ago"
