"""A document read from text: its plain values, and where each of them was written."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from fewer.errors import DefinitionError, Problem

Path = tuple[str | int, ...]
"""Keys and positions from the top of a document: ``("segments", 0, "where", "within")``."""

_BREAK: Final = re.compile(r"\r\n|\r|\n")
_LONGEST_QUOTE: Final = 60


class Spot:
    """Where a mapping or list begins and ends, as offsets in the text, and what is inside.

    Scalars need no object: a pair of offsets says it.
    """

    __slots__ = ("end", "items", "keys", "start", "values")

    def __init__(self, start: int, *, is_list: bool) -> None:
        self.start = start
        self.end = start
        self.keys: dict[str, tuple[int, int]] = _NO_KEYS if is_list else {}
        self.values: dict[str, AnySpot] = _NO_VALUES if is_list else {}
        self.items: list[AnySpot] = [] if is_list else _NO_ITEMS


AnySpot = Spot | tuple[int, int]

# Shared by all spots that have none of these; never written to. One object less for each.
_NO_KEYS: Final[dict[str, tuple[int, int]]] = {}
_NO_VALUES: Final[dict[str, AnySpot]] = {}
_NO_ITEMS: Final[list[AnySpot]] = []


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file: line and column from 1 (0 when unknown), and the text found there."""

    file: str = ""
    line: int = 0
    column: int = 0
    text: str = ""

    def problem(self, code: str, message: str, hint: str = "") -> Problem:
        """A problem at this place."""
        return Problem(code, message, self.file, self.line, self.column, self.text, hint)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True)
class Source:
    """Text of a file, and lines and columns in it."""

    text: str
    file: str

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in _BREAK.finditer(self.text))]

    def place(self, start: int, end: int | None = None) -> Place:
        """The place of an offset; its text reaches to `end`, at most to the end of the line."""
        line = bisect_right(self._starts, start)
        column = start - self._starts[line - 1] + 1
        written = self.text[start : start if end is None else end].strip()
        return Place(self.file, line, column, _first_line(written))


def _first_line(text: str) -> str:
    line = _BREAK.split(text, maxsplit=1)[0].rstrip()
    short = line if len(line) <= _LONGEST_QUOTE else line[: _LONGEST_QUOTE - 1]
    return short if short == text else f"{short}…"


@dataclass(frozen=True)
class Node:
    """A document: `value` is plain Python (dict, list, str, bool, int, Decimal, None).

    `problems` were found while reading and do not stop it (a repeated key, a merge key): call
    `check`, or validate the node, before trusting `value`.
    """

    value: Any
    source: Source
    spot: AnySpot
    problems: tuple[Problem, ...] = ()

    @property
    def file(self) -> str:
        """Name of the file, as given to the reader."""
        return self.source.file

    def check(self) -> Node:
        """This node when it was read without problems; raise `DefinitionError` if not."""
        if self.problems:
            raise DefinitionError(self.problems)
        return self

    def part(self, path: Sequence[str | int]) -> Node:
        """The part at `path` as a node of its own; places stay those of the whole file."""
        _, spot = self._find(path)
        return Node(self.at(path), self.source, spot)

    def place(self, path: Sequence[str | int] = ()) -> Place:
        """Where the value at `path` was written; of an empty value, its key.

        Parts of the path that are not in the document are passed over.
        """
        key, spot = self._find(path)
        start, end = spot if isinstance(spot, tuple) else (spot.start, spot.end)
        if start == end and key is not None:
            start, end = key
        return self.source.place(start, end)

    def key_place(self, path: Sequence[str | int]) -> Place:
        """Where the last key of `path` was written; of a list item, the item."""
        key, _ = self._find(path)
        return self.source.place(*key) if key is not None else self.place(path)

    def path(self, path: Sequence[str | int]) -> Path:
        """The parts of `path` that are in the document."""
        found: list[str | int] = []
        spot = self.spot
        for part in path:
            inside = _inside(spot, part)
            if inside is not None:
                spot = inside
                found.append(part)
        return tuple(found)

    def at(self, path: Sequence[str | int]) -> Any:
        """Plain value at `path`, passing over parts that are not in the document."""
        value = self.value
        for part in self.path(path):
            value = value[part]
        return value

    def spot_of(self, path: Sequence[str | int] = ()) -> AnySpot:
        """Offsets of the value at `path`, passing over parts that are not in the document."""
        return self._find(path)[1]

    def _find(self, path: Sequence[str | int]) -> tuple[tuple[int, int] | None, AnySpot]:
        key, spot = None, self.spot
        for part in path:
            inside = _inside(spot, part)
            if inside is None:
                continue
            key = spot.keys.get(part) if isinstance(spot, Spot) and isinstance(part, str) else None
            spot = inside
        return key, spot


def _inside(spot: AnySpot, part: str | int) -> AnySpot | None:
    if not isinstance(spot, Spot):
        return None
    if isinstance(part, str):
        return spot.values.get(part)
    return spot.items[part] if 0 <= part < len(spot.items) else None
