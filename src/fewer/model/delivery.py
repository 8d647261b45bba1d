"""Delivery as it is written down: frozen plans, their batches, and what a platform holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Op = Literal["add", "remove"]


@dataclass(frozen=True, slots=True)
class Held:
    """A row that a platform holds, or may hold."""

    person: int
    certain: bool


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """One batch of the outbox."""

    plan: str
    number: int
    audience: int
    op: Op
    tokens: tuple[bytes, ...]
    people: tuple[int, ...]
    state: str = "waiting"
    attempts: int = 0
    receipt: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A frozen plan."""

    id: str
    created_us: int
    state: str
    hash: str
    body: Mapping[str, Any]
