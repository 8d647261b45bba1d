"""What to conclude: a few sentences before any table, the strongest evidence first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fewer.journey.measure.cost import BROAD, CostTable
from fewer.journey.measure.evidence import EvidenceLabel, check_words
from fewer.journey.measure.figure import change, percent
from fewer.journey.measure.gates import Gate, distinct
from fewer.journey.measure.metrics import Both, MetricResult
from fewer.journey.measure.programme import Programme
from fewer.journey.measure.table import OutcomeTable, Row, Verdict

_NAMED: Final = 3
_STRONG: Final = (Verdict.MORE, Verdict.LESS)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """One sentence, and the evidence that it rests on; None: about the data, no figure."""

    text: str
    label: EvidenceLabel | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"text": self.text, "label": self.label.value if self.label else None}


def said(text: str, label: EvidenceLabel | None) -> Conclusion:
    """A conclusion, its words checked against its evidence."""
    return Conclusion(check_words(text, label or EvidenceLabel.RAW_ASSOCIATION), label)


def conclude(
    *,
    gates: Sequence[Gate],
    programmes: Sequence[Programme],
    rows: Sequence[Row],
    claims: Sequence[Both],
    metrics: Sequence[MetricResult],
    outcomes: OutcomeTable | None,
    costs: CostTable | None,
) -> list[Conclusion]:
    """Sentences in the order in which they should be read."""
    gates = distinct(gates)
    found = [*_broken(gates), *_programmes(programmes), *_reached(rows)]
    found += _segments(rows, programmes)
    found += [said(f"The exclusions claim {one.sentence}", one.kept.label) for one in claims]
    found += [
        said(f"Guardrail {one.metric}: {one.sentence}", one.label)
        for one in metrics
        if one.guardrail and one.margin
    ]
    if outcomes is not None:
        found += _associations(outcomes)
    if costs is not None:
        found += _costs(costs)
    return found


def _broken(gates: Sequence[Gate]) -> Iterator[Conclusion]:
    whole = [g for g in gates if g.broken]
    for one in whole[:_NAMED]:
        yield said(
            f"Nothing may be read of {one.experiment!r}"
            f"{f' in {one.segment}' if one.segment else ''}: split check, {one.words}",
            None,
        )
    if len(whole) > _NAMED:
        yield said(f"{len(whole) - _NAMED} more split checks failed.", None)
    yield from _told(gates)


def _told(gates: Sequence[Gate]) -> Iterator[Conclusion]:
    """What to know of groups whose figures are shown."""
    unusual = [g for g in gates if g.unusual]
    for one in unusual[:_NAMED]:
        yield said(f"{one.experiment}: split check, {one.words}.", None)
    if len(unusual) > _NAMED:
        yield said(f"{len(unusual) - _NAMED} more splits are unusual.", None)
    for one in gates:
        if one.left_out:
            yield said(f"{one.experiment}: {one.left_out_words}.", None)
        if one.note and not one.broken:
            yield said(f"{one.experiment}: {one.note}.", None)


def _programmes(programmes: Sequence[Programme]) -> Iterator[Conclusion]:
    for one in programmes:
        if one.verdict is Verdict.SPLIT_BROKEN:
            continue
        head = f"{one.experiment}, {one.arm} against {one.control}, {one.goal_title}"
        enough = not one.needed or one.needed[0].people <= one.people[0]
        takes = "" if enough else f" {one.needed[0].words.capitalize()}."
        yield said(f"{head}: {one.verdict.value}; {one.sentence}.{takes}", one.label)
        if one.icpa is not None:
            cost = one.icpa
            known = f"{cost.number}, " if cost.estimate.value is not None else ""
            yield said(f"{head}: iCPA {known}{cost.interval}.", one.label)


def _reached(rows: Sequence[Row]) -> Iterator[Conclusion]:
    """What reaching people changed, where an experiment is read as one group."""
    for experiment in dict.fromkeys(row.experiment for row in rows):
        own = [row for row in rows if row.experiment == experiment]
        if len({row.segment for row in own}) > 1:
            continue
        for row in own:
            more = row.comparisons[0].causal
            if more is None or more.reach is None:
                continue
            found = more.reach
            yield said(
                f"{experiment}, {row.group.name}, {row.goal_title}: {percent(found.treated)} % were"
                f" reached ({percent(found.control)} % of the others); for somebody reached because"
                f" of it that is {found.difference.number}, {found.difference.interval}.",
                row.comparisons[0].label,
            )


def _segments(rows: Sequence[Row], programmes: Sequence[Programme]) -> Iterator[Conclusion]:
    several = {p.experiment for p in programmes if p.segments > 1}
    for experiment in dict.fromkeys(row.experiment for row in rows):
        if experiment not in several:
            continue
        own = [row for row in rows if row.experiment == experiment]
        label = own[0].comparisons[0].label
        clear = [row for row in own if row.comparisons[0].verdict in _STRONG]
        if not clear:
            yield said(
                f"{experiment}: none of {len(own)} segments shows a change by itself yet.", label
            )
            continue
        named = ", ".join(_brief(row) for row in clear[:_NAMED])
        more = f" and {len(clear) - _NAMED} more" if len(clear) > _NAMED else ""
        yield said(
            f"{experiment}: {len(clear)} of {len(own)} segments show a change by themselves:"
            f" {named}{more}.",
            label,
        )


def _brief(row: Row) -> str:
    found = row.comparisons[0]
    value = found.ratio.estimate.value if found.ratio else None
    return f"{row.segment} ({change(value) if value is not None else found.verdict.value})"


def _associations(table: OutcomeTable) -> Iterator[Conclusion]:
    label = EvidenceLabel.RAW_ASSOCIATION
    for goal, title in dict.fromkeys((row.goal, row.goal_title) for row in table.rows):
        own = [r for r in table.rows if r.goal == goal and r.variant_of is None]
        more = [r for r in own if r.comparisons[0].verdict is Verdict.MORE]
        unclear = [r for r in own if r.comparisons[0].verdict is Verdict.CANNOT_TELL]
        more.sort(key=lambda r: -(_ratio(r) or 0))
        if not own:
            continue
        named = ", ".join(
            f"{r.segment} {r.comparisons[0].ratio.number}"
            for r in more[:_NAMED]
            if r.comparisons[0].ratio
        )
        text = (
            f"{title}: {len(more)} of {len(own)} segments converted more often than everyone else"
            f"{f' ({named})' if named else ''}, which people who chose themselves would do anyway:"
            " an association."
        )
        if unclear:
            text += f" Not enough data yet for {len(unclear)}."
        yield said(text, label)


def _ratio(row: Row) -> float | None:
    found = row.comparisons[0].ratio
    return found.estimate.value if found else None


def _costs(costs: CostTable) -> Iterator[Conclusion]:
    label = EvidenceLabel.RAW_ASSOCIATION
    for metric, title, good in (("cpc", "Clicks", "cheaper"), ("ctr", "Ads", "clicked more often")):
        clear = [
            row
            for row in costs.rows
            if row.segment != BROAD and row.arm is None and _clear(row.cost(metric).p_adjusted)
        ]
        better = [
            (row.segment, value)
            for row in clear
            if (figure := row.cost(metric).to_broad) is not None
            and (value := figure.estimate.value) is not None
            and (value < 1) == (metric == "cpc")
        ]
        if better:
            named = ", ".join(f"{name} {change(v)}" for name, v in _best(better, metric))
            yield said(
                f"{title} were {good} than those of the broad audience in {len(better)} segments"
                f" ({named}): an association, platform-reported.",
                label,
            )
    for problem in (*costs.problems, *costs.attribution):
        yield said(problem, None)


def _best(found: Iterable[tuple[str, float]], metric: str) -> list[tuple[str, float]]:
    return sorted(found, key=lambda pair: pair[1] if metric == "cpc" else -pair[1])[:_NAMED]


def _clear(p: float | None) -> bool:
    return p is not None and p < 0.05  # noqa: PLR2004
