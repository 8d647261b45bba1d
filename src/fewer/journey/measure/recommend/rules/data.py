"""Rules about the data: what can't be trusted is put right before anything is read from it."""

from __future__ import annotations

from fewer.journey.measure.recommend.rules.base import Case
from fewer.journey.measure.recommend.verdict import Action, Recommendation


def split_broken(case: Case) -> Recommendation | None:
    """A randomised comparison whose groups are not those that chance made."""
    for arms in case.facts.arms:
        if arms.broken:
            return case.says(
                Action.FIX_DATA,
                "split_broken",
                f"the split check of {arms.experiment!r} failed: nothing of it may be read",
                f"{arms.broken[:1].upper()}{arms.broken[1:]}",
                wrong="Looking takes an hour; a verdict on such groups can be wrong either way.",
                takes="People who were lost or added after the assignment, found and put back.",
                worth=case.weekly_conversions,
            )
    return None


def grave_finding(case: Case) -> Recommendation | None:
    """An audit finding that nothing may be built on, about data this segment reads."""
    for fault in case.facts.faults:
        if fault.grave:
            return case.says(
                Action.FIX_DATA,
                "grave_finding",
                f"{fault.title} ({fault.code})",
                f"It reads data with a grave finding: {fault.title} ({fault.code}). {fault.fix}",
                wrong=f"All {case.facts.size:,} people may be the wrong ones until then.",
                takes=f"`fewer audit` without {fault.code}.",
                worth=case.weekly_conversions or float(case.facts.size),
            )
    return None


def changed_since(case: Case) -> Recommendation | None:
    """The file says something else than what was built."""
    if not case.facts.changed_since:
        return None
    return case.says(
        Action.NOTHING_YET,
        "changed_since",
        "changed since the last refresh",
        "The definition was changed after the newest refresh, so what is known is about another"
        " one.",
        takes="`fewer build`, then ask again.",
    )
