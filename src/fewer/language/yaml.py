"""YAML 1.2 with places: every key and value knows its line and column.

The C parser of PyYAML gives events; the tree is built here, so that plain scalars keep the core
meaning of YAML 1.2, a repeated key is an error instead of a silent loss, and neither deep nesting
nor a bomb of aliases can do harm. Valid JSON is read as JSON.

Differences from YAML at large, on purpose: keys are texts; tags other than those of the core
schema, merge keys (``<<``, not part of 1.2), anchors defined twice and several documents in one
file are errors.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import yaml as pyyaml
from pydantic import BaseModel, TypeAdapter, ValidationError
from yaml import events

from fewer.errors import DefinitionError, Problem, did_you_mean
from fewer.language import json
from fewer.language.explain import explain, nothing_written
from fewer.language.node import AnySpot, Node, Path, Source, Spot
from fewer.language.scalar import read_plain

T = TypeVar("T")

DEEPEST: Final = 100
"""Mappings and lists inside one another; no definition a person writes comes near."""

_MOST_COPIES: Final = 100_000  # nodes that aliases may add to a document
_CORE: Final = "tag:yaml.org,2002:"
_PARSER: Final = getattr(pyyaml, "CSafeLoader", pyyaml.SafeLoader)
_FORBIDDEN: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
# Line breaks in YAML 1.1, and so for the parser; ordinary characters in YAML 1.2.
_NOT_BREAKS: Final = "\x85\u2028\u2029"


def decode(data: bytes, *, file: str) -> str:
    """Text of a UTF-8 file, with or without byte order mark; `DefinitionError` for anything else.

    >>> decode(b"a: 1", file="a.yaml")
    'a: 1'
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode()  # without the byte order mark
        place = Source(before, file).place(len(before))
        message = f"This is not UTF-8: byte 0x{error.object[error.start]:02X}."
        problem = place.problem("not_utf8", message, "Save the file with the encoding UTF-8.")
        raise DefinitionError([problem]) from None


def load(text: str | bytes, *, file: str) -> Node:
    """Read one YAML or JSON document.

    Raises:
        DefinitionError: The text is not YAML. Mistakes that leave the rest readable, such as a
            repeated key, are kept in `Node.problems` instead, for `validate` to report with
            everything else.
    """
    if isinstance(text, bytes):
        text = decode(text, file=file)
    text = text.removeprefix("\ufeff")
    if text.lstrip(" \t\r\n")[:1] in ("{", "["):
        try:
            return json.load(text, file=file)
        except DefinitionError:
            pass  # flow mappings of YAML look alike: let the whole language have its say
    return _Reader(Source(text, file)).read()


def validate(
    node: Node,
    kind: type[T] | TypeAdapter[T],
    *,
    at: Path = (),
    may_be_empty: Collection[Path] = (),
) -> T:
    """The document, or the part of it at the path `at`, as `kind`: a model or a `TypeAdapter`.

    A key without a value (or with ``null``) is a problem, except at the paths `may_be_empty`:
    models would take it for a key that isn't there, and a window forgotten in silence would
    let everyone in.

    Raises:
        DefinitionError: With every problem of the document, also those met while reading, in the
            order of the file.
    """
    part = node.part(at)
    told = {(problem.line, problem.column) for problem in node.problems}
    empty = {path: one for path, one in nothing_written(node, at) if path not in may_be_empty}
    problems = [
        *node.problems,
        *(one for one in empty.values() if (one.line, one.column) not in told),
    ]
    try:
        value: T = _run(kind, part.value)
    except ValidationError as error:
        problems += explain(error, part, kind, _run, skip=empty)
        raise DefinitionError(in_order(problems)) from None
    if problems:
        raise DefinitionError(in_order(problems))
    return value


def _run(kind: Any, value: Any) -> Any:
    if isinstance(kind, TypeAdapter):
        return kind.validate_python(value)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.model_validate(value)
    return TypeAdapter(kind).validate_python(value)


def in_order(problems: list[Problem]) -> list[Problem]:
    """Each problem once, in the order of files and lines."""
    return sorted(dict.fromkeys(problems), key=lambda p: (p.file, p.line, p.column))


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come yet."""

    value: Any
    spot: Spot
    anchor: str | None
    before: int  # nodes read when it began
    is_list: bool
    key: str = ""  # of a mapping: the key whose value comes next
    has_key: bool = False
    drop: bool = False  # the value that comes next has no key to go to


class _Reader:
    """Builds a `Node` from the events of a parser."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.open: list[_Open] = []
        self.top: tuple[Any, AnySpot] | None = None
        self.anchors: dict[str, tuple[Any, AnySpot, int, int]] = {}
        self.nodes = 0
        self.copies = 0
        self.back: dict[int, str] = {}

    def read(self) -> Node:
        """Read the whole text."""
        parser = _PARSER(self._printable())
        try:
            while type(event := parser.get_event()) is not events.StreamEndEvent:
                self._take(event)
        except pyyaml.MarkedYAMLError as error:
            inside = self.open[-1].spot.start if self.open else None
            problem = _syntax(error, self.source, inside)
            raise DefinitionError([*self.problems, problem]) from None
        finally:
            parser.dispose()
        value, spot = self.top or (None, (0, 0))
        return Node(value, self.source, spot, tuple(in_order(self.problems)))

    def _printable(self) -> str:
        """The text for the parser, one character for each of the source."""
        text = self.source.text
        if found := _FORBIDDEN.search(text):
            shown = f"U+{ord(found[0]):04X}"
            message = f"The character {shown} may not stand in a file as it is."
            hint = f'Remove it, or write it in double quotes as "\\u{ord(found[0]):04x}".'
            raise self._fatal(found.start(), "control_character", message, hint)
        swaps = {}
        free = (chr(code) for code in range(0xE000, 0xF8FF))
        for char in _NOT_BREAKS:
            if char in text:
                swaps[ord(char)] = stand_in = next(c for c in free if c not in text)
                self.back[ord(stand_in)] = char
        return text.translate(swaps) if swaps else text

    def _fatal(self, at: int, code: str, message: str, hint: str = "") -> DefinitionError:
        problem = self.source.place(at).problem(code, message, hint)
        return DefinitionError([*self.problems, problem])

    def _warn(self, event: Any, code: str, message: str, hint: str = "") -> None:
        place = self.source.place(event.start_mark.index, event.end_mark.index)
        self.problems.append(place.problem(code, message, hint))

    # ------------------------------------------------------------------------------- events

    def _take(self, event: Any) -> None:
        kind = type(event)
        if kind is events.ScalarEvent:
            self._scalar(event)
        elif kind is events.MappingStartEvent or kind is events.SequenceStartEvent:
            self._start(event, {} if kind is events.MappingStartEvent else [])
        elif kind is events.MappingEndEvent or kind is events.SequenceEndEvent:
            self._end(event)
        elif kind is events.AliasEvent:
            self._alias(event)
        elif kind is events.DocumentStartEvent and self.top is not None:
            message = "A second document begins here; a file holds one."
            at = event.start_mark.index
            raise self._fatal(at, "several_documents", message, "Make it a file of its own.")

    def _scalar(self, event: Any) -> None:
        text = event.value
        if self.back:
            text = text.translate(self.back)
        spot = (event.start_mark.index, event.end_mark.index)
        self.nodes += 1
        if event.tag is not None:
            value = self._tagged(event, text)
        else:
            value = read_plain(text) if event.implicit[0] else text
        if event.anchor is not None:
            self._anchor(event, value, spot, 1)
        self._attach(value, spot, event)

    def _tagged(self, event: Any, text: str) -> Any:
        kinds = {"null": type(None), "bool": bool, "int": int, "float": object}
        kind = event.tag.removeprefix(_CORE)
        if event.tag == "!" or kind == "str":
            return text
        value = read_plain(text)
        if event.tag.startswith(_CORE) and isinstance(value, kinds.get(kind, ())):
            return value
        self._bad_tag(event)
        return text

    def _bad_tag(self, event: Any) -> None:
        tag = event.tag.replace(_CORE, "!!")
        hint = "Remove it; put quotes around a text that looks like something else."
        self._warn(event, "unknown_tag", f"The tag {tag!r} does not fit here.", hint)

    def _start(self, event: Any, value: Any) -> None:
        at = event.start_mark.index
        if len(self.open) >= DEEPEST:
            message = f"More than {DEEPEST} mappings and lists inside one another."
            raise self._fatal(at, "too_deep", message, "Split it with in_segment.")
        if event.tag not in (None, "!", _CORE + ("map" if value == {} else "seq")):
            self._bad_tag(event)
        self.nodes += 1
        is_list = isinstance(value, list)
        spot = Spot(at, is_list=is_list)
        self.open.append(_Open(value, spot, event.anchor, self.nodes, is_list))

    def _end(self, event: Any) -> None:
        done = self.open.pop()
        done.spot.end = event.end_mark.index
        if done.anchor is not None:
            self._anchor(event, done.value, done.spot, self.nodes - done.before + 1, done.anchor)
        self._attach(done.value, done.spot, event)

    def _anchor(
        self, event: Any, value: Any, spot: AnySpot, size: int, name: str | None = None
    ) -> None:
        name = name or event.anchor
        start = spot[0] if isinstance(spot, tuple) else spot.start
        if name in self.anchors:
            first = self.source.place(self.anchors[name][3])
            message = f"The anchor &{name} is defined twice, first in line {first.line}."
            place = self.source.place(start)
            self.problems.append(place.problem("duplicate_anchor", message, "Rename one."))
            return
        self.anchors[name] = (value, spot, size, start)

    def _alias(self, event: Any) -> None:
        name, at = event.anchor, event.start_mark.index
        if name not in self.anchors:
            if any(name == container.anchor for container in self.open):
                message = f"*{name} stands inside &{name}: it would contain itself."
            else:
                near = did_you_mean(name, self.anchors)
                message = f"No anchor &{name} before this place.{near}"
            self._warn(event, "unknown_anchor", message)
            self._attach(None, (at, event.end_mark.index), event)
            return
        value, spot, size, _ = self.anchors[name]
        self.nodes += size
        self.copies += size
        if self.copies > _MOST_COPIES:
            message = f"Aliases repeat more than {_MOST_COPIES:,} values."
            raise self._fatal(at, "too_many_aliases", message, "Write what is meant.")
        self._attach(value, spot, event)

    # ---------------------------------------------------------------------------- containers

    def _attach(self, value: Any, spot: AnySpot, event: Any) -> None:
        if not self.open:
            self.top = (value, spot)
            return
        into = self.open[-1]
        if into.is_list:
            into.value.append(value)
            into.spot.items.append(spot)
        elif not into.has_key:
            into.has_key = True
            self._key(into, value, spot, event)
        else:
            if not into.drop:
                into.value[into.key] = value
                into.spot.values[into.key] = spot
            into.has_key = into.drop = False

    def _key(self, into: _Open, key: Any, spot: AnySpot, event: Any) -> None:
        if isinstance(spot, Spot) or not isinstance(key, str):
            key = self._odd_key(into, spot)
        elif key == "<<" and type(event) is events.ScalarEvent and event.implicit[0]:
            into.drop = True
            hint = "Write the keys out, or use an anchor for a whole value."
            self._warn(event, "merge_key", "Merge keys (<<) are not part of YAML 1.2.", hint)
        if key in into.spot.keys:
            into.drop = True
            first = self.source.place(*into.spot.keys[key])
            message = f"The key {key!r} is written twice, first in line {first.line}."
            hint = f"Keep one; the first is at {first}."
            self._warn(event, "duplicate_key", message, hint)
        into.key = key
        if isinstance(spot, tuple) and not into.drop:
            into.spot.keys[key] = spot

    def _odd_key(self, into: _Open, spot: AnySpot) -> str:
        start, end = spot if isinstance(spot, tuple) else (spot.start, spot.end)
        place = self.source.place(start, end)
        if isinstance(spot, Spot):
            into.drop = True
            message, hint = "A key is a text, not a mapping or a list.", ""
        else:
            message = f"A key is a text, and {place.text or 'nothing'} is not."
            hint = f'Put it in quotes: "{place.text}".'
        self.problems.append(place.problem("key_not_text", message, hint))
        return place.text


# ---------------------------------------------------------------------------- syntax errors

_SYNTAX: Final = (
    (r"mapping values are not allowed", "unexpected_colon", "A ':' where no key can be.",
     "Check the indentation of this line and the one above; put a text with ': ' in quotes."),
    (r"could not find expected ':'", "missing_colon", "A key without ':' after it.",
     "Write 'key: value', with a space after the colon."),
    (r"unexpected end of stream", "open_quote", "A quote is opened and never closed.",
     "Close it, or double a quote that belongs to the text."),
    (r"unknown escape|escape code|hexdecimal|hexadecimal", "bad_escape",
     "A backslash in double quotes begins an escape, and this one does not exist.",
     "Double the backslash, or use single quotes."),
    (r"expected ',' or '\]'", "open_bracket", "A list in brackets is not closed, or lacks a comma.",
     "Close it with ']' and put ',' between its items."),
    (r"expected ',' or '\}'", "open_brace", "A mapping in braces is not closed, or lacks a comma.",
     "Close it with '}' and put ',' between its entries."),
    (r"expected '-' indicator|expected <block end>, but found '(?!-)", "missing_dash",
     "A list item without '- ' in front, at the place where one must come.",
     "Begin each item with '- ' at the same column, or check the indentation."),
    (r"expected key|expected <block end>", "bad_indentation",
     "This does not line up with the mapping that it seems to belong to.",
     "Put all keys of one mapping at the same column."),
    (r"cannot start any token", "bad_character", "No value can begin with this character.",
     "Put the text in quotes."),
    (r"block sequence entries are not allowed|sequence entries", "unexpected_dash",
     "A list item where none can be.", "Put '- ' on a line of its own, below the key."),
)  # fmt: skip


def _syntax(error: pyyaml.MarkedYAMLError, source: Source, inside: int | None) -> Problem:
    """What is wrong; `inside` is where the mapping or list begins that was being read."""
    mark = error.problem_mark or error.context_mark
    at = min(mark.index, len(source.text)) if mark else 0
    said = error.problem or "unreadable"
    opened = error.context_mark.index if error.context_mark else None
    if inside is not None and source.text[inside] in "[{" and not source.text[at:].strip():
        said = "expected ',' or '}'" if source.text[inside] == "{" else "expected ',' or ']'"
        opened = inside
    if "nesting depth" in said:  # PyYAML 6.0.4 has a bound of its own, before ours is reached
        message = f"More than {DEEPEST} mappings and lists inside one another."
        return source.place(at).problem("too_deep", message, "Split it with in_segment.")
    if source.text[at : at + 1] == "\t":
        message = "A tab can't indent."
        return source.place(at).problem("tab", message, "Indent with spaces.")
    for pattern, code, message, hint in _SYNTAX:
        if re.search(pattern, said):
            if code.startswith("open_") and opened is not None:
                at = opened  # the end of the file says little, the opening says it all
            return source.place(at, _line_end(source.text, at)).problem(code, message, hint)
    place = source.place(at, _line_end(source.text, at))
    context = f" ({error.context})" if error.context else ""
    return place.problem("bad_yaml", f"This is not YAML: {said}{context}.")


def _line_end(text: str, at: int) -> int:
    found = re.compile(r"[\r\n]").search(text, at)
    return found.start() if found else len(text)
