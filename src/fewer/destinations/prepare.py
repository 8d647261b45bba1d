"""From members to rows of hashed identifiers: consent first, then what each person can be found by.

Everyone who is not sent is counted under a reason, once. Raw identifiers live only inside
`prepare`; what leaves it is digests, counts and reasons.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final, Literal

from pyroaring import BitMap

from fewer.data.identity.hashing import Digest, Hashed, digest, hash_all
from fewer.data.identity.normalise import UnusableError, country
from fewer.data.identity.rules import PLATFORMS
from fewer.destinations.base import Audience, Book, Delta, Row
from fewer.errors import DeliveryError, did_you_mean

Keys = Literal["contacts", "person"]

MATCHING: Final = ("email", "phone")  # a row needs one of them
BESIDE: Final = ("first_name", "last_name")  # help matching, prove nobody alone
COUNTRY: Final = "country"
OWN_ID: Final = "external_id"
NO_IDENTIFIER: Final = "no usable identifier"


@dataclass(frozen=True, slots=True)
class Consent:
    """Whose consent for a purpose is granted at the audience's `as_of`."""

    purpose: str
    granted: BitMap


@dataclass(frozen=True, slots=True)
class Prepared:
    """What can be sent of an audience, and why the rest can't. Counts are people unless said."""

    delta: Delta
    members: int
    sendable: int
    removed: dict[str, int]  # reason -> people
    coverage: dict[str, int]  # column -> people who have it
    unusable: dict[str, dict[str, int]] = field(default_factory=dict)  # kind -> reason -> values
    persons: tuple[int, ...] = ()  # whose each row is; of several people the first

    @property
    def rows(self) -> int:
        """Rows to send: a person with two addresses has two."""
        return len(self.delta.add)


def prepare(
    audience: Audience,
    book: Book,
    *,
    keys: Keys = "contacts",
    platform: str = "plain",
    region: str | None = None,
    consent: Consent | None = None,
    kinds: tuple[str, ...] | None = None,
    plain: bool = False,
) -> Prepared:
    """Hash the identifiers of everyone in `audience` who may be sent.

    Args:
        audience: Members, by person number.
        book: Where identifiers are looked up.
        keys: ``contacts`` for hashed e-mail addresses and phone numbers, ``person`` for the
            hash of the project's own id, for projects that hold no contacts.
        platform: Whose way of writing identifiers to follow (see `fewer.data.identity.rules`).
        region: Country of phone numbers without country code.
        consent: Purpose and people who granted it; None: consent is not checked.
        kinds: Columns that rows always have, also where nobody has a value; None: those that
            somebody has. ``external_id`` is the project's own id, as it is.
        plain: Send e-mail addresses, numbers and names as they are, for tools that write to
            people. They are sealed wherever they are kept.

    Raises:
        DeliveryError: There are no rules for that platform.
    """
    if platform not in PLATFORMS:
        raise DeliveryError(
            f"No rules for identifiers of platform {platform!r}.{did_you_mean(platform, PLATFORMS)}"
            f" Known: {', '.join(PLATFORMS)}."
        )
    allowed, removed = audience.members, {}
    for experiment, people in audience.held_out.items():
        left = allowed - people
        removed[f"held out by experiment {experiment}"] = len(allowed) - len(left)
        allowed = left
    for reason, people in audience.left_out.items():
        left = allowed - people
        removed[reason] = len(allowed) - len(left)
        allowed = left
    if consent is not None:
        left = allowed & consent.granted
        removed[f"no consent for {consent.purpose}"] = len(allowed) - len(left)
        allowed = left
    found = (
        _by_key(allowed, book)
        if keys == "person"
        else _by_contact(allowed, book, _How(platform, region, kinds, plain))
    )
    removed[NO_IDENTIFIER] = len(allowed) - len(found.people)
    return Prepared(
        delta=Delta(found.columns, add=tuple(found.rows)),
        persons=tuple(found.rows.values()),
        members=len(audience.members),
        sendable=len(found.people),
        removed={reason: count for reason, count in removed.items() if count},
        coverage=found.coverage,
        unusable=found.unusable,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    columns: tuple[str, ...]
    rows: dict[Row, int]  # row -> whose
    people: BitMap
    coverage: dict[str, int]
    unusable: dict[str, dict[str, int]] = field(default_factory=dict)


def _by_key(allowed: BitMap, book: Book) -> _Found:
    table = book.keys(allowed)
    numbers = table["person"].to_pylist()
    people = BitMap(numbers)
    rows: dict[Row, int] = {}
    for person, key in zip(numbers, table["key"].to_pylist(), strict=True):
        rows.setdefault((digest(key),), person)
    column = "external_id_sha256"
    return _Found((column,), _shuffled(rows), people, {column: len(people)})


@dataclass(frozen=True, slots=True)
class _How:
    """How identifiers are written: see `prepare`."""

    platform: str
    region: str | None
    kinds: tuple[str, ...] | None
    plain: bool

    def column(self, kind: str) -> str:
        """Name of the column of a kind."""
        return kind if self.plain else f"{kind}_sha256"


def _by_contact(allowed: BitMap, book: Book, how: _How) -> _Found:
    digests, unusable, countries = _identifiers(allowed, book, how)
    kinds = how.kinds
    present = [
        kind for kind in (*MATCHING, *BESIDE) if (digests[kind] if kinds is None else kind in kinds)
    ]
    with_country = bool(countries) if kinds is None else COUNTRY in kinds
    own = _own_ids(allowed, book) if kinds is not None and OWN_ID in kinds else None
    people = BitMap([p for kind in MATCHING if kind in present for p in digests[kind]])
    rows: dict[Row, int] = {}
    for person in people:
        matching = [digests[kind].get(person, []) for kind in present if kind in MATCHING]
        beside = tuple(
            next(iter(digests[kind].get(person, ())), None) for kind in present if kind in BESIDE
        )
        where = (countries.get(person),) if with_country else ()
        mine = (own.get(person),) if own is not None else ()
        for pair in zip_longest(*matching):
            rows.setdefault((*pair, *beside, *where, *mine), person)
    coverage = {how.column(kind): len(BitMap(digests[kind]) & people) for kind in present}
    if with_country:
        coverage[COUNTRY] = len(BitMap(countries) & people)
    columns = (
        *(how.column(kind) for kind in present),
        *([COUNTRY] if with_country else ()),
        *([OWN_ID] if own is not None else ()),
    )
    return _Found(columns, _shuffled(rows), people, coverage, unusable)


def _identifiers(
    allowed: BitMap, book: Book, how: _How
) -> tuple[dict[str, dict[int, list[str]]], dict[str, dict[str, int]], dict[int, str]]:
    """Kind -> person -> values as they are sent; what is unusable; countries."""
    everything = (*MATCHING, *BESIDE, COUNTRY)
    table = book.contacts(allowed, everything)
    raw: dict[str, list[tuple[int, str]]] = {kind: [] for kind in everything}
    for person, kind, value in zip(
        *(table[name].to_pylist() for name in ("person", "kind", "value")), strict=True
    ):
        raw[kind].append((person, value))
    digests: dict[str, dict[int, list[str]]] = {}
    unusable: dict[str, dict[str, int]] = {}
    for kind in (*MATCHING, *BESIDE):
        values = (value for _, value in raw[kind])
        if how.plain and kind in BESIDE:  # written to people as they write themselves
            hashed = Hashed(tuple(Digest(v.strip()) if v.strip() else None for v in values), {})
        else:
            hashed = hash_all(
                kind, values, platform=how.platform, region=how.region, plain=how.plain
            )
        digests[kind] = _per_person(raw[kind], hashed)
        if hashed.unusable:
            unusable[kind] = hashed.unusable
    return digests, unusable, _countries(raw[COUNTRY])


def _own_ids(allowed: BitMap, book: Book) -> dict[int, str]:
    """The project's own id of each person; of several the first in their order."""
    table = book.keys(allowed)
    found: dict[int, str] = {}
    for person, key in sorted(
        zip(table["person"].to_pylist(), table["key"].to_pylist(), strict=True)
    ):
        found.setdefault(person, key)
    return found


def _per_person(values: list[tuple[int, str]], hashed: Hashed) -> dict[int, list[str]]:
    """Distinct digests of each person, in the order of their values."""
    found: dict[int, dict[str, None]] = defaultdict(dict)
    for (person, _), value in zip(values, hashed.digests, strict=True):
        if value is not None:
            found[person][value] = None
    return {person: list(values) for person, values in found.items()}


def _countries(values: list[tuple[int, str]]) -> dict[int, str]:
    """Country code of each person, upper case and not hashed: it names nobody."""
    found: dict[int, str] = {}
    for person, value in values:
        try:
            found.setdefault(person, country(value).upper())
        except UnusableError:
            continue
    return found


def _shuffled(rows: dict[Row, int]) -> dict[Row, int]:
    # In the order of digests, which says nothing about when a person was first seen.
    return dict(sorted(rows.items(), key=lambda one: tuple(value or "" for value in one[0])))
