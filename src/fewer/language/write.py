"""Readable YAML of definitions, which YAML 1.1 and 1.2 read alike.

Small parts go on one line in braces, larger ones below each other. A text that either version
of YAML would take for something else (``NO``, ``12:30``, ``2026-03-01``, ``007``) is quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

from fewer.language.data import to_data
from fewer.language.json import quoted, scalar
from fewer.language.scalar import read_plain
from fewer.model.base import Frozen

_INLINE: Final = 60  # characters of a part that may stand on one line
_DEEPEST_INLINE: Final = 2
_LONGEST_KEY: Final = 1000  # the parser looks no further for a colon
_PLAIN: Final = re.compile(r"[^\W\d][\w.+-]*(?:[ /@>][\w.+/@>-]+)*|/(?:[\w.+/-]*\w)?|\d+[mhdw]")
_ONE_LETTER: Final = frozenset("yYnN")  # booleans of YAML 1.1
_STR: Final = "tag:yaml.org,2002:str"
_OLD: Final[Any] = Resolver()


def to_yaml(definition: Frozen | Iterable[Frozen]) -> str:
    """YAML of one definition, or a list of them as a file of definitions holds it.

    >>> from fewer.model.segment import Segment
    >>> print(to_yaml([Segment(id="norway", where={"trait": "country", "equals": "NO"})]), end="")
    - id: norway
      where: {trait: country, equals: "NO"}
    """
    if isinstance(definition, Frozen):
        return write(to_data(definition))
    return write([to_data(one) for one in definition])


def write(data: Any) -> str:
    """YAML text of plain data."""
    if not data or not isinstance(data, dict | list):
        return _flow(data) + "\n"
    return "\n".join(_lines(data, top=True)) + "\n"


def inline(data: Any) -> str:
    """YAML of plain data on one line, lists and mappings in brackets.

    >>> inline({"at_least": 3, "of": ["a", "NO"]})
    '{at_least: 3, of: [a, "NO"]}'
    """
    return _flow(data)


def text(value: str) -> str:
    """A text as YAML writes it: plain where nobody can misread it, else in double quotes.

    >>> [text(t) for t in ("page_view", "NO", "12:30", "7d", "two words", "1e3")]
    ['page_view', '"NO"', '"12:30"', '7d', 'two words', '"1e3"']
    """
    if (
        _PLAIN.fullmatch(value)
        and isinstance(read_plain(value), str)
        and value not in _ONE_LETTER
        and _OLD.resolve(ScalarNode, value, (True, False)) == _STR
    ):
        return value
    return re.sub(
        "[\x7f-\xa0\u00ad\u2000-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufffe\uffff]",
        lambda found: f"\\u{ord(found[0]):04x}",
        quoted(value),
    )


def _lines(data: Any, *, top: bool = False) -> list[str]:
    """Block form of a mapping or list, at column 0."""
    if isinstance(data, list):
        return [line for item in data for line in _item(item, top=top)]
    return [line for key, value in data.items() for line in _entry(key, value)]


def _item(item: Any, *, top: bool) -> list[str]:
    if _fits(item) and not (top and isinstance(item, dict)):
        return [f"- {_flow(item)}"]
    first, *rest = _lines(item)
    return [f"- {first}", *(f"  {line}" for line in rest)]


def _entry(key: str, value: Any) -> list[str]:
    name = text(key)
    if len(name) > _LONGEST_KEY:
        first, *rest = _lines(value) if not _fits(value) else [_flow(value)]
        return [f"? {name}", f": {first}", *(f"  {line}" for line in rest)]
    if _fits(value):
        return [f"{name}: {_flow(value)}"]
    return [f"{name}:", *(f"  {line}" for line in _lines(value))]


def _fits(value: Any) -> bool:
    if not value or not isinstance(value, dict | list):
        return True
    return _depth(value) <= _DEEPEST_INLINE and len(_flow(value)) <= _INLINE


def _depth(value: Any) -> int:
    inside = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(_depth, inside), default=0)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow_key(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return text(value) if isinstance(value, str) else scalar(value)


def _flow_key(key: str) -> str:
    name = text(key)
    return f"? {name} " if len(name) > _LONGEST_KEY else name
