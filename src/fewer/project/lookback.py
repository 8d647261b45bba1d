"""Lookback windows of a segment side by side: bands over rolling index times, decay, advice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fewer.destinations.file import MINIMUM
from fewer.errors import DefinitionError, GuardError, Problem
from fewer.journey.measure.ads import AdDay, join
from fewer.journey.measure.claims.panel import Conversions, Windows
from fewer.journey.measure.claims.times import index_times
from fewer.journey.measure.evidence import check_words
from fewer.journey.measure.landmark import landmark
from fewer.journey.measure.query import Reader
from fewer.journey.measure.table import FORMAT_VERSION, WATERMARK, Data
from fewer.journey.measure.window_advice import (
    CAUSED,
    FREQUENCY,
    Advice,
    Money,
    Size,
    Worth,
    advise,
    worth,
)
from fewer.journey.measure.window_trial import BandTrial, change_in
from fewer.journey.measure.windows import (
    FINE,
    RAW,
    BandLook,
    BandSums,
    FineBand,
    NotNestedError,
    WindowBand,
    band_sums,
    decay,
    window_bands,
)
from fewer.language.words import describe
from fewer.model.ads import BROAD
from fewer.model.claim import IndexTimes
from fewer.model.goal import Goal
from fewer.model.segment import LookbackError, Segment, variant
from fewer.model.window import DAY, Duration, from_utc_micros
from fewer.pictures.display import Displayed
from fewer.project import clock
from fewer.project.engines import need_store
from fewer.project.lookback_randomised import tested
from fewer.project.measuring import span
from fewer.project.rolling import engines, evaluate, free_id
from fewer.stats.decay import Decay

if TYPE_CHECKING:
    from fewer.evaluate.engines.base import Engine
    from fewer.project.guarding import Tell
    from fewer.project.project import Project

WINDOWS: Final = ("7d", "14d", "30d")
TIMES: Final = 12
_DOES_NOT_PAY: Final = "assumption: only a test with people held out can tell it"


@dataclass(frozen=True, slots=True)
class Ask:
    """What to look at; money that is None is looked for in the data."""

    windows: tuple[str, ...] = ()
    goal: str | None = None
    gap: str | None = None
    times: int = TIMES
    cost: float | None = None
    value: float | None = None
    caused: float = CAUSED
    frequency: float = FREQUENCY


@dataclass(frozen=True, slots=True)
class Lookback(Displayed):
    """Windows of one segment, compared."""

    segment: str
    title: str
    words: str
    goal: str
    goal_title: str
    index_us: tuple[int, ...]
    size_as_of_us: int
    outcome: Duration
    gap: Duration | None
    bands: tuple[WindowBand, ...]
    worths: tuple[Worth, ...]
    sizes: tuple[Size, ...]
    decay: Decay
    fine: tuple[FineBand, ...]
    advice: Advice
    money: Money
    randomised: tuple[BandTrial, ...]
    data: Data
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """No sentence says more than its evidence."""
        for text in (self.advice.because, *self.notes, self.decay.why):
            check_words(text, RAW)

    def to_json(self) -> dict[str, Any]:
        """Plain values, with units and labels on every figure."""
        d = self.decay
        return {
            "format_version": FORMAT_VERSION,
            "data": self.data,
            "watermark": WATERMARK[self.data],
            "segment": self.segment,
            "title": self.title,
            "words": self.words,
            "goal": self.goal,
            "goal_title": self.goal_title,
            "label": RAW.value,
            "design": {
                "index_times": [_text(t) for t in self.index_us],
                "outcome_window": str(self.outcome),
                "gap": str(self.gap) if self.gap else None,
                "unit": "person and index time; intervals clustered by person",
                "sizes_as_at": _text(self.size_as_of_us),
            },
            "windows": [
                {**band.to_json(), "worth": one.to_json(), "size": size.to_json()}
                for band, one, size in zip(self.bands, self.worths, self.sizes, strict=True)
            ],
            "decay": {
                "half_life_days": d.half_life,
                "lower": d.lower,
                "upper": d.upper,
                "rate_at_once": d.start,
                "rate_in_the_end": d.floor,
                "p_no_change": d.p_flat,
                "why": d.why or None,
                "bands": [band.to_json() for band in self.fine],
            },
            "recommended": {"window": self.advice.window, "because": self.advice.because},
            "assumed": {
                "cost_per_person": self.money.cost,
                "cost_from": self.money.source or None,
                "value_per_conversion": self.money.value,
                "currency": self.money.currency or None,
                "share_caused": self.money.caused,
                "share_caused_is": _DOES_NOT_PAY,
            },
            "randomised": [one.to_json() for one in self.randomised],
            "notes": list(self.notes),
        }


def look_back(project: Project, segment_id: str, ask: Ask, *, tell: Tell) -> Lookback:
    """Compare lookback windows of a segment.

    Raises:
        NotFoundError: No such segment or goal.
        DefinitionError: The segment has no window to replace, or a window is wrong.
        GuardError: There is no goal, or too little history for the longest window.
    """
    need_store(project, "Comparing windows")
    segment = project.definitions.segment(segment_id.partition("@")[0])
    goal = _goal(project, ask.goal)
    wanted = _windows(segment, ask.windows)
    fine = sorted({w.micros: w for w in (*FINE, *wanted) if w.micros <= wanted[-1].micros}.items())
    steps = [window for _, window in fine]
    with project.engine(clock.now_us()) as engine:
        return _Study(project, engine, segment, goal, ask, tell).run(wanted, steps)


class _Study:
    def __init__(
        self,
        project: Project,
        engine: Engine,
        segment: Segment,
        goal: Goal,
        ask: Ask,
        tell: Tell,
    ) -> None:
        self.project, self.segment, self.goal, self.ask, self.tell = (
            project, segment, goal, ask, tell,
        )  # fmt: skip
        # Its own variants may be among the project's: these have an id of their own.
        alike = {"id": free_id(project, f"{segment.id}_over"), "variants": None}
        self.alike = segment.model_copy(update=alike)
        catalog = project.generation.catalog
        self.reader = Reader(engine, catalog, project.settings.timezone)
        self.now = clock.now_us()
        self.data_end_us = self.reader.data_end(not_after_us=self.now) or self.now
        self.data_from_us = self.data_end_us if catalog.first_ts is None else catalog.first_ts
        gap = span(ask.gap) or goal.gap
        self.gap = gap
        self.gap_us = gap.micros if gap else 0

    def run(self, wanted: Sequence[Duration], steps: Sequence[Duration]) -> Lookback:
        """Everything about these windows, of which `wanted` are shown."""
        design = Windows(steps[-1].micros, self.gap_us, self.goal.outcome_window.micros)
        moments = self._moments(design)
        variants = [variant(self.alike, window) for window in steps]
        looks = []
        for t, engine in engines(self.project, moments):
            self.tell(f"{clock.day_words(t, self.project.zone)}: {len(steps)} windows")
            seen = evaluate(self.project, engine, variants, (), t)
            looks.append(BandLook(t, tuple(seen.members[v.id] for v in variants)))
        conversions = Conversions(*self.reader.conversions(self.goal, until_us=self.data_end_us))
        sums, notes = self._sums(looks, steps, conversions, design)
        shown = sums.merged(list(wanted)[::-1] if sums.reversed else wanted)
        bands = window_bands(shown)
        half_life, fine = decay(sums)
        sizes = self._sizes(shown.windows)
        money = self._money()
        trials, why_not = tested(self.project, self.reader, self.segment.id, self.goal,
                                 data_end_us=self.data_end_us, now_us=self.now)  # fmt: skip
        shorter = [None, *shown.windows[:-1]]
        worths = tuple(
            worth(band, money, change_in(trials, before, window))
            for band, before, window in zip(bands, shorter, shown.windows, strict=True)
        )
        return Lookback(
            segment=self.segment.id,
            title=self.segment.title,
            words=describe(self.segment.where),
            goal=self.goal.id,
            goal_title=self.goal.title,
            index_us=tuple(moments),
            size_as_of_us=min(self.data_end_us, self.now),
            outcome=self.goal.outcome_window,
            gap=self.gap,
            bands=bands,
            worths=worths,
            sizes=sizes,
            decay=half_life,
            fine=fine,
            advice=advise(bands, sizes, worths, money),
            money=money,
            randomised=trials,
            data=self.project.settings.data,
            notes=(*notes, *why_not),
        )

    def _moments(self, design: Windows) -> list[int]:
        times = index_times(
            IndexTimes(every=Duration(7, "d")),
            design,
            self.project.zone,
            data_from_us=self.data_from_us,
            data_end_us=self.data_end_us,
        )
        if not times.index_us:
            days = (design.lookback_us + design.gap_us + design.outcome_us) / DAY
            have = max(0, self.data_end_us - self.data_from_us) / DAY
            raise GuardError(
                f"Windows up to {design.lookback_us / DAY:g} days and outcomes of"
                f" {design.outcome_us / DAY:g} days take {days:g} days of data; there are"
                f" {have:.0f}. Ask for shorter --windows, or ingest older data."
            )
        return list(times.index_us[-self.ask.times :])

    @staticmethod
    def _sums(
        looks: Sequence[BandLook],
        steps: Sequence[Duration],
        conversions: Conversions,
        design: Windows,
    ) -> tuple[BandSums, list[str]]:
        try:
            sums = band_sums(looks, steps, conversions, design)
        except NotNestedError as error:
            raise DefinitionError(
                [
                    Problem(
                        "windows_not_nested",
                        f"{error}: somebody in a shorter window is not in a longer one.",
                        hint="Conditions such as 'exactly' do that; compare with 'at_least'.",
                    )
                ]
            ) from error
        notes = []
        if sums.index_times == 1:
            notes.append("one index time only: the data does not reach back for more")
        if sums.reversed:
            notes.append("longer windows hold fewer people, as something is asked not to be done")
        return sums, notes

    def _sizes(self, windows: Sequence[Duration]) -> tuple[Size, ...]:
        """People with each window at the end of the data."""
        at = min(self.data_end_us, self.now)
        variants = [variant(self.alike, window) for window in windows]
        with self.project.engine(at) as engine:
            seen = evaluate(self.project, engine, variants, (), at)
        return tuple(
            Size(str(w), len(seen.members[v.id]), self.segment.size, MINIMUM)
            for w, v in zip(windows, variants, strict=True)
        )

    # ---------------------------------------------------------------------------------- money

    def _money(self) -> Money:
        currency = self.project.settings.currency or ""
        value = self.ask.value
        if value is None and self.goal.value is not None:
            value = self._mean_value()
            currency = self.goal.value.currency or currency
        if self.ask.cost is not None:
            return Money(self.ask.cost, value, currency, self.ask.caused, "as given")
        cost, source = self._cost_per_person(currency)
        return Money(cost, value, currency, self.ask.caused, source)

    def _mean_value(self) -> float | None:
        """What a conversion was worth in the newest window whose outcomes are known."""
        at = self.data_end_us - self.gap_us - self.goal.outcome_window.micros
        design = landmark(self.goal, index_us=at, data_end_us=self.data_end_us, gap=self.gap)
        found = self.reader.outcomes(self.goal, design, self.reader.everyone(at))
        if found.value is None or not len(found.value):
            return None
        return float(np.sum(found.value) / np.sum(found.conversions))

    def _cost_per_person(self, currency: str) -> tuple[float | None, str]:
        """From ad reports of the segment, else of all: price of an impression times several."""
        rules, ids = self.project.settings.ads.names, set(self.project.definitions.segment_ids)
        reports = join(self.reader.ad_days(), rules, ids).days
        reports = tuple(r for r in reports if r.currency == currency or not currency)
        own = [r for r in reports if (r.segment or BROAD).partition("@")[0] == self.segment.id]
        cost = _per_impression(own or reports)
        if cost is None:
            return None, ""
        whose = "this segment" if own else "all segments"
        times = f"{self.ask.frequency:g} impressions a person"
        return cost * self.ask.frequency, f"ad reports of {whose}, {times} (assumed)"


def _per_impression(reports: Sequence[AdDay]) -> float | None:
    shown = sum(r.impressions for r in reports)
    return sum(r.spend for r in reports) / shown if shown else None


def _goal(project: Project, goal_id: str | None) -> Goal:
    if goal_id is not None:
        return project.definitions.goal(goal_id)
    if not project.definitions.goals:
        raise GuardError("There is no goal to measure. Write one in goals.yaml.")
    return project.definitions.goals[0]


def _windows(segment: Segment, wanted: Sequence[str]) -> list[Duration]:
    """Windows in order: those asked for, else the segment's variants, else 7, 14 and 30 days."""
    declared = segment.variants.lookback if segment.variants else ()
    texts = wanted or tuple(map(str, declared)) or WINDOWS
    try:
        found = {w.micros: w for w in map(Duration.parse, texts)}
        for window in found.values():
            variant(segment, window)
    except LookbackError as error:
        message = f"Segment {segment.id!r} can't be compared over windows: {error}."
        raise DefinitionError([Problem("no_lookback", message)]) from error
    except ValueError as error:
        message = f"--windows {','.join(texts)} is not {error}."
        raise DefinitionError([Problem("bad_duration", message)]) from error
    return [found[micros] for micros in sorted(found)]


def _text(micros: int) -> str:
    return from_utc_micros(micros).isoformat().replace("+00:00", "Z")
