"""What was planted: the answers that an analysis of the simulated shop can be held against."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from fewer.data.simulate.parameters import Parameters
from fewer.model.base import Frozen


class Effect(Frozen):
    """One planted effect, stated so that a measurement of it can be marked right or wrong."""

    id: str
    statement: str = Field(description="What is true in the simulated world.")
    how: str = Field(description="What to compare, over which people, from which moment.")
    segments: tuple[str, ...] = Field(default=(), description="Segments it is about, by id.")
    at: datetime | None = Field(default=None, description="The moment it is measured from, UTC.")
    value: float = Field(description="The true value: a ratio, and for a lift the ratio less 1.")
    causal: bool = Field(description="False: an association made by selection alone.")
    recoverable: bool = Field(description="Whether the data are large enough to show it.")
    power: float | None = Field(
        default=None,
        description="Chance that a 95 % interval excludes no effect; for a true value of none,"
        " that it would exclude it if the effect were as large as the one beside it.",
    )
    whole: float | None = Field(
        default=None,
        description="Where people influence each other: against a world without the campaign. The"
        " held out felt it too, so no comparison with them shows it.",
    )
    unplanted: float | None = Field(
        default=None, description="The ratio had no segment been planted: selection by intent only."
    )
    counts: dict[str, int] = Field(default_factory=dict, description="People or rows behind it.")


class Band(Frozen):
    """People whose last interaction is so many days ago, and how many of them will buy."""

    days_since: int = Field(description="Whole days; 0 is the day before the moment.")
    people: int
    rate: float = Field(description="True expected share that buys in the days that follow.")


class PlantedSegment(Frozen):
    """A conjunction whose members buy more often than their intent says."""

    id: str
    where: dict[str, Any] = Field(description="Its rule, in the segment language.")
    multiplier: float = Field(description="Of the hazard of a purchase on each day inside.")
    later_multiplier: float = Field(description="The same from the launch on; less if it fades.")
    at: datetime = Field(description="When the numbers below are taken, UTC.")
    people: int
    rate: float = Field(description="True expected share that buys in the days after `at`.")
    rate_without: float = Field(description="The same people, had nothing been planted.")


class PlantedArm(Frozen):
    """One arm of a randomised comparison."""

    name: str
    list: str = Field(description="The list that holds its people.")
    share: float = Field(description="Of the people of the comparison, planned.")
    people: int
    listed: int = Field(description="Fewer than `people` when a sample-ratio failure is planted.")


class Experiment(Frozen):
    """A randomised comparison of arms: who, split how, and which effects are true of it."""

    id: str
    at: datetime
    days: int
    population: dict[str, Any] = Field(description="Whom it is for, in the segment language.")
    lane: tuple[float, float] = Field(description="Part of everyone it has, by `lane_salt`.")
    lane_salt: str
    salt: str = Field(description="By which its people are split into arms.")
    arms: tuple[PlantedArm, ...]
    effects: tuple[str, ...] = Field(description="Ids of the effects that it shows.")


class Truth(Frozen):
    """The manifest of one simulation, also written as ``truth.json``, where no tool reads it."""

    simulated: bool = True
    seed: int
    days: int
    first_day: date
    last_day: date
    launch: datetime = Field(description="Start of the randomised campaigns, UTC.")
    outcome_days: int = Field(description="The campaigns act for so many days after `launch`.")
    people: int = Field(description="Human beings, with or without an account.")
    accounts: int
    rows: dict[str, int] = Field(description="Rows per file, dirt included.")
    events: dict[str, int] = Field(description="Rows per event name, dirt included.")
    planted: dict[str, int] = Field(description="Dirt: exactly so many of each kind.")
    effects: tuple[Effect, ...]
    parameters: Parameters = Field(Parameters(), description="Everything that was chosen.")
    half_life: float = Field(0.0, description="Days in which intent halves.")
    decay: tuple[Band, ...] = Field((), description="Of those who never bought, at `decay_at`.")
    decay_at: datetime | None = None
    segments: tuple[PlantedSegment, ...] = ()
    experiments: tuple[Experiment, ...] = ()

    def effect(self, name: str) -> Effect:
        """The effect of that id; `KeyError` when there is none."""
        return {effect.id: effect for effect in self.effects}[name]

    def write(self, path: Path) -> None:
        """Write as indented JSON."""
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Truth:
        """Read what `write` wrote."""
        return cls.model_validate_json(path.read_text(encoding="utf-8"))
