"""Experiments: who is put into which group by chance, what is compared, and until when."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from fewer.model.base import Frozen, Name, RuleError, SegmentId, Text
from fewer.model.number import Number
from fewer.model.window import MOMENT, Moment, Span

Tests = Literal[
    "holdout",
    "creative",
    "offer",
    "landing_page",
    "window",
    "programme",
    "exclusions",
    "geo",
    "switchback",
    "global_holdout",
    "elsewhere",
]
"""What an experiment is about; it decides which groups there are."""

SENT: Final = "sent"
HELD_OUT: Final = "held_out"
SEGMENTED: Final = "segmented"
BROAD: Final = "broad"
EXCLUSIONS_ON: Final = "exclusions_on"
EXCLUSIONS_OFF: Final = "exclusions_off"

_FIXED: Final = {
    "holdout": (SENT, HELD_OUT),
    "geo": (SENT, HELD_OUT),
    "switchback": (SENT, HELD_OUT),
    "global_holdout": (SENT, HELD_OUT),
    "programme": (SEGMENTED, BROAD),
    "exclusions": (EXCLUSIONS_ON, EXCLUSIONS_OFF),
}
"""Arms that go without saying; the last is what the other is compared with."""

BY_UNIT: Final = ("geo", "switchback")
"""Drawn and read by region or time slot, not by person."""

_VERSIONS: Final = ("creative", "offer", "landing_page")
_WHOLE: Final = Decimal(100)

Percent = Annotated[Number, Field(gt=0, lt=100)]


def _moment(value: Any) -> Moment:
    if isinstance(value, Moment):
        return value
    if not isinstance(value, str):
        msg = "a date or time, such as 2026-03-01"
        raise ValueError(msg)  # noqa: TRY004  pydantic reads ValueErrors
    return Moment.parse(value)


When = Annotated[
    Moment,
    BeforeValidator(_moment),
    PlainSerializer(lambda moment: moment.text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": MOMENT}),
]
"""A date or time, local to the project without an offset."""


class Arm(Frozen):
    """One variant, and the share of people it gets."""

    id: Annotated[SegmentId, Field(description="Small letters, digits and _.")]
    percent: Percent
    name: Text | None = None
    creative: Name | None = Field(None, description="Id of the creative it is shown.")
    offer: Name | None = None
    landing_page: Name | None = None
    window: Span | None = Field(None, description="Lookback: who acted longer ago is held out.")

    @property
    def title(self) -> str:
        """Name in front of people."""
        return self.name or self.id.replace("_", " ")


class Experiment(Frozen):
    """A comparison planned before anything is sent.

    >>> e = Experiment(id="spring", holdout=20, metrics=["order"], ends="2026-04-01")
    >>> [(arm.id, int(arm.percent)) for arm in e.groups], e.compared_with
    ([('sent', 80), ('held_out', 20)], 'held_out')
    """

    id: SegmentId
    name: Text | None = None
    question: Text | None = Field(None, description="What it is to show, in one sentence.")
    tests: Tests = "holdout"
    segments: tuple[SegmentId, ...] = Field(
        (), description="Priority list: a person counts in the first. Default: all, by priority."
    )
    holdout: Percent | None = Field(None, description="Share held out, in percent.")
    windows: tuple[Span, ...] = Field((), description="Lookbacks that people are spread over.")
    arms: tuple[Arm, ...] = Field((), description="Variants, when they are not given by 'tests'.")
    control: SegmentId | None = Field(None, description="Arm that the others are compared with.")
    salt: Annotated[Text, Field(min_length=1)] | None = Field(
        None, description="Text mixed into the hash of each person. Default: the id."
    )
    stratify: tuple[Name, ...] = Field(
        (), description="Traits within whose values the shares are kept; 'segment' is one."
    )
    exclusions: tuple[SegmentId, ...] = Field(
        (), description="Exclusions that are put on trial; all others always apply."
    )
    region: Name | None = Field(
        None, description="Trait, or property of events, with each person's region; for geo."
    )
    slot: Span | None = Field(None, description="How long the campaign is on or off; switchback.")
    washout: Span | None = Field(
        None, description="Time after a slot began in which outcomes don't count; switchback."
    )
    metrics: tuple[SegmentId, ...] = Field(
        min_length=1, description="Ids of metrics or goals; the first decides."
    )
    guardrails: tuple[SegmentId, ...] = Field((), description="Metrics with a guardrail.")
    expect_percent: Annotated[Number, Field(gt=-100)] | None = Field(
        None, description="Change that is worth seeing, in percent; 26 when not given."
    )
    margin_percent: Percent | None = Field(
        None, description="Loss of the first metric that is still no loss, in percent."
    )
    confidence_percent: Annotated[Number, Field(ge=80, lt=100)] = Decimal(95)
    power_percent: Annotated[Number, Field(ge=50, lt=100)] = Decimal(80)
    starts: When | None = None
    ends: When = Field(description="When it is read; not before.")

    @model_validator(mode="after")
    def _groups_make_sense(self) -> Self:
        self._refuse_strangers()
        if self.tests in _VERSIONS and len(self.arms) + (self.holdout is not None) < 2:  # noqa: PLR2004
            raise RuleError(
                "too_few_arms",
                f"A test of {self.tests} compares two arms or more.",
                key="arms",
                hint="Write arms: [{id: a, percent: 50}, {id: b, percent: 50}].",
            )
        if self.tests == "window" and not (self.windows or self.arms):
            raise RuleError(
                "no_windows",
                "A test of windows needs 'windows' (or arms with a 'window').",
                hint="Write windows: [7d, 14d, 30d].",
            )
        if self.tests == "exclusions" and not self.exclusions:
            raise RuleError(
                "no_exclusions",
                "A test of exclusions needs 'exclusions': those that one group goes without.",
                hint="Leave out who objected or unsubscribed: that is no matter of trial.",
            )
        if self.tests in ("global_holdout", *BY_UNIT, "elsewhere") and self.stratify:
            raise RuleError("stray_key", f"No strata in tests: {self.tests}.", key="stratify")
        if self.tests == "global_holdout" and self.segments:
            raise RuleError("stray_key", "A global holdout is drawn from everyone.", key="segments")
        if self.tests == "geo" and self.region is None:
            raise RuleError(
                "no_region",
                "A test by region needs 'region'.",
                hint="Name a trait of people, or a property of events.",
            )
        self._check_slots()
        self._check_arms()
        return self

    def _check_slots(self) -> None:
        if self.tests in BY_UNIT and (self.holdout is not None or self.arms):
            key = "arms" if self.arms else "holdout"
            raise RuleError(
                "stray_key",
                f"A test by {'region' if self.tests == 'geo' else 'time'} draws one of each pair,"
                f" so its arms are halves: no {key!r}.",
                key=key,
                hint=f"Leave {key!r} out.",
            )
        if self.tests != "switchback":
            return
        if self.slot is None:
            raise RuleError(
                "no_slot",
                "A test by time needs 'slot': how long the campaign is on or off.",
                hint="Write slot: 1d; `fewer experiment design` compares lengths.",
            )
        if self.washout is not None and self.washout.micros >= self.slot.micros:
            raise RuleError(
                "washout_too_long",
                f"A washout of {self.washout} leaves nothing of slots of {self.slot}.",
                key="washout",
                hint="Make the slots longer.",
            )

    def _refuse_strangers(self) -> None:
        if self.windows and self.tests != "window":
            raise RuleError("stray_key", "'windows' is for tests: window.", key="windows")
        if self.windows and self.arms:
            raise RuleError("stray_key", "Either 'windows' or 'arms'.", key="arms")
        if self.exclusions and self.tests != "exclusions":
            raise RuleError("stray_key", "'exclusions' is for tests: exclusions.", key="exclusions")
        for key in ("slot", "washout"):
            if getattr(self, key) is not None and self.tests != "switchback":
                raise RuleError("stray_key", f"{key!r} is for tests: switchback.", key=key)
        if self.region is not None and self.tests != "geo":
            raise RuleError("stray_key", "'region' is for tests: geo.", key="region")
        if self.tests in ("holdout", "global_holdout") and self.holdout and self.arms:
            raise RuleError("stray_key", "Either 'holdout' or 'arms'.", key="arms")
        if self.tests in ("programme", "exclusions") and self.holdout is not None:
            raise RuleError(
                "stray_key",
                f"A test of {self.tests} has its two arms and no holdout of its own.",
                key="holdout",
                hint="Hold people out of everything with an experiment of tests: global_holdout.",
            )

    def _check_arms(self) -> None:
        fixed = _FIXED.get(self.tests)
        names = [arm.id for arm in self.arms]
        if len(set(names)) < len(names):
            raise RuleError("arm_twice", "Each arm id once.", key="arms")
        if fixed and self.arms and set(names) != set(fixed):
            raise RuleError(
                "wrong_arms",
                f"The arms of a test of {self.tests} are {' and '.join(fixed)}.",
                key="arms",
                hint="Leave 'arms' out for halves, or give each of the two its percent.",
            )
        if len({arm.window for arm in self.arms}) < len(names) and self.tests == "window":
            raise RuleError("arm_twice", "Each arm with a window of its own.", key="arms")
        whole = sum((arm.percent for arm in self.groups), Decimal(0))
        if self.arms and whole != _WHOLE:
            raise RuleError(
                "shares_not_whole",
                f"The shares of all arms make {whole} %, not 100 %.",
                key="arms",
                hint="Change one, or add an arm for the rest.",
            )
        if self.control is not None and self.control not in {arm.id for arm in self.groups}:
            known = ", ".join(arm.id for arm in self.groups)
            raise RuleError("no_such_arm", f"No arm {self.control!r}: {known}.", key="control")

    @property
    def title(self) -> str:
        """Name in front of people; the id when there is none."""
        return self.name or self.id

    @property
    def mixed_with(self) -> str:
        """The salt: what is mixed into the hash of each person."""
        return self.salt or self.id

    @property
    def groups(self) -> tuple[Arm, ...]:
        """Every arm with its share, also those that go without saying."""
        if self.windows:
            return _equal([Arm(id=f"w{w}", percent=Decimal(1), window=w) for w in self.windows])
        if self.tests in _VERSIONS and self.holdout is not None:
            return (*self.arms, Arm(id=HELD_OUT, percent=self.holdout))
        if self.arms or self.tests not in _FIXED:
            return self.arms
        first, last = _FIXED[self.tests]
        share = self.holdout if self.holdout is not None else _usual(self.tests)
        return (Arm(id=first, percent=_WHOLE - share), Arm(id=last, percent=share))

    @property
    def compared_with(self) -> str:
        """Arm that the others are compared with."""
        if self.control is not None:
            return self.control
        groups = [arm.id for arm in self.groups]
        if HELD_OUT in groups:
            return HELD_OUT
        if self.tests == "exclusions":
            return EXCLUSIONS_OFF
        return BROAD if self.tests == "programme" else groups[0] if groups else ""


def _usual(tests: str) -> Decimal:
    return Decimal(5) if tests == "global_holdout" else Decimal(50)


def _equal(arms: list[Arm]) -> tuple[Arm, ...]:
    """The same arms with equal shares of 100 %; the last takes what rounding leaves."""
    each = (_WHOLE / len(arms)).quantize(Decimal("0.000001"))
    shares = [each] * (len(arms) - 1) + [_WHOLE - each * (len(arms) - 1)]
    return tuple(
        arm.model_copy(update={"percent": share}) for arm, share in zip(arms, shares, strict=True)
    )
