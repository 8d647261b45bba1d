"""Who should be in each audience of a destination: members less those who may not be sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyroaring import BitMap

from fewer.data.store.outbox import Outbox
from fewer.destinations.base import Audience, Row, load
from fewer.destinations.prepare import NO_IDENTIFIER, Prepared, prepare
from fewer.errors import GuardError, NotFoundError
from fewer.journey.exclude.priority import IN_PERIOD, order, waterfall
from fewer.project import clock
from fewer.project.exporting import StoreBook, consent_now
from fewer.project.holding import held_out

if TYPE_CHECKING:
    from fewer.model.destination import DestinationSettings
    from fewer.project.project import Project
    from fewer.project.snapshot import Snapshot

HOLDOUT: Final = "holdout"
"""Name of the audience of everybody who is held out."""
_SENT: Final = ("approved", "live")
"""Status of segments that are sent where a destination names none: nobody sends a draft."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One audience as it should be."""

    settings: DestinationSettings
    kind: type[Any]
    audience: Audience
    prepared: Prepared
    tokens: Mapping[bytes, int]
    rows: Mapping[bytes, Row]
    why: Sequence[tuple[str, BitMap]]
    exclusion: bool = False


class Senders:
    """Works out who should be where, for all destinations of a project."""

    def __init__(self, project: Project, box: Outbox) -> None:
        self.project, self.box = project, box

    def chosen(self, wanted: Collection[str]) -> list[DestinationSettings]:
        """Destinations of `fewer.yaml`, or those of them that are wanted."""
        known = {one.id: one for one in self.project.settings.destinations}
        for name in wanted:
            if name not in known:
                raise NotFoundError("destination", name, known)
        if not known:
            raise GuardError(
                "There are no destinations in fewer.yaml. docs/sync.md shows how one is written."
            )
        chosen = [known[name] for name in wanted or known]
        for one in chosen:
            if not hasattr(load(one.type), "ensure"):
                raise GuardError(
                    f"Destination {one.id!r} is of type {one.type!r}, which holds no audience to"
                    " change. Write it with: fewer export"
                )
        return chosen

    def segments(
        self, settings: DestinationSettings, snapshot: Snapshot, only: Collection[str]
    ) -> list[str]:
        """Segments that a destination is sent: those it names, else what is approved or live."""
        definitions = self.project.definitions
        for name in (*only, *settings.segments):
            definitions.segment(name.partition("@")[0])
        named = list(settings.segments) or [
            one.id for one in definitions.segments if one.status in _SENT
        ]
        return [
            s
            for s in named
            if s in snapshot.segments and s not in settings.exclusions and (not only or s in only)
        ]

    def left_out(
        self, settings: DestinationSettings, snapshot: Snapshot, only: Collection[str]
    ) -> list[str]:
        """Audiences that are sent to be left out of ads."""
        named = [s for s in settings.exclusions if s in snapshot.segments]
        held = settings.holdouts and self._held(settings, snapshot)
        return [s for s in (*named, *([HOLDOUT] if held else [])) if not only or s in only]

    def _held(self, settings: DestinationSettings, snapshot: Snapshot) -> BitMap:
        """Everybody whom an experiment holds out of the segments that are sent there.

        Not who only counts in another segment of the same experiment, and is reached there.
        """
        held: dict[str, BitMap] = {}
        reached: dict[str, BitMap] = {}
        for segment in self.segments(settings, snapshot, ()):
            members = snapshot.segment(segment).members
            for name, people in held_out(self.project, snapshot, segment).items():
                held[name] = held.get(name, BitMap()) | people
                reached[name] = reached.get(name, BitMap()) | (members - people)
        return BitMap().union(*(people - reached[name] for name, people in held.items()))

    def _capped(
        self, settings: DestinationSettings, snapshot: Snapshot, segment: str, consent: Any
    ) -> dict[str, BitMap]:
        """Reason -> members who are in another audience instead, or were reached often enough."""
        caps = settings.caps
        if caps.at_once is None and caps.per_period is None:
            return {}
        definitions = {one.id: one.priority for one in self.project.definitions.segments}
        named = order(
            (s, definitions.get(s.partition("@")[0])) for s in self.segments(settings, snapshot, ())
        )
        allowed = []
        for name in named:
            people = snapshot.segment(name).members.copy()
            for held in held_out(self.project, snapshot, name).values():
                people -= held
            allowed.append((name, people if consent is None else people & consent.granted))
        found = waterfall(
            allowed,
            at_once=caps.at_once,
            per_period=caps.per_period,
            lately=self.box.added_since(settings.id, clock.now_us() - caps.period.micros),
        )
        one = next((kept for kept in found if kept.segment == segment), None)
        if one is None:
            return {}
        reasons = {
            f"in {before} instead": one.full & kept.people
            for before, kept in ((k.segment, k) for k in found)
            if before in one.to
        }
        rest, told = one.full.copy(), {}
        for reason, people in reasons.items():
            told[reason] = people & rest
            rest -= people
        if one.tired:
            told[f"{IN_PERIOD} ({caps.per_period} in {caps.period})"] = one.tired
        return told

    def wanted(self, settings: DestinationSettings, snapshot: Snapshot, segment: str) -> Wanted:
        """The audience of a segment at a destination, as it should be."""
        kind = load(settings.type)
        rule = self.project.settings.consent
        purpose = settings.purpose or (rule.purpose if rule else None)
        consent = consent_now(self.project, purpose) if purpose else None
        exclusion = segment == HOLDOUT or segment in settings.exclusions
        if segment == HOLDOUT:
            title, members = "Held out", self._held(settings, snapshot)
        else:
            view = snapshot.segment(segment)
            title, members = view.title, view.members
        # Who is to be left out must be in it, held out or not.
        held = {} if exclusion else held_out(self.project, snapshot, segment)
        capped = {} if exclusion else self._capped(settings, snapshot, segment, consent)
        audience = Audience(
            id=segment,
            name=f"{settings.prefix}{title}",
            members=members,
            as_of_us=snapshot.as_of_us,
            build=snapshot.id,
            fingerprint=snapshot.fingerprint,
            data=self.project.settings.data,
            held_out=held,
            left_out=capped,
        )
        prepared = prepare(
            audience,
            StoreBook(self.project),
            keys=settings.keys,
            platform=kind.limits.rules,
            region=self.project.settings.identity.phone_region,
            consent=consent,
            kinds=(*kind.limits.identifiers, *kind.limits.beside),
            plain=kind.limits.plain,
        )
        rows = {
            self.box.token(prepared.delta.columns, row): (row, person)
            for row, person in zip(prepared.delta.add, prepared.persons, strict=True)
        }
        everyone = BitMap(person for _, person in rows.values())
        why = [(f"held out by experiment {name}", people) for name, people in held.items()]
        if consent is not None:
            why.append((f"no consent for {consent.purpose}", members - consent.granted))
        why += capped.items()
        why.append((NO_IDENTIFIER, members - everyone))
        return Wanted(
            settings,
            kind,
            audience,
            prepared,
            {token: person for token, (_, person) in rows.items()},
            {token: row for token, (row, _) in rows.items()},
            why,
            exclusion,
        )
