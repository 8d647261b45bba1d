"""Digests of identifiers: SHA-256 of the UTF-8 bytes of the normal form."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from fewer.data.identity.normalise import UnusableError, normalise, rules_of

_SHORTEST = 44  # of a digest: SHA-256 in base64


class Digest(str):
    """SHA-256 of a normalised identifier, or one that is sent as it is; its repr is cut short.

    >>> Digest("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
    Digest(9f86d0…)
    >>> Digest("jane@example.com")
    Digest(…)
    """

    __slots__ = ()

    def __repr__(self) -> str:
        shown = self[:6] if len(self) >= _SHORTEST and "@" not in self else ""
        return f"Digest({shown}…)"


def digest(normal: str, *, encoding: str = "hex") -> Digest:
    """Hash a normal form; lower-case hex, or base64 for platforms that want it.

    >>> print(digest("test"))
    9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    """
    hashed = sha256(normal.encode("utf-8"))
    return Digest(hashed.hexdigest() if encoding == "hex" else b64encode(hashed.digest()).decode())


@dataclass(frozen=True, slots=True)
class Hashed:
    """One digest for each value asked for, or None; and how many were unusable, by reason."""

    digests: tuple[Digest | None, ...]
    unusable: dict[str, int]

    @property
    def usable(self) -> int:
        """How many values have a digest."""
        return sum(value is not None for value in self.digests)


def hash_all(
    kind: str,
    values: Iterable[str | None],
    *,
    platform: str = "plain",
    region: str | None = None,
    plain: bool = False,
) -> Hashed:
    """Normalise and hash identifiers of one kind, in order; unusable ones are counted.

    Args:
        kind: ``email``, ``phone``, ``country`` and the other kinds of `normalise`.
        values: Raw identifiers; None is missing.
        platform: Whose rules to follow.
        region: Country of phone numbers without country code.
        plain: Normalise only, for tools that write to people and need to read whom.
    """
    encoding = rules_of(platform).encoding
    digests: list[Digest | None] = []
    unusable: Counter[str] = Counter()
    for value in values:
        try:
            normal = normalise(kind, value, platform=platform, region=region)
        except UnusableError as error:
            unusable[error.reason.value] += 1
            digests.append(None)
        else:
            digests.append(Digest(normal) if plain else digest(normal, encoding=encoding))
    return Hashed(tuple(digests), dict(unusable))
