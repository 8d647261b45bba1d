"""Axes: where a value lies, and which round values are written beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, log, log10
from typing import Final

from fewer.pictures.svg import wide

_NICE: Final = (1.0, 2.0, 5.0)
_RATIOS: Final = (
    0.01, 0.02, 0.05, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0,
    10.0, 20.0, 50.0, 100.0,
)  # fmt: skip
_APART: Final = 10


@dataclass(frozen=True, slots=True)
class LogAxis:
    """Equal ratios are equally far apart; for values above 0."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Pixel of a value; values outside of the axis sit at its ends."""
        clipped = min(max(value, self.low), self.high)
        share = (log(clipped) - log(self.low)) / (log(self.high) - log(self.low))
        return self.start + share * (self.end - self.start)

    def ticks(self, size: float = 10) -> list[float]:
        """Values of 1, 2 and 5 times powers of ten, as many as there is room for."""
        first, last = floor(log10(self.low)), ceil(log10(self.high))
        finer = [step * 10.0**p for p in range(first, last + 1) for step in _NICE]
        found = _fit(self, finer, size)
        if len(found) >= 3:  # noqa: PLR2004  two tell a scale, three that it is not even
            return found
        return _fit(self, Axis(self.low, self.high, 0, 1).ticks(), size)

    def ratios(self, size: float = 10) -> list[float]:
        """Ratios that people know, 1 among them whatever else there is room for."""
        return _fit(self, _RATIOS, size, must=1.0)


@dataclass(frozen=True, slots=True)
class Axis:
    """Equal differences are equally far apart."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Pixel of a value; values outside of the axis sit at its ends."""
        clipped = min(max(value, self.low), self.high)
        return self.start + (clipped - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round values from one end to the other."""
        step = _step((self.high - self.low) / most)
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        return [round(n * step, 12) for n in range(first, last + 1)]


def around(values: Sequence[float], *, least: float, most: float) -> tuple[float, float]:
    """Ends of a log axis that holds the finite values above 0, within `least` and `most`."""
    seen = [v for v in values if 0 < v < inf]
    low = max(min(seen, default=1.0), least)
    high = min(max(seen, default=1.0), most)
    low, high = min(low, most / 2), max(high, least * 2)
    return low / 1.12, max(high, low * 1.3) * 1.12


def _step(rough: float) -> float:
    power = 10.0 ** floor(log10(rough)) if rough > 0 else 1.0
    return next((n * power for n in (1, 2, 2.5, 5, 10) if n * power >= rough * (1 - 1e-9)), power)


def _fit(
    axis: LogAxis, values: Sequence[float], size: float, *, must: float | None = None
) -> list[float]:
    """Those of the values on the axis whose labels do not touch."""
    on = [v for v in values if axis.low <= v <= axis.high]
    kept = [must] if must is not None and must in on else []
    for value in on:
        half = wide(f"{value:g}x", size) / 2 + _APART / 2
        if all(
            abs(axis.at(value) - axis.at(k)) >= half + wide(f"{k:g}x", size) / 2 + _APART / 2
            for k in kept
        ):
            kept.append(value)
    return sorted(kept)
