"""Ads: which segment and variant a campaign, ad set or ad was for, by its name or id."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from fewer.model.base import Frozen, Name, RuleError, SegmentId, Text
from fewer.model.condition import Events
from fewer.model.predicate import Where
from fewer.model.window import Span

LEVELS: Final = ("ad_set", "campaign", "ad")
"""Where a name may say a segment, the usual place first."""

BROAD: Final = "broad"
"""Instead of a segment's id: ads shown to everybody, which segments are compared with."""

_PIECES: Final = {
    "{segment}": r"(?P<segment>[a-z][a-z0-9_]*(?:@[0-9]+[mhdw])?)",
    "{arm}": r"(?P<arm>[A-Za-z0-9][A-Za-z0-9_.-]*)",
    "*": ".*",
}

NamePattern = Annotated[str, StringConstraints(strict=True, min_length=1)]
"""A name or id; ``*`` is any text, ``{segment}`` and ``{arm}`` the words that stand there."""


class AdRule(Frozen):
    """One rule: what the names look like, and which segment and variant they mean.

    >>> AdRule(ad_set="fewer | {segment} | {arm}").read({"ad_set": ["fewer | hot | sent"]})
    ('hot', 'sent')
    """

    campaign: NamePattern | None = None
    ad_set: NamePattern | None = None
    ad: NamePattern | None = None
    segment: SegmentId | None = Field(None, description="'broad': the broad audience.")
    arm: Text | None = None

    @model_validator(mode="after")
    def _says_a_segment(self) -> Self:
        patterns = self.patterns
        if not patterns:
            raise RuleError("no_ad_level", "Expected campaign, ad_set or ad, with a name or id.")
        for word, given in (("{segment}", self.segment), ("{arm}", self.arm)):
            seen = sum(pattern.count(word) for pattern in patterns.values())
            if seen + (given is not None) > 1:
                raise RuleError("said_twice", f"{word} can stand once, and not beside a value.")
            if word == "{segment}" and not seen and given is None:
                raise RuleError(
                    "no_segment",
                    "The rule names no segment.",
                    hint="Write {segment} where the name holds the id, or segment: ID beside it.",
                )
        return self

    @property
    def patterns(self) -> dict[str, str]:
        """Level -> pattern, those given."""
        return {level: p for level in LEVELS if (p := getattr(self, level)) is not None}

    @cached_property
    def _compiled(self) -> dict[str, re.Pattern[str]]:
        return {level: _compile(pattern) for level, pattern in self.patterns.items()}

    def read(self, names: dict[str, list[str]]) -> tuple[str, str | None] | None:
        """Segment and variant of an ad with these names and ids; None when the rule doesn't fit."""
        segment, arm = self.segment, self.arm
        for level, pattern in self._compiled.items():
            found = next((m for n in names.get(level, ()) if (m := pattern.fullmatch(n))), None)
            if found is None:
                return None
            said = found.groupdict()
            segment, arm = said.get("segment") or segment, said.get("arm") or arm
        return None if segment is None else (segment, arm)


def _compile(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\{segment\}|\{arm\}|\*)", pattern.strip())
    return re.compile("".join(_PIECES.get(part, re.escape(part)) for part in parts))


USUAL: Final = tuple(
    AdRule(**{level: pattern})
    for level in LEVELS
    for pattern in ("{segment}", "{segment} | {arm}", "{segment}__{arm}", "* | {segment} | {arm}")
)
"""Names that say a segment without any rule; they count only where the segment exists."""


class Attribution(Frozen):
    """How long after a click or a view the ad account counts a conversion."""

    click: Span | None = None
    view: Span | None = None


class Reached(Frozen):
    """What shows that a person was reached: an event, or a place on a list."""

    did: Events | None = None
    where: Where | None = None
    list: Name | None = Field(None, description="List of the people reached or matched.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.did is None) == (self.list is None) or (self.where and self.list):
            raise RuleError("one_way", "Expected either 'did' (with 'where') or 'list'.")
        return self


class AdSettings(Frozen):
    """How ad reports are joined to segments, and how one knows who was reached."""

    names: tuple[AdRule, ...] = Field((), description="Rules in order; the first that fits counts.")
    attribution: Attribution | None = Field(
        None, description="As set in the ad account. Default: the platform's own."
    )
    sent: Name | None = Field(
        None, description="List of the people sent to platforms, so that losses there are seen."
    )
    reached: Reached | None = Field(
        None, description="Who was reached, so that what the ads did to them can be told."
    )
