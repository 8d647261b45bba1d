"""Which model stands at a place of a definition: from pydantic's error locations to our types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag, TypeAdapter


def owner(kind: Any, loc: Sequence[str | int]) -> tuple[type[BaseModel] | None, str]:
    """The innermost model on the way along `loc`, and its key that the way goes through.

    `loc` is a location of a pydantic error; tags of unions in it are understood.
    """
    shape = kind._type if isinstance(kind, TypeAdapter) else kind  # noqa: SLF001  has no other name
    found: tuple[type[BaseModel] | None, str] = (None, "")
    for part in loc:
        model = _model(shape)
        if model is not None and isinstance(part, str) and not part.startswith("#"):
            found = (model, part)
        inside = _inside(shape, part)
        if inside is not None:
            shape = inside
    return found


def keys(model: type[BaseModel]) -> list[str]:
    """Keys of a model as they are written.

    >>> from fewer.model.window import Between
    >>> keys(Between)
    ['from', 'to']
    """
    return [field.alias or name for name, field in model.model_fields.items()]


def _bare(shape: Any) -> Any:
    while get_origin(shape) is Annotated:
        shape = get_args(shape)[0]
    return shape


def _members(shape: Any) -> tuple[Any, ...]:
    """Members of a union; the shape itself when it is none."""
    bare = _bare(shape)
    return get_args(bare) if get_origin(bare) in (Union, UnionType) else (shape,)


def _model(shape: Any) -> type[BaseModel] | None:
    found = [_bare(m) for m in _members(shape)]
    models = [m for m in found if isinstance(m, type) and issubclass(m, BaseModel)]
    return models[0] if len(models) == 1 else None


def _inside(shape: Any, part: str | int) -> Any | None:
    for member in _members(shape):
        tags = [m.tag for m in getattr(member, "__metadata__", ()) if isinstance(m, Tag)]
        if tags:
            if part in tags:
                return _bare(member)
            continue
        found = _step(_bare(member), part)
        if found is not None:
            return found
    return None


def _step(shape: Any, part: str | int) -> Any | None:
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        for name, field in shape.model_fields.items():
            if part in (name, field.alias):
                return field.annotation
        return None
    origin, arguments = get_origin(shape), get_args(shape)
    if not isinstance(origin, type) or not arguments:
        return None
    if issubclass(origin, Mapping):
        return arguments[1] if isinstance(part, str) else None
    return arguments[0] if issubclass(origin, Sequence) and isinstance(part, int) else None
