"""Python source of a definition: evaluated with the names of `fewer`, it gives the equal object."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from fewer.language.data import reading_order, to_data
from fewer.model.base import Frozen
from fewer.model.condition import HEADS
from fewer.model.goal import Goal
from fewer.model.segment import Segment

WIDTH: Final = 88
_CALLED: Final[tuple[type[Frozen], ...]] = (*HEADS.values(), Segment, Goal)
"""Models written as calls; smaller parts are written as plain data, which is shorter."""


def to_python(definition: Frozen | Iterable[Frozen], *, width: int = WIDTH) -> str:
    """Source of a definition, or of a list of them.

    The names it uses are those of the package, and ``Decimal`` where a float would lose digits.

    >>> from fewer.model.condition import AllOf, Did, InList
    >>> print(to_python(AllOf(all=[Did(did="page_view", within="7d"), InList(in_list="vip")])))
    AllOf(all=[Did(did="page_view", within="7d"), InList(in_list="vip")])
    """
    return _write(_tree(definition), 0, width)


def imports(definition: Frozen | Iterable[Frozen]) -> str:
    """The import lines that the source of a definition needs.

    >>> from fewer.model.condition import Did
    >>> imports(Did(did="page_view"))
    'from fewer import Did'
    """
    source = to_python(definition)
    names = {model.__name__ for model in _CALLED}
    used = sorted(names & set(re.findall(r"\b([A-Z][A-Za-z]+)\(", _without_texts(source))))
    lines = [f"from fewer import {', '.join(used)}"]
    if "Decimal(" in _without_texts(source):
        lines.insert(0, "from decimal import Decimal\n")
    return "\n".join(lines)


def _without_texts(source: str) -> str:
    return re.sub(r'"(?:[^"\\]|\\.)*"', '""', source)


_Tree = str | tuple[str, list[tuple[str, Any]], str]
"""Finished source, or an opening, entries with what stands before each, and a closing."""


def _tree(value: Any) -> _Tree:
    if isinstance(value, _CALLED):
        return f"{type(value).__name__}(", _arguments(value), ")"
    if isinstance(value, Frozen):
        return _tree(to_data(value))
    if isinstance(value, dict):
        return "{", [(f"{_literal(k)}: ", _tree(v)) for k, v in value.items()], "}"
    if isinstance(value, str | bool | int | float | Decimal):
        return _literal(value)
    return "[", [("", _tree(item)) for item in value], "]"


def _arguments(model: Frozen) -> list[tuple[str, Any]]:
    data = to_data(model)
    arguments = []
    for field, key in reading_order(type(model)):
        if key in data:
            value = getattr(model, field)
            nested = isinstance(value, _CALLED) or (
                isinstance(value, tuple) and value and isinstance(value[0], _CALLED)
            )
            arguments.append((f"{field}=", _tree(value if nested else data[key])))
    return arguments


def _literal(value: str | bool | float | Decimal) -> str:
    if isinstance(value, str):
        return _text(value)
    return f'Decimal("{value:f}")' if isinstance(value, Decimal) else repr(value)


def _text(text: str) -> str:
    """A literal in double quotes, all of it printable."""
    shown = repr(text)
    inner = shown[1:-1]
    if shown[0] == '"':
        return shown
    return '"' + inner.replace("\\'", "'").replace('"', '\\"') + '"'


def _write(tree: _Tree, indent: int, width: int) -> str:
    if isinstance(tree, str):
        return tree
    flat = _flat(tree)
    if len(flat) + indent <= width:
        return flat
    opening, entries, closing = tree
    pad = " " * (indent + 4)
    lines = [f"{pad}{name}{_write(value, indent + 4, width - 1)}," for name, value in entries]
    return "\n".join([opening, *lines, " " * indent + closing])


def _flat(tree: _Tree) -> str:
    if isinstance(tree, str):
        return tree
    opening, entries, closing = tree
    return opening + ", ".join(name + _flat(value) for name, value in entries) + closing
