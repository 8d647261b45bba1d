"""What was planted: the answers that an analysis of the simulated shop can be held against."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from pydantic import Field

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
    counts: dict[str, int] = Field(default_factory=dict, description="People or rows behind it.")


class Truth(Frozen):
    """The manifest of one simulation, also written as ``truth.json`` beside the files."""

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
