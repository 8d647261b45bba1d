"""What is wrong, where, and what to do: pydantic's complaints in the words of our files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from fewer.errors import Problem, did_you_mean
from fewer.language import shape
from fewer.language.advice import condition_hint, step_hint, unknown_key, value_hint
from fewer.language.node import Node, Path
from fewer.model.base import SEGMENT_ID, SEGMENT_REF, RuleError
from fewer.model.condition import HEADS
from fewer.model.number import NumberError
from fewer.model.pattern import PatternError
from fewer.model.window import DurationError, MomentError

_PASSES: Final = 4
# Complaints that something is lacking: after a wrong part was taken out they prove nothing.
_LACKING: Final = frozenset(
    {"missing", "no_test", "no_bound", "lone_ignore_case", "lone_calendar", "no_property",
     "condition_form", "too_short", "model_type", "value_error"}
)  # fmt: skip
_CODES: Final[dict[type[Exception], str]] = {
    DurationError: "bad_duration",
    MomentError: "bad_date",
    NumberError: "bad_number",
    PatternError: "bad_pattern",
}
_EXPECTED: Final = {
    "string_type": ("bad_text", "a text"),
    "string_too_short": ("bad_text", "a text with at least one character"),
    "string_unicode": ("bad_text", "a text of whole characters"),
    "bool_type": ("bad_boolean", "true or false"),
    "int_type": ("bad_number", "a whole number"),
    "int_from_float": ("bad_number", "a whole number"),
    "float_type": ("bad_number", "a number"),
    "tuple_type": ("not_a_list", "a list"),
    "list_type": ("not_a_list", "a list"),
    "set_type": ("not_a_list", "a list"),
    "frozen_set_type": ("not_a_list", "a list"),
    "dict_type": ("not_a_mapping", "a mapping"),
    "model_type": ("not_a_mapping", "a mapping"),
    "model_attributes_type": ("not_a_mapping", "a mapping"),
    "union_tag_not_found": ("bad_value", "one of the known forms"),
}
_BOUNDS: Final = {
    "greater_than_equal": ("ge", "a number of at least"),
    "greater_than": ("gt", "a number above"),
    "less_than_equal": ("le", "a number of at most"),
    "less_than": ("lt", "a number below"),
}

Run = Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One complaint of pydantic, with what is needed to explain it."""

    kind: str  # its type, as pydantic calls it
    loc: Path
    said: str
    input: Any
    context: dict[str, Any]
    node: Node
    model: type[BaseModel] | None  # innermost model on the way
    key: str  # its key on the way

    @property
    def path(self) -> Path:
        """Where it is in the document."""
        return self.node.path(self.loc)

    @property
    def is_condition(self) -> bool:
        """Whether the model is one of the conditions."""
        return self.model in HEADS.values()


def nothing_written(node: Node, at: Path = ()) -> Iterator[tuple[Path, Problem]]:
    """A problem for every key or item at or below `at` without a value: null is none.

    The paths are those below `at`.
    """
    for path in _nulls(node.at(at), ()):
        whole = (*at, *path)
        named = f"after {whole[-1]!r}" if whole and isinstance(whole[-1], str) else "here"
        hint = "Write a value, or take the key out." if whole else "Write at least one key."
        message = f"Nothing is written {named}."
        yield path, node.place(whole).problem("empty_value", message, hint)


def _nulls(value: Any, path: Path) -> list[Path]:
    if value is None:
        return [path]
    inside: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    found = []
    for part, member in inside:
        if member is None or isinstance(member, dict | list):
            found += _nulls(member, (*path, part))
    return found


def explain(
    error: ValidationError, node: Node, kind: Any, run: Run, *, skip: Iterable[Path] = ()
) -> list[Problem]:
    """Every problem behind `error`, also those that only show once others are repaired.

    A model is checked as a whole only when all its keys are right. So wrong keys are taken out
    and what is left is checked again, until nothing new turns up. Complaints at or below the
    paths in `skip` are left out: they were explained already.
    """
    skipped = {node.path(path) for path in skip}
    seen: set[tuple[str, Path]] = set()
    problems: list[Problem] = []
    removed: set[Path] = set()
    value = deepcopy(node.value)
    for _ in range(_PASSES):
        fresh = [t for t in _troubles(error, node, kind) if (t.kind, t.loc) not in seen]
        fresh = [t for t in fresh if not (removed and t.kind in _LACKING and _above(t, removed))]
        seen |= {(t.kind, t.loc) for t in fresh}
        problems += [_problem(t) for t in fresh if not _below(t.path, skipped)]
        taken = {t.path for t in fresh if _take_out(value, t)}
        if not taken:
            break
        removed |= taken
        try:
            run(kind, value)
        except ValidationError as again:
            error = again
        else:
            break
    return problems


def _above(trouble: Trouble, removed: set[Path]) -> bool:
    return any(path[: len(trouble.path)] == trouble.path for path in removed)


def _below(path: Path, skipped: set[Path]) -> bool:
    return any(path[: len(top)] == top for top in skipped)


def _take_out(value: Any, trouble: Trouble) -> bool:
    """Remove the wrong key from `value`; a list item stays, for its index must not move."""
    *way, last = trouble.path or (None,)
    for part in way:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return False  # removed with something around it
    if isinstance(last, str) and isinstance(value, dict) and last in value:
        del value[last]
        return True
    return False


def _troubles(error: ValidationError, node: Node, kind: Any) -> Iterator[Trouble]:
    for found in error.errors(include_url=False):
        loc = found["loc"]
        if found["type"] == "too_short" and len(found["input"]) >= found["ctx"]["min_length"]:
            continue  # items that are wrong are not counted, and complained about one by one
        if found["type"] == "extra_forbidden" and _of_another_condition(node.at(loc[:-1]), loc[-1]):
            continue
        model, key = shape.owner(kind, loc)
        context = found.get("ctx", {})
        rule = context.get("error")
        name = rule.code if isinstance(rule, RuleError) else found["type"]
        yield Trouble(name, loc, found["msg"], found["input"], context, node, model, key)


def _of_another_condition(around: Any, key: str | int) -> bool:
    """Whether a key belongs to a second condition in the same mapping, which is told by itself."""
    heads = [head for head in HEADS if isinstance(around, dict) and head in around]
    return key not in heads and any(key in shape.keys(HEADS[head]) for head in heads[1:])


def _problem(trouble: Trouble) -> Problem:
    match trouble.kind:
        case "extra_forbidden":
            code, message, hint = unknown_key(trouble.model, trouble.key, _siblings(trouble))
            return trouble.node.key_place(trouble.loc).problem(code, message, hint)
        case "missing":
            return _missing(trouble)
        case "value_error":
            inner = trouble.context["error"]
            code = next((c for kind, c in _CODES.items() if isinstance(inner, kind)), "bad_value")
            if isinstance(inner, PatternError):
                return _value(trouble, code, f"This pattern can't be used: {inner}.")
            return _value(trouble, code, f"Expected {inner}.")
        case "condition_form" | "step_form":
            return _form(trouble)
        case "literal_error" | "enum":
            return _choice(trouble)
        case "string_pattern_mismatch":
            return _value(trouble, "bad_id", f"Expected {_form_of(trouble)}.")
        case "too_short":
            return _value(trouble, "too_short", "Expected a list with at least one item.")
        case _ if trouble.kind in _EXPECTED:
            code, what = _EXPECTED[trouble.kind]
            return _value(trouble, code, f"Expected {what}.")
        case _ if trouble.kind in _BOUNDS:
            key, what = _BOUNDS[trouble.kind]
            return _value(trouble, "out_of_range", f"Expected {what} {trouble.context[key]}.")
        case _:
            return _own(trouble)


_FORMS: Final = {
    SEGMENT_REF: "the id of a segment, such as pricing_hot or pricing_hot@7d",
    r"^[A-Z]{3}$": "a currency of three capital letters, such as EUR",
    r"^[A-Z]{2}$": "a country of two capital letters, such as DE",
}


def _form_of(trouble: Trouble) -> str:
    pattern = trouble.context["pattern"]
    if pattern.startswith(SEGMENT_ID[:-1]) and (trouble.key == "id" or pattern not in _FORMS):
        return "an id: small letters, digits and _, beginning with a letter"
    return _FORMS.get(pattern, f"a text of the form {pattern}")


def _value(trouble: Trouble, code: str, message: str) -> Problem:
    path = trouble.path
    if trouble.loc and trouble.loc[-1] == "[key]":
        place = trouble.node.key_place(path)
    else:
        place = trouble.node.place(path)
    hint = value_hint(code, trouble.input, trouble.key)
    return place.problem(code, message, hint)


def _own(trouble: Trouble) -> Problem:
    """A rule of our models that is broken, or a complaint nobody foresaw."""
    rule = trouble.context.get("error")
    if not isinstance(rule, RuleError):
        return trouble.node.place(trouble.loc).problem(trouble.kind, f"{trouble.said}.")
    loc = (*trouble.loc, rule.key)
    place = trouble.node.key_place(loc) if rule.key else trouble.node.place(trouble.loc)
    return place.problem(rule.code, str(rule), rule.hint)


def _missing(trouble: Trouble) -> Problem:
    key = str(trouble.loc[-1])
    place = trouble.node.place(trouble.loc[:-1])
    names = shape.keys(trouble.model) if trouble.model else []
    value = trouble.input if isinstance(trouble.input, dict) else {}
    strangers = [name for name in value if name not in names]
    hint = did_you_mean(key, strangers).strip() or value_hint("missing", None, key)
    return place.problem("missing_key", f"The key {key!r} is missing.", hint)


def _choice(trouble: Trouble) -> Problem:
    expected = str(trouble.context["expected"]).replace(" or ", ", ").replace("'", "")
    names = expected.split(", ")
    hint = ""
    if isinstance(trouble.input, str):
        lower = trouble.input.lower()
        hint = f"Write {lower}." if lower in names else did_you_mean(trouble.input, names).strip()
    place = trouble.node.place(trouble.path)
    return place.problem("bad_choice", f"Expected one of {', '.join(names)}.", hint)


def _form(trouble: Trouble) -> Problem:
    place = trouble.node.place(trouble.path)
    if trouble.kind == "step_form":
        message = "Expected a step: {did: ...} or {did_not: ..., within_next: ...}."
        return place.problem("bad_step", message, step_hint(trouble.input))
    hint = condition_hint(trouble.input)
    if not isinstance(trouble.input, dict):
        return place.problem("bad_condition", "Expected a condition, which is a mapping.", hint)
    message = f"No condition is recognised by {', '.join(map(repr, trouble.input)) or 'nothing'}."
    known = f"Conditions begin with one of: {', '.join(HEADS)}."
    return place.problem("bad_condition", message, hint or known)


def _siblings(trouble: Trouble) -> dict[str, Any]:
    around = trouble.node.at(trouble.loc[:-1])
    return around if isinstance(around, dict) else {}
