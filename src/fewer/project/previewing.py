"""Live answers: one condition after another about one moment, everything else kept at hand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from fewer.errors import DefinitionError, NotFoundError, Problem, did_you_mean
from fewer.evaluate.plan.order import closure, dependency_order, exclusions, references
from fewer.journey.define.guard import Proposal, candidates, choose, is_exclusion
from fewer.journey.define.lint import lint
from fewer.journey.define.rules.graph import references as mentions
from fewer.journey.exclude.funnel import funnel
from fewer.language.files import Definitions
from fewer.language.one import Written, read_one
from fewer.model.segment import Segment, expand
from fewer.model.window import SECOND
from fewer.project import clock
from fewer.project.explaining import refuse_lacking
from fewer.project.preview import AD_HOC, Answer, Preview, Shown

if TYPE_CHECKING:
    from pyroaring import BitMap

    from fewer.evaluate.engines.base import Engine, Evaluation, Stop
    from fewer.journey.define.lint import Finding
    from fewer.project.project import AsOf, Project

_MINUTE: Final = 60 * SECOND
_MOST_TRIED: Final = 40
_VERSIONED: Final = frozenset({"people", "items", "consents", "lists"})


class Previewer:
    """Answers about one moment, again and again: the engine and exclusions are kept at hand.

    Get it from `Project.previewer`. It sees the definitions and the generation of the time when
    it was made.
    """

    def __init__(self, project: Project, as_of_us: int, engine: str | None = None) -> None:
        self.project = project
        self.as_of_us = as_of_us
        self._generation = project.generation
        self._engine = engine
        self._opened: dict[int, tuple[AbstractContextManager[Engine], Engine]] = {}
        self._members: dict[int, dict[str, BitMap]] = {}
        self._segments = {
            segment.id: segment.model_copy(update={"variants": None})
            for segment in expand(project.definitions.segments)
        }
        self._defaults = project.settings.exclude
        self._needs = {i: references(s, self._defaults) for i, s in self._segments.items()}
        self._texts: Any = None

    def close(self) -> None:
        """Release the engines; they are opened again when they are needed."""
        for manager, _ in self._opened.values():
            manager.__exit__(None, None, None)
        self._opened.clear()
        self._texts = None

    def preview(
        self,
        condition: Written,
        *,
        exclude: Collection[str] = (),
        exclude_defaults: bool = True,
        shown: Shown | None = None,
        file: str | None = None,
    ) -> Preview:
        """A condition or segment, read and checked; nothing is evaluated before it is asked for.

        Args:
            condition: A model, plain data as in YAML, or text in YAML or JSON. A segment with
                the id of one in the project stands for it.
            exclude: Segments whose members are left out, after the segment's own.
            exclude_defaults: Whether the project's exclusions apply, if the segment agrees.
            shown: What of it is shown when nothing else is said.
            file: Name that errors give to the text.

        Raises:
            DefinitionError: with every problem, each at its place.
            NotFoundError: a name in `exclude` that is no segment.
            UnsupportedByEngineError: the engine lacks something that the condition uses.
        """
        for name in exclude:
            self.segment(name)
        read = self._read(condition, file)
        [written] = read.segments
        own = written.exclude
        segment = written.model_copy(
            update={
                "variants": None,
                "exclude": tuple(dict.fromkeys((*own, *exclude))) if exclude else own,
                "exclude_defaults": written.exclude_defaults and exclude_defaults,
            }
        )
        self._check_references(replace(read, segments=(segment,)))
        found = self.lint(read, look_up=False)
        if errors := [f.problem() for f in found if f.severity == "error"]:
            raise DefinitionError(errors)
        return Preview(self, segment, read, found, shown or Shown())

    def _read(self, condition: Written, file: str | None) -> Definitions:
        """What is written, with its places: those of the project's files for its own segments."""
        ours = self.project.definitions
        if isinstance(condition, Segment) and condition in ours.segments:
            return replace(ours, segments=(condition,))
        named = {} if file is None else {"file": file}
        return read_one(condition, name=self._free_id(), **named)

    def segment(self, segment_id: str) -> Segment:
        """A segment or lookback variant of the project; raises `NotFoundError`."""
        if segment_id not in self._segments:
            raise NotFoundError("segment", segment_id, self._segments)
        written = (s for s in self.project.definitions.segments if s.id == segment_id)
        return next(written, self._segments[segment_id])

    def _free_id(self) -> str:
        number, name = 1, AD_HOC
        while name in self._segments:
            number, name = number + 1, f"{AD_HOC}_{number + 1}"
        return name

    def _check_references(self, definitions: Definitions) -> None:
        [segment] = definitions.segments
        problems: list[Problem] = []
        for mention in mentions(segment, ()):
            if mention.to not in self._segments and mention.path is not None:
                place = definitions.place(segment.id, mention.path)
                message = f"There is no segment {mention.to!r}."
                hint = did_you_mean(mention.to, self._segments).strip()
                problems.append(place.problem("unknown_segment", message, hint))
        if problems:
            raise DefinitionError(problems)
        needs = self._needs_with(segment)
        wanted = closure([segment.id], needs)
        ordered = dict.fromkeys([segment.id, *(i for i in needs if i in wanted)])
        dependency_order({i: needs[i] for i in ordered})  # raises for a circle

    def _needs_with(self, segment: Segment) -> Mapping[str, Sequence[str]]:
        return {**self._needs, segment.id: references(segment, self._defaults)}

    # ------------------------------------------------------------------------------ evaluating

    def answer(self, segment: Segment, as_of_us: int, *, should_stop: Stop | None = None) -> Answer:
        """Who is in a segment at a moment; the members of its exclusions are kept for the next."""
        known = self._known(as_of_us)
        excluded = exclusions(segment, self._defaults)
        missing = [i for i in excluded if i not in known]
        bare = segment.model_copy(update={"exclude": (), "exclude_defaults": False})
        found = self._evaluate([bare], missing, as_of_us, should_stop)
        matched, titles = found.matched[segment.id], self._titles
        removed = funnel(matched, [(e, known[e]) for e in excluded], why=titles)
        return Answer(matched, removed, len(found.universe))

    @cached_property
    def _titles(self) -> dict[str, str]:
        return {segment.id: segment.title for segment in self._segments.values()}

    def _evaluate(
        self,
        segments: Sequence[Segment],
        others: Iterable[str],
        as_of_us: int,
        should_stop: Stop | None = None,
    ) -> Evaluation:
        """Evaluate segments and others of the project; remember the members of all others."""
        from fewer.project.building import plan_of

        own = {segment.id: segment for segment in segments}
        needs = {**self._needs, **{i: references(s, self._defaults) for i, s in own.items()}}
        wanted = closure([*own, *others], needs)
        needed = [self._segments[i] for i in self._segments if i in wanted and i not in own]
        engine = self._at(as_of_us)
        refuse_lacking([*needed, *segments], engine.capabilities, engine.name)
        plan = plan_of(self.project, as_of_us, [*needed, *segments])
        found = engine.evaluate(plan, should_stop=should_stop)
        self._known(as_of_us).update({s.id: found.members[s.id] for s in needed})
        return found

    def _at(self, as_of_us: int) -> Engine:
        """The engine over the data as known at a moment; one for all, if all are the same."""
        moment = as_of_us if self._has_versions else self.as_of_us
        if moment not in self._opened:
            manager = self.project.engine(moment, self._engine)
            self._opened[moment] = (manager, manager.__enter__())
        return self._opened[moment][1]

    @cached_property
    def _has_versions(self) -> bool:
        """Whether some table holds several versions of one key, so that moments differ."""
        facts = getattr(self._generation, "facts", None)  # tables in place have no versions
        return facts is not None and not _VERSIONED.isdisjoint(facts.versioned)

    def _known(self, as_of_us: int) -> dict[str, BitMap]:
        """Members of segments of the project at a moment, as far as they are known."""
        if as_of_us not in self._members:
            self._members[as_of_us] = self._of_snapshot(as_of_us)
        return self._members[as_of_us]

    def _of_snapshot(self, as_of_us: int) -> dict[str, BitMap]:
        """Members in a snapshot of the same moment, definitions and data; else none."""
        from fewer.data.store.snapshots import build as read

        for info in self._builds:
            if info.as_of_us == as_of_us and info.definitions_fingerprint == self._definitions:
                found = read(self.project.store, info.id).segments
                return {i: result.members for i, result in found.items()}
        return {}

    @cached_property
    def _builds(self) -> list[Any]:
        data = self._generation.fingerprint
        return [info for info in self.project.builds() if info.data_fingerprint == data]

    @cached_property
    def _definitions(self) -> str:
        from fewer.project.building import definitions_fingerprint

        segments = {s.id: s for s in expand(self.project.definitions.segments)}
        return definitions_fingerprint(self.project, segments)

    # ------------------------------------------------------------------------- further answers

    def everyone_in_segments(self, *, without: str) -> list[tuple[Segment, BitMap]]:
        """Members of every segment of the project, its variants and one of them left out."""
        wanted = [i for i in self._segments if "@" not in i and i != without]
        known = self._known(self.as_of_us)
        missing = [i for i in wanted if i not in known]
        if missing:
            self._evaluate([], missing, self.as_of_us)
        return [(self._segments[i], known[i]) for i in wanted]

    def only_excludes(self, segment: Segment) -> bool:
        """Whether a segment only serves to leave people out of others."""
        return segment.id in self._excluded and is_exclusion(segment)

    @cached_property
    def _excluded(self) -> frozenset[str]:
        found = (exclusions(s, self._defaults) for s in self._segments.values())
        return frozenset(i for ids in found for i in ids)

    def proposals(self, preview: Preview) -> tuple[Proposal, ...]:
        """Edits of one number that change the size as wanted, all tried in one plan."""
        segment = preview.segment
        tried = sorted(candidates(segment), key=lambda c: c.distance)[:_MOST_TRIED]
        if not tried:
            return ()
        found = self._evaluate([c.segment for c in tried], (), self.as_of_us).members
        sized = [(c, len(found[c.segment.id])) for c in tried]
        return choose(segment.size, sized, now=preview.size)

    def lint(self, definitions: Definitions, *, look_up: bool) -> list[Finding]:
        """Findings about the one segment of `definitions`, beside those it refers to."""
        [segment] = definitions.segments
        if "@" in segment.id:
            return []  # what is written is the segment that it is a variant of
        wanted = closure([segment.id], self._needs_with(segment)) - {segment.id}
        others = (s for i, s in self._segments.items() if i in wanted)
        together = replace(definitions, segments=(segment, *others))
        found = lint(
            together,
            [i for i in self._defaults if i in wanted],
            self._generation.catalog,
            values=self._values() if look_up else None,
            as_of_us=self.as_of_us,
            zone=self.project.zone,
        )
        return [finding for finding in found if finding.segment == segment.id]

    def _values(self) -> Any:
        from fewer.project.checking import Texts

        if self._texts is None:
            self._texts = Texts(self._at(self.as_of_us), self._generation.catalog)
        return self._texts

    def keys(self, people: BitMap) -> list[str]:
        """Ids of people, in the order of their numbers."""
        from sqlglot import exp

        project = self.project
        if project.is_in_place or "keys" in project.__dict__ or not people:
            found: list[str] = project.keys.of(people).to_pylist() if people else []
            return found
        person = exp.column("person")
        query = exp.select(person, exp.column("key")).from_("persons")
        named = query.where(person.isin(*(exp.Literal.number(p) for p in people)))
        rows = self._at(self.as_of_us).run(named).sort_by("person")
        return [str(key) for key in rows["key"].to_pylist()]


def moment_of(project: Project, as_of: AsOf) -> int:
    """The moment of a preview. Now is taken to the minute, so that edits share an open engine."""
    if as_of is None or as_of == clock.NOW:
        now = clock.now_us()
        return now - now % _MINUTE
    return project.as_of(as_of)
