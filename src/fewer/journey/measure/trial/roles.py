"""Which column of a finished test is what: who, which arm, what came of it, what was known before.

Guesses go by names and values, are told beside every result, and give way to what is said. What
can't be guessed is asked for: a number without a telling name may have been known before the test
as well as be its outcome, and the two must not be mixed up.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from fewer.errors import GuardError, SourceError, did_you_mean

Kind = Literal["flag", "number", "text", "time", "empty"]

MOST_ARMS: Final = 12
_ARM: Final = ("arm", "variant", "variation", "treatment", "group", "cell", "version", "bucket",
               "segment", "experiment", "test")  # fmt: skip
_PERSON: Final = re.compile(
    r"(?i)^(user|person|people|customer|client|visitor|member|subscriber|player|account|contact)?"
    r"[ _-]?(id|uuid|key)$|^(user|person|customer|visitor|player|member|subscriber)$|^email$"
)
_OUTCOME: Final = re.compile(
    r"(?i)conver|visit|click|spen[dt]|revenue|retention|retain|purchas|order|bought|buy|sale|open|"
    r"amount|value|session|pageview|page_view|bounce|churn|signup|sign_up|subscri|rounds|minutes|"
    r"time_on|booked|paid|response|outcome|goal|sum_|^y$"
)
_CONTROL: Final = re.compile(
    r"(?i)^(control|placebo|hold[ _-]?out|held[ _-]?out|baseline|none|off|old.*|original|default|"
    r"no[ _-].*|a|0|false|psa)$|^control\b|\bcontrol$"
)
_FEW: Final = 2


@dataclass(frozen=True, slots=True)
class Column:
    """What is known of a column before anything is judged."""

    name: str
    kind: Kind
    distinct: int
    values: tuple[str, ...] = ()  # all of them, where they are few
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person who asks has said; empty where it is to be guessed."""

    arm: str | None = None
    person: str | None = None
    control: str | None = None
    metrics: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    saw: str | None = None
    split: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Roles:
    """What each column is taken for."""

    arm: str
    arms: tuple[str, ...]  # the comparison first
    person: str | None
    metrics: tuple[Column, ...]
    before: tuple[Column, ...]
    saw: str | None
    shares: Mapping[str, float]  # planned, together 1
    unused: Mapping[str, str]  # column -> why
    guessed: tuple[str, ...]  # words, to be told

    @property
    def control(self) -> str:
        """The arm that the others are held against."""
        return self.arms[0]


def roles(columns: Sequence[Column], asked: Asked) -> Roles:
    """Say what each column is.

    Raises:
        SourceError: A column that was named is not there, or has no numbers.
        GuardError: It can't be told which column is the arm, or what is to be measured.
    """
    by_name = {one.name: one for one in columns}
    for name in (asked.arm, asked.person, asked.saw, *asked.metrics, *asked.before):
        if name is not None and name not in by_name:
            raise SourceError(
                f"There is no column {name!r}; there are {_listed(by_name)}."
                + did_you_mean(name, by_name)
            )
    guessed: list[str] = []
    arm = by_name[asked.arm] if asked.arm else _arm(columns, asked, guessed)
    if not _FEW <= arm.distinct <= MOST_ARMS:
        raise GuardError(
            f"Column {arm.name!r} holds {arm.distinct:,} different values: the arm column of a test"
            f" has 2 to {MOST_ARMS}. Name another with --arm."
        )
    person = asked.person or _person(columns, {arm.name, *asked.metrics, *asked.before}, guessed)
    arms = _ordered(arm, asked.control, guessed)
    taken = {arm.name, person, asked.saw}
    before = tuple(_number(by_name[name], "--before") for name in asked.before)
    metrics, unused = _metrics(columns, asked, taken, guessed)
    return Roles(
        arm.name, arms, person, metrics, before, asked.saw, _shares(arms, asked.split), unused,
        tuple(guessed),
    )  # fmt: skip


def _arm(columns: Sequence[Column], asked: Asked, guessed: list[str]) -> Column:
    named = {asked.person, asked.saw, *asked.metrics, *asked.before}
    fit = [c for c in columns if _FEW <= c.distinct <= MOST_ARMS and c.name not in named]
    for whole in (True, False):  # "segment" before "history_segment"
        for word in _ARM:
            for one in fit:
                name = one.name.strip().lower()
                if name == word or (not whole and word in re.split(r"[^a-z]+", name)):
                    guessed.append(f"the arm is in {one.name!r}")
                    return one
    texts = [one for one in fit if one.kind == "text"]
    if len(texts) == 1:
        guessed.append(f"the arm is in {texts[0].name!r}")
        return texts[0]
    names = _listed(one.name for one in fit) if fit else "none has 2 to 12 different values"
    raise GuardError(f"Which column says the arm? Name it with --arm ({names}).")


def _person(columns: Sequence[Column], taken: set[str], guessed: list[str]) -> str | None:
    for one in columns:
        if one.name not in taken and _PERSON.match(one.name) and one.distinct > MOST_ARMS:
            guessed.append(f"people are told apart by {one.name!r}")
            return one.name
    guessed.append("every row is a person of its own (no column says who)")
    return None


def _ordered(arm: Column, control: str | None, guessed: list[str]) -> tuple[str, ...]:
    if control is not None and control not in arm.values:
        raise SourceError(
            f"No row has {control!r} in {arm.name!r}; there are {_listed(arm.values)}."
            + did_you_mean(control, arm.values)
        )
    if control is None:
        control = next((v for v in arm.values if _CONTROL.match(v)), arm.values[0])
        guessed.append(f"the comparison is {control!r}")
    return (control, *(v for v in arm.values if v != control))


def _metrics(
    columns: Sequence[Column], asked: Asked, taken: Collection[str | None], guessed: list[str]
) -> tuple[tuple[Column, ...], dict[str, str]]:
    by_name = {one.name: one for one in columns}
    if asked.metrics:
        return tuple(_number(by_name[name], "--metric") for name in asked.metrics), {}
    metrics, unused = [], {}
    for one in columns:
        if one.name in taken or one.name in asked.before:
            continue
        if one.kind not in ("flag", "number"):
            unused[one.name] = f"holds {one.kind}" if one.kind != "empty" else "is empty"
        elif _OUTCOME.search(one.name):
            metrics.append(one)
        else:
            unused[one.name] = "may be an outcome (--metric) or known before the test (--before)"
    if not metrics:
        open_ = [name for name, why in unused.items() if why.startswith("may")]
        raise GuardError(
            "Which columns say what came of it? Name them with --metric"
            + (f" ({_listed(open_)})." if open_ else "; none of the columns holds numbers.")
        )
    guessed.append(f"outcomes are {_listed(m.name for m in metrics)}")
    return tuple(metrics), unused


def _number(column: Column, option: str) -> Column:
    if column.kind not in ("flag", "number"):
        raise SourceError(
            f"Column {column.name!r} of {option} holds {column.kind}, not numbers or yes and no."
        )
    return column


def _shares(arms: Sequence[str], given: Mapping[str, float]) -> dict[str, float]:
    if not given:
        return dict.fromkeys(arms, 1 / len(arms))
    unknown = [name for name in given if name not in arms]
    if unknown or len(given) != len(arms):
        raise SourceError(
            f"--split needs a share for each arm: {_listed(arms)}"
            + (f"; {unknown[0]!r} is none." if unknown else ".")
        )
    whole = sum(given.values())
    return {name: given[name] / whole for name in arms}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
