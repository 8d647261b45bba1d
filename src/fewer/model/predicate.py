"""Predicates: yes/no tests of one value of a property, an item attribute or a trait."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from fewer.model.base import Frozen, FrozenMap, Name, RuleError, Text, freeze, nfc
from fewer.model.number import Number, NumberError, plain, read_number
from fewer.model.pattern import check, translate
from fewer.model.values import ValueType
from fewer.model.window import At, Span


def _scalar(value: Any) -> str | bool | Decimal:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return nfc(value)
    if isinstance(value, int | float | Decimal):
        return read_number(value)
    msg = "a text, a number, or true or false"
    raise ValueError(msg)


def _plain_scalar(value: str | bool | Decimal) -> Any:
    return plain(value) if isinstance(value, Decimal) else value


Scalar = Annotated[
    str | bool | Decimal,
    PlainValidator(_scalar),
    PlainSerializer(_plain_scalar, return_type=Any),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]
"""A literal of a definition. Its type decides which values it can equal: there are no casts."""


def scalar_type(value: str | bool | Decimal) -> ValueType:
    """Value type of a literal.

    >>> scalar_type("a"), scalar_type(True), scalar_type(Decimal(1))
    ('text', 'boolean', 'number')
    """
    if isinstance(value, str):
        return "text"
    return "boolean" if isinstance(value, bool) else "number"


def _one_type(values: tuple[str | bool | Decimal, ...]) -> tuple[str | bool | Decimal, ...]:
    if not values:
        msg = "a list with at least one value"
        raise ValueError(msg)
    if len({scalar_type(value) for value in values}) > 1:
        msg = "a list of one type: all texts, all numbers, or all true/false"
        raise ValueError(msg)
    return values


Scalars = Annotated[tuple[Scalar, ...], AfterValidator(_one_type)]
"""A non-empty list of literals of one type."""


def _low_high(pair: tuple[Decimal, Decimal]) -> tuple[Decimal, Decimal]:
    if pair[0] > pair[1]:
        msg = "[low, high] with low not above high"
        raise NumberError(msg)
    return pair


NumberRange = Annotated[tuple[Number, Number], AfterValidator(_low_high)]
"""``[low, high]``, both ends in."""

NUMBER_TESTS: Final = ("at_least", "at_most", "more_than", "less_than", "between")
TEXT_TESTS: Final = ("contains", "starts_with", "ends_with", "under", "matches")
TIME_TESTS: Final = ("before", "after", "within", "within_next")
ANY_TESTS: Final = ("equals", "not_equals", "in", "not_in", "exists", "missing")


class Predicate(Frozen):
    """Tests of one value; all that are given must hold.

    A missing value satisfies only ``missing: true`` and ``exists: false``. A value of another
    type than a test's fails it.

    >>> Predicate(starts_with="/pricing").tests
    {'starts_with': '/pricing'}
    """

    equals: Scalar | None = None
    not_equals: Scalar | None = None
    in_: Scalars | None = Field(None, alias="in")
    not_in: Scalars | None = None
    exists: bool | None = Field(None, strict=True)
    missing: bool | None = Field(None, strict=True)
    at_least: Number | None = None
    at_most: Number | None = None
    more_than: Number | None = None
    less_than: Number | None = None
    between: NumberRange | None = None
    contains: Text | None = None
    starts_with: Text | None = None
    ends_with: Text | None = None
    under: Text | None = Field(None, description="Category path: equal to it or below it.")
    matches: Annotated[Text, AfterValidator(check)] | None = None
    ignore_case: bool = Field(default=False, strict=True)
    before: At | None = Field(None, description="Earlier than.")
    after: At | None = Field(None, description="At or later than.")
    within: Span | None = Field(None, description="In [as_of - within, as_of).")
    within_next: Span | None = Field(None, description="In [as_of, as_of + within_next).")

    @property
    def tests(self) -> dict[str, Any]:
        """The tests that are given, by their written name, in a fixed order."""
        found = {}
        for name in (*ANY_TESTS, *NUMBER_TESTS, *TEXT_TESTS, *TIME_TESTS):
            value = getattr(self, "in_" if name == "in" else name)
            if value is not None:
                found[name] = value
        return found

    def __eq__(self, other: object) -> bool:
        """Equal models of equal types: in Python ``True == 1``, in a definition it is not."""
        return (
            isinstance(other, Predicate) and super().__eq__(other) and self._types == other._types
        )

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values(), self._types))

    @property
    def _types(self) -> tuple[ValueType | None, ...]:
        firsts = (
            self.equals,
            self.not_equals,
            (self.in_ or (None,))[0],
            (self.not_in or (None,))[0],
        )
        return tuple(None if value is None else scalar_type(value) for value in firsts)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        tests = self.tests
        if not tests:
            names = ", ".join((*ANY_TESTS, *NUMBER_TESTS, *TEXT_TESTS, *TIME_TESTS))
            raise RuleError(
                "no_test",
                "Nothing is tested: expected at least one test.",
                hint=f"Tests: {names}.",
            )
        if self.ignore_case and not any(self._is_text(n, v) for n, v in tests.items()):
            raise RuleError(
                "lone_ignore_case",
                "'ignore_case' needs a test of text beside it.",
                key="ignore_case",
                hint="Take it out, or add equals, in, contains, ...",
            )
        if self.matches is not None and self.ignore_case:
            translate(self.matches, lower=True)  # [Z-a] is a range, [z-a] is none
        return self

    @staticmethod
    def _is_text(name: str, value: Any) -> bool:
        first = value[0] if name in ("in", "not_in") else value
        return name in TEXT_TESTS or (name in ANY_TESTS and isinstance(first, str))


class Test(Predicate):
    """A predicate that may be written short: a bare value means equals, a bare list means in."""

    __test__ = False  # not a pytest class

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return {"in": value}
        if isinstance(value, str | bool | int | float | Decimal):
            return {"equals": value}
        if type(value) is Predicate:
            return {k: v for k, v in value if v is not None}
        return value

    @model_serializer(mode="wrap")
    def _shorten(self, handler: SerializerFunctionWrapHandler) -> Any:
        if not self.ignore_case and len(self.tests) == 1:
            if self.equals is not None:
                return _plain_scalar(self.equals)
            if self.in_ is not None:
                return [_plain_scalar(v) for v in self.in_]
        return handler(self)


def _not_empty(where: dict[str, Test]) -> FrozenMap[str, Test]:
    if not where:
        raise RuleError("no_property", "Expected at least one property to test.")
    return freeze(where)


Where = Annotated[
    dict[Name, Test],
    BeforeValidator(lambda v: dict(v) if isinstance(v, FrozenMap) else v),
    AfterValidator(_not_empty),
]
"""Property (or ``item.attribute``) -> test; every entry must hold for the same event."""
