"""Randomised comparisons: every segment by every goal and arm, gates first, then the programme.

The family of an experiment is tested from the top: the programme over all segments, then the
segments in it. With ten segments or more, a segment has a verdict only where the programme has
one or where its shrunk interval leaves out "no change": a long table always has winners by luck.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from pyroaring import BitMap

from fewer.journey.measure.assignment import Assignment
from fewer.journey.measure.before import adjusted_values
from fewer.journey.measure.causal import (
    ITT,
    WORTH_SEEING,
    Causal,
    Reach,
    causal,
    chances,
    shrunk_figure,
)
from fewer.journey.measure.compare import compare, groups, judged
from fewer.journey.measure.evidence import EvidenceLabel
from fewer.journey.measure.figure import Figure, percent
from fewer.journey.measure.gates import STAGES, Gate, adjusted, gate, synced, withheld
from fewer.journey.measure.looks import expected
from fewer.journey.measure.outcomes import Outcomes
from fewer.journey.measure.population import Population, Sums, sums
from fewer.journey.measure.programme import Programme, programme
from fewer.journey.measure.reach import reach
from fewer.journey.measure.spend import Spend, Spending
from fewer.journey.measure.table import Comparison, Row, SplitResult, Verdict
from fewer.model.experiment import HELD_OUT
from fewer.stats.estimate import Floats
from fewer.stats.multiplicity import benjamini_hochberg
from fewer.stats.shrinkage import LEAST_SEGMENTS, fit_beta, shrink_ratios

Reached = Callable[[Outcomes], BitMap]
"""Who was reached while the outcomes counted."""

PEEKED: Final = (
    "looked at before its window closed: daily looks find something by chance, unless --sequential"
)
ONE_LOOK: Final = (
    "figures that hold at one look only (shrunk ratios, people reached, amounts adjusted for the"
    " time before, averages over segments) are left out while looking daily"
)


@dataclass(frozen=True, slots=True)
class Terms:
    """How experiments are read.

    Attributes:
        sequential: Intervals and split checks hold at every look together.
        spending: What was spent, if it is known.
        reached: Who was reached, if it is known.
        sent: People sent to the platforms, if it is known.
        over: Experiment -> whether its planned end has come; those not named are over.
        smallest: Experiment -> the smallest relative change that matters.
        before: Goal -> the same people's conversions before they were assigned, in as long a
            time. Nothing later may adjust a figure: it would take away what it measures.
        waves: Experiment -> people assigned together, the earliest first.
        left_out: Experiment -> reason -> arm -> people who are in no arm though they had one.
    """

    sequential: bool = False
    spending: Spending | None = None
    reached: Reached | None = None
    sent: BitMap | None = None
    over: Mapping[str, bool] | None = None
    smallest: Mapping[str, float] | None = None
    before: Mapping[str, Outcomes] | None = None
    waves: Mapping[str, Sequence[BitMap]] = field(default_factory=dict)
    left_out: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)

    def is_over(self, experiment: str) -> bool:
        """Whether verdicts may be given."""
        return self.sequential or (self.over or {}).get(experiment, True)


@dataclass(frozen=True, slots=True)
class Examined:
    """Everything that experiments say."""

    rows: tuple[Row, ...] = ()
    gates: tuple[Gate, ...] = ()
    programmes: tuple[Programme, ...] = ()


def examine(
    populations: Sequence[Population],
    outcomes: Sequence[Outcomes],
    assignments: Sequence[Assignment],
    terms: Terms | None = None,
) -> Examined:
    """Compare the arms of each assignment inside each population, by intention to treat.

    Args:
        populations: Segments in the order of their priority.
        outcomes: One for each goal.
        assignments: Groups that chance made.
        terms: How they are read.
    """
    terms = terms or Terms()
    ones = [_One(each, populations, outcomes, terms) for each in assignments]
    ones = [one for one in ones if one.populations]
    parents = _corrected([p for one in ones for p in one.programmes])
    there = [row.comparisons[0].p for one in ones for block in one.blocks for row in block if row]
    known = iter(_adjusted(there))
    rows: list[Row] = []
    for one in ones:
        own = [next(parents) for _ in one.blocks]
        rows += one.judged(known, own)
        one.programmes = own
    return Examined(
        tuple(rows),
        tuple(g for one in ones for g in one.gates),
        tuple(p for one in ones for p in one.programmes),
    )


def _adjusted(p: Sequence[float | None]) -> list[float | None]:
    """Benjamini-Hochberg over everything that is looked at together."""
    if not p:
        return []
    found = benjamini_hochberg([np.nan if each is None else each for each in p]).tolist()
    return [None if np.isnan(q) else q for q in found]


def _corrected(programmes: Sequence[Programme]) -> Iterator[Programme]:
    """Programmes with p-values adjusted over all of them, and the verdicts that follow."""
    for one, p in zip(programmes, _adjusted([p.p for p in programmes]), strict=True):
        yield one.decided(p)


class _One:
    """One assignment over all populations."""

    def __init__(
        self,
        assignment: Assignment,
        populations: Sequence[Population],
        outcomes: Sequence[Outcomes],
        terms: Terms,
    ) -> None:
        self.of, self.outcomes, self.terms = assignment, outcomes, terms
        # Of a segment in which an arm has nobody there is nothing to compare.
        self.populations = [
            p for p in populations if all(p.members & arm for arm in assignment.arms.values())
        ]
        self.treated = [name for name in assignment.arms if name != assignment.control]
        self.sendable = frozenset(self.treated)
        if assignment.label is not EvidenceLabel.RANDOMISED_HOLDOUT:
            self.sendable |= {assignment.control} - {HELD_OUT}

        self.gates = self._gates() if self.populations else []
        pairs = [(outcome, arm) for outcome in outcomes for arm in self.treated]
        self.blocks = [self._block(*pair, self.gates) for pair in pairs if self.populations]
        self.programmes = [self._programme(*pair, self.gates) for pair in pairs if self.populations]

    def judged(self, known: Iterator[float | None], parents: Sequence[Programme]) -> list[Row]:
        """Rows with verdicts, segment by segment; `known` are their adjusted p-values."""
        made = []
        for block, parent in zip(self.blocks, parents, strict=True):
            rows = []
            for row in block:
                c = self._verdict(row, next(known), parent) if row else None
                rows.append(replace(row, comparisons=(c,)) if row and c else None)
            made.append(rows)
        return [row for several in zip(*made, strict=True) for row in several if row]

    # ------------------------------------------------------------------------------- gates

    def _gates(self) -> list[Gate]:
        one = self.of
        control = one.control
        held = control if one.label is EvidenceLabel.RANDOMISED_HOLDOUT else None
        waves = self.terms.waves.get(one.id, ())
        found = [
            replace(
                gate(one.id, "assigned", one.arms, one.shares, waves=waves),
                left_out=self.terms.left_out.get(one.id, {}),
            )
        ]
        if self.terms.sent is not None:
            sent = self.terms.sent
            found += synced(one.id, one.arms, one.shares, sent, held=held, waves=waves)
        found += [
            gate(
                one.id,
                "analysed",
                {name: p.members & people for name, people in one.arms.items()},
                one.shares,
                segment=p.id,
                waves=waves,
            )
            for p in self.populations
        ]
        if self.terms.sequential:
            found = [g.watched() for g in found]
        return adjusted(found)

    # ------------------------------------------------------------------------------- rows

    def _block(self, outcome: Outcomes, arm: str, gates: Sequence[Gate]) -> list[Row | None]:
        """A row for each population, without verdicts; None where nobody is at risk."""
        one = self.of
        inside = [p.members & outcome.at_risk for p in self.populations]
        first = sums([people & one.arms[arm] for people in inside], outcome)
        second = sums([people & one.arms[one.control] for people in inside], outcome)
        n = len(self.populations)
        firsts = groups([arm] * n, first, outcome, one.label)
        seconds = groups([one.control] * n, second, outcome, one.label)
        planned = self._planned(outcome, arm, inside) if self.terms.sequential else None
        found = compare(first, second, seconds, outcome, one.label, planned=planned)
        extra = self._causal(found, first, second, outcome, arm)
        notes = [ITT]
        if not outcome.landmark.complete:
            notes.append(outcome.landmark.note)
            if not self.terms.sequential:
                notes.append(PEEKED)
        return [
            Row(
                segment=p.id,
                title=p.title,
                variant_of=p.variant_of,
                goal=outcome.goal.id,
                goal_title=outcome.goal.title,
                design=outcome.landmark,
                group=firsts[i],
                comparisons=(self._guarded(replace(found[i], causal=extra[i]), gates, p.id, arm),),
                notes=tuple(notes),
                experiment=one.id,
            )
            if firsts[i].people and seconds[i].people
            else None
            for i, p in enumerate(self.populations)
        ]

    def _planned(self, outcome: Outcomes, arm: str, inside: Sequence[BitMap]) -> Floats:
        """Conversions expected at the planned end, known before the first look."""
        pair = self.of.arms[arm] | self.of.arms[self.of.control]
        return expected([people & pair for people in inside], self._before(outcome))

    def _before(self, outcome: Outcomes) -> Outcomes | None:
        return (self.terms.before or {}).get(outcome.goal.id)

    def _causal(
        self, found: list[Comparison], first: Sums, second: Sums, outcome: Outcomes, arm: str
    ) -> list[Causal | None]:
        one = self.of
        table = (first.converted, first.people, second.converted, second.people)
        shrunk = shrink_ratios(*table, confidence=outcome.confidence).found
        many = len(found) >= LEAST_SEGMENTS
        daily = self.terms.sequential  # of what holds at one look only nothing is shown
        priors = (fit_beta(*table[:2]), fit_beta(*table[2:])) if many else None
        smallest = (self.terms.smallest or {}).get(one.id, WORTH_SEEING)
        views = chances(first, second, smallest=smallest, priors=priors)
        values = self._adjusted(outcome, arm)
        made: list[Causal | None] = []
        for i, (p, each) in enumerate(zip(self.populations, found, strict=True)):
            if each.difference is None:
                made.append(None)
                continue
            people = int(first.people[i])
            spend = self._spend(p.id, arm, outcome)
            part = causal(
                each.difference, each.value_difference, people, spend, currency=outcome.currency
            )
            made.append(
                replace(
                    part,
                    shrunk=shrunk_figure(shrunk.at(i), one.label) if many and not daily else None,
                    chances=views[i],
                    reach=None if daily else self._reach(p, arm, outcome),
                    adjusted_value=values[i],
                    notes=(*part.notes, *((ONE_LOOK,) if daily else ())),
                )
            )
        return made

    def _adjusted(self, outcome: Outcomes, arm: str) -> list[Figure | None]:
        """Amounts per person adjusted for the time before; none while looking daily."""
        if self.terms.sequential:
            return [None] * len(self.populations)
        inside = [p.members & outcome.at_risk for p in self.populations]
        return adjusted_values(
            [people & self.of.arms[arm] for people in inside],
            [people & self.of.arms[self.of.control] for people in inside],
            outcome,
            self._before(outcome),
            self.of.label,
        )

    def _reach(self, p: Population, arm: str, outcome: Outcomes) -> Reach | None:
        if self.terms.reached is None:
            return None
        people = p.members & outcome.at_risk
        pair = people & self.of.arms[arm], people & self.of.arms[self.of.control]
        return reach(*pair, self.terms.reached(outcome), outcome, self.of.label)

    def _spend(self, segment: str, arm: str, outcome: Outcomes) -> Spend | None:
        if self.terms.spending is None:
            return None
        return self.terms.spending.on_people_of(segment, arm, self.sendable, outcome.landmark)

    # ---------------------------------------------------------------------------- verdicts

    def _guarded(
        self, found: Comparison, gates: Sequence[Gate], segment: str, arm: str
    ) -> Comparison:
        own = next(g for g in gates if g.stage == "analysed" and g.segment == segment)
        broken = withheld(gates, self.of.id, segment)
        decided = broken or own
        control = self.of.control
        pair = own.sizes[arm] + own.sizes[control]
        planned = self.of.shares[control] / (self.of.shares[arm] + self.of.shares[control])
        split = SplitResult(
            planned=planned,
            seen=own.sizes[control] / pair if pair else 0.0,
            p=decided.p,
            p_adjusted=decided.p_adjusted,
            stage=decided.stage,
        )
        if broken is None:
            return replace(found, split=split)
        return replace(
            found,
            split=split,
            verdict=Verdict.SPLIT_BROKEN,
            difference=None,
            ratio=None,
            value_difference=None,
            value_ratio=None,
            p=None,
            causal=None,
            note=_why(broken, control, split),
        )

    def _verdict(self, row: Row, p: float | None, parent: Programme) -> Comparison:
        found = row.comparisons[0]
        if found.verdict is Verdict.SPLIT_BROKEN:
            return found
        done = judged(found, row.group, p)
        if not self.terms.is_over(self.of.id):
            return replace(done, verdict=Verdict.TOO_EARLY, note="its planned end has not come")
        strong = done.verdict in (Verdict.MORE, Verdict.LESS)
        if strong and len(self.populations) >= LEAST_SEGMENTS and not self._passes(found, parent):
            note = "the programme as a whole shows nothing, and one of many segments can be luck"
            return replace(done, verdict=Verdict.CANNOT_TELL, note=note)
        return done

    @staticmethod
    def _passes(found: Comparison, parent: Programme) -> bool:
        if parent.verdict in (Verdict.MORE, Verdict.LESS):
            return True
        shrunk = found.causal.shrunk if found.causal else None
        return shrunk is not None and shrunk.estimate.excludes(1)

    def _programme(self, outcome: Outcomes, arm: str, gates: Sequence[Gate]) -> Programme:
        one = self.of
        broken = {p.id for p in self.populations if withheld(gates, one.id, p.id)}
        sound = [p for p in self.populations if p.id not in broken]
        spends = [s for p in sound if (s := self._spend(p.id, arm, outcome)) is not None]
        found = programme(
            sound or self.populations,
            outcome,
            experiment=one.id,
            arms=(arm, one.control),
            people=(one.arms[arm], one.arms[one.control]),
            label=one.label,
            spend=_together(spends),
            planned=self._planned(outcome, arm, [p.members for p in sound or self.populations])
            if self.terms.sequential
            else None,
        )
        if not sound:
            return replace(
                found, ratio=None, typical=None, new_segment=None, conversions=None, icpa=None,
                p=None, verdict=Verdict.SPLIT_BROKEN,
                note="the groups are not those that chance made",
            )  # fmt: skip
        note = f"without {', '.join(sorted(broken))}: split check failed" if broken else ""
        if not self.terms.is_over(one.id):
            return replace(found, verdict=Verdict.TOO_EARLY, note=note)
        return replace(found, note=note)


def _why(broken: Gate, control: str, split: SplitResult) -> str:
    where = "" if broken.stage == "analysed" else f" {STAGES[broken.stage]}"
    if broken.stage == "analysed":
        seen, planned = split.seen, split.planned
    else:
        seen = broken.sizes[control] / max(sum(broken.sizes.values()), 1)
        planned = broken.planned[control]
    return (
        f"{percent(seen)} % of these people{where} are in {control!r}, planned were"
        f" {percent(planned)} %: chance can't explain that, so nothing may be read."
        " Look for people lost or added after the assignment."
    )


def _together(spends: Sequence[Spend]) -> Spend | None:
    if not spends:
        return None
    amounts: dict[str, float] = {}
    for one in spends:
        for currency, amount in one.amounts.items():
            amounts[currency] = amounts.get(currency, 0.0) + amount
    return Spend(amounts, spends[0].first_day, spends[0].last_day)
