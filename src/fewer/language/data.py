"""A definition as plain data: what a person would write, nothing that goes without saying."""

from __future__ import annotations

from functools import cache
from typing import Any

from fewer.model.base import Frozen
from fewer.model.condition import HEADS
from fewer.model.window import Windowed

Data = dict[str, Any]
"""Mappings, lists, texts, booleans, int and Decimal (float where it says the same)."""


def to_data(definition: Frozen) -> Data:
    """The written form of a segment, goal, condition or part of one, without defaults.

    Keys come in the order of reading: what is meant first, then which, when and how much.

    >>> from fewer.model.condition import Did
    >>> to_data(Did(within="7d", did="page_view", where={"path": {"equals": "/"}}))
    {'did': 'page_view', 'where': {'path': '/'}, 'within': '7d'}
    """
    dumped = definition.model_dump(exclude_defaults=True)
    return _ordered(definition, dumped)  # type: ignore[no-any-return]  # a mapping of a mapping


def _ordered(value: Any, dumped: Any) -> Any:
    if isinstance(value, Frozen) and isinstance(dumped, dict):
        names = [(field, key) for field, key in reading_order(type(value)) if key in dumped]
        return {key: _ordered(getattr(value, field), dumped[key]) for field, key in names}
    if isinstance(dumped, list | tuple):
        if not isinstance(value, tuple):
            return list(dumped)
        return [_ordered(v, d) for v, d in zip(value, dumped, strict=True)]
    if isinstance(value, dict) and isinstance(dumped, dict):
        return {key: _ordered(value[key], dumped[key]) for key in dumped}
    return dumped


@cache
def reading_order(model: type[Frozen]) -> tuple[tuple[str, str], ...]:
    """Name and written key of every field: a model's own before what it inherits."""
    fields = {name: field.alias or name for name, field in model.model_fields.items()}
    own = [name for name in fields if name in model.__annotations__]
    window = [name for name in Windowed.model_fields if name in fields]
    heads = [name for name in own if fields[name] in HEADS]
    first = [*heads, *(name for name in ("where",) if name in own), *window]
    order = dict.fromkeys([*first, *own, *fields]) if window else dict.fromkeys([*own, *fields])
    return tuple((name, fields[name]) for name in order)
