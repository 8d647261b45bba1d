"""Is a segment of the type that it says it is?

* engagement: something people did (or did in an order)
* content: something people did, with a test of which page, item or other content it was
* recency_frequency: how lately (last, first or did_not in a window) or how often (a measure)
* interest: what it was about: an item attribute, a category path, a number of different values,
  a share, or a trait that people declared
* lookback: the same behaviour over several windows (variants.lookback)
* custom: anything
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fewer.journey.define.rules.base import Finding, Subject, Visit, visits
from fewer.journey.define.rules.logic import predicates
from fewer.model.catalog import ITEM_PREFIX
from fewer.model.condition import Did, DidNot, First, Last, SequenceOf, Trait
from fewer.model.segment import Segment

CODES: Final = {
    "not_of_its_type": "The condition is not of the type that the segment declares.",
}

_NEEDS: Final = {
    "engagement": "a thing that people did: did, last, first or sequence",
    "content": "a thing that people did, with 'where' saying which content",
    "recency_frequency": "how lately (last, first, did_not within) or how often (a measure)",
    "interest": "what it was about: item.* or 'under' in a test, distinct, share or a trait",
    "lookback": "variants.lookback with the windows to compare",
}


def check(subject: Subject) -> Iterator[Finding]:
    """Findings about declared types."""
    for segment in subject.definitions.segments:
        if segment.type == "custom" or is_of_type(segment):
            continue
        message = f"A segment of type {segment.type} needs {_NEEDS[segment.type]}."
        fitting = [kind for kind in _NEEDS if is_of_type(segment, kind)]
        hint = f"As it is, it could be {' or '.join([*fitting, 'custom'])}."
        yield subject.warn(segment, ("type",), "not_of_its_type", message, hint)


def is_of_type(segment: Segment, kind: str | None = None) -> bool:
    """Whether a segment's condition is of a type; of its own, when none is given."""
    found = list(visits(segment))
    match kind or segment.type:
        case "engagement":
            return any(_acts(visit) for visit in found)
        case "content":
            return any(_acts(visit) and _has_test(visit) for visit in found)
        case "recency_frequency":
            return any(_when_or_how_often(visit) for visit in found)
        case "interest":
            return any(_about(visit) for visit in found)
        case "lookback":
            return segment.variants is not None
        case _:
            return True


def _acts(visit: Visit) -> bool:
    if isinstance(visit.condition, DidNot):
        return visit.negated
    return not visit.negated and isinstance(visit.condition, Did | Last | First | SequenceOf)


def _has_test(visit: Visit) -> bool:
    return next(predicates(visit.condition, ()), None) is not None


def _when_or_how_often(visit: Visit) -> bool:
    match visit.condition:
        case Last() | First() | DidNot():
            return visit.condition.has_window
        case Did():
            kind, _ = visit.condition.measure
            return getattr(visit.condition, kind) is not None
        case _:
            return False


def _about(visit: Visit) -> bool:
    condition = visit.condition
    if isinstance(condition, Trait):
        return True
    if isinstance(condition, Did) and (condition.distinct or condition.share):
        return True
    return any(
        str(path[-1]).startswith(ITEM_PREFIX) or test.under is not None
        for path, test in predicates(condition, ())
    )
