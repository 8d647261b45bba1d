"""Reconciliation: what platforms say later of what they were sent, kept beside each receipt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fewer.data.identity.telling import told
from fewer.destinations.base import Remote, Reporting
from fewer.errors import DeliveryError
from fewer.model.delivery import StoredBatch

if TYPE_CHECKING:
    from fewer.project.syncing import Sync


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One session or request, as the platform tells it now. Counts are rows."""

    destination: str
    segment: str
    sent: int
    matched: int | None
    refused: dict[str, int]
    done: bool
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "destination": self.destination,
            "segment": self.segment,
            "sent": self.sent,
            "matched": self.matched,
            "refused": dict(self.refused),
            "done": self.done,
            "error": self.error,
        }


def reconcile(sync: Sync, waits: tuple[float, float, float] | None) -> Iterator[Reconciled]:
    """Ask each platform that can be asked what became of additions that it has not told yet."""
    audiences = {one["id"]: one for one in sync.box.audiences()}
    with ExitStack() as stack:
        platforms: dict[str, Any] = {}
        for batches in _open(sync):
            audience = audiences[batches[-1].audience]
            name = audience["destination"]
            settings = sync.project.settings.destination(name)
            if settings is None:
                continue
            if name not in platforms:
                platforms[name] = sync.platform(settings, waits)
                stack.callback(platforms[name].close)
            if isinstance(platforms[name], Reporting):
                yield _asked(sync, platforms[name], audience, batches)


def _open(sync: Sync) -> Iterator[list[StoredBatch]]:
    """Batches of additions by their reference, of which nothing more was told yet."""
    for plan in reversed(sync.box.plans()):
        groups: dict[tuple[int, str], list[StoredBatch]] = {}
        for batch in sync.box.batches(plan.id):
            receipt = batch.receipt or {}
            if batch.op == "add" and batch.state == "done" and receipt.get("reference"):
                groups.setdefault((batch.audience, receipt["reference"]), []).append(batch)
        for several in groups.values():
            if not any((batch.receipt or {}).get("heard") for batch in several):
                yield several


def _asked(
    sync: Sync, platform: Reporting, audience: dict[str, Any], batches: list[StoredBatch]
) -> Reconciled:
    last = batches[-1]
    sent = sum(len(batch.tokens) for batch in batches)
    remote = Remote(
        audience["segment"], audience["segment"], tuple(audience["columns"]), audience["remote"]
    )
    where = audience["destination"], audience["segment"]
    try:
        heard = platform.ask(remote, (last.receipt or {})["reference"])
    except DeliveryError as error:
        return Reconciled(*where, sent, None, {}, done=False, error=str(error))
    refused = {told(reason): many for reason, many in heard.refused.items()}
    if heard.done:
        more = {"heard": True, "session_sent": sent, "matched": heard.matched, "later": refused}
        sync.box.heard(last, more)
    return Reconciled(*where, sent, heard.matched, refused, done=heard.done)
