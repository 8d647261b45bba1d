"""Why a person is or isn't in a segment, and the query that says so for everyone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fewer.errors import NotFoundError, PersonNotFoundError
from fewer.evaluate.plan.plan import Plan
from fewer.evaluate.plan.plan import plan as make_plan
from fewer.model.segment import Segment
from fewer.model.window import from_utc_micros
from fewer.project import clock

if TYPE_CHECKING:
    from fewer.evaluate.engines.why import Evidence, WhyNode
    from fewer.project.project import AsOf, Project
    from fewer.project.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Reasons:
    """The explanation of one person's membership."""

    segment: str
    as_of: str  # ISO 8601, UTC
    as_of_words: str
    member: bool  # in the snapshot, which never changes
    root: WhyNode  # read from the data of today
    zone_name: str

    @property
    def note(self) -> str:
        """Why the reasons differ from the membership; empty when they agree."""
        if self.member == self.root.holds:
            return ""
        return "The data or settings have changed since this refresh: the reasons are of today's."

    def tree(self) -> str:
        """Lines with a mark for true or false at each, and the events that decided."""
        return "\n".join(_lines(self.root, 0, self.zone_name))

    def to_json(self) -> dict[str, Any]:
        """Plain data; the person is not repeated."""
        return {
            "segment": self.segment,
            "as_of": self.as_of,
            "member": self.member,
            "note": self.note,
            "why": _node_json(self.root),
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one person stands with one segment of a snapshot."""

    segment: str
    member: bool
    matched: bool
    removed_by: tuple[str, ...]  # exclusions that the person is in

    @property
    def words(self) -> str:
        """In one phrase."""
        if self.member:
            return "in"
        if not self.matched:
            return "the rule does not fit"
        return f"the rule fits, removed by {', '.join(self.removed_by)}"

    def to_json(self) -> dict[str, Any]:
        """Plain data; the person is not repeated."""
        return {
            "segment": self.segment,
            "member": self.member,
            "matched": self.matched,
            "removed_by": list(self.removed_by),
            "words": self.words,
        }


def standings(project: Project, person: str, *, build_id: str | None) -> list[Standing]:
    """Where a person stands with every segment of a snapshot; raises for an unknown person."""
    snapshot = project.snapshot(build_id)
    number = _number(project, person)
    return [
        Standing(
            view.id,
            number in view.members,
            number in view.matched,
            tuple(
                step.segment
                for step in view.funnel
                if number in view.matched and number in snapshot.segment(step.segment).members
            ),
        )
        for view in snapshot.segments.values()
    ]


def _number(project: Project, person: str) -> int:
    number = project.keys.number(person)
    if number is None:
        raise PersonNotFoundError
    return number


def reasons(project: Project, segment: str, person: str, *, build_id: str | None) -> Reasons:
    """Explain a person's membership as at a snapshot's moment, by its own definitions.

    Raises:
        NotFoundError: no such segment in the snapshot, or no such person in the data; the
            person's id is not repeated.
    """
    from fewer.evaluate.engines.why import why

    snapshot = project.snapshot(build_id)
    members = snapshot.segment(segment).members
    number = _number(project, person)
    with project.engine(snapshot.as_of_us) as engine:
        known_as = person if project.is_in_place else number
        root = why(engine, plan_of(project, snapshot), segment, known_as)
    return Reasons(
        segment=segment,
        as_of=snapshot.as_of,
        as_of_words=snapshot.as_of_words,
        member=number in members,
        root=root,
        zone_name=project.settings.timezone,
    )


def plan_of(project: Project, snapshot: Snapshot) -> Plan:
    """The plan a snapshot was evaluated with: its own definitions, not today's files."""
    defined = [_bare(v.definition) for v in snapshot.segments.values() if not v.is_variant]
    known = {segment.id for segment in defined}
    settings = project.settings
    return make_plan(
        defined,
        as_of_us=snapshot.as_of_us,
        timezone=settings.timezone,
        session_gap=settings.identity.session_gap,
        catalog=project.generation.catalog,
        default_exclude=[e for e in settings.exclude if e in known],
    )


def _bare(segment: Segment) -> Segment:
    return segment.model_copy(update={"id": segment.id.partition("@")[0]})


def sql(project: Project, segment: str, *, as_of: AsOf, dialect: str) -> str:
    """One standalone query for the people of a segment, over the canonical relations.

    Raises:
        UnsupportedByEngineError: a dialect for which no query can be written.
    """
    from fewer.evaluate.sql.functions.lookup import functions_of, written
    from fewer.evaluate.sql.program import as_query, program

    functions = functions_of(dialect)
    moment = _moment(project, as_of)
    settings = project.settings
    plan = make_plan(
        project.definitions.segments,
        as_of_us=moment,
        timezone=settings.timezone,
        session_gap=settings.identity.session_gap,
        catalog=project.generation.catalog,
        default_exclude=settings.exclude,
    )
    if segment not in plan.ids:
        raise NotFoundError("segment", segment, plan.ids)
    query = as_query(program(plan.only([segment]), functions), segment)
    return written(query, dialect)


def _moment(project: Project, as_of: AsOf) -> int:
    if as_of is not None:
        return project.as_of(as_of)
    newest = project.newest_record()
    return newest.as_of_us if newest else project.as_of(clock.END)


def _lines(node: WhyNode, depth: int, zone: str) -> Iterator[str]:
    mark = "yes" if node.holds else "no "
    role = "less " if node.role == "exclusion" else ""
    reason = f": {node.reason}" if node.reason else ""
    yield f"{'  ' * depth}{mark} {role}{node.words}{reason}"
    for event in node.events:
        yield f"{'  ' * (depth + 2)}· {_event(event, zone)}"
    for member in node.members:
        yield from _lines(member, depth + 1, zone)


def _event(event: Evidence, zone: str) -> str:
    from zoneinfo import ZoneInfo

    properties = ", ".join(f"{name}={value}" for name, value in event.properties.items())
    moment = from_utc_micros(event.ts_us).astimezone(ZoneInfo(zone))
    return f"{moment:%Y-%m-%d %H:%M:%S %Z} {event.event} {properties}".rstrip()


def _node_json(node: WhyNode) -> dict[str, Any]:
    found: dict[str, Any] = {
        "role": node.role,
        "words": node.words,
        "holds": node.holds,
        "reason": node.reason,
    }
    if node.segment:
        found["segment"] = node.segment
    if node.events:
        found["events"] = [
            {
                "ts": from_utc_micros(e.ts_us).isoformat(),
                "event": e.event,
                "properties": {name: str(value) for name, value in e.properties.items()},
            }
            for e in node.events
        ]
    if node.members:
        found["members"] = [_node_json(member) for member in node.members]
    return found
