"""What every model shares: frozen values that refuse unknown keys and can be hashed."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

K = TypeVar("K")
V = TypeVar("V")


class Frozen(BaseModel):
    """Base of all models: immutable, hashable, closed to unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True
    )


class FrozenMap(dict[K, V]):
    """A mapping that can't change after it was made, so that models can be hashed.

    >>> hash(FrozenMap(a=1)) == hash(FrozenMap(a=1))
    True
    """

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        msg = "this mapping is part of a frozen definition; make a copy instead"
        raise TypeError(msg)

    __setitem__ = __delitem__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse
    __ior__ = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (dict(self),))


def freeze(mapping: Mapping[K, V]) -> FrozenMap[K, V]:
    """The same mapping, immutable."""
    return FrozenMap(mapping)


class RuleError(ValueError):
    """The keys of a model are right one by one and wrong together.

    `code` is stable; `key` is the written key that the message is about; `hint` the next step.
    """

    def __init__(self, code: str, message: str, *, key: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.key = key
        self.hint = hint


def nfc(text: str) -> str:
    """Unicode normal form C: the form in which all text is stored and compared.

    Raises ValueError for half a character (a lone surrogate), which no file can hold.
    """
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        msg = "a text of whole characters"
        raise ValueError(msg)
    return unicodedata.normalize("NFC", text)


Text = Annotated[str, StringConstraints(strict=True), AfterValidator(nfc)]
"""Text literal, NFC-normalised; may be empty."""

Name = Annotated[str, StringConstraints(strict=True, min_length=1), AfterValidator(nfc)]
"""Name of an event, property, trait, list or purpose: any non-empty text."""

SEGMENT_ID = r"^[a-z][a-z0-9_]*$"
SegmentId = Annotated[str, StringConstraints(strict=True, pattern=SEGMENT_ID)]
"""Id that a user gives a segment, goal or list of exclusions."""

SEGMENT_REF = r"^[a-z][a-z0-9_]*(@[1-9][0-9]*[mhdw])?$"
SegmentRef = Annotated[str, StringConstraints(strict=True, pattern=SEGMENT_REF)]
"""Id of a segment or of one of its lookback variants (``pricing_hot@7d``)."""
