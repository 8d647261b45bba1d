"""Liquid for words in ads: no loops, no clock, no files, and no values that were not declared.

A template that shows a missing value is not rendered at all: `MissingValueError` says which,
and the message falls back to plain words. ``{% if last.item %}`` and ``| default: "..."`` deal
with missing values on purpose.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from liquid import Environment, FalsyStrictUndefined
from liquid.exceptions import LiquidError, ResourceLimitError, UndefinedError
from liquid.template import BoundTemplate

from fewer.errors import did_you_mean

LONGEST: Final = 4_000
"""Characters of one template."""

TAGS: Final = frozenset(
    {"content", "output", "illegal", "if", "unless", "case", "assign", "capture", "comment"}
    | {"echo", "#"}
)
FILTERS: Final = frozenset(
    {"abs", "at_least", "at_most", "ceil", "divided_by", "floor", "minus", "modulo", "plus"}
    | {"round", "times", "append", "capitalize", "default", "downcase", "lstrip", "prepend"}
    | {"remove", "remove_first", "remove_last", "replace", "replace_first", "replace_last"}
    | {"rstrip", "size", "slice", "squish", "strip", "strip_html", "truncate", "truncatewords"}
    | {"upcase"}
)
"""What a template may use: text and arithmetic. Filters of lists would unroll any range."""

_JOINERS: Final = "\u200c\u200d"  # part of scripts and of emoji
_SPACES: Final = "\n\r\t\v\f\x85\u2028\u2029"


class TemplateError(Exception):
    """A template is wrong whatever the values; `index` points into its text."""

    def __init__(self, message: str, index: int, hint: str = "") -> None:
        self.message = message
        self.index = index
        self.hint = hint
        super().__init__(message)


class MissingValueError(Exception):
    """A template shows a value that this person does not have."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name} is missing")


class _Ads(Environment):
    # The second line of defence: without loops, templates are too short to reach these.
    loop_iteration_limit = 100
    output_stream_limit = 20_000
    local_namespace_limit = 50_000
    block_nesting_limit = 10


def _environment() -> Environment:
    environment = _Ads(undefined=FalsyStrictUndefined, autoescape=False)
    for name in [name for name in environment.tags if name not in TAGS]:
        del environment.tags[name]
    for name in [name for name in environment.filters if name not in FILTERS]:
        del environment.filters[name]
    return environment


_LIQUID: Final = _environment()


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template and the values it shows or tests, such as ``last.item``."""

    text: str
    variables: tuple[str, ...]
    places: Mapping[str, int]  # variable -> index of its first use
    _bound: BoundTemplate

    @property
    def is_plain(self) -> bool:
        """Whether it says the same to everyone."""
        return not self.variables

    def render(self, values: Mapping[str, Any], *, in_url: bool = False) -> str:
        """The words for one person, on one line, without control characters.

        Args:
            values: ``{"last": {...}, "segment": {...}, ...}``; a missing value has no key.
            in_url: Percent-encode the values, and only them.

        Raises:
            MissingValueError: It shows a value that is not there.
        """
        shown = _quoted(values) if in_url and self.variables else values
        try:
            text = self._bound.render(**shown)
        except UndefinedError as error:
            raise MissingValueError(str(error.message).split(" ", 1)[0]) from None
        except ResourceLimitError:
            raise MissingValueError("the end of it (too much text)") from None
        except LiquidError as error:  # a value that a filter can't use: as good as missing
            raise MissingValueError(f"a usable value ({error.message})") from None
        return clean(text)


def compile_template(text: str) -> Template:
    """Compile, and list what it uses.

    Raises:
        TemplateError: With the place of the mistake in `text`.
    """
    if len(text) > LONGEST:
        raise TemplateError(f"A template has at most {LONGEST:,} characters.", 0)
    try:
        bound = _LIQUID.from_string(text)
    except LiquidError as error:
        index = error.token.start_index if error.token is not None else 0
        raise TemplateError(*_explained(error, index)) from None
    used = bound.analyze()
    for name, spans in used.filters.items():
        if name not in FILTERS:
            near = did_you_mean(name, FILTERS)
            hint = f"Filters are: {', '.join(sorted(FILTERS))}."
            raise TemplateError(f"No filter {name!r} in templates.{near}", spans[0].index, hint)
    places: dict[str, int] = {}
    for found in used.globals.values():
        for variable in found:
            name = ".".join(str(part) for part in variable.segments)
            index = variable.span.index
            places[name] = min(index, places.get(name, index))
    return Template(text, tuple(sorted(places)), places, bound)


def _explained(error: LiquidError, index: int) -> tuple[str, int, str]:
    message = str(error.message)
    tag = error.token.value if error.token is not None and error.token.kind == "tag" else ""
    if "tag" in message and tag and tag not in TAGS:
        written = sorted(TAGS - {"content", "output", "illegal", "#"})
        return f"No tag {tag!r} in templates.", index, f"Tags are: {', '.join(written)}."
    return f"This is not a template: {message}.", index, ""


def clean(text: str) -> str:
    r"""One line of visible text: NFC, spaces collapsed, control and format characters gone.

    >>> clean("Hot \u202e offer\n\n today\x00")
    'Hot offer today'
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kept = (
        " " if c in _SPACES else c
        for c in unicodedata.normalize("NFC", text)
        if c in _SPACES or c in _JOINERS or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co"}
    )
    return " ".join("".join(kept).split())


def _quoted(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {key: _quoted(value) for key, value in values.items()}
    return quote(clean(values), safe="") if isinstance(values, str) else values
