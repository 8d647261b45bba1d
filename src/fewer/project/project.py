"""`Project`: the one object behind every way in.

Commands, notebooks and (later) servers call the same methods; nothing else ties the rooms
together. Opening a project reads only its settings; definitions, store and data are read when
first asked for, and the data stays pinned to one generation until `refresh`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, closing
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from zoneinfo import ZoneInfo

from fewer.errors import NotFoundError
from fewer.language.files import Definitions, load_definitions
from fewer.model.settings import ProjectSettings
from fewer.model.window import to_utc_micros
from fewer.pictures.display import Displayed, show_with
from fewer.project import clock
from fewer.project.drawing import Drawing
from fewer.project.folder import Folder, find
from fewer.project.settings_file import load_settings

if TYPE_CHECKING:
    from fewer.data.sources.base import IngestResult, Progress
    from fewer.data.sources.preview import Preview as SourcePreview
    from fewer.data.store.generation import Generation
    from fewer.data.store.quarantine import RefusedRow
    from fewer.data.store.runs import Run
    from fewer.data.store.snapshots import BuildInfo
    from fewer.data.store.snapshots import Snapshot as Record
    from fewer.data.store.store import Store
    from fewer.destinations.file import Export
    from fewer.evaluate.engines.base import Engine, Stop
    from fewer.journey.audit.audit import Audit
    from fewer.journey.define.lint import Finding
    from fewer.journey.discover.finding import Discovery
    from fewer.journey.measure.claims.result import ClaimTable
    from fewer.language.one import Written
    from fewer.project.adopting import Adopted
    from fewer.project.checkpoint import Head
    from fewer.project.claims_file import Drafted
    from fewer.project.experiments import Experiments
    from fewer.project.explaining import Explanation
    from fewer.project.exploring import Alike, Clusters
    from fewer.project.guarding import Tell
    from fewer.project.in_place import OwnData
    from fewer.project.kept import Kind
    from fewer.project.keys import Keys
    from fewer.project.lookback import Lookback
    from fewer.project.measuring import Measured
    from fewer.project.preview import Preview
    from fewer.project.previewing import Previewer
    from fewer.project.reasons import Reasons, Standing
    from fewer.project.recommending import Recommended
    from fewer.project.snapshot import Snapshot
    from fewer.project.suggesting import Suggestions
    from fewer.project.syncing import Sync

CONTROL_URL: Final = "FEWER_CONTROL_URL"
"""Environment variable with the control database's URL; a file in ``.fewer/`` without it."""

DEFAULT_ENGINE: Final = "embedded"

AsOf = str | int | datetime | None
"""``"now"``, ``"end"``, a date or time as text, UTC microseconds, a datetime; None is now."""


_Answer = TypeVar("_Answer", bound=Any)


def _draw(result: Displayed) -> str | None:
    from fewer.project.notebook import view

    return view(result)


show_with(_draw)


def _silent(words: str, done: int = 0, total: int = 0) -> None:
    """Tell no one."""


class Project(Drawing):
    """A folder with definitions and data. Open it with `Project.open`."""

    def __init__(self, folder: Folder, settings: ProjectSettings) -> None:
        self.folder = folder
        self.settings = settings
        self._previewer: tuple[Any, Previewer] | None = None
        self._audited: tuple[Any, Audit] | None = None

    @classmethod
    def open(cls, folder: Path | str | None = None) -> Self:
        """Open the project in `folder`; without it, the one the working directory is in.

        Raises:
            SettingsError: no project there, or its ``fewer.yaml`` is wrong (every mistake named).
        """
        found = find(Path(folder) if folder is not None else None)
        return cls(found, load_settings(found.settings))

    def close(self) -> None:
        """Release the store."""
        if "store" in self.__dict__:
            self.store.close()
            self.refresh()
            del self.__dict__["store"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def zone(self) -> ZoneInfo:
        """The project's time zone."""
        return ZoneInfo(self.settings.timezone)

    @cached_property
    def definitions(self) -> Definitions:
        """All definitions of the project's files; raises with every mistake in all of them."""

        def read(paths: Collection[Path]) -> dict[str, bytes]:
            return {p.relative_to(self.folder.root).as_posix(): p.read_bytes() for p in paths}

        files = self.folder
        return load_definitions(
            read(files.segments), read(files.goals), read(files.metrics), read(files.experiments)
        )

    @cached_property
    def store(self) -> Store:
        """The durable truth below ``.fewer/``."""
        from fewer.data.store.store import Store

        return Store.open(self.folder.store, control_url=os.environ.get(CONTROL_URL))

    @property
    def is_in_place(self) -> bool:
        """Whether the data stays in tables of the user's own."""
        return self.settings.tables is not None

    @cached_property
    def generation(self) -> Generation | OwnData:
        """The data, pinned: what it shows doesn't change until `refresh`; or tables in place."""
        if self.is_in_place:
            from fewer.project.in_place import OwnData

            return OwnData(self)
        return self.store.generation()

    @property
    def sync(self) -> Sync:
        """Delivery: plans, what was sent, what each platform is known to hold."""
        from fewer.project.syncing import Sync

        return Sync(self)

    @property
    def experiments(self) -> Experiments:
        """Experiments: what was registered, and who was assigned."""
        from fewer.project.experiments import Experiments

        return Experiments(self)

    @cached_property
    def keys(self) -> Keys:
        """Person numbers to ids."""
        import sqlglot.expressions as exp

        from fewer.project.keys import Keys

        def read() -> Any:
            if self.is_in_place:
                from fewer.project.in_place import known_people

                return known_people(self)
            with self.engine(clock.now_us()) as engine:
                return engine.run(exp.select("person", "key").from_("persons"))

        def identities() -> Any:
            with self.engine(clock.now_us()) as engine:
                return engine.run(exp.select("person", "key").from_("identities"))

        return Keys(read, None if self.is_in_place else identities)

    def refresh(self) -> None:
        """Forget what was read of the data, so that the newest generation is seen."""
        self._audited = None
        if self._previewer:
            self._previewer[1].close()
            self._previewer = None
        for name in ("generation", "keys", "newest_event_us"):
            self.__dict__.pop(name, None)

    @property
    def engine_name(self) -> str:
        """The engine that builds when none is named."""
        return self.settings.engine.name if self.settings.engine else DEFAULT_ENGINE

    def engine(self, as_of_us: int, name: str | None = None) -> AbstractContextManager[Engine]:
        """An engine over the data as it was known at `as_of_us`; a context manager.

        Without a name, the one that answers any query: whatever engine builds, the store's files
        are here.
        """
        from fewer.project.engines import opened

        usual = self.engine_name if self.is_in_place else DEFAULT_ENGINE
        return closing(opened(self, as_of_us, name or usual))

    def as_of(self, when: AsOf) -> int:
        """UTC microseconds of what a caller wrote."""
        if isinstance(when, int):
            return when
        if isinstance(when, datetime):
            aware = when if when.tzinfo else when.replace(tzinfo=self.zone)
            return to_utc_micros(aware)
        newest = self.newest_event_us if when == clock.END else None
        return clock.parse(clock.NOW if when is None else when, self.zone, last_ts=newest)

    @cached_property
    def newest_event_us(self) -> int | None:
        """Time of the newest event before now, in UTC microseconds; None without any.

        Events of the future are mistakes of clocks: the data does not end with them.
        """
        from fewer.project.checking import newest_event

        return newest_event(self, clock.now_us())

    # 1 · data in

    def ingest(
        self,
        *,
        only: Collection[str] = (),
        dry_run: bool = False,
        rebuild: bool = False,
        progress: Progress | None = None,
    ) -> IngestResult:
        """Read what is new in the sources' files into the store.

        With `rebuild`, what the sources (those in `only`) gave before is replaced by what their
        files give now.
        """
        from fewer.data.sources.ingest import ingest
        from fewer.project.engines import need_store

        need_store(self, "`fewer ingest`")
        result = ingest(
            self.store,
            self.settings,
            self.folder.root,
            only=only,
            rebuild=rebuild,
            progress=progress,
            dry_run=dry_run,
            now_us=clock.now_us(),
        )
        self.refresh()
        return result

    def preview_source(self, source: str, count: int = 5) -> SourcePreview:
        """First rows of a source, and what the mapping makes of them; stores nothing."""
        from fewer.data.sources.preview import preview

        return preview(self.store, self.settings, self.folder.root, source, count)

    def quarantine_counts(self) -> list[dict[str, Any]]:
        """Rejected rows by source, file and reason, of each file as it was read last."""
        from fewer.project.auditing import readings

        return [
            {"source": entry.source, "file": entry.file, "reason": reason, "rows": rows}
            for _, entry in readings(self)
            for reason, rows in entry.rows.reasons.items()
        ]

    def quarantined(self, reasons: Collection[str], limit: int) -> list[RefusedRow]:
        """Rejected rows as they were read; they may hold personal data."""
        from fewer.data.store.quarantine import read_rows

        return list(read_rows(self.store, reasons=reasons, limit=limit))

    # 2 · look

    def audit(self, as_of: AsOf = None) -> Audit:
        """Which engagement points there are, and how far to trust them."""
        from fewer.project.auditing import audit

        moment = self.as_of(as_of)
        if self.is_in_place:  # tables may change unseen
            return audit(self, moment)
        key = (self.generation.fingerprint, moment)
        if self._audited is None or self._audited[0] != key:
            self._audited = (key, audit(self, moment))  # a recommendation asks for the same one
        return self._audited[1]

    def validate(self) -> list[Finding]:
        """Check every definition; raises `DefinitionError` when files can't be read as such."""
        from fewer.project.checking import validate

        return validate(self)

    def counts(self) -> dict[str, int]:
        """Number of definitions, by kind."""
        from fewer.project.creatives import library

        files = self.definitions
        return {
            "sources": len(self.settings.sources),
            "segments": len(self.definitions.segments),
            "goals": len(self.definitions.goals),
            "creatives": len(library(self).creatives),
            **({"metrics": len(files.metrics)} if files.metrics else {}),
            **({"experiments": len(files.experiments)} if files.experiments else {}),
        }

    # 3 · who

    def staleness(self) -> clock.Staleness | None:
        """Why now is no useful moment to build at; None when it is."""
        longest = max(map(clock.reach, self.definitions.segments), default=0)
        return clock.staleness(clock.now_us(), self.newest_event_us, longest)

    def previewer(self, as_of: AsOf = None, *, engine: str | None = None) -> Previewer:
        """Live answers at one moment (now: to the minute), with an engine that stays open.

        The last one asked for is kept, so that one edit after another meets it warm.
        """
        from fewer.project.previewing import Previewer, moment_of

        moment = moment_of(self, as_of)
        key = (self.generation.fingerprint, moment, engine)
        if self._previewer is None or self._previewer[0] != key:
            if self._previewer:
                self._previewer[1].close()
            self._previewer = (key, Previewer(self, moment, engine))
        return self._previewer[1]

    def preview(
        self,
        condition: Written,
        *,
        as_of: AsOf = None,
        exclude: Collection[str] = (),
        exclude_defaults: bool = True,
        history: int = 30,
        sample: int = 5,
        overlap: bool = True,
        engine: str | None = None,
    ) -> Preview:
        """What a condition or segment comes to, at once: size, history, overlap, a sample.

        Each is computed when the preview is first asked for it. `condition` is a model, plain
        data as in YAML, or text; a segment with the id of one in the project stands for it.

        Raises:
            DefinitionError: the condition is wrong; every mistake with its place.
            NotFoundError: a name in `exclude` that is no segment.
        """
        from fewer.project.preview import Shown

        return self.previewer(as_of, engine=engine).preview(
            condition,
            exclude=exclude,
            exclude_defaults=exclude_defaults,
            shown=Shown(history, sample, overlap),
        )

    def build(
        self,
        *,
        as_of: AsOf = None,
        engine: str | None = None,
        only: Collection[str] = (),
        batch: int | None = None,
        resume: bool = False,
        tell: Tell = _silent,
        should_stop: Stop | None = None,
    ) -> Snapshot:
        """Evaluate every segment (or `only` some) at `as_of`; save an immutable snapshot.

        Segments are evaluated in batches of at most `batch` (default: 600). When `should_stop`
        says so, or the process dies, finished batches are kept, and `resume` goes on from them:
        with the moment, engine and segments of the newest interrupted build.

        Raises:
            DefinitionError: a definition is wrong; nothing was evaluated.
            GuardError: an enforced size guard was broken; nothing was saved.
            NotFoundError: there is nothing to resume.
            StoppedError: `should_stop` said so.
            UnsupportedByEngineError: the engine can't evaluate what a segment says.
        """
        from fewer.project.building import asked, build

        if self.is_in_place:
            self.refresh()  # the tables may have changed since they were looked at
        ask = asked(
            self,
            None if as_of is None else self.as_of(as_of),
            engine=engine,
            only=tuple(only),
            batch=batch,
            resume=resume,
            tell=tell,
            should_stop=should_stop,
        )
        record, explanation = build(self, ask)
        return self._view(record, explanation=explanation)

    def explain(
        self, *, as_of: AsOf = None, engine: str | None = None, only: Collection[str] = ()
    ) -> Explanation:
        """What a build would do: its questions, who asks them, what is read. Nothing is read.

        Raises `DefinitionError` as a build does.
        """
        from fewer.project.building import capabilities_of, planned
        from fewer.project.checking import refuse_errors
        from fewer.project.explaining import Explanation

        moment, name = self.as_of(as_of), engine or self.engine_name
        refuse_errors(self, moment)
        return Explanation(planned(self, moment, only), name, capabilities_of(name))

    @property
    def interrupted(self) -> Head | None:
        """The newest build that was stopped or died with some of its work kept, for a resume."""
        from fewer.project.building import worth_resuming

        return worth_resuming(self)

    def runs(self, limit: int = 20) -> list[Run]:
        """Builds that ran or run, newest first: how they ended and what they did."""
        from fewer.project.building import runs

        return runs(self, limit)

    def builds(self) -> list[BuildInfo]:
        """All snapshots, newest first."""
        from fewer.data.store.snapshots import builds

        return builds(self.store)

    def newest_record(self) -> Record | None:
        """The newest snapshot as stored; None before the first build."""
        from fewer.data.store.snapshots import build

        return build(self.store) if self.builds() else None

    def snapshot(self, build_id: str | None = None) -> Snapshot:
        """A snapshot by id; the newest one without.

        Raises `NotFoundError` when there is none of that id, or none at all yet.
        """
        from fewer.data.store.snapshots import build

        known = [info.id for info in self.builds()]
        if not known:
            raise NotFoundError("refresh", build_id or "newest", hint="Run `fewer build` first.")
        if build_id is not None and build_id not in known:
            raise NotFoundError("refresh", build_id, known)
        return self._view(build(self.store, build_id))

    def _view(self, record: Record, **more: Any) -> Snapshot:
        from fewer.project.snapshot import Snapshot

        return Snapshot(record, keys=self.keys, zone=self.zone, data=self.settings.data, **more)

    # 4 · tailor, send, measure, tell

    def tailor(self, *, segments: Collection[str] = (), build_id: str | None = None) -> Any:
        """Messages for every member of every segment (or some) of a snapshot, by format."""
        from fewer.project.creatives import sheets
        from fewer.project.engines import need_store

        need_store(self, "Tailoring")
        return sheets(self, self.snapshot(build_id), segments=segments)

    @property
    def best_keys(self) -> str:
        """What exports identify people by: contacts where a source maps any."""
        mapped = any(s.people and s.people.contacts for s in self.settings.sources)
        return "contacts" if mapped else "person"

    def export(
        self,
        segment: str,
        path: Path,
        *,
        keys: str | None = None,
        platform: str = "plain",
        allow_small: bool = False,
        build_id: str | None = None,
    ) -> Export:
        """Write the audience of a segment to a file, consent checked, identifiers hashed.

        Raises:
            GuardError: too few people may be sent; `allow_small` writes them all the same.
        """
        from fewer.project.exporting import export_segment

        return export_segment(
            self,
            segment,
            path,
            keys=keys or self.best_keys,
            platform=platform,
            allow_small=allow_small,
            build_id=build_id,
        )

    def measure(
        self,
        *,
        goals: Collection[str] = (),
        gap: str | None = None,
        build_id: str | None = None,
        sequential: bool = False,
    ) -> Measured:
        """Outcomes of a snapshot's segments strictly after its moment.

        With `sequential`, randomised comparisons may be read every day.

        Raises:
            GuardError: there is no goal, or no data after the moment yet.
        """
        from fewer.project.engines import need_store
        from fewer.project.measuring import measure_and_remember, span

        need_store(self, "Measuring")
        return measure_and_remember(
            self, build_id, goals=tuple(goals), gap=span(gap), sequential=sequential
        )

    def claims(
        self, ids: Collection[str] = (), *, goal: str | None = None, tell: Tell = _silent
    ) -> ClaimTable:
        """Headline claims and the project's own, checked on its data; see `project.claims`."""
        from fewer.project.claims import claims

        return self._kept("claims", claims(self, ids, goal=goal, tell=tell), unless=bool(ids))

    def draft_claims(self, *, goal: str | None = None, tell: Tell = _silent) -> Drafted:
        """Write the headline claims to claims.yaml; see `project.claims_file`."""
        from fewer.project.claims_file import draft

        return draft(self, goal=goal, tell=tell)

    def lookback(self, segment: str, *, tell: Tell = _silent, **asked: Any) -> Lookback:
        """Lookback windows of a segment side by side; for `asked` see `project.lookback.Ask`."""
        from fewer.project.lookback import Ask, look_back

        return self._kept("lookback", look_back(self, segment, Ask(**asked), tell=tell), segment)

    def recommend(self, segments: Collection[str] = (), **options: Any) -> Recommended:
        """What to do next with each segment, and why; see `project.recommending`."""
        from fewer.project.recommending import recommendations

        found = recommendations(self, segments, **{"tell": _silent, **options})
        return self._kept("recommendations", found, unless=bool(segments))

    def discover(self, *, tell: Callable[[str], None] = lambda _: None, **asked: Any) -> Discovery:
        """Segments found for a goal; for `asked` see `project.discovering.asked`."""
        from fewer.project.discovering import asked as ask
        from fewer.project.discovering import discover

        return self._kept("discovery", discover(self, ask(self, **asked), tell))

    def clusters(self, **asked: Any) -> Clusters:
        """Groups of people who behave alike, to explore."""
        from fewer.project.discovering import asked as ask
        from fewer.project.exploring import clusters

        return clusters(self, ask(self, **asked))

    def look_alikes(self, segment: str, **asked: Any) -> Alike:
        """How many people outside a segment resemble its people, and how far."""
        from fewer.project.discovering import asked as ask
        from fewer.project.exploring import look_alikes

        return look_alikes(self, segment, ask(self, **asked))

    def suggest(self, *, within: str | None = None, at: AsOf = None, **asked: Any) -> Suggestions:
        """Ready segments from what the data holds; see `project.suggesting.suggest`."""
        from fewer.project.suggesting import suggest_at

        return self._kept("suggestions", suggest_at(self, within, at, **asked))

    def adopt(
        self, proposed: Sequence[Any], wanted: str, file: str, *, dry_run: bool = False
    ) -> Adopted:
        """Add one of some proposed segments to ``segments/FILE``; its comments stay."""
        from fewer.project.adopting import adopt, note_of, pick

        chosen = pick(proposed, wanted)
        return adopt(self, chosen.segment, file, note=note_of(chosen), dry_run=dry_run)

    def _kept(self, kind: Kind, found: _Answer, name: str = "", *, unless: bool = False) -> _Answer:
        """An answer, kept for the report, `unless` it is only a part of one."""
        from fewer.project.kept import keep

        if not unless:
            keep(self, kind, found.to_json(), name)
        return found

    def story(self, snapshot: Snapshot, *, audit: Audit) -> dict[str, Any]:
        """Everything a report shows of a snapshot, as plain data."""
        from fewer.project import creatives, planted, story
        from fewer.project.engines import need_store

        need_store(self, "The report")
        measured, _ = story.measured_or_why(self, snapshot)
        return story.story(
            self,
            snapshot,
            audit=audit,
            measured=measured,
            creatives=creatives.cards(creatives.sheets(self, snapshot), snapshot),
            recovered=planted.planted(self, snapshot) if measured else (),
        )

    def why(self, segment: str, person: str, *, build_id: str | None = None) -> Reasons:
        """Why a person is or isn't in a segment, condition by condition."""
        from fewer.project.reasons import reasons

        return reasons(self, segment, person, build_id=build_id)

    def standings(self, person: str, *, build_id: str | None = None) -> list[Standing]:
        """Which segments of a snapshot a person is in, and what kept them out of the others."""
        from fewer.project.reasons import standings

        return standings(self, person, build_id=build_id)

    def sql(self, segment: str, *, as_of: AsOf = None, dialect: str = "duckdb") -> str:
        """One standalone query for the people of a segment, over the canonical relations."""
        from fewer.project.reasons import sql

        return sql(self, segment, as_of=as_of, dialect=dialect)
