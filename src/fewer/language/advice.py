"""The next step for a mistake: what the writer most likely meant, in the words of the language."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel

from fewer.errors import did_you_mean
from fewer.language import shape
from fewer.language.scalar import read_plain
from fewer.model.condition import HEADS, DidNot, First, Last, Occurrence, SequenceOf, Trait
from fewer.model.measure import COMPARISONS, MEASURES, Comparison
from fewer.model.predicate import Predicate
from fewer.model.segment import Segment
from fewer.model.window import WINDOWS, Windowed

SAME_AS: Final = {
    **dict.fromkeys(("has_done", "has_did", "event", "events", "done", "performed"), "did"),
    **dict.fromkeys(("has_not_done", "not_did", "didnt", "did_nt", "not_done"), "did_not"),
    **dict.fromkeys(("and", "all_of", "every", "conditions"), "all"),
    **dict.fromkeys(("or", "any_of", "some", "either"), "any"),
    **dict.fromkeys(("none_of", "nor", "neither"), "none"),
    **dict.fromkeys(("property", "properties", "filter", "filters", "props"), "where"),
    **dict.fromkeys(("condition", "definition", "rule"), "where"),
    **dict.fromkeys(("window", "in_the_last", "in_last", "lookback_window", "during"), "within"),
    **dict.fromkeys((">=", "gte", "ge", "minimum", "min_count"), "at_least"),
    **dict.fromkeys(("<=", "lte", "le", "maximum", "max_count"), "at_most"),
    **dict.fromkeys((">", "gt", "above", "greater_than"), "more_than"),
    **dict.fromkeys(("<", "lt", "below", "fewer_than"), "less_than"),
    **dict.fromkeys(("==", "eq", "equal", "equal_to", "is"), "equals"),
    **dict.fromkeys(("!=", "ne", "is_not", "not_equal"), "not_equals"),
    **dict.fromkeys(("exact", "times_exactly"), "exactly"),
    **dict.fromkeys(("one_of", "is_in"), "in"),
    **dict.fromkeys(("regex", "regexp", "pattern", "like"), "matches"),
    **dict.fromkeys(("begins_with", "startswith", "prefix"), "starts_with"),
    **dict.fromkeys(("endswith", "suffix"), "ends_with"),
    **dict.fromkeys(("includes", "has"), "contains"),
    **dict.fromkeys(("then", "steps", "funnel"), "sequence"),
    **dict.fromkeys(("exclusions", "excludes", "except"), "exclude"),
    **dict.fromkeys(("title", "label"), "name"),
    **dict.fromkeys(("times", "frequency"), "count"),
    **dict.fromkeys(("average", "avg"), "mean"),
    **dict.fromkeys(("total",), "sum"),
    **dict.fromkeys(("segment", "member_of"), "in_segment"),
    **dict.fromkeys(("list", "on_list"), "in_list"),
    **dict.fromkeys(("last_event", "most_recent"), "last"),
    **dict.fromkeys(("first_event", "earliest"), "first"),
    **dict.fromkeys(("start", "after", "from_date"), "since"),
    **dict.fromkeys(("end", "before", "to_date"), "until"),
}
"""What other tools call it -> what it is called here."""

_PREDICATE_KEYS: Final = frozenset(shape.keys(Predicate))
_MONTHS: Final = re.compile(r"(\d+)\s*(mo|mon|month|months|M)", re.ASCII)
_YEARS: Final = re.compile(r"(\d+)\s*(y|yr|yrs|year|years|Y)", re.ASCII)
_LOOSE: Final = re.compile(
    r"(\d+)\s*(s|sec|secs|second|seconds|m|min|mins|minute|minutes|h|hr|hrs|hour|hours"
    r"|d|day|days|w|wk|wks|week|weeks|q|quarter|quarters)",
    re.ASCII | re.IGNORECASE,
)
_ODD_SPACES: Final = re.compile("[\u00a0\u2000-\u200d\u202f\u2060\ufeff]")
_CURLY: Final = "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb"

Told = tuple[str, str, str]  # code, message, hint


def unknown_key(model: type[BaseModel] | None, key: str, around: Mapping[str, Any]) -> Told:
    """What to say about a key that `model` does not have; `around` is the mapping it is in."""
    known = shape.keys(model) if model else []
    for rule in (_invisible, _missing_space, _two_heads, _misplaced):
        if told := rule(model, key, around, known):
            return told
    hint = _near(key, known, around)
    if not hint and "where" in known and model is not Segment:
        hint = f"A property is tested under 'where': where: {{{key}: ...}}."
    hint = hint or (f"Keys here: {', '.join(known)}." if known else "")
    return "unknown_key", f"There is no key {key!r} here.", hint


def _near(key: str, known: list[str], around: Mapping[str, Any]) -> str:
    bare = key.strip().lower().replace("-", "_").replace(" ", "_")
    if (bare in known and bare not in around) or bare.removesuffix("_") in known:
        return f"Write {bare.removesuffix('_')!r}."
    other = SAME_AS.get(bare)
    if other in known and other not in around:
        return f"Here this is called {other!r}."
    return did_you_mean(key, known).strip()


def _invisible(_: Any, key: str, __: Any, known: list[str]) -> Told | None:
    if found := _ODD_SPACES.search(key):
        hint = "Type the line again, with plain spaces."
        shown = f"U+{ord(found[0]):04X}"
        return "odd_space", f"The key {key!r} contains an invisible character ({shown}).", hint
    if key[:1] in _CURLY and key.strip(_CURLY) in known:
        return "odd_quote", f"{key!r} has typographic quotes.", "Use plain quotes, or none."
    return None


def _missing_space(_: Any, key: str, __: Any, known: list[str]) -> Told | None:
    name, colon, rest = key.partition(":")
    if colon and name in known:
        hint = f"Write '{name}: {rest}'."
        return "missing_space", f"A space is missing after the colon in {key!r}.", hint
    return None


def _two_heads(model: Any, key: str, _: Mapping[str, Any], __: list[str]) -> Told | None:
    if model not in HEADS.values() or key not in HEADS:
        return None
    head = next(name for name, of in HEADS.items() if of is model)
    hint = "Make each an item of a list under 'all' (or 'any')."
    if {head, key} <= {"did", "did_not"}:
        hint = "Use 'all' with both as items, or keep one."
    return "two_conditions", f"Two conditions in one mapping: {head!r} and {key!r}.", hint


def _misplaced(model: Any, key: str, _: Mapping[str, Any], __: list[str]) -> Told | None:
    """Keys that exist in the language, and not here."""
    for models, keys, message, hint in _MISPLACED:
        if model is not None and key in keys and issubclass(model, models):
            return "misplaced_key", message.format(key=key), hint.format(key=key)
    return None


_MISPLACED: Final[tuple[tuple[Any, Collection[str], str, str], ...]] = (
    (Occurrence, WINDOWS, "The window '{key}' goes beside last/first, not inside.",
     "Move '{key}' one level up."),
    (Occurrence, (*MEASURES, "having"), "'{key}' does not go inside last/first.",
     "last/first choose one event: put 'having' beside them, or use 'did' with a measure."),
    (DidNot, MEASURES, "'did_not' means no such event, and takes no measure.",
     "Use did with {key}: {{...}}; did_not X is did X with count: {{exactly: 0}}."),
    ((Last, First), MEASURES, "'{key}' does not go beside last/first, which choose one event.",
     "Use 'did' with a measure."),
    ((Last, First), ("where",), "'where' goes inside last/first, where it chooses events.",
     "Move it inside; to test the chosen event write 'having'."),
    (SequenceOf, ("within_next",), "'within_next' belongs to a step of the sequence.",
     "Move it into the step."),
    (SequenceOf, (*MEASURES, "where"), "'{key}' belongs to the steps of the sequence.",
     "Move it into a step."),
    (Trait, ("where",), "The test of a trait goes beside it.",
     "Write {{trait: NAME, equals: ...}}."),
    (Segment, HEADS, "The condition '{key}' of a segment goes under 'where'.",
     "Write 'where:' and put '{key}' below it."),
    (Windowed, COMPARISONS, "The bound '{key}' needs a measure around it.",
     "Write count: {{{key}: ...}}."),
    (Windowed, _PREDICATE_KEYS, "The test '{key}' needs a property to test.",
     "Write where: {{PROPERTY: {{{key}: ...}}}}."),
    (Comparison, WINDOWS, "The window '{key}' goes beside the measure, not inside.",
     "Move '{key}' one level up."),
    (Predicate, ("exactly",), "A value is tested with 'equals'; 'exactly' bounds a measure.",
     "Write 'equals'."),
)  # fmt: skip
"""Models, keys that belong elsewhere, what to say, what to do."""


# ------------------------------------------------------------------------------------- values


def value_hint(code: str, value: Any, key: str) -> str:
    """The next step for a wrong value, or an empty text."""
    if isinstance(value, str) and _ODD_SPACES.search(value):
        return "It contains an invisible character: type it again, with plain spaces."
    match code:
        case "bad_duration":
            return _duration_hint(value)
        case "bad_number":
            return _number_hint(value)
        case "bad_boolean":
            return _boolean_hint(value)
        case "bad_text":
            return _text_hint(value)
        case "bad_id":
            return _id_hint(value)
        case "bad_date":
            return _date_hint(value)
        case "not_a_list":
            return _list_hint(value)
        case "not_a_mapping":
            return _mapping_hint(value, key)
        case "missing":
            return _EXAMPLES.get(key, "")
        case _:
            return ""


_EXAMPLES: Final = {
    "id": "Write, for instance, id: pricing_hot.",
    "where": "Write the condition under 'where'.",
    "did": "Name the event, such as did: page_view.",
    "of": "Name the property, such as of: revenue.",
    "within_next": "Say how long, such as within_next: 2d.",
    "outcome_window": "Say how long outcomes count, such as outcome_window: 7d.",
    "salt": "Write any text, such as salt: spring; the same text gives the same people.",
}


def _duration_hint(value: Any) -> str:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"Write the unit too, such as {value}d." if value == int(value) > 0 else ""
    if not isinstance(value, str):
        return ""
    bare = value.strip()
    if found := _MONTHS.fullmatch(bare):
        return f"Months differ in length and are no durations: write {int(found[1]) * 30}d."
    if found := _YEARS.fullmatch(bare):
        return f"Years differ in length and are no durations: write {int(found[1]) * 365}d."
    found = _LOOSE.fullmatch(bare)
    if not found or not int(found[1]):
        return ""
    amount, unit = int(found[1]), found[2][0].lower()
    if unit == "q":
        return f"Quarters differ in length and are no durations: write {amount * 91}d."
    if unit == "s":
        return f"The smallest unit is a minute: write {max(1, -(-amount // 60))}m."
    return f"Write {amount}{unit}."


def _number_hint(value: Any) -> str:
    if isinstance(value, str):
        bare = value.replace("_", "").replace(",", "")
        number = read_plain(bare)
        if isinstance(number, bool) or not isinstance(number, int | Decimal):
            return ""
        return f"Write it without quotes: {bare}." if bare == value else f"Write {bare}."
    if isinstance(value, Decimal) and value.is_finite() and value == int(value):
        return f"Write {int(value)}."
    return ""


def _boolean_hint(value: Any) -> str:
    word = str(value).lower()
    if word in ("yes", "on", "y", "1", "true"):
        return "Write true."
    return "Write false." if word in ("no", "off", "n", "0", "false") else ""


def _text_hint(value: Any) -> str:
    if isinstance(value, bool):
        return f'Put it in quotes: "{str(value).lower()}".'
    if isinstance(value, int | Decimal):
        return f'Put it in quotes: "{value}".'
    return "Write a single text here." if isinstance(value, list | dict) else ""


def _id_hint(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    base, at, suffix = value.partition("@")
    plain = re.sub(r"[^a-z0-9]+", "_", base.lower()).strip("_")
    plain = plain if plain[:1].isalpha() else f"s_{plain}".rstrip("_")
    return f"Write {plain}{at}{suffix}." if plain != base and len(plain) > 1 else ""


def _date_hint(value: Any) -> str:
    if not isinstance(value, str):
        return "Write a date such as 2026-03-01."
    found = re.fullmatch(r"(\d{1,2})[./](\d{1,2})[./](\d{4})", value, re.ASCII)
    if found:
        return f"Dates are year-month-day: {found[3]}-MM-DD."
    found = re.fullmatch(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", value, re.ASCII)
    if found:
        year, month, day = (int(part) for part in found.groups())
        whole = f"{year:04}-{month:02}-{day:02}"
        return f"Write {whole}." if whole != value else ""
    if re.fullmatch(r"-?\d+\s*[mhdw]", value):
        return "An absolute date goes here; for a time back from now use 'within'."
    return ""


def _list_hint(value: Any) -> str:
    if isinstance(value, dict):
        return "Begin each item with '- ', also when there is only one."
    if isinstance(value, str | bool | int | Decimal):
        return f"Write [{value}]."
    return ""


_SHORT: Final = {
    "value": "{{of: {}}}",
    "reversed_by": "{{did: {}, same: [order_id]}}",
    "consent": "{{purpose: {}}}",
    "holdout": "{{list: {}, percent: 10}}",
}
"""Mappings that are written as a text by mistake, and what was meant."""


def _mapping_hint(value: Any, key: str) -> str:
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if key in MEASURES and number:
        return f"Write {key}: {{at_least: {value}}} or {key}: {{exactly: {value}}}."
    if key in _SHORT and isinstance(value, str):
        return f"Write {key}: {_SHORT[key].format(value)}."
    if key == "person" and isinstance(value, list):
        return "Write person: {first_of: [...]}: the first of these columns that has a value."
    if key in ("last", "first") and isinstance(value, str):
        return f"Write {key}: {{did: {value}}}."
    if key == "between" and isinstance(value, list):
        return "A window is written between: {from: 14d, to: 7d}."
    if key == "where" and isinstance(value, list):
        return "Write {property: test, ...}; all entries must hold."
    if key == "lookback" or (key == "variants" and isinstance(value, list)):
        return "Write variants: {lookback: [7d, 14d]}."
    if key == "size" and number:
        return f"Write size: {{max: {value}}}."
    if key == "size" and isinstance(value, list):
        return "Write size: {min: 200, max: 2000}."
    if isinstance(value, list):
        return "A mapping has no '- ' in front of its keys."
    return ""


def condition_hint(value: Any) -> str:
    """The next step for something that is no condition."""
    if isinstance(value, list):
        return "Put the list under 'all', 'any' or 'none'."
    if isinstance(value, str):
        if told := _missing_space(None, value, {}, list(HEADS)):
            return told[2]
        return f"Write {{did: {value}}} or {{in_segment: {value}}}."
    if not isinstance(value, dict):
        return "Write, for instance, {did: page_view, within: 7d}."
    for key in value:
        if told := _invisible(None, key, value, list(HEADS)) or _missing_space(
            None, key, value, list(HEADS)
        ):
            return f"{told[1]} {told[2]}"
    for key in value:
        if near := _near(key, list(HEADS), {}):
            return near
    if set(value) & set(WINDOWS) or set(value) & set(MEASURES):
        return "Say what was done: add 'did'."
    if set(value) & (_PREDICATE_KEYS - {"within"}):
        return "Say what is tested: add 'trait', or put the test under 'where' of a 'did'."
    return ""


def step_hint(value: Any) -> str:
    """The next step for something that is no step of a sequence."""
    if isinstance(value, str):
        return f"Write {{did: {value}}}."
    return ""
