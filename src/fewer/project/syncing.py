"""Sync: plan what must change at each destination, then apply exactly that, or refuse."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyroaring import BitMap

from fewer.data.store.outbox import Outbox
from fewer.destinations.base import Opening, Platform, Remote, Row, load
from fewer.errors import GuardError
from fewer.journey.activate.apply import Delivered, Target, deliver
from fewer.journey.activate.change import change
from fewer.journey.activate.plan import Line, Plan, base_of, batches
from fewer.model.delivery import StoredBatch, StoredPlan
from fewer.project import clock
from fewer.project.forecasting import sensitive
from fewer.project.secrets import read_secret
from fewer.project.senders import Senders, Wanted

if TYPE_CHECKING:
    from fewer.journey.activate.forecast import Forecast
    from fewer.model.destination import DestinationSettings
    from fewer.project.project import Project
    from fewer.project.reconciling import Reconciled
    from fewer.project.snapshot import Snapshot

GONE: Final = "no longer sent there"
Tell = Callable[[str, int, int], None]


def _silent(words: str, done: int = 0, total: int = 0) -> None:
    """Tell no one."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of applying a plan."""

    plan: str
    state: str  # done | partial
    data: str
    results: tuple[Delivered, ...]
    refused: tuple[tuple[int, str, str, int], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Counts and reasons."""
        return {
            "plan": self.plan,
            "state": self.state,
            "data": self.data,
            "results": [one.to_json() for one in self.results],
        }


class Sync:
    """Delivery of a project's audiences."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.box = Outbox(project.store)
        self.senders = Senders(project, self.box)

    # ------------------------------------------------------------------------------ plan

    def plan(
        self,
        destinations: Collection[str] = (),
        segments: Collection[str] = (),
        *,
        again: bool = False,
        tell: Tell = _silent,
    ) -> Plan:
        """Work out and freeze what must change, of the newest refresh.

        Args:
            destinations: Ids of `fewer.yaml`; empty: all.
            segments: Only these.
            again: Send every row again (a full refresh), whatever was acknowledged.
            tell: Progress.

        Raises:
            NotFoundError: No such destination or segment, or nothing was built yet.
        """
        snapshot = self.project.snapshot()
        chosen = self.senders.chosen(destinations)
        lines: list[Line] = []
        sizes: list[int] = []
        wanted = [
            (one, s)
            for one in chosen
            for s in (
                *self.senders.left_out(one, snapshot, segments),
                *self.senders.segments(one, snapshot, segments),
            )
        ]
        for at, (settings, segment) in enumerate(wanted):
            tell(f"{segment} -> {settings.id}", at, len(wanted))
            lines.append(self._line(self.senders.wanted(settings, snapshot, segment), again=again))
            sizes.append(_batch_size(settings))
        for settings in chosen if not segments else ():
            for line in self._gone(settings, {line.segment for line in lines}):
                lines.append(line)
                sizes.append(_batch_size(settings))
        made = Plan(
            _plan_id(),
            snapshot.as_of_words,
            snapshot.id,
            snapshot.fingerprint,
            self.project.settings.data,
            tuple(lines),
            tuple(self._notes(lines)),
            batches(lines, sizes),
        )
        self._freeze(made)
        return made

    def _freeze(self, made: Plan) -> None:
        number = {
            place: self.box.audience(line.destination, line.segment, line.columns)
            for place, line in enumerate(made.lines)
            if line.does
        }
        stored = StoredPlan(made.id, clock.now_us(), "planned", made.hash, made.to_json())
        self.box.save(
            stored,
            (
                StoredBatch(made.id, at, number[one.line], one.op, one.tokens, one.people)
                for at, one in enumerate(made.batches)
            ),
        )

    def forecast(
        self,
        destinations: Collection[str] = (),
        segments: Collection[str] = (),
        *,
        tell: Tell = _silent,
    ) -> tuple[Forecast, ...]:
        """Whether each platform will be able to serve each audience, and what to do if not."""
        from fewer.project.forecasting import forecasts

        return forecasts(self, destinations, segments, tell)

    def receipts(self, destination: str) -> list[Mapping[str, Any]]:
        """What a platform answered to each batch of rows to add, the oldest first."""
        ours = {one["id"] for one in self.box.audiences() if one["destination"] == destination}
        return [
            batch.receipt or {}
            for plan in reversed(self.box.plans())
            for batch in self.box.batches(plan.id)
            if batch.audience in ours and batch.op == "add" and batch.state == "done"
        ]

    def _line(self, one: Wanted, *, again: bool) -> Line:
        known = self._known(one.settings.id, one.audience.id)
        found = change(one.tokens, known, why=one.why, again=again or one.settings.full)
        minimum = one.kind.limits.minimum_matched
        few = one.prepared.sendable < minimum and not one.exclusion
        small = few and not one.settings.allow_small
        blocked, warnings = "", list[str]()
        if not one.exclusion:
            found_words = sensitive(self.project, one.audience.id)
            warnings = [f"sensitive: {finding.words}" for finding in found_words]
        if small and not known:
            blocked = (
                f"{one.prepared.sendable:,} people can be sent and {one.settings.type} serves ads"
                f" from {minimum:,} matched on"
            )
        elif small:
            warnings.append(
                f"{one.prepared.sendable:,} people are left, below the {minimum:,} that"
                f" {one.settings.type} serves ads to"
            )
        return Line(
            one.settings.id,
            one.settings.type,
            one.audience.id,
            one.audience.name,
            one.prepared.delta.columns,
            one.prepared.members,
            one.prepared.sendable,
            one.prepared.removed,
            found,
            one.prepared.coverage,
            one.prepared.unusable,
            minimum,
            blocked,
            tuple(warnings),
            _base(known),
            _settings_hash(one.settings),
            one.exclusion,
        )

    def _known(self, destination: str, segment: str) -> Mapping[bytes, Any]:
        for one in self.box.audiences():
            if (one["destination"], one["segment"]) == (destination, segment):
                return self.box.known(one["id"])
        return {}

    def _gone(self, settings: DestinationSettings, sent: Collection[str]) -> Iterator[Line]:
        """Audiences that are there and are sent no more: everyone in them is taken out."""
        wanted = set(settings.segments) or {s.id for s in self.project.definitions.segments}
        wanted |= set(settings.exclusions)
        for one in self.box.audiences():
            if one["destination"] != settings.id or one["segment"] in sent:
                continue
            known = self.box.known(one["id"])
            if not known or one["segment"] in wanted:
                continue
            found = change({}, known, why=[(GONE, BitMap(k.person for k in known.values()))])
            yield Line(
                settings.id, settings.type, one["segment"], one["segment"], tuple(one["columns"]),
                0, 0, {}, found, {}, {}, 0, base=_base(known), settings=_settings_hash(settings),
            )  # fmt: skip

    def _notes(self, lines: Sequence[Line]) -> Iterator[str]:
        if not lines:
            yield (
                "Nothing is to be sent: give segments `status: approved`, or name them under"
                " `segments` of the destination."
            )
        unasked = [
            one.id
            for one in self.project.settings.destinations
            if one.purpose is None and any(line.destination == one.id for line in lines)
        ]
        if self.project.settings.consent is None and unasked:
            yield (
                f"Consent is not checked for {', '.join(unasked)}: fewer.yaml names no purpose"
                " under 'consent'."
            )

    # ----------------------------------------------------------------------------- apply

    def apply(
        self,
        plan_id: str,
        *,
        allow_destroy: bool = False,
        waits: tuple[float, float, float] | None = None,
        tell: Tell = _silent,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Applied:
        """Send exactly what a plan says; go on where an earlier apply of it stopped.

        Raises:
            GuardError: Something moved since it was made, or it takes away more than is allowed.
            NotFoundError: No such plan.
        """
        plan = self.box.plan(plan_id)
        if plan.state == "done":
            return Applied(plan.id, "done", self.project.settings.data, ())
        destroyed = [
            line["segment"]
            for line in plan.body["lines"]
            if line["destroys"] and not line["blocked"]
        ]
        if destroyed and not allow_destroy:
            names = ", ".join(destroyed)
            raise GuardError(
                f"Plan {plan.id} removes more than half of what is there ({names})."
                f" If that is meant: fewer sync apply {plan.id} --allow-destroy"
            )
        with ExitStack() as stack:
            targets = self._targets(plan, waits, stack)
            self.box.set_state(plan.id, "applying", was=("planned", "applying", "partial"))
            waiting = self.box.batches(plan.id)
            results = tuple(
                deliver(
                    waiting,
                    targets,
                    self.box,
                    now_us=clock.now_us,
                    tell=tell,
                    should_stop=should_stop,
                )
            )
        done = all(one.state == "done" for one in self.box.batches(plan.id))
        state = "done" if done else "partial"
        self.box.set_state(plan.id, state, was=("applying",))
        return Applied(
            plan.id, state, self.project.settings.data, results, tuple(self.box.refused(plan.id))
        )

    def _targets(self, plan: StoredPlan, waits: Any, stack: ExitStack) -> dict[int, Target]:
        snapshot = self.project.snapshot()
        if snapshot.id != plan.body["build"]:
            raise _moved(plan, "the segments were refreshed")
        self._intact(plan)
        waiting: dict[int, list[StoredBatch]] = {}
        for batch in self.box.batches(plan.id):
            waiting.setdefault(batch.audience, []).append(batch)
        known = {one["id"]: one for one in self.box.audiences()}
        platforms: dict[str, Platform] = {}
        found = {}
        for line in plan.body["lines"]:
            number = next(
                (n for n in waiting
                 if (known[n]["destination"], known[n]["segment"])
                 == (line["destination"], line["segment"])),
                None,
            )  # fmt: skip
            if number is None:
                continue
            settings = self.project.settings.destination(line["destination"])
            if settings is None or _settings_hash(settings) != line["settings"]:
                raise _moved(plan, f"the settings of {line['destination']!r} changed")
            rows = self._rows(plan, line, settings, snapshot, number, waiting[number])
            if settings.id not in platforms:
                platforms[settings.id] = self.platform(settings, waits)
                stack.callback(platforms[settings.id].close)
            remote = Remote(
                line["segment"], line["name"], tuple(line["columns"]), exclusion=line["exclusion"]
            )
            found[number] = Target(number, settings.id, remote, platforms[settings.id], rows)
        return found

    def _rows(
        self,
        plan: StoredPlan,
        line: Mapping[str, Any],
        settings: DestinationSettings,
        snapshot: Snapshot,
        number: int,
        waiting: Sequence[StoredBatch],
    ) -> Callable[[Any], Mapping[bytes, Row]]:
        """Where the rows of a line come from; refuses when they are not those of the plan."""
        if plan.state == "planned" and _base(self.box.known(number)) != line["base"]:
            raise _moved(plan, f"another plan changed {line['segment']!r} meanwhile")
        adds = [b for b in waiting if b.op == "add" and b.state != "done"]
        rows: Mapping[bytes, Row] = {}
        if adds:
            rows = self.senders.wanted(settings, snapshot, line["segment"]).rows
            missing = sum(token not in rows for b in adds for token in b.tokens)
            if missing:
                raise _moved(
                    plan,
                    f"{missing:,} rows of {line['segment']!r} may not be sent any more (consent,"
                    " holdout or identifiers changed)",
                )

        def look(batch: StoredBatch) -> Mapping[bytes, Row]:
            return rows if batch.op == "add" else self.box.rows(number, batch.tokens)

        return look

    def _intact(self, plan: StoredPlan) -> None:
        """The plan's batches are those that its hash covers."""
        digest = hashlib.sha256(json.dumps(plan.body, sort_keys=True).encode())
        place = {
            (line["destination"], line["segment"]): at for at, line in enumerate(plan.body["lines"])
        }
        known = {one["id"]: (one["destination"], one["segment"]) for one in self.box.audiences()}
        for batch in self.box.batches(plan.id):
            line = place[known[batch.audience]]
            digest.update(f"{line}:{batch.op}:{len(batch.tokens)};".encode())
            for token in batch.tokens:
                digest.update(token)
        if digest.hexdigest() != plan.hash:
            raise GuardError(f"Plan {plan.id} is not what was written: make a new one.")

    def platform(
        self, settings: DestinationSettings, waits: tuple[float, float, float] | None = None
    ) -> Platform:
        """The way to a destination, its secret read; close it afterwards."""
        kind = load(settings.type)
        opening = Opening(
            read_secret(settings.secret, self.project.folder.root),
            settings.base_url,
            settings.options,
            waits,
        )
        made: Platform = kind.of(opening)
        return made

    # ---------------------------------------------------------------------------- status

    def reconcile(
        self, *, waits: tuple[float, float, float] | None = None
    ) -> tuple[Reconciled, ...]:
        """Ask platforms what became of what they were sent: rows matched, rows refused later."""
        from fewer.project.reconciling import reconcile

        return tuple(reconcile(self, waits))

    def status(self) -> dict[str, Any]:
        """What each platform is known to hold, and the plans."""
        matched: dict[int, list[int]] = {}
        for plan in self.box.plans():
            for batch in self.box.batches(plan.id):
                receipt = batch.receipt or {}
                if receipt.get("matched") is not None:
                    counted = matched.setdefault(batch.audience, [0, 0])
                    counted[0] += receipt["matched"]
                    counted[1] += receipt["session_sent"]
        return {
            "audiences": [
                {
                    **{k: v for k, v in one.items() if k != "id"},
                    "matched": matched.get(one["id"], [None])[0],
                    "of": matched.get(one["id"], [0, None])[1],
                }
                for one in self.box.audiences()
            ],
            "plans": [
                {
                    "plan": one.id,
                    "created": clock.words(one.created_us, self.project.zone),
                    "state": one.state,
                    "refused": [
                        {"operation": op, "reason": reason, "rows": rows}
                        for _, op, reason, rows in self.box.refused(one.id)
                    ],
                }
                for one in self.box.plans()
            ],
        }


def _moved(plan: StoredPlan, what: str) -> GuardError:
    return GuardError(
        f"Plan {plan.id} can't be applied: {what} since it was made. Nothing was sent."
        " Make a new one: fewer sync plan"
    )


def _plan_id() -> str:
    return f"plan-{os.urandom(4).hex()}"


def _batch_size(settings: DestinationSettings) -> int:
    size: int = load(settings.type).limits.batch_size
    return size


def _base(known: Mapping[bytes, Any]) -> str:
    return base_of((token, held.certain) for token, held in known.items())


def _settings_hash(settings: DestinationSettings) -> str:
    return hashlib.sha256(settings.model_dump_json().encode()).hexdigest()
