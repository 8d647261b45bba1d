"""Edits of definitions as text: only what changes is written anew, comments and order stay.

The result is read again before anybody sees it: a file that does not say exactly what it should
is no result.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fewer.errors import DefinitionError
from fewer.language import json
from fewer.language.data import to_data
from fewer.language.files import load_segments
from fewer.language.node import AnySpot, Node, Spot
from fewer.language.write import inline, write
from fewer.language.yaml import load
from fewer.model.segment import Segment

Path = tuple[str | int, ...]
_GONE: Final = object()
_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
_CONTEXT: Final = 3


class UnwritableError(ValueError):
    """An edit that can't be made in this file without touching something else."""


def patched(
    text: str,
    changed: Mapping[str, tuple[Segment, Segment]],
    added: Mapping[str, Sequence[Segment]],
    *,
    file: str,
) -> str:
    """The text of a file of segments with some of them changed and new ones behind them.

    Args:
        text: As it is.
        changed: Id -> the segment as written now, and as it should be.
        added: Id -> segments to stand behind that one.
        file: Its name; JSON is written as JSON.

    Raises:
        UnwritableError: What is written is shared (an anchor) or can't be told apart.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    bare = text.removeprefix("\ufeff")
    now = load_segments({file: bare}).segments
    wanted = []
    for one in now:
        wanted += [changed[one.id][1] if one.id in changed else one, *added.get(one.id, ())]
    result = bare
    for id_, (before, after) in changed.items():
        result = _changed(result, id_, before, after, file)
    for id_, segments in added.items():
        for segment in reversed(segments):
            result = _with(result, id_, segment, file)
    if _read(result, file) != tuple(wanted):
        raise UnwritableError(f"{file} can't be edited there without changing something else")
    return mark + result


def unified(file: str, before: str, after: str) -> str:
    """A diff that ``git apply`` and ``patch -p1`` take, from the project's folder."""
    old, new = _LINE.findall(before), _LINE.findall(after)
    first = f"a/{file}" if before else "/dev/null"
    lines = difflib.unified_diff(old, new, first, f"b/{file}", n=_CONTEXT)
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _read(text: str, file: str) -> tuple[Segment, ...] | None:
    try:
        return load_segments({file: text}).segments
    except DefinitionError:
        return None


def _changed(text: str, id_: str, before: Segment, after: Segment, file: str) -> str:
    """One segment changed: value by value; failing that, the whole of what differs."""
    steps = list(_differences(to_data(before), to_data(after)))
    careful = text
    for path, value in steps:
        careful = _set(careful, id_, path, value, to_data(after), file)
    if _one(careful, id_, file) == after:
        return careful
    for key in dict.fromkeys(path[0] for path, _ in steps):
        value = to_data(after).get(str(key), _GONE)
        text = _set(text, id_, (key,), value, to_data(after), file)
    return text


def _one(text: str, id_: str, file: str) -> Segment | None:
    found = _read(text, file) or ()
    return next((one for one in found if one.id == id_), None)


def _differences(before: Any, after: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Paths whose value differs, and what they should hold; `_GONE` for nothing."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            if key not in after:
                yield (*path, key), _GONE
            elif key not in before:
                yield (*path, key), after[key]
            else:
                yield from _differences(before[key], after[key], (*path, key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for at, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differences(old, new, (*path, at))
    elif before != after:
        yield path, after


def _set(text: str, id_: str, path: Path, value: Any, whole: Any, file: str) -> str:
    """The text with the value at a path of a segment set; the path may not be written yet."""
    node = load(text, file=file)
    top = _top(node, id_)
    written = node.value
    for part in top:
        written = written[part]
    known: list[str | int] = []
    for part in path:
        there = (isinstance(written, dict) and part in written) or (
            isinstance(written, list) and isinstance(part, int) and part < len(written)
        )
        if not there:
            break
        written = written[part]
        known.append(part)
    if len(known) == len(path):
        return _replace(node, (*top, *path), value)
    if len(known) == len(path) - 1 and isinstance(written, dict):
        return text if value is _GONE else _insert(node, (*top, *known), str(path[-1]), value)
    # A shorthand is written there: everything from there on is written out.
    inside = whole
    for part in known:
        inside = inside[part]
    return _replace(node, (*top, *known), inside)


def _top(node: Node, id_: str) -> Path:
    top: Path = ("segments",) if isinstance(node.value, dict) else ()
    items: Any = node.at(top)
    for at, item in enumerate(items):
        if isinstance(item, dict) and item.get("id") == id_:
            return (*top, at)
    raise UnwritableError(f"no segment {id_!r} in {node.file}")


def _replace(node: Node, path: Path, value: Any) -> str:
    text = node.source.text
    spot = node.spot_of(path)
    parent, key = _parent(node, path)
    start, end = _span(text, spot)
    if value is _GONE:
        return _remove(text, parent, key, end)
    if _is_flow(text, parent) or not isinstance(value, dict | list) or isinstance(key, int):
        return text[:start] + _flow(value, text) + text[end:]
    if isinstance(spot, Spot) and text[start] in "[{" and len(inline(value)) <= _CONTEXT * 30:
        return text[:start] + inline(value) + text[end:]
    begin = parent.keys[key][0]
    return text[:begin] + _entry(key, value, _column(text, begin)) + text[end:]


def _insert(node: Node, path: Path, key: str, value: Any) -> str:
    """A new key at the end of a mapping."""
    text = node.source.text
    spot = node.spot_of(path)
    if not isinstance(spot, Spot):
        raise UnwritableError(f"nothing can be added to {path[-1]!r}")
    last = max(_span(text, inside)[1] for inside in spot.values.values())
    if _is_flow(text, spot):
        name = f'"{key}"' if _is_json(text) else key
        return f"{text[:last]}, {name}: {_flow(value, text)}{text[last:]}"
    indent = _column(text, min(start for start, _ in spot.keys.values()))
    new = f"{' ' * indent}{_entry(key, value, indent)}"
    at = _line_end(text, last)
    return f"{text[:at]}\n{new}{text[at:]}"


def _remove(text: str, parent: Spot, key: str | int, end: int) -> str:
    if isinstance(key, int) or _is_flow(text, parent):
        raise UnwritableError("a part inside braces can't be taken out alone")
    start = text.rfind("\n", 0, parent.keys[key][0]) + 1
    if text[start : parent.keys[key][0]].strip():
        raise UnwritableError("the first key of an entry can't be taken out alone")
    return text[:start] + text[_line_end(text, end) + 1 :]


def _with(text: str, id_: str, segment: Segment, file: str) -> str:
    """A new segment behind another one."""
    node = load(text, file=file)
    top = _top(node, id_)
    spot, items = node.spot_of(top), node.spot_of(top[:-1])
    _, end = _span(text, spot)
    if _is_flow(text, items):
        return f"{text[:end]},\n  {json.dumps(to_data(segment))}{text[end:]}"
    start = spot.start if isinstance(spot, Spot) else spot[0]
    begin = text.rfind("\n", 0, start) + 1
    dash = text.rfind("-", begin, start)
    lines = write([to_data(segment)]).splitlines()
    block = "\n".join(" " * (dash - begin) + line for line in lines)
    at = _line_end(text, end)
    return f"{text[:at]}\n\n{block}{text[at:]}"


def _parent(node: Node, path: Path) -> tuple[Spot, str | int]:
    parent = node.spot_of(path[:-1])
    if not isinstance(parent, Spot):
        raise UnwritableError(f"nothing is written around {path[-1]!r}")
    return parent, path[-1]


def _span(text: str, spot: AnySpot) -> tuple[int, int]:
    """Begin and end of a value: of a block, the end of its last value, not of the lines after."""
    if isinstance(spot, tuple):
        start, end = spot
        return start, start + len(text[start:end].rstrip())
    if _is_flow(text, spot):
        return spot.start, spot.end
    inside = [*spot.values.values(), *spot.items]
    return spot.start, max(_span(text, one)[1] for one in inside)


def _is_flow(text: str, spot: AnySpot) -> bool:
    start = spot[0] if isinstance(spot, tuple) else spot.start
    return text[start : start + 1] in ("{", "[")


def _is_json(text: str) -> bool:
    try:
        json.load(text, file="")
    except DefinitionError:
        return False
    return True


def _flow(value: Any, text: str) -> str:
    return json.dumps(value) if _is_json(text) else inline(value)


def _entry(key: str | int, value: Any, indent: int) -> str:
    lines = write({str(key): value}).splitlines()
    return f"\n{' ' * indent}".join(lines)


def _column(text: str, at: int) -> int:
    return at - (text.rfind("\n", 0, at) + 1)


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    end = len(text) if found < 0 else found
    return end - 1 if end > at and text[end - 1] == "\r" else end
