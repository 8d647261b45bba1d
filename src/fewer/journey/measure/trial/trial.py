"""A finished test: the split first, then what each arm changed, corrected for there being many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from fewer.journey.measure.evidence import EvidenceLabel, check_words
from fewer.journey.measure.figure import Figure, change
from fewer.journey.measure.gates import Gate
from fewer.journey.measure.trial.roles import Column, Roles
from fewer.stats.compare import Metric, compare_table
from fewer.stats.cuped import cuped_means
from fewer.stats.estimate import Estimate, Floats
from fewer.stats.mean import mean_difference
from fewer.stats.multiplicity import benjamini_hochberg
from fewer.stats.power import smallest_ratio
from fewer.stats.power_means import smallest_difference
from fewer.stats.proportion import exact_p
from fewer.stats.split import split_check
from fewer.stats.sums import Sums, sums_of

Said = Literal["more", "less", "can't tell", "withheld"]

UNEQUAL: Final = 0.001
"""A balance check less likely than this is told; some column always differs a little."""
_HEAVY: Final = 0.02  # share of an arm's sum that one person may hold before it is told


@dataclass(frozen=True, slots=True)
class People:
    """Everyone of the test, one element a person; NaN where there is no value."""

    arm: np.ndarray[tuple[int, ...], np.dtype[np.int64]]  # place in `Roles.arms`
    values: Mapping[str, Floats]  # outcome -> value
    before: Mapping[str, Floats]
    saw_other: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a file."""

    file: str
    rows: int
    people: People
    left_out: Mapping[str, int]  # reason -> people or rows
    several_rows: int = 0  # people with more than one
    agreement: str = ""  # of a column that nearly says the arm


@dataclass(frozen=True, slots=True)
class Result:
    """One outcome in one arm against the comparison."""

    metric: str
    kind: str  # "rate" or "mean"
    arm: str
    control: str
    level: Figure
    level_control: Figure
    difference: Figure
    ratio: Figure
    adjusted: Figure | None = None  # difference, adjusted for what was known before
    removed: float | None = None  # share of the noise that this took away
    p: float | None = None  # exact for rates, Welch's for amounts
    p_adjusted: float | None = None
    said: Said = "can't tell"
    smallest: float | None = None  # smallest rise that was likely to be seen, as a ratio
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What to take from it."""
        name, label = f"{self.metric} in {self.arm!r}", self.ratio.label
        if self.said == "withheld":
            return f"{name}: withheld, {self.notes[0]}"
        if self.said == "can't tell":
            takes = ""
            if self.smallest is not None:
                takes = f" A rise of {change(self.smallest)} would likely have shown."
            return check_words(f"{name}: no difference can be told from chance.{takes}", label)
        value = self.ratio if self.ratio.estimate.value is not None else self.difference
        words = f"{name}: {self.said} than in {self.control!r}, {value.words}"
        return check_words(words, label)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "metric": self.metric,
            "kind": self.kind,
            "arm": self.arm,
            "control": self.control,
            "level": self.level.to_json(),
            "level_control": self.level_control.to_json(),
            "difference": self.difference.to_json(),
            "ratio": self.ratio.to_json(),
            "adjusted": self.adjusted.to_json() if self.adjusted else None,
            "noise_removed": self.removed,
            "p": self.p,
            "p_adjusted": self.p_adjusted,
            "verdict": self.said,
            "smallest_ratio": self.smallest,
            "sentence": self.sentence,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Trial:
    """Everything that a finished test says."""

    read: Read
    roles: Roles
    label: EvidenceLabel
    gates: tuple[Gate, ...]
    warnings: tuple[str, ...]
    results: tuple[Result, ...]
    cap: float | None = None

    @property
    def broken(self) -> bool:
        """Whether the split forbids reading any of it."""
        return any(gate.broken and gate.segment is None for gate in self.gates)

    def to_json(self) -> dict[str, Any]:
        """Plain values; nothing of a person."""
        return {
            "file": self.read.file,
            "rows": self.read.rows,
            "people": len(self.read.people.arm),
            "left_out": dict(self.read.left_out),
            "people_with_several_rows": self.read.several_rows,
            "arm": self.roles.arm,
            "arms": list(self.roles.arms),
            "control": self.roles.control,
            "person": self.roles.person,
            "unused": dict(self.roles.unused),
            "guessed": list(self.roles.guessed),
            "label": self.label.value,
            "cap": self.cap,
            "gates": [gate.to_json() for gate in self.gates],
            "broken": self.broken,
            "warnings": list(self.warnings),
            "results": [one.to_json() for one in self.results],
        }


def judge(read: Read, roles: Roles, *, random: bool = True, cap: float | None = None) -> Trial:
    """Compare every arm with the comparison on every outcome.

    Args:
        read: The people, in arms.
        roles: What each column is.
        random: Whether chance made the arms; a file can't prove it. False: associations.
        cap: Quantile over all people, a fraction, that amounts are cut down to; None: none.
    """
    label = EvidenceLabel.RANDOMISED_ARM if random else EvidenceLabel.RAW_ASSOCIATION
    people, gates = read.people, []
    if random:
        gates.append(_gate(people.arm, roles, "assigned"))
    if people.saw_other is not None:
        people = _kept(people, ~people.saw_other)
        if random:
            gates.append(_gate(people.arm, roles, "analysed"))
    results: list[Result] = []
    valued = []
    for column in roles.metrics:
        there = ~np.isnan(people.values[column.name])
        gate = None
        if random and not there.all():
            gate = _gate(people.arm[there], roles, "analysed", segment=column.name)
            valued.append(gate)
        results += _results(_kept(people, there), roles, column, label, cap)
    gates += valued
    results = [_decided(one, p, gates) for one, p in zip(results, _corrected(results), strict=True)]
    broken = any(gate.broken and gate.segment is None for gate in gates)
    balance = () if broken or not random else _balance(people, roles)
    warnings = (*_warned(read, gates), *balance)
    return Trial(read, roles, label, tuple(gates), warnings, tuple(results), cap)


def _kept(people: People, there: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> People:
    return People(
        people.arm[there],
        {name: values[there] for name, values in people.values.items()},
        {name: values[there] for name, values in people.before.items()},
    )


# ------------------------------------------------------------------------------------- split


def _gate(
    arm: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    roles: Roles,
    stage: Literal["assigned", "analysed"],
    segment: str | None = None,
) -> Gate:
    sizes = np.bincount(arm, minlength=len(roles.arms)).tolist()
    planned = [roles.shares[name] for name in roles.arms]
    p = float(split_check(sizes, planned).p[0])
    found = dict(zip(roles.arms, sizes, strict=True))
    return Gate(roles.arm, stage, segment, found, roles.shares, None if np.isnan(p) else p)


def _warned(read: Read, gates: Sequence[Gate]) -> Iterator[str]:
    for gate in gates:
        where = f" with a value of {gate.segment}" if gate.segment else ""
        if gate.broken:
            yield (
                f"The split of people{where} is broken: chance does this in one of"
                f" {_one_in(gate.p)} tests. People were lost or added by something that the arms"
                " differ in, so no figure may be read. Look for it: redirects, crashes, bots,"
                " logging, filters."
            )
    if read.agreement:
        yield read.agreement


def _one_in(p: float | None) -> str:
    if not p or p < 1e-12:  # noqa: PLR2004  beyond this nobody counts
        return "more than a million million"
    return f"{1 / p:,.0f}"


def _balance(people: People, roles: Roles) -> Iterator[str]:
    for column in roles.before:
        values = people.before[column.name]
        there = ~np.isnan(values)
        table = sums_of({"x": values[there]}, people.arm[there], len(roles.arms))
        for at, arm in enumerate(roles.arms[1:], 1):
            first, second = table[[at]].moments("x"), table[[0]].moments("x")
            p = float(mean_difference(first, second).p[0])
            if p < UNEQUAL:
                yield (
                    f"{column.name} was different before the test in {arm!r} (p {p:.2g}): chance"
                    " hardly makes such arms."
                )


# ----------------------------------------------------------------------------------- figures


def _results(
    people: People, roles: Roles, column: Column, label: EvidenceLabel, cap: float | None
) -> Iterator[Result]:
    kind: Literal["rate", "mean"] = "rate" if column.kind == "flag" else "mean"
    values, notes = people.values[column.name], tuple[str, ...]()
    if kind == "mean":
        values, notes = _capped(values, people.arm, cap)
    amounts = {"y": values} | {f"x{i}": v for i, v in enumerate(_filled(people, roles))}
    table = sums_of(amounts, people.arm, len(roles.arms))
    found = compare_table(_one_row(table), [Metric("m", kind, "y")])["m"]
    shown, unit = ("share", "of people") if kind == "rate" else ("amount", "a person")
    for at, arm in enumerate(roles.arms[1:]):
        adjusted, removed = _adjusted(table, at + 1, roles)
        yield Result(
            column.name,
            kind,
            arm,
            roles.control,
            _figure(found.level.at(0, at + 1), shown, unit, label),
            _figure(found.level.at(0, 0), shown, unit, label),
            _figure(found.difference.at(0, at), "points" if kind == "rate" else "amount",
                    unit, label),
            _figure(found.ratio.at(0, at), "times", "", label),
            _figure(adjusted, "points" if kind == "rate" else "amount", unit, label)
            if adjusted else None,
            removed,
            p=_p(table, at + 1, kind),
            smallest=_smallest(table, at + 1, kind),
            notes=notes,
        )  # fmt: skip


def _one_row(table: Sums) -> Sums:
    """Arms as the one row of a table of segments by arms."""
    return Sums(
        table.names, table.n[None], table.totals[None], table.products[None], table.valued[None]
    )


def _figure(estimate: Estimate, kind: Any, unit: str, label: EvidenceLabel) -> Figure:
    return Figure(estimate, kind, unit, label)


def _capped(
    values: Floats, arm: np.ndarray[tuple[int, ...], np.dtype[np.int64]], cap: float | None
) -> tuple[Floats, tuple[str, ...]]:
    """Amounts cut down at a quantile, or a note that one person decides much."""
    if not len(values):
        return values, ()
    if cap is not None:
        limit = float(np.quantile(values, cap))
        return np.minimum(values, limit), (f"amounts above {limit:,.4g} count as that",)
    total = np.bincount(arm, np.abs(values))
    at = int(np.abs(values).argmax())
    share = abs(values[at]) / total[arm[at]] if total[arm[at]] else 0.0
    if share > _HEAVY:
        told = f"one person holds {share:.1%} of the arm's sum: --cap 99.9 cuts such amounts down"
        return values, (told,)
    return values, ()


def _filled(people: People, roles: Roles) -> list[Floats]:
    """What was known before, the average where it is missing: that can't favour an arm."""
    filled = []
    for column in roles.before:
        values = people.before[column.name]
        there = ~np.isnan(values)
        filled.append(np.where(there, values, values[there].mean() if there.any() else 0.0))
    return filled


def _adjusted(table: Sums, at: int, roles: Roles) -> tuple[Estimate | None, float | None]:
    """The difference adjusted by that column which takes away most noise."""
    best: tuple[Estimate | None, float | None] = None, None
    for i in range(len(roles.before)):
        found = cuped_means(table[[at]], table[[0]], "y", f"x{i}")
        removed = float(found.removed[0])
        if removed > (best[1] or 0.0):
            best = found.difference.at(0), removed
    return best


def _p(table: Sums, at: int, kind: str) -> float | None:
    if kind == "rate":
        k, n = table.total("y"), table.n
        p = float(exact_p(k[at], n[at], k[0], n[0]))
    else:
        p = float(mean_difference(table[[at]].moments("y"), table[[0]].moments("y")).p[0])
    return None if np.isnan(p) else p


def _smallest(table: Sums, at: int, kind: str) -> float | None:
    n, control = float(table.n[at]), float(table.n[0])
    level = float(table.mean("y")[0]) if control else 0.0
    if not n or not level > 0 or (kind == "rate" and level >= 1):
        return None
    if kind == "rate":
        found = float(smallest_ratio(level, n, n_comparison=control))
    else:
        spread = float(np.sqrt(table.covariance("y", "y")[0]))
        found = 1 + float(smallest_difference(spread, n, n_comparison=control)) / level
    return found if np.isfinite(found) else None


# ---------------------------------------------------------------------------------- verdicts


def _corrected(results: Sequence[Result]) -> list[float | None]:
    if not results:
        return []
    p = [np.nan if one.p is None else one.p for one in results]
    found = benjamini_hochberg(p).tolist()
    return [None if np.isnan(q) else q for q in found]


def _decided(one: Result, p: float | None, gates: Sequence[Gate]) -> Result:
    for gate in gates:
        if gate.broken and gate.segment in (None, one.metric):
            return replace(one, said="withheld", p_adjusted=None, notes=("the split is broken",))
    value, level = one.difference.estimate.value, 1 - one.difference.estimate.confidence
    if p is None or p > level or value is None:
        return replace(one, p_adjusted=p)
    return replace(one, p_adjusted=p, said="more" if value > 0 else "less")
