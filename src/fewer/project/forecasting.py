"""The deliverability forecast of a project's audiences, before any plan."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from pyroaring import BitMap

from fewer.destinations.base import load
from fewer.journey.activate.forecast import Asked, Forecast, Parent, forecast
from fewer.journey.activate.matching import EVERYONE, guess, learned
from fewer.journey.activate.sensitive import Finding, find
from fewer.model.segment import Segment
from fewer.model.window import DAY

if TYPE_CHECKING:
    from fewer.model.destination import DestinationSettings
    from fewer.project.project import Project
    from fewer.project.snapshot import Snapshot
    from fewer.project.syncing import Sync, Tell

_LOOKED_AT: Final = 8  # refreshes


def forecasts(
    sync: Sync, destinations: Collection[str], segments: Collection[str], tell: Tell
) -> tuple[Forecast, ...]:
    """One for each segment and destination, the least likely to be served first.

    Raises:
        NotFoundError: No such destination or segment, or nothing was built yet.
    """
    project = sync.project
    snapshot = project.snapshot()
    found = []
    for settings in sync.senders.chosen(destinations):
        named = sync.senders.segments(settings, snapshot, segments)
        kind = load(settings.type)
        sendable = {}
        for at, segment in enumerate(named):
            tell(f"{segment} -> {settings.id}", at, len(named))
            sendable[segment] = sync.senders.wanted(settings, snapshot, segment).prepared
        kinds = {
            column.removesuffix("_sha256")
            for one in sendable.values()
            for column, many in one.coverage.items()
            if many
        }
        share = EVERYONE
        if kind.limits.matches:
            share = learned(guess(settings.type, sorted(kinds)), _receipts(sync, settings))
        for segment in named:
            view = snapshot.segment(segment)
            found.append(
                forecast(
                    Asked(
                        segment,
                        settings.id,
                        settings.type,
                        len(view.members),
                        sendable[segment].sendable,
                        sendable[segment].coverage,
                        kind.limits.minimum_matched,
                        share,
                        _weekly(project, segment),
                        kind.limits.membership_days,
                        tuple(_parents(snapshot, segment, sendable)),
                        tuple(sensitive(project, segment)),
                    )
                )
            )
    return tuple(sorted(found, key=lambda one: (one.chance, one.asked.segment)))


def sensitive(project: Project, segment: str) -> list[Finding]:
    """Sensitive subjects in what a segment is called and made of."""
    definition = project.definitions.segment(segment.partition("@")[0])
    return find(_texts(definition))


def _texts(segment: Segment) -> Iterator[tuple[str, str]]:
    yield "name", segment.id.replace("_", " ")
    if segment.name:
        yield "name", segment.name
    if segment.description:
        yield "description", segment.description
    yield from _leaves(segment.where.model_dump(mode="json", exclude_defaults=True), "")


def _leaves(value: Any, where: str) -> Iterator[tuple[str, str]]:
    """Events, properties and values of a condition, each with what it is."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if where == "where":
                yield "property", str(key).replace("_", " ")
            yield from _leaves(inner, "event" if key == "did" else str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner, where)
    elif isinstance(value, str):
        yield ("event" if where == "event" else f"condition on {where}"), value.replace("_", " ")


def _parents(snapshot: Snapshot, segment: str, prepared: Any) -> Iterator[Parent]:
    members = snapshot.segment(segment).members
    if not members:
        return
    for other, ready in prepared.items():
        larger: BitMap = snapshot.segment(other).members
        if other != segment and len(larger) > len(members):
            yield Parent(other, ready.sendable, len(members & larger) / len(members))


def _receipts(sync: Sync, settings: DestinationSettings) -> Sequence[tuple[int, int]]:
    """(sent, matched) as the platform told, the oldest first."""
    return [
        (int(receipt["session_sent"]), int(receipt["matched"]))
        for receipt in sync.receipts(settings.id)
        if receipt.get("matched") is not None
    ]


def _weekly(project: Project, segment: str) -> float | None:
    """New people a week over the last refreshes; None where there is only one."""
    past: dict[int, BitMap] = {}
    for info in project.builds()[:_LOOKED_AT]:
        snapshot = project.snapshot(info.id)
        if segment in snapshot.segments:
            past.setdefault(snapshot.as_of_us, snapshot.segment(segment).members)
    moments = sorted(past)
    if len(moments) < 2:  # noqa: PLR2004  the first has none before it
        return None
    came = sum(len(past[b] - past[a]) for a, b in pairwise(moments))
    return came / ((moments[-1] - moments[0]) / (7 * DAY))
