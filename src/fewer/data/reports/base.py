"""What a platform's performance report looks like, and how its columns become ours.

Exports of one platform come in several dialects: the one its web page downloads, the one its API
answers, and those of connectors. Headings are compared folded (``Amount spent (EUR)`` is
``amount_spent_eur``), and each of our columns takes the first heading of its list that the file
has. Keys that the mapping names itself always win.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Final, Literal, get_args

from fewer.errors import SettingsError
from fewer.model.mapping import AdPlatform, AdReportMapping, Time, Value
from fewer.model.predicate import Test

NUMBERS: Final = ("impressions", "clicks", "spend", "conversions", "value")
IDS: Final = ("campaign", "ad_set", "ad")
NAMED: Final = ("campaign_name", "ad_set_name", "ad_name")
TEXTS: Final = ("account", *IDS, *NAMED, "currency")
_CURRENCY: Final = "{currency}"


@dataclass(frozen=True, slots=True)
class Heading:
    """A folded heading; ``{currency}`` in it stands for a code such as ``eur``."""

    name: str
    micros: bool = False

    def fits(self, folded: str) -> re.Match[str] | None:
        """Match of a folded heading of a file."""
        pattern = re.escape(self.name).replace(re.escape(_CURRENCY), "(?P<currency>[a-z]{3})")
        return re.fullmatch(pattern, folded)


_ORIGIN: Final = {
    "settings": "as fewer.yaml says",
    "platform": "the platform's default; an account can differ: ads: {attribution: ...}",
    "others": "its default as others report it; an account can differ: ads: {attribution: ...}",
    "nobody": "what is usual, not confirmed by the platform: say yours in ads: {attribution: ...}",
}


@dataclass(frozen=True, slots=True)
class Window:
    """How long after a click or a view the platform still counts a conversion, by default.

    Attributes:
        click_days: Days after a click; 0 where clicks don't count.
        view_days: Days after a view.
        source: Where that is written, as read in November 2026.
        said_by: The platform itself, others about it, or nobody: then it is what is usual.
    """

    click_days: int
    view_days: int
    source: str = ""
    said_by: Literal["platform", "others", "nobody", "settings"] = "settings"

    @property
    def days(self) -> int:
        """The longer of the two: so long can the figures of a day still rise."""
        return max(self.click_days, self.view_days)

    @property
    def origin(self) -> str:
        """Where the window comes from, for people."""
        return _ORIGIN[self.said_by]

    @property
    def words(self) -> str:
        """``7 days after a click, 1 day after a view``."""
        parts = [
            f"{days} day{'s' if days > 1 else ''} after a {what}"
            for days, what in ((self.click_days, "click"), (self.view_days, "view"))
            if days
        ]
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Platform:
    """The report of one platform.

    Attributes:
        id: As ``from:`` names it, and as the column `platform` holds it.
        title: Name for people.
        day: Headings of the day, or of the moment a row begins.
        columns: Our column -> headings of theirs, the first one that a file has counts.
        window: Attribution window of a new account.
        formats: How its days are written.
        action: Headings of the action type and of its value, where rows are by action type.
        notes: What differs from platform to platform and can't be seen in the figures.
    """

    id: str
    title: str
    day: tuple[str, ...]
    columns: Mapping[str, tuple[Heading, ...]]
    window: Window
    formats: tuple[str, ...] = ("iso",)
    action: tuple[str, str] | None = None
    notes: tuple[str, ...] = field(default=())


def headings(*names: str, micros: Sequence[str] = ()) -> tuple[Heading, ...]:
    """Headings in order, those in millionths of a currency first."""
    return (*(Heading(name, micros=True) for name in micros), *(Heading(name) for name in names))


@cache
def platform(id_: str) -> Platform:
    """The platform of that id; KeyError for one that is not known."""
    if id_ not in get_args(AdPlatform):
        raise KeyError(id_)
    found: Platform = import_module(f"fewer.data.reports.{id_}").PLATFORM
    return found


def fold(heading: str) -> str:
    """A heading in small letters, everything else one underscore.

    >>> fold(" Amount spent (EUR) "), fold("metrics.cost_micros"), fold("CostInLocalCurrency")
    ('amount_spent_eur', 'metrics_cost_micros', 'costinlocalcurrency')
    """
    return re.sub(r"[^a-z0-9]+", "_", heading.lower().lstrip("\ufeff")).strip("_")


def known(given: AdReportMapping, names: Sequence[str], *, source: str) -> AdReportMapping:
    """The mapping with every key that its platform knows filled in from a file's headings.

    Args:
        given: As written in ``fewer.yaml``; returned as it is when it names no platform.
        names: Headings of the file.
        source: Id of the source, for messages.

    Raises:
        SettingsError: The file lacks what a report needs, or does not say its currency.
    """
    if given.from_ is None:
        return given
    one = platform(given.from_)
    there = {fold(name): name for name in reversed(names)}
    made: dict[str, object] = {"platform": given.platform or Value(constant=one.id)}
    made |= _columns(one, given, there)
    made["day"] = given.day or _day(one, there)
    if one.action is not None and one.action[0] in there:
        made |= _by_action(one, given, there)
    mapping = given.model_copy(update={k: v for k, v in made.items() if v is not None})
    _check(one, mapping, names, source)
    return mapping


def _columns(
    one: Platform, given: AdReportMapping, there: Mapping[str, str]
) -> dict[str, Value | None]:
    made: dict[str, Value | None] = {}
    for target in (*TEXTS, *NUMBERS):
        if getattr(given, target) is not None:
            continue
        for heading in one.columns.get(target, ()):
            found = next((m for name in there if (m := heading.fits(name))), None)
            if found is None:
                continue
            made[target] = _value(target, there[found.group()], heading)
            code = found.groupdict().get("currency")
            if code and given.currency is None and "currency" not in made:
                made["currency"] = Value(constant=code.upper())
            break
    # Without an id the name is what tells campaigns apart.
    for key, name in zip(IDS, NAMED, strict=True):
        if key not in made and getattr(given, key) is None:
            made[key] = made.get(name)
    return made


def _value(target: str, column: str, heading: Heading) -> Value:
    if target in TEXTS:
        return Value(column=column)
    # Web pages write 1,234; a file that doesn't is read the same.
    return Value(column=column, type="number", thousands=",", micros=heading.micros)


def _day(one: Platform, there: Mapping[str, str]) -> Time | None:
    for heading in one.day:
        if heading in there:
            return Time(column=there[heading], format=one.formats)
    return None


def _by_action(
    one: Platform, given: AdReportMapping, there: Mapping[str, str]
) -> dict[str, object]:
    """Rows by action type: of several that overlap, one counts."""
    kind, amount = one.action or ("", "")
    column = there[kind]
    only = {**(given.when or {}), column: Test(equals=given.action or "purchase")}
    return {
        "when": type(given)(day=Time(column="x"), when=only).when,
        "value": given.value or Value(column=there.get(amount, amount), type="number"),
    }


def _check(one: Platform, mapping: AdReportMapping, names: Sequence[str], source: str) -> None:
    lacks = [] if mapping.day is not None else ["a day"]
    if all(getattr(mapping, name) is None for name in NUMBERS):
        lacks.append("impressions, clicks, spend, conversions or value")
    if lacks:
        msg = (
            f"Source {source!r}: this is no {one.title} report that we know: it has no column for"
            f" {' and '.join(lacks)}. It has {', '.join(map(repr, names[:12]))}. Name the columns"
            " under ad_reports, and lines above the headings with options: {skip: ...}."
        )
        raise SettingsError(msg)
    if mapping.currency is None and (mapping.spend or mapping.value):
        msg = (
            f"Source {source!r}: the file has no column with the currency, and money without one"
            " can't be compared. Add the ad account's to ad_reports, such as"
            " currency: {constant: EUR}."
        )
        raise SettingsError(msg)
