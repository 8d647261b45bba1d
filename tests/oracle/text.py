"""Text: lower case, category paths, and the portable patterns as Python's `re` says them."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from functools import lru_cache

Case = Callable[[str], str]

SETS = {"d": "0-9", "w": "0-9A-Za-z_", "s": r" \t\n\r\f\v"}
SPECIAL = {".": r"[^\n]", "^": r"\A", "$": r"\Z", "(": "(?:", **{c: c for c in ")|*+?"}}


@lru_cache(maxsize=4096)
def lower(text: str) -> str:
    """Unicode's simple mapping: one character in, one out.

    >>> lower("İSTANBUL ΟΔΟΣ ẞ") == "istanbul οδοσ ß"
    True
    """
    return "".join("i" if c == "İ" else c.lower() for c in text)


def under(path: str, top: str) -> bool:
    """Equal to a category path or below it.

    >>> under("a > b", "a"), under("a > bc", "a > b"), under("a", "a")
    (True, False, True)
    """
    return path == top or path.startswith(top + " > ")


def found(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Whether a portable pattern matches somewhere in the text.

    >>> found("a.c", "xabcx"), found("a.c", "a" + chr(10) + "c"), found("b$", "b" + chr(10))
    (True, False, False)
    """
    case = lower if ignore_case else str
    return re.search(python_pattern(pattern, case), case(text)) is not None


def python_pattern(pattern: str, case: Case = str) -> str:
    r"""The pattern with all that engines disagree on spelled out; `case` changes literals only.

    >>> python_pattern(r"^[\d-]+\S{2}$") == r"\A[0-9\-]+[^ \t\n\r\f\v]{2}\Z"
    True
    """
    out, pieces = "", deque(re.findall(r"\\.|.", pattern, re.DOTALL))
    while pieces:
        piece = pieces.popleft()
        if piece == "[":
            out += python_class(pieces, case)
        elif piece == "{":
            out += "{" + "".join(iter(pieces.popleft, "}")) + "}"
        elif piece[1:].lower() in SETS:
            out += f"[{'' if piece[1].islower() else '^'}{SETS[piece[1].lower()]}]"
        else:
            out += SPECIAL.get(piece) or re.escape(case(piece[-1]))
    return out


def python_class(pieces: deque[str], case: Case) -> str:
    """A class whose ``[`` is read; takes its pieces up to and with the ``]``."""
    out = "["
    if pieces[0] == "^":
        out += pieces.popleft()
    while (piece := pieces.popleft()) != "]":
        out += SETS.get(piece[1:]) or re.escape(case(piece[-1]))
        if piece[1:] not in SETS and pieces[0] == "-" and pieces[1] != "]":
            pieces.popleft()
            out += "-" + re.escape(case(pieces.popleft()[-1]))
    return out + "]"
