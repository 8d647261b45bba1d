"""Sequences: every chain of events is tried, one step after another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from fewer.model.condition import AbsentStep, SequenceOf, Step
from oracle.behaviours import in_window, named
from oracle.clock import length
from oracle.moment import Moment
from oracle.predicates import matches
from oracle.world import Event, kind


def sequence(asked: SequenceOf, person: int, moment: Moment) -> bool:
    """Whether some chain of the person's events goes through all steps."""
    return Chains(asked, moment.history(person), moment).go_on(present=(), step=0)


@dataclass(frozen=True, slots=True)
class Chains:
    """The search. `present` are the events chosen for the present steps so far."""

    asked: SequenceOf
    history: list[Event]
    moment: Moment

    def go_on(self, present: tuple[Event, ...], step: int) -> bool:
        """Whether the steps from number `step` on can follow the chosen events."""
        if step == len(self.asked.sequence):
            return True
        match self.asked.sequence[step]:
            case AbsentStep() as absent:
                return self.absent(absent, present) and self.go_on(present, step + 1)
            case Step() as wanted:
                return any(
                    self.go_on((*present, event), step + 1)
                    for event in self.history
                    if self.can_follow(event, wanted, present)
                )

    def can_follow(self, event: Event, step: Step, present: tuple[Event, ...]) -> bool:
        """Strictly later than the present step before, at most `within_next`, in the window."""
        before = present[-1].ts if present else -math.inf
        latest = before + length(step.within_next) if step.within_next else math.inf
        return (
            before < event.ts <= latest
            and in_window(self.asked, event, self.moment)
            and named(step.did, event)
            and matches(step.where, event, self.moment)
            and self.agrees(event, present)
        )

    def absent(self, step: AbsentStep, present: tuple[Event, ...]) -> bool:
        """No match in ``(t, t + D]`` after the last present step, and the span fully passed."""
        start = present[-1].ts
        end = start + length(step.within_next)
        return end < self.moment.as_of and not any(
            start < event.ts <= end
            and named(step.did_not, event)
            and matches(step.where, event, self.moment)
            and self.agrees(event, present)
            for event in self.history
        )

    def agrees(self, event: Event, present: tuple[Event, ...]) -> bool:
        """Same non-missing value as the first step in each property that `same` names."""
        first = present[0] if present else event
        return all(
            self.compared(event, name) == self.compared(first, name) is not None
            for name in self.asked.same or ()
        )

    def compared(self, event: Event, name: str) -> Any:
        """Typed value of a property; of session_id the number of the event's session."""
        if name == "session_id":
            return self.moment.session(event)
        value = self.moment.value(event, name)
        return None if value is None else (kind(value), value)
