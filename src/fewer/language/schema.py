"""JSON Schema (draft 2020-12) of the files people write, for completion and checks in editors.

Generated from the models. The rules that pydantic can't put into a schema by itself (short
forms, one measure only, one window only, at least one test) are added here; the few that no
schema can say (a range's low above its high) are left to `fewer validate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from itertools import combinations
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from fewer.model.base import SEGMENT_ID
from fewer.model.condition import HEADS
from fewer.model.measure import COMPARISONS, MEASURES
from fewer.model.metric import KINDS as METRIC_KINDS
from fewer.model.predicate import ANY_TESTS, NUMBER_TESTS, TEXT_TESTS, TIME_TESTS

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_FILES: Final = {
    "segments": ("fewer.model.segment", "Segment"),
    "goals": ("fewer.model.goal", "Goal"),
    "metrics": ("fewer.model.metric", "Metric"),
    "experiments": ("fewer.model.experiment", "Experiment"),
    "claims": ("fewer.model.claim", "Claim"),
    "creatives": ("fewer.model.creative", "Creative"),
    "project": ("fewer.model.settings", "ProjectSettings"),
}
KINDS: Final = tuple(_FILES)
_TESTS: Final = (*ANY_TESTS, *NUMBER_TESTS, *TEXT_TESTS, *TIME_TESTS)
_WINDOWS: Final = (("within",), ("between",), ("since", "until"))
_SCALAR: Final[Schema] = {"type": ["string", "number", "boolean"]}
_SCALARS: Final[Schema] = {
    "anyOf": [
        {"type": "array", "items": {"type": kind}, "minItems": 1}
        for kind in ("string", "number", "boolean")
    ]
}
_COLUMN: Final[Schema] = {"type": "string", "minLength": 1, "description": "A column."}


def json_schema(kind: str) -> Schema:
    """Schema of a kind of file: ``segments``, ``goals``, ``metrics``, ... or ``project``.

    >>> json_schema("goals")["title"], sorted(json_schema("segments")["$defs"])[:3]
    ('goals of fewer', ['AbsentStep', 'AllOf', 'AnyOf'])
    """
    module, name = _FILES[kind]
    model = getattr(import_module(module), name)
    plain = TypeAdapter(model).json_schema(schema_generator=_Generator)
    parts: dict[str, Schema] = plain.pop("$defs", {})
    parts.setdefault(name, {key: value for key, value in plain.items() if key != "$ref"})
    for part in parts.values():
        _tidy(part)
    _name_conditions(parts)
    for part_name, part in parts.items():
        if part_name in _RULES:
            _RULES[part_name](part)
        if part_name in HEADS_BY_NAME:
            _behaviour(part)
    _shorten(parts)
    return _file(kind, name, parts)


HEADS_BY_NAME: Final = {model.__name__: head for head, model in HEADS.items()}


class _Generator(GenerateJsonSchema):
    """Defaults that are objects of ours are left out, which is no cause for a warning."""

    ignored_warning_kinds = {"non-serializable-default"}  # noqa: RUF012  declared so by pydantic


def _file(kind: str, name: str, parts: dict[str, Schema]) -> Schema:
    of_one: Schema = {"$ref": f"#/$defs/{name}"}
    whole: Schema = {"$schema": DIALECT, "title": f"{kind} of fewer"}
    if kind == "project":
        whole |= of_one
    else:
        of_many = {"type": "array", "items": of_one}
        whole["anyOf"] = [
            of_many,
            {
                "type": "object",
                "properties": {kind: of_many},
                "required": [kind],
                "additionalProperties": False,
            },
        ]
    return whole | {"$defs": dict(sorted(parts.items()))}


# ------------------------------------------------------------------------- what pydantic says


def _tidy(part: Any) -> None:
    """Take out what only a program needs: titles, nulls, doctests in descriptions."""
    if isinstance(part, list):
        for member in part:
            _tidy(member)
        return
    if not isinstance(part, dict):
        return
    if isinstance(part.get("description"), str):
        part["description"] = part["description"].partition("\n\n")[0].replace("\n", " ")
    for field in part.get("properties", {}).values():
        field.pop("title", None)
        if field.get("default", 0) is None or isinstance(field.get("default"), dict | list):
            del field["default"]
        _without_null(field)
        _tidy(field)
    for key, member in part.items():
        if key != "properties":  # its keys are names, not words of JSON Schema
            _tidy(member)


def _without_null(field: Schema) -> None:
    """Optional means that the key may be absent; a key without a value is a mistake."""
    options = [one for one in field.get("anyOf", ()) if one != {"type": "null"}]
    if "anyOf" not in field or len(options) == len(field["anyOf"]):
        return
    del field["anyOf"]
    if len(options) == 1:
        field |= {key: value for key, value in options[0].items() if key not in field}
    else:
        field["anyOf"] = options


def _name_conditions(parts: dict[str, Schema]) -> None:
    """One definition of a condition, instead of a list of its forms at every place."""
    forms = [{"$ref": f"#/$defs/{model.__name__}"} for model in HEADS.values()]

    def replaced(part: Any) -> Any:
        if isinstance(part, list):
            return [replaced(member) for member in part]
        if not isinstance(part, dict):
            return part
        if part.get("oneOf") == forms:
            rest = {key: value for key, value in part.items() if key != "oneOf"}
            return rest | {"$ref": "#/$defs/Condition"}
        return {key: replaced(value) for key, value in part.items()}

    if not set(HEADS_BY_NAME) <= set(parts):
        return
    parts |= {name: replaced(part) for name, part in parts.items()}
    parts["Condition"] = {
        "description": f"A yes/no question about a person. Begins with one of {', '.join(HEADS)}.",
        "oneOf": forms,
    }


# --------------------------------------------------------------------- what our models refuse


def _one_of(keys: Iterable[str]) -> list[Schema]:
    return [{"required": [key]} for key in keys]


def _never_together(groups: Iterable[Iterable[str]]) -> list[Schema]:
    """A clause for each two groups: not a key of both."""
    return [
        {"not": {"allOf": [{"anyOf": _one_of(one)}, {"anyOf": _one_of(other)}]}}
        for one, other in combinations(groups, 2)
    ]


def _behaviour(part: Schema) -> None:
    """Rules of windows and measures, for the conditions that have them."""
    keys = part["properties"]
    clauses = []
    if "since" in keys:
        clauses += _never_together(_WINDOWS)
        in_days = {"required": ["within"], "properties": {"within": {"pattern": "d$"}}}
        clauses.append(_when({"calendar": {"const": True}}, in_days))
    if "count" in keys:
        clauses += _never_together([[measure] for measure in MEASURES])
        clauses += _never_together([["periods"], [key for group in _WINDOWS for key in group]])
    if clauses:
        part.setdefault("allOf", []).extend(clauses)


def _when(found: Schema, then: Schema) -> Schema:
    return {"if": {"properties": found, "required": list(found)}, "then": then}


def _compares(part: Schema) -> None:
    part["anyOf"] = _one_of(COMPARISONS)


def _tests(part: Schema) -> None:
    part["anyOf"] = _one_of(_TESTS)
    for key in ("in", "not_in"):
        described = {k: v for k, v in part["properties"][key].items() if k == "description"}
        part["properties"][key] = described | _SCALARS


def _short_test(part: Schema) -> None:
    _tests(part)
    full = dict(part)
    part.clear()
    part |= {
        "description": "A test; a bare value means equals, a bare list means in.",
        "anyOf": [_SCALAR, _SCALARS, full],
    }


def _sequence(part: Schema) -> None:
    first = {"$ref": "#/$defs/Step", "not": {"required": ["within_next"]}}
    part["properties"]["sequence"] |= {"minItems": 1, "prefixItems": [first]}
    part["properties"]["same"] |= {"minItems": 1, "uniqueItems": True}


def _sample(part: Schema) -> None:
    part["properties"]["percent"] |= {"minimum": 0, "maximum": 100}


def _segment(part: Schema) -> None:
    part["properties"]["id"] = {
        "description": "Unique; small letters, digits and _, beginning with a letter.",
        "type": "string",
        "pattern": SEGMENT_ID,
    }
    part["properties"]["exclude"]["uniqueItems"] = True
    part["properties"]["budget"]["minimum"] = 0


def _between(part: Schema, key: str, low: float, high: float, *, low_is_in: bool = False) -> None:
    field = part["properties"][key]
    for bound in ("minimum", "maximum"):
        field.pop(bound, None)
    field |= {"minimum" if low_is_in else "exclusiveMinimum": low, "exclusiveMaximum": high}


def _arm(part: Schema) -> None:
    _between(part, "percent", 0, 100)


def _metric(part: Schema) -> None:
    part["oneOf"] = _one_of(METRIC_KINDS)


def _mean(part: Schema) -> None:
    part.setdefault("allOf", []).extend(_never_together([["cap"], ["winsorise"]]))
    _between(part, "winsorise", 50, 100)
    _between(part, "cap", 0, 9.2e12)


def _guardrail(part: Schema) -> None:
    part["oneOf"] = _one_of(("margin_percent", "margin"))
    _between(part, "margin_percent", 0, 100)
    _between(part, "margin", 0, 9.2e12)


def _experiment(part: Schema) -> None:
    part["properties"]["metrics"]["minItems"] = 1
    _between(part, "holdout", 0, 100)
    _between(part, "margin_percent", 0, 100)
    _between(part, "confidence_percent", 80, 100, low_is_in=True)
    _between(part, "power_percent", 50, 100, low_is_in=True)
    part["allOf"] = [
        _when({"tests": {"const": "geo"}}, {"required": ["region"]}),
        _when({"tests": {"const": "switchback"}}, {"required": ["slot"]}),
        _when({"tests": {"const": "exclusions"}}, {"required": ["exclusions"]}),
        *_never_together([["windows"], ["arms"]]),
    ]


_RULES: Final[dict[str, Callable[[Schema], None]]] = {
    "Comparison": _compares,
    "PropertyMeasure": _compares,
    "Periods": _compares,
    "Share": _compares,
    "Trait": _tests,
    "Test": _short_test,
    "SequenceOf": _sequence,
    "SampleRule": _sample,
    "Segment": _segment,
    "Arm": _arm,
    "Metric": _metric,
    "Mean": _mean,
    "Guardrail": _guardrail,
    "Experiment": _experiment,
}


# --------------------------------------------------------------------- short forms of mappings

_TEXT_OR_MAPPING: Final = (
    "Value", "Flatten", "PersonKey", "Person", "Time", "EventName", "EventId", "ConsentValue",
    "EngineChoice", "TableTime", "TableValue", "TableName",
)  # fmt: skip
_ONE_OR_MANY: Final = ("events", "lists", "join")
_ONE_OR_MORE_TEXTS: Final = (
    "files", "columns", "format", "headline", "body", "segment", "table"
)  # fmt: skip


def _shorten(parts: dict[str, Schema]) -> None:
    """Where something may be written short: one text for a list, a column for a mapping."""
    for part in parts.values():
        keys = part.get("properties", {})
        if "flatten" in keys:
            values = next(k for k in ("properties", "traits", "attributes") if k in keys)
            keys[values].setdefault("properties", {})["*"] = keys.pop("flatten")
        for key in _ONE_OR_MANY:
            if keys.get(key, {}).get("type") == "array":
                keys[key] = {"anyOf": [keys[key]["items"], keys[key]]}
        for key in _ONE_OR_MORE_TEXTS:
            if keys.get(key, {}).get("type") == "array":
                described = {k: v for k, v in keys[key].items() if k == "description"}
                one = keys[key]["items"]
                keys[key] = described | {"anyOf": [one, {"type": "array", "items": one}]}
        wanted = keys.get("when", {}).get("additionalProperties", {})
        if wanted.get("type") == "array":
            keys["when"]["additionalProperties"] = {"anyOf": [wanted["items"], wanted]}
    if "SourceSettings" in parts:
        for name in _TEXT_OR_MAPPING:
            parts[name] = {"anyOf": [_COLUMN, parts[name]]}
        parts["EventId"]["anyOf"].insert(1, {"type": "array", "items": _COLUMN, "minItems": 1})
        parts["Person"]["anyOf"].insert(1, {"$ref": "#/$defs/PersonKey"})
    _where_has_entries(parts)


def _where_has_entries(parts: dict[str, Schema]) -> None:
    for part in parts.values():
        for key in ("where", "having", "when"):
            field = part.get("properties", {}).get(key, {})
            if "additionalProperties" in field:
                field["minProperties"] = 1
