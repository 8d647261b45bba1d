"""Sending a plan: each batch written down, sent, answered, written down; safe to stop anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Protocol

from fewer.data.identity.telling import told
from fewer.destinations.base import Answer, Batch, DeniedError, Platform, Remote, Row
from fewer.errors import DeliveryError
from fewer.model.delivery import Op, StoredBatch


class Box(Protocol):
    """Where every step is written down before and after it is taken."""

    def begin(self, batch: StoredBatch, rows: Mapping[bytes, Row]) -> None:
        """It is about to be sent: its rows are uncertain from now on."""
        ...

    def finish(
        self,
        batch: StoredBatch,
        *,
        refused: Mapping[bytes, str],
        uncertain: bool,
        receipt: Mapping[str, Any],
        at_us: int,
    ) -> None:
        """It was answered."""
        ...

    def fail(self, batch: StoredBatch, reason: str) -> None:
        """It could not be sent, or nobody knows."""
        ...

    def remote(self, audience: int, given: str | None = None) -> str:
        """The platform's id of an audience; `given` writes it down first."""
        ...


@dataclass(slots=True)
class Delivered:
    """What came of one audience in one apply. Counts are rows."""

    destination: str
    segment: str
    sent: int = 0
    accepted: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    waiting: int = 0  # rows of batches that could not be sent
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "destination": self.destination,
            "segment": self.segment,
            "sent": self.sent,
            "accepted": self.accepted,
            "refused": dict(self.refused),
            "waiting": self.waiting,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Target:
    """An audience with the platform that holds it, and where its rows come from."""

    audience: int
    destination: str
    remote: Remote
    platform: Platform
    rows: Callable[[StoredBatch], Mapping[bytes, Row]]


Tell = Callable[[str, int, int], None]
Stop = Callable[[], bool]


def deliver(
    batches: Sequence[StoredBatch],
    targets: Mapping[int, Target],
    box: Box,
    *,
    now_us: Callable[[], int],
    tell: Tell,
    should_stop: Stop,
) -> Iterator[Delivered]:
    """Send what is not done yet, audience by audience in the order of the plan.

    A platform that can't be reached, or refuses, keeps its batches for a later apply, and the
    others go on. Stopping is looked for between batches.
    """
    open_ = [one for one in batches if one.state != "done"]
    results = {
        number: Delivered(target.destination, target.remote.segment)
        for number, target in targets.items()
    }
    remotes: dict[int, Remote] = {}
    done, stopped = 0, False
    total = sum(len(one.tokens) for one in open_)
    for one, place in _placed(open_):
        target, result = targets[one.audience], results[one.audience]
        stopped = stopped or should_stop()
        if stopped or result.error:
            result.waiting += len(one.tokens)
            continue
        tell(f"{target.remote.segment} -> {target.destination}", done, total)
        try:
            if one.audience not in remotes:
                remotes[one.audience] = _there(target, box)
            batch, rows = _batch(one, place, target, remotes[one.audience])
            box.begin(one, rows)
            answer = target.platform.send(remotes[one.audience], batch)
            _finish(one, batch, answer, box, now_us())
            _count(result, batch, answer)
        except DeniedError as error:  # nothing of this destination can work
            for other, also in targets.items():
                if also.destination == target.destination:
                    results[other].error = results[other].error or str(error)
            box.fail(one, str(error))
            result.waiting += len(one.tokens)
        except DeliveryError as error:
            result.error = str(error)
            box.fail(one, str(error))
            result.waiting += len(one.tokens)
        done += len(one.tokens)
    yield from results.values()


@dataclass(frozen=True, slots=True)
class _Place:
    session: int
    number: int
    of: int
    total: int


def _placed(batches: Sequence[StoredBatch]) -> Iterator[tuple[StoredBatch, _Place]]:
    """Each batch with its place in its session: what is left of one operation on one audience."""
    groups: dict[tuple[int, Op], list[StoredBatch]] = {}
    for one in batches:
        groups.setdefault((one.audience, one.op), []).append(one)
    places: dict[int, _Place] = {}
    for (audience, op), several in groups.items():
        # A new session where one was cut short: platforms close those that stand open.
        tries = sum(one.attempts for one in several)
        name = f"{several[0].plan}/{audience}/{op}/{several[0].number}/{tries}"
        session = int.from_bytes(sha256(name.encode()).digest()[:8], "big") >> 1
        total = sum(len(one.tokens) for one in several)
        for at, one in enumerate(several, 1):
            places[one.number] = _Place(session, at, len(several), total)
    for one in batches:
        yield one, places[one.number]


def _there(target: Target, box: Box) -> Remote:
    """The audience with the platform's id, made there if need be."""
    known = box.remote(target.audience)
    found = target.platform.ensure(_with_id(target.remote, known))
    if found != known:
        box.remote(target.audience, found)
    return _with_id(target.remote, found)


def _with_id(remote: Remote, known: str) -> Remote:
    return replace(remote, id=known)


def _batch(
    one: StoredBatch, place: _Place, target: Target, remote: Remote
) -> tuple[Batch, Mapping[bytes, Row]]:
    rows = target.rows(one)
    batch = Batch(
        one.op,
        remote.columns,
        tuple(rows[token] for token in one.tokens),
        place.session,
        place.number,
        place.of,
        place.total,
    )
    return batch, rows


def _finish(one: StoredBatch, batch: Batch, answer: Answer, box: Box, at_us: int) -> None:
    box.finish(
        one,
        refused={one.tokens[at]: reason for at, reason in answer.refused.items()},
        uncertain=bool(answer.refused_somewhere),
        receipt=_receipt(batch, answer),
        at_us=at_us,
    )


def _count(result: Delivered, batch: Batch, answer: Answer) -> None:
    result.sent += len(batch.rows)
    result.accepted += answer.accepted
    counted = Counter(told(reason) for reason in answer.refused.values())
    counted.update({told(reason): many for reason, many in answer.refused_somewhere.items()})
    result.refused = dict(Counter(result.refused) + counted)


def _receipt(batch: Batch, answer: Answer) -> dict[str, Any]:
    return {
        "session": str(batch.session),
        "sent": len(batch.rows),
        "accepted": answer.accepted,
        "refused": len(answer.refused) + sum(answer.refused_somewhere.values()),
        "reference": answer.reference,
        "pending": answer.pending,
    }
