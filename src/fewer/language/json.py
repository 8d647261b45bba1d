"""JSON: read with places, written exactly, and in one canonical form for fingerprints.

Numbers are never floats on the way in and never lose a digit on the way out.
"""

from __future__ import annotations

import hashlib
import json as stdlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from json.decoder import scanstring  # type: ignore[attr-defined]  # absent from the stubs
from math import isfinite
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from fewer.errors import DefinitionError, Problem
from fewer.language.data import to_data
from fewer.language.node import AnySpot, Node, Source, Spot
from fewer.language.scalar import read_plain
from fewer.model.base import Frozen

M = TypeVar("M", bound=Frozen)

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", re.ASCII)
_WORDS: Final = {"true": True, "false": False, "null": None}
_WORD: Final = re.compile("|".join(_WORDS))
_HALF: Final = re.compile("[\ud800-\udfff]")
_DEEPEST: Final = 100


def load(text: str, *, file: str) -> Node:
    """Read one JSON document; numbers keep every digit.

    Raises:
        DefinitionError: The text is not JSON. A repeated key is kept in `Node.problems` instead.
    """
    reader = _Reader(Source(text, file))
    value, spot, at = reader.value(reader.space(0), 0)
    if reader.space(at) < len(text):
        raise reader.fatal(reader.space(at), "Nothing may follow the document.")
    return Node(value, reader.source, spot, tuple(reader.problems))


def dumps(value: Any, *, indent: int | None = None, sort_keys: bool = False) -> str:
    """JSON text of plain data; a Decimal is written with all its digits.

    >>> from decimal import Decimal
    >>> dumps({"b": Decimal("9199999999999.123456"), "a": ["é", 1, True]})
    '{"b": 9199999999999.123456, "a": ["é", 1, true]}'
    """
    return _Writer(indent, ", " if indent is None else ",", ": ", sort_keys).text(value, 0)


def to_json(definition: Frozen, *, indent: int | None = None) -> str:
    """JSON of a definition, without what goes without saying.

    >>> from fewer.model.condition import Did
    >>> to_json(Did(did="view", count={"at_least": 2}))
    '{"did": "view", "count": {"at_least": 2}}'
    """
    return dumps(to_data(definition), indent=indent)


def from_json(text: str, kind: type[M], *, file: str = "<json>") -> M:
    """The definition that a JSON text holds.

    Raises:
        DefinitionError: With every problem of the text, each at its place; `yaml.validate`
            explains them better to people.

    >>> from fewer.model.condition import InList
    >>> from_json('{"in_list": "vip"}', InList)
    InList(in_list='vip')
    """
    node = load(text, file=file).check()
    try:
        return kind.model_validate(node.value)
    except ValidationError as error:
        told = [
            node.place(found["loc"]).problem(found["type"], f"{found['msg']}.")
            for found in error.errors(include_url=False)
        ]
        raise DefinitionError(told) from None


def canonical(definition: Frozen | Mapping[str, Any]) -> str:
    """The one JSON text of a definition, or of plain data: sorted keys, no spaces, no defaults.

    Equal definitions have equal texts, however they were written.

    >>> from fewer.model.condition import Did
    >>> canonical(Did(within="7d", did=["view"], count={"at_least": 1.0}))
    '{"count":{"at_least":1},"did":"view","within":"7d"}'
    """
    data = to_data(definition) if isinstance(definition, Frozen) else definition
    return _Writer(None, ",", ":", sort_keys=True).text(data, 0)


def fingerprint(definition: Frozen | Mapping[str, Any]) -> str:
    """SHA-256 of the canonical text, in hex: the version of a definition."""
    return hashlib.sha256(canonical(definition).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Writer:
    indent: int | None
    comma: str
    colon: str
    sort_keys: bool

    def text(self, value: Any, depth: int) -> str:
        if isinstance(value, dict):
            pairs = sorted(value.items()) if self.sort_keys else value.items()
            entries = [quoted(k) + self.colon + self.text(v, depth + 1) for k, v in pairs]
            return self.lines("{", entries, "}", depth)
        if isinstance(value, list | tuple):
            return self.lines("[", [self.text(v, depth + 1) for v in value], "]", depth)
        return quoted(value) if isinstance(value, str) else scalar(value)

    def lines(self, opening: str, parts: list[str], closing: str, depth: int) -> str:
        if self.indent is None or not parts:
            return opening + self.comma.join(parts) + closing
        pad = "\n" + " " * self.indent * depth
        deeper = pad + " " * self.indent
        return opening + deeper + (self.comma + deeper).join(parts) + pad + closing


def quoted(text: str) -> str:
    """The text in double quotes, as JSON and YAML read it, on one line."""
    return stdlib.dumps(text, ensure_ascii=False)


def scalar(value: Any) -> str:
    """A number, boolean or null as JSON and YAML write it; no digit is lost."""
    match value:
        case True | False | None:
            return stdlib.dumps(value)
        case int():
            return str(value)
        case float() if isfinite(value):
            return format(Decimal(repr(value)), "f")
        case Decimal() if value.is_finite():
            return format(value, "f")
        case _:
            raise TypeError(f"JSON has no way to write {value!r}")


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.problems: list[Problem] = []

    def fatal(self, at: int, message: str, code: str = "bad_json") -> DefinitionError:
        return DefinitionError([self.source.place(at).problem(code, message)])

    def space(self, at: int) -> int:
        return _SPACE.match(self.text, at).end()  # type: ignore[union-attr]  # always matches

    def value(self, at: int, depth: int) -> tuple[Any, AnySpot, int]:
        char = self.text[at : at + 1]
        if depth >= _DEEPEST:
            message = f"More than {_DEEPEST} objects and arrays inside one another."
            raise self.fatal(at, message, "too_deep")
        if char == "{":
            return self.object(at, depth)
        if char == "[":
            return self.array(at, depth)
        if char == '"':
            text, end = self.string(at)
            return text, (at, end), end
        if found := _NUMBER.match(self.text, at):
            return read_plain(found[0]), (at, found.end()), found.end()
        if found := _WORD.match(self.text, at):
            return _WORDS[found[0]], (at, found.end()), found.end()
        raise self.fatal(at, "A value of JSON is expected here.")

    def string(self, at: int) -> tuple[str, int]:
        try:
            text, end = scanstring(self.text, at + 1, True)
        except stdlib.JSONDecodeError as error:
            raise self.fatal(error.pos, f"{error.msg}.") from None
        if _HALF.search(text):
            raise self.fatal(at, "A text holds half a character (a lone surrogate).", "bad_text")
        return text, end

    def object(self, at: int, depth: int) -> tuple[dict[str, Any], Spot, int]:
        value: dict[str, Any] = {}
        spot = Spot(at, is_list=False)
        at = self.space(at + 1)
        while self.text[at : at + 1] != "}":
            if spot.keys:
                at = self.expect(",", at)
            if self.text[at : at + 1] != '"':
                raise self.fatal(at, "A key in double quotes is expected here.")
            key, end = self.string(at)
            key_spot = (at, end)
            member, member_spot, end = self.value(self.expect(":", self.space(end)), depth + 1)
            if key in value:
                self.repeated(key, key_spot, spot.keys[key])
            else:
                value[key], spot.values[key], spot.keys[key] = member, member_spot, key_spot
            at = self.space(end)
        spot.end = at + 1
        return value, spot, at + 1

    def array(self, at: int, depth: int) -> tuple[list[Any], Spot, int]:
        value: list[Any] = []
        spot = Spot(at, is_list=True)
        at = self.space(at + 1)
        while self.text[at : at + 1] != "]":
            if value:
                at = self.expect(",", at)
            item, item_spot, end = self.value(at, depth + 1)
            value.append(item)
            spot.items.append(item_spot)
            at = self.space(end)
        spot.end = at + 1
        return value, spot, at + 1

    def expect(self, char: str, at: int) -> int:
        if self.text[at : at + 1] != char:
            raise self.fatal(at, f"{char!r} is expected here.")
        return self.space(at + 1)

    def repeated(self, key: str, at: tuple[int, int], first: tuple[int, int]) -> None:
        place, before = self.source.place(*at), self.source.place(*first)
        message = f"The key {key!r} is written twice, first in line {before.line}."
        hint = f"Keep one; the first is at {before}."
        self.problems.append(place.problem("duplicate_key", message, hint))
