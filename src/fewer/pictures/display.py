"""Results that show themselves in a notebook.

Results come from all rooms, views of them from a higher one: whoever opens a project says, once,
who draws (`show_with`), as an interface would register itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_drawers: list[Callable[[Any], str | None]] = []


def show_with(drawer: Callable[[Any], str | None]) -> None:
    """Name who draws results; the newest is asked first, None passes on to the one before."""
    _drawers.append(drawer)


class Displayed:
    """A result that a notebook shows as a page, not as its Python text."""

    __slots__ = ()

    def _repr_html_(self) -> str | None:
        for drawer in reversed(_drawers):
            found: str | None = drawer(self)
            if found is not None:
                return found
        return None
