"""Rules about size: enough people to deliver, few enough to be precise, not on one odd week."""

from __future__ import annotations

from typing import Final

from fewer.journey.measure.recommend import values
from fewer.journey.measure.recommend.facts import Change, Facts
from fewer.journey.measure.recommend.rules.base import Case
from fewer.journey.measure.recommend.verdict import Action, Amount, Recommendation
from fewer.model.segment import Segment, SizeGuard

_RECENT: Final = "_recent"


def split(case: Case) -> Recommendation | None:
    """Too many people, who come apart into two segments of the wanted size: nobody is lost."""
    facts, guard = case.facts, case.facts.segment.size
    if not _lasting(facts, too_large=True):
        return None
    for change in facts.changes:
        part, rest = change.inside, facts.size - change.inside
        # The part must lie inside the whole: else the two would not be the same people as before.
        if change.inside < change.size or not (_fits(part, guard) and _fits(rest, guard)):
            continue
        added = _part(facts.segment, change)
        return case.says(
            Action.SPLIT,
            "split",
            f"{_now(facts)}: `{change.words}` parts them into {part:,} and {rest:,}",
            f"{_now(facts)}, {_lately(facts, too_large=True)}. Those with `{change.words}`"
            f" ({part:,}) get a segment and a message of their own; {rest:,} stay.",
            gain=Amount(float(facts.size), "people in segments of the wanted size"),
            wrong="Nobody is added or lost; it costs one more message.",
            changed=(_without(facts.segment, added.id),),
            added=(added,),
            worth=case.weekly_conversions,
        )
    return None


def narrow(case: Case) -> Recommendation | None:
    """Too many people: the nearest edit that brings the segment inside the wanted size."""
    facts = case.facts
    change = _best(facts)
    if change is None or change.size >= facts.size or not _lasting(facts, too_large=True):
        return None
    lost = facts.size - change.inside
    return case.says(
        Action.NARROW,
        "narrow",
        f"{_now(facts)}: `{change.words}` gives {change.size:,}",
        f"{_now(facts)}, {_lately(facts, too_large=True)}. `{change.words}` gives"
        f" {change.size:,} on the same data.",
        gain=Amount(float(-lost), "people who fit less well"),
        reach=change.size - facts.size,
        wrong=_lost(case, lost),
        changed=(change.segment,),
        worth=case.weekly_conversions,
    )


def widen(case: Case) -> Recommendation | None:
    """Too few people: the nearest edit that brings the segment inside the wanted size."""
    facts = case.facts
    change = _best(facts)
    if change is None or change.size <= facts.size or not _lasting(facts, too_large=False):
        return None
    more = change.size - facts.size
    nearest = "" if change.fits else ", the nearest there is"
    return case.says(
        Action.WIDEN,
        "widen",
        f"{_now(facts)}: `{change.words}` gives {change.size:,}{nearest}",
        f"{_now(facts)}, {_lately(facts, too_large=False)}. `{change.words}` gives"
        f" {change.size:,} on the same data{nearest}.",
        gain=Amount(float(more), "people"),
        reach=more,
        wrong=f"{more:,} people who fit less well get the message until it is taken back.",
        changed=(change.segment,),
        worth=float(more),
    )


def small_for_good(case: Case) -> Recommendation | None:
    """Too few people, and no edit of one number brings more."""
    facts = case.facts
    if facts.size >= _low(facts.segment.size) or _best(facts) is not None:
        return None
    if not _lasting(facts, too_large=False):
        return None
    return case.says(
        Action.NOTHING_YET,
        "small_for_good",
        f"{_now(facts)}, and no edit of one number brings more",
        f"{_now(facts)}, {_lately(facts, too_large=False)}, and no other window or threshold"
        " brings it near.",
        takes="Drop a condition, join it with a segment like it, or use it as a seed or exclusion.",
        worth=case.weekly_conversions,
    )


def restless(case: Case) -> Recommendation | None:
    """People stay too short to be reached: as many come in a few days as there are in all."""
    facts = case.facts
    if not facts.weekly or not facts.size:
        return None
    stay = facts.size / facts.weekly * values.WEEK_DAYS
    if stay >= values.SHORTEST_STAY:
        return None
    longer = next((c for c in facts.changes if c.fits and c.size > facts.size), None)
    return case.says(
        Action.CHANGE_WINDOW if longer else Action.NOTHING_YET,
        "restless",
        f"people stay {stay:.1f} days" + (f": `{longer.words}` holds them" if longer else ""),
        f"{facts.weekly:,.0f} people come into it a week and {facts.size:,} are in it, so one stays"
        f" {stay:.1f} days; platforms need one or two to match an upload."
        + (f" `{longer.words}` holds {longer.size:,} people." if longer else ""),
        gain=Amount(float(longer.size - facts.size), "people") if longer else None,
        reach=longer.size - facts.size if longer else 0,
        takes="" if longer else "A longer window, or refreshes and uploads every day.",
        wrong="Some people get the message later than they acted." if longer else "",
        changed=(longer.segment,) if longer else (),
        worth=case.weekly_conversions,
    )


def _best(facts: Facts) -> Change | None:
    """The nearest edit that fits; failing that the nearest miss. The first is the nearest."""
    return next((c for c in facts.changes if c.fits), facts.changes[0] if facts.changes else None)


def _lasting(facts: Facts, *, too_large: bool) -> bool:
    """Whether it is outside now, by more than a little, and was so in most refreshes."""
    guard = facts.segment.size
    if not _outside(facts.size, guard, too_large=too_large):
        return False
    sizes = [past.size for past in facts.history[: values.HISTORY]] or [facts.size]
    outside = sum(_outside(size, guard, too_large=too_large) for size in sizes)
    return outside >= values.OUTSIDE * len(sizes)


def _outside(size: int, guard: SizeGuard, *, too_large: bool) -> bool:
    return size > guard.max * (1 + values.SLACK) if too_large else size < _low(guard)


def _low(guard: SizeGuard) -> float:
    return guard.min * (1 - values.SLACK)


def _fits(size: int, guard: SizeGuard) -> bool:
    return guard.min <= size <= guard.max


def _now(facts: Facts) -> str:
    guard = facts.segment.size
    return f"{facts.size:,} people ({guard.min:,}-{guard.max:,} wanted)"


def _lately(facts: Facts, *, too_large: bool) -> str:
    """How many of the last refreshes were outside: ``in 5 of the last 6 refreshes``."""
    sizes = [past.size for past in facts.history[: values.HISTORY]]
    if len(sizes) < 2:  # noqa: PLR2004  this one alone
        return "in the only refresh there is"
    guard = facts.segment.size
    outside = sum(_outside(size, guard, too_large=too_large) for size in sizes)
    return f"outside in {outside} of the last {len(sizes)} refreshes"


def _lost(case: Case, lost: int) -> str:
    """What those left out give now at the very most: whatever they would do without ads, too."""
    seen = case.facts.seen
    if seen is None or not seen.people:
        return f"{lost:,} people are reached no more until it is taken back."
    rate = seen.converted / seen.people * values.WEEK_DAYS / seen.window_days
    most = case.amount(lost * rate)
    return (
        f"{lost:,} people are reached no more: at most {most.size}, if they convert as the"
        " segment does (association) and only because of the message."
    )


def _part(segment: Segment, change: Change) -> Segment:
    """The part as a segment of its own, behind the whole."""
    update = {
        "id": f"{segment.id}{_RECENT}",
        "name": f"{segment.title}: {change.words}",
        "where": change.segment.where,
        "variants": None,
        "status": "draft",
    }
    return segment.model_copy(update=update)


def _without(segment: Segment, other: str) -> Segment:
    return segment.model_copy(update={"exclude": (*segment.exclude, other)})
