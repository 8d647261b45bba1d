"""Rules for segments of which only associations are known: they are put to the test, or wait."""

from __future__ import annotations

from fewer.journey.measure.figure import Figure, change
from fewer.journey.measure.recommend import values
from fewer.journey.measure.recommend.rules.base import Case
from fewer.journey.measure.recommend.verdict import Action, Recommendation


def alone(case: Case) -> Recommendation | None:
    """Enough people for a test of its own."""
    design, whole = case.design, case.together
    if design is None or design.weeks is None or design.weeks > values.PATIENCE:
        return None
    if whole is not None and whole.weeks is not None and whole.weeks < design.weeks:
        return None  # read with the others it is sooner done
    return _test(case, design.holdout, design.weeks)


def together(case: Case) -> Recommendation | None:
    """Too small alone, but one test of all such segments can tell whether they work."""
    whole = case.together
    if case.design is None or whole is None or whole.weeks is None:
        return None
    if whole.weeks > values.PATIENCE or whole.segments < 2:  # noqa: PLR2004  that is alone
        return None
    return _test(case, whole.holdout, whole.weeks, whole.segments)


def too_small(case: Case) -> Recommendation | None:
    """No test can tell in time: said, with what it would take."""
    design = case.design
    if design is None:
        return None
    if design.weeks:
        waits = f"about {_weeks(design.weeks)}"
    elif case.facts.weekly is None:
        waits = "a time that one refresh alone can't tell"
    else:
        waits = "more than two years"
    return case.says(
        Action.NOTHING_YET,
        "too_small",
        f"{_sees(case)}; a test would take {waits}",
        f"{_sees(case, long=True)} A test that shows {change(values.WORTH_SEEING)} would take"
        f" {waits}.",
        figure=_figure(case),
        takes=(
            f"{design.people:,} people with {design.holdout} % held out, and there are"
            f" {design.has:,}. {_others(case)}"
        ),
        worth=case.weekly_conversions,
    )


def unmeasured(case: Case) -> Recommendation | None:
    """Nothing is known of its outcomes."""
    seen = case.facts.seen
    if not case.programme.goal:
        return case.says(
            Action.NOTHING_YET,
            "no_goal",
            "no goal to measure by",
            "There is no goal to measure by, so only its size and data could be looked at.",
            takes="A goal in goals.yaml, such as an order within 7 days.",
        )
    if seen is None:
        why = "no outcomes after a refresh yet"
    elif not seen.converted:
        why = f"none of {seen.people:,} converted in {seen.window_days:g} days"
    else:
        why = "too few people to say anything"
    return case.says(
        Action.NOTHING_YET,
        "unmeasured",
        why,
        f"{why[:1].upper()}{why[1:]}.",
        takes=(
            f"Data up to {seen.window_days:g} days after a refresh, and conversions in it."
            if seen
            else "A refresh as at an earlier date (`fewer build --as-of`), or data of the weeks"
            " after the newest one."
        ),
    )


def planned(case: Case) -> Recommendation | None:
    """A test is written down, and has no people yet."""
    name = case.facts.planned
    if not name or case.facts.arms:
        return None
    return case.says(
        Action.NOTHING_YET,
        "planned",
        f"test {name!r} is written, nobody is assigned yet",
        f"The experiment {name!r} is to hold people of it out, and nobody is assigned yet.",
        takes=f"`fewer experiment register {name}`, then `fewer experiment assign {name}`.",
        worth=case.weekly_conversions,
    )


def _test(case: Case, holdout: int, weeks: int, segments: int = 1) -> Recommendation:
    how = f", {segments} segments read as one" if segments > 1 else ""
    held = case.amount(case.weekly_conversions * holdout / 100)
    return case.says(
        Action.TEST,
        "test",
        f"{_sees(case)}: hold out {holdout} % for {_weeks(weeks)}"
        + (", together" if segments > 1 else ""),
        f"{_sees(case, long=True)} Whether the message changes anything only a random holdout"
        f" shows: {holdout} % for {_weeks(weeks)} would show {change(values.WORTH_SEEING)}"
        f" {round(100 * values.POWER)} times in 100{how}.",
        figure=_figure(case),
        stake=case.amount(case.weekly_conversions),
        wrong=(
            f"Those held out give {held.size} now; what a message would add to that is not"
            " earned meanwhile."
        ),
        reach=-case.facts.size * holdout / 100,
        holdout=holdout,
        weeks=weeks,
        worth=case.weekly_conversions,
    )


def _weeks(many: int) -> str:
    return "1 week" if many == 1 else f"{many} weeks"


def _others(case: Case) -> str:
    """What reading it with all other untested segments would take."""
    whole = case.together
    if whole is None or whole.weeks is None or whole.segments < 2:  # noqa: PLR2004  that is alone
        return "Widen it, or read it together with others."
    return (
        f"Read as one, {whole.segments} segments without a test would take about"
        f" {_weeks(whole.weeks)} with {whole.holdout} % held out."
    )


def _figure(case: Case) -> Figure | None:
    seen = case.facts.seen
    return None if seen is None else seen.ratio or seen.rate


def _sees(case: Case, *, long: bool = False) -> str:
    """What is seen, as an association: ``converts 1.8x as often as others (association)``."""
    seen = case.facts.seen
    if seen is None:
        return ""
    if seen.ratio is None or seen.ratio.estimate.value is None:
        return f"{seen.converted:,} of {seen.people:,} converted" + ("." if long else "")
    if not long:
        return f"{seen.ratio.number} conversion (association)"
    inside = seen.ratio.words.partition("(")[2][:-1]
    said = f"Its people converted {seen.ratio.number} as often as others ({inside})"
    if seen.adjusted is not None and seen.adjusted.estimate.value is not None:
        said += f", {seen.adjusted.number} among people equally active before"
    return f"{said}; they chose themselves."
