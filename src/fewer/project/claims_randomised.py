"""Claims answered by an experiment of the project: people put into cells at random."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fewer.errors import GuardError
from fewer.journey.measure.assignment import experiments
from fewer.journey.measure.claims.check import Ratio
from fewer.journey.measure.claims.result import ClaimResult
from fewer.journey.measure.claims.verdict import Units, judge
from fewer.journey.measure.landmark import landmark
from fewer.journey.measure.population import Population
from fewer.model.claim import PeopleClaim

if TYPE_CHECKING:
    from fewer.journey.measure.query import Reader
    from fewer.model.goal import Goal
    from fewer.project.project import Project


def by_programme(
    project: Project,
    reader: Reader,
    claim: PeopleClaim,
    goal: Goal,
    found: ClaimResult,
    *,
    data_end_us: int,
) -> ClaimResult:
    """The result with the verdict of a segmented-against-broad test, where one was run.

    What people who chose themselves show stays in the notes.
    """
    for one in project.experiments.with_people():
        if one.experiment.tests != "programme":
            continue
        try:
            at = landmark(goal, index_us=one.at_us, data_end_us=data_end_us)
        except GuardError:
            continue  # its outcomes can't be known yet
        everyone = Population(one.registered.id, claim.title, one.everyone)
        outcomes = reader.outcomes(goal, at, reader.everyone(one.at_us))
        for row in experiments([everyone], [outcomes], [one.assignment]):
            seen = row.comparisons[0] if row.comparisons else None
            if seen is None or seen.ratio is None:
                continue
            ratio = Ratio(seen.ratio.estimate, "times", seen.ratio.unit, seen.ratio.label)
            judged = judge(claim.says, ratio, Units("people", len(one.everyone)))
            raw = found.ratio.words if found.ratio else "nothing"
            return replace(
                found,
                verdict=judged.verdict,
                because=f"{judged.because} (experiment {one.registered.id})",
                needed=judged.needed,
                label=ratio.label,
                group=None,
                against=None,
                ratio=ratio,
                naive=None,
                adjusted=None,
                control=None,
                sensitivity=None,
                further=(f"Without the experiment the data shows {raw}.",),
                notes=tuple(note for note in (at.note, *row.notes) if note),
                test="",
            )
    return found
