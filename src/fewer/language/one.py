"""One condition or one segment, however it is given, with the place of everything in it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter

from fewer.errors import DefinitionError
from fewer.language import json
from fewer.language.files import Definitions, Origin, load_segments
from fewer.language.node import Node, Spot
from fewer.language.yaml import load, validate
from fewer.model.base import Frozen
from fewer.model.condition import HEADS, Condition
from fewer.model.segment import Segment

Written = Mapping[str, Any] | Frozen | str | bytes
"""A condition or segment: a model, plain data as in YAML, or text in YAML or JSON."""

CONDITION: Final = "<condition>"
"""Name of the file, in errors, of what comes from no file."""


def read_one(written: Written, *, name: str, file: str = CONDITION) -> Definitions:
    """The one segment that is written; a condition becomes a segment with the id `name`.

    Plain data is read as its JSON text, indented by two: that is what lines in errors refer to.

    Raises:
        DefinitionError: with every problem, each at its place.

    >>> read_one("did: purchase", name="preview").segments[0].id
    'preview'
    """
    if isinstance(written, Segment):
        return Definitions((written,))
    if isinstance(written, Frozen):
        return Definitions((Segment.model_validate({"id": name, "where": written}),))
    if isinstance(written, Mapping):
        written = _text(dict(written))
    node = load(written, file=file)
    value = node.value
    if isinstance(value, list) or (isinstance(value, dict) and set(value) == {"segments"}):
        return _listed(node)
    if isinstance(value, dict) and not HEADS.keys() & value.keys() and "where" in value:
        named = Node({"id": name, **value}, node.source, node.spot, node.problems)
        return _segment(validate(named, Segment), node)
    where: Any = validate(node, _conditions())
    return _segment(Segment.model_validate({"id": name, "where": where}), _inside_where(node))


def _text(data: dict[str, Any]) -> str:
    try:
        return json.dumps(data, indent=2)
    except TypeError as error:
        raise DefinitionError(f"A condition is plain data, as in YAML. {error}.") from error


def _listed(node: Node) -> Definitions:
    found = load_segments(node.source.text, file=node.file)
    if len(found.segments) != 1:
        raise DefinitionError(
            [
                node.place().problem(
                    "not_one",
                    f"Expected one segment or condition, found {len(found.segments)} segments.",
                    "Name one by its id, or give it alone.",
                )
            ]
        )
    return found


def _segment(segment: Segment, node: Node) -> Definitions:
    return Definitions((segment,), (), {("segment", segment.id): Origin(node, ())})


def _inside_where(node: Node) -> Node:
    """The condition's document as if it stood below the `where` of a segment."""
    start = node.spot[0] if isinstance(node.spot, tuple) else node.spot.start
    spot = Spot(start, is_list=False)
    spot.values["where"] = node.spot
    spot.keys["where"] = (start, start)
    return Node({"where": node.value}, node.source, spot)


@cache
def _conditions() -> TypeAdapter[Any]:
    return TypeAdapter(Condition)
