r"""Portable patterns: the subset of regular expressions that means the same on every engine.

Literals, ``.`` (not newline), ``[...]``, ASCII ``\d \w \s`` and their negations, ``^ $``
(start and end of the text), groups, ``|``, and ``* + ? {m,n}``. A pattern is read by us and
written again for each engine with everything spelled out, so that no engine's own idea of
``\s``, ``.`` or ``$`` can creep in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_SETS: Final = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\x0b\x0c\r "}
_OUTSIDE: Final = {
    "d": r"[^0-9]",
    "w": r"[^0-9A-Za-z_]",
    "s": r"[^\t\n\x0b\x0c\r ]",
}
_CONTROL: Final = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}
_MOST_REPEATS: Final = 1000  # RE2 refuses more, counted through nested groups


class PatternError(ValueError):
    """A pattern outside the portable subset; the message says where and why."""


def simple_lower(text: str) -> str:
    """Lower case by Unicode's simple mapping, character by character (İ gives i, Σ gives σ).

    >>> simple_lower("İΣ") == "iσ"
    True
    """
    return "".join("i" if c == "İ" else c.lower() for c in text)


@dataclass(slots=True)
class _Reader:
    source: str
    end: str
    lower: bool
    at: int = 0
    depth: int = 0
    out: list[str] = field(default_factory=list)

    def peek(self) -> str:
        return self.source[self.at : self.at + 1]

    def take(self) -> str:
        char = self.peek()
        self.at += 1
        return char

    def fail(self, why: str) -> PatternError:
        return PatternError(f"{why} at character {self.at} of the pattern")

    def literal(self, char: str) -> str:
        lowered = simple_lower(char) if self.lower else char
        if lowered in _CONTROL:
            return _CONTROL[lowered]
        return "\\" + lowered if re.match(r"[!-/:-@\[-^`{-~]", lowered) else lowered

    def alternatives(self) -> tuple[str, int]:
        """Text of ``a|b|c`` and the most repeats nested inside."""
        branches, most = [], 1
        while True:
            text, repeats = self.branch()
            branches.append(text)
            most = max(most, repeats)
            if self.peek() != "|":
                return "|".join(branches), most
            self.take()

    def branch(self) -> tuple[str, int]:
        parts, most = [], 1
        while (char := self.peek()) and char not in "|)":
            text, repeats, repeatable = self.atom()
            suffix, times = self.quantifier(repeatable=repeatable)
            if repeats * times > _MOST_REPEATS:
                raise self.fail(f"more than {_MOST_REPEATS} repeats")
            most = max(most, repeats * times)
            parts.append(text + suffix)
        return "".join(parts), most

    def atom(self) -> tuple[str, int, bool]:
        char = self.take()
        match char:
            case "(":
                return *self.group(), True
            case "[":
                return self.char_class(), 1, True
            case ".":
                return r"[^\n]", 1, True
            case "^":
                return r"\A", 1, False
            case "$":
                return self.end, 1, False
            case "\\":
                return self.escape(), 1, True
            case "*" | "+" | "?" | "{":
                raise self.fail(f"{char!r} has nothing to repeat (write \\{char} for itself)")
            case "]" | "}":
                raise self.fail(f"{char!r} has no opening bracket (write \\{char} for itself)")
            case _:
                return self.literal(char), 1, True

    def group(self) -> tuple[str, int]:
        if self.peek() == "?":
            raise self.fail("'(?' is not portable; use plain groups")
        self.depth += 1
        if self.depth > 100:  # noqa: PLR2004  deeper than any person writes; keeps recursion safe
            raise self.fail("groups nested too deep")
        text, most = self.alternatives()
        if self.take() != ")":
            raise self.fail("'(' is never closed")
        self.depth -= 1
        # Of what ends in an empty group DuckDB makes a search for the pattern's own text.
        return f"(?:{text or '|'})", most

    def escape(self) -> str:
        char = self.take()
        if char in _SETS:
            return f"[{_SETS[char]}]"
        if char.lower() in _OUTSIDE and char:
            return _OUTSIDE[char.lower()]
        return self.punctuation(char)

    def punctuation(self, char: str) -> str:
        if not char:
            raise self.fail("a backslash ends the pattern")
        if not re.match(r"[!-/:-@\[-`{-~ ]", char):
            raise self.fail(f"'\\{char}' is not portable")
        return self.literal(char)

    def quantifier(self, *, repeatable: bool) -> tuple[str, int]:
        char = self.peek()
        if char not in ("*", "+", "?", "{"):
            return "", 1
        if not repeatable:
            raise self.fail(f"{char!r} can't repeat an anchor")
        if char == "{":
            text, times = self.counted()
        else:
            text, times = self.take(), 1
        if self.peek() in ("*", "+", "?", "{") and self.peek():
            raise self.fail(f"{self.peek()!r} after a repeat is not portable")
        return text, times

    def counted(self) -> tuple[str, int]:
        found = re.compile(r"\{([0-9]{1,4})(?:(,)([0-9]{1,4})?)?\}").match(self.source, self.at)
        if not found:
            raise self.fail("'{' must be {m}, {m,} or {m,n} (write \\{ for itself)")
        low, comma, high = found.groups()
        if high and int(high) < int(low):
            raise self.fail("{m,n} with n below m")
        self.at = found.end()
        return f"{{{int(low)}{comma or ''}{int(high) if high else ''}}}", int(high or low) or 1

    def char_class(self) -> str:
        negated = self.peek() == "^"
        if negated:
            self.take()
        parts: list[str] = []
        while (char := self.peek()) != "]":
            if not char:
                raise self.fail("'[' is never closed")
            parts.append(self.member())
        if not parts:
            raise self.fail("an empty class")
        self.take()
        return f"[{'^' if negated else ''}{''.join(parts)}]"

    def member(self) -> str:
        char = self.take()
        if char == "[":
            raise self.fail("'[' inside a class must be written \\[")
        if char == "\\":
            char = self.take()
            if char in _SETS:
                return _SETS[char]
            if char.lower() in _OUTSIDE and char:
                raise self.fail(f"'\\{char}' inside a class is not portable")
            self.punctuation(char)
        if self.peek() == "-" and self.source[self.at + 1 : self.at + 2] not in ("]", ""):
            self.take()
            return self.range(char)
        return self.literal(char)

    def range(self, first: str) -> str:
        last = self.take()
        if last == "\\":
            last = self.take()
            self.punctuation(last)
        elif last == "[":
            raise self.fail("'[' inside a class must be written \\[")
        low, high = (simple_lower(c) if self.lower else c for c in (first, last))
        if low > high:
            raise self.fail(f"the range {first}-{last} is empty")
        return f"{self.literal(first)}-{self.literal(last)}"


def translate(source: str, *, end: str = r"\z", lower: bool = False) -> str:
    r"""Rewrite a portable pattern with every class and anchor spelled out.

    `end` is the engine's mark for the end of the text: ``\z`` in RE2 and Java, ``\Z`` in
    Python and PostgreSQL. With `lower`, literals and the ends of ranges are lower-cased, to
    be matched against lower-cased text. Raises `PatternError` outside the subset.

    >>> translate(r"^a.\d$")
    '\\Aa[^\\n][0-9]\\z'
    """
    reader = _Reader(source, end, lower)
    text, _ = reader.alternatives()
    if reader.peek():
        raise reader.fail("')' has no opening bracket")
    return text


def check(source: str) -> str:
    """Return `source` when it is portable; raise `PatternError` (a ValueError) when not."""
    translate(source)
    return source
