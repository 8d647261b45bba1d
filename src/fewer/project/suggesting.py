"""Ready segments right after ingestion, without any goal: a dozen that the data itself offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from fewer.errors import GuardError
from fewer.journey.discover.facts import Survey
from fewer.journey.discover.finding import Shared, Size
from fewer.journey.discover.look import Look
from fewer.journey.discover.naming import slug, unused
from fewer.journey.discover.ready import ALIKE, Choice, Idea, choose, ideas, joined
from fewer.journey.discover.sayable import Refused, sayable
from fewer.journey.discover.titles import title
from fewer.language.data import to_data
from fewer.language.words import describe
from fewer.model.segment import MAX_SIZE, MIN_SIZE, Segment, SizeGuard, Variants
from fewer.model.window import WEEK, Duration, from_utc_micros
from fewer.pictures.display import Displayed
from fewer.project.discovering import WINDOWS, spans
from fewer.project.engines import need_store
from fewer.project.sizing import data_end, left_out, look_at, members_now, overlaps, sizes_by_week

if TYPE_CHECKING:
    from pyroaring import BitMap

    from fewer.project.project import AsOf, Project

_SLOWER: Final = (
    (Duration(30, "d"), Duration(60, "d"), Duration(90, "d")),
    (Duration(90, "d"), Duration(180, "d"), Duration(365, "d")),
)
_BUSY: Final = 4  # times the smallest size: people who must act within the shortest window
_ENOUGH: Final = 6
_MOST_IDEAS: Final = 900
_MOST_STEADIED: Final = 90


@dataclass(frozen=True, slots=True)
class Suggested:
    """A ready segment, with its size now and over the last weeks."""

    segment: Segment
    size: int
    sizes: tuple[Size, ...]
    overlap: tuple[Shared, ...]

    @property
    def words(self) -> str:
        """The rule in words."""
        return describe(self.segment.where)

    def to_json(self) -> dict[str, Any]:
        """Plain data, of stable shape."""
        return {
            "id": self.segment.id,
            "type": self.segment.type,
            "name": self.segment.title,
            "words": self.words,
            "segment": to_data(self.segment),
            "size": self.size,
            "sizes": [size.to_json() for size in self.sizes],
            "overlap": [shared.to_json() for shared in self.overlap],
        }


@dataclass(frozen=True, slots=True)
class Suggestions(Displayed):
    """What the data offers at its end."""

    as_of_us: int
    people: int
    least: int
    most: int
    windows: tuple[Duration, ...]
    tried: int
    segments: tuple[Suggested, ...]
    data: str = "real"
    refused: tuple[Refused, ...] = ()
    alike: float = 0.0  # the most that two have in common: people in both over people in either
    most_alike: float = ALIKE

    @property
    def hint(self) -> str:
        """What would bring more segments; empty where there are plenty."""
        if len(self.segments) >= _ENOUGH:
            return ""
        few = f"Only {len(self.segments)} fit" if self.segments else "No rule fits"
        if self.people < _BUSY * self.least:
            least = max(self.people // 20, 1)
            return (
                f"{few}: {self.people:,} people are few for segments of {self.least:,} or more."
                f" `--min {least} --max {max(self.people // 3, least)}` shows smaller ones, which"
                " are fine for e-mail; ad platforms mostly ask for 100 people or more."
            )
        return (
            f"{few}. Other sizes (--min, --max) or windows (--within) may show more; so do"
            " properties that say what an event was about, such as a category or a topic"
            " (docs/mapping.md)."
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data, of stable shape."""
        return {
            "data": self.data,
            "as_of": from_utc_micros(self.as_of_us).isoformat(),
            "people": self.people,
            "size": {"min": self.least, "max": self.most},
            "windows": [str(window) for window in self.windows],
            "tried": self.tried,
            "segments": [each.to_json() for each in self.segments],
            "in_common": {
                "measure": "people in both, over people in either, of the two most alike",
                "most": self.alike,
                "limit": self.most_alike,
            },
            "refused_properties": [one.to_json() for one in self.refused],
            "hint": self.hint,
        }


def suggest(
    project: Project,
    *,
    least: int = MIN_SIZE,
    most: int = MAX_SIZE,
    wanted: int = 12,
    windows: tuple[Duration, ...] | None = None,
    at_us: int | None = None,
) -> Suggestions:
    """A dozen segments of five types within the size band, with little in common.

    Raises `GuardError` when there is no data.
    """
    need_store(project, "Suggesting")
    if least < 1 or least > most:
        raise GuardError(f"The size band {least:,} to {most:,} holds no segment.")
    end = data_end(project) if at_us is None else at_us
    _, known = members_now(project, [], end)
    with project.engine(end) as engine:
        look = look_at(project, engine, end)
        used = windows or _windows(look, least)
        survey = Survey(engine, look.catalog, end - used[-1].micros, end, least)
        said = sayable(survey, survey.take())
        excluded = left_out(project, look)
        made = ideas(said.facts, used, said.ranks)[: _MOST_IDEAS * 2]
        made, members, everyone = _evaluated(look, made, excluded)
        pairs = _some(joined(made, members, everyone, (least, most)), 400)
        if pairs:
            more = [_both(idea, made, members) for idea in pairs]
            made, members = [*made, *pairs], [*members, *more]
        rule = Choice(wanted=wanted, band=(least, most))
        steady = _steadiness(look, made, members, rule, excluded)
        chosen = choose(made, members, steady, rule, list(known.values()))
        alike = _most_alike([members[at] for at in chosen])
    segments = _segments(project, [made[at] for at in chosen], least, most)
    return Suggestions(
        end,
        len(everyone),
        least,
        most,
        tuple(used),
        len(made),
        _told(project, segments, end),
        project.settings.data,
        said.refused,
        alike,
    )


def suggest_at(project: Project, within: str | None, at: AsOf, **asked: Any) -> Suggestions:
    """As `suggest`, with windows and a moment as text."""
    windows = None if within is None else spans(within, WINDOWS)
    moment = None if at is None else project.as_of(at)
    return suggest(project, windows=windows, at_us=moment, **asked)


def _windows(look: Look, least: int) -> tuple[Duration, ...]:
    """Windows in which people of this business come back: days, months or seasons."""
    for windows in (WINDOWS, _SLOWER[0]):
        if _people(look, look.as_of_us - windows[0].micros) >= _BUSY * least:
            return windows
    return _SLOWER[1] if _people(look, look.as_of_us - _SLOWER[1][0].micros) else _SLOWER[0]


def _people(look: Look, start_us: int) -> int:
    survey = Survey(look.engine, look.catalog, start_us, look.as_of_us, 1)
    return survey.count()


def _evaluated(
    look: Look, made: list[Idea], excluded: BitMap
) -> tuple[list[Idea], list[BitMap], BitMap]:
    distinct = list({idea.condition: None for idea in made})
    bitmaps, everyone = look.conditions(distinct)
    known = {c: bitmap - excluded for c, bitmap in zip(distinct, bitmaps, strict=True)}
    return made, [known[idea.condition] for idea in made], everyone - excluded


def _both(idea: Idea, made: list[Idea], members: list[BitMap]) -> BitMap:
    from fewer.model.condition import AllOf

    assert isinstance(idea.condition, AllOf)  # noqa: S101  made by `joined`
    known = {one.condition: bitmap for one, bitmap in zip(made, members, strict=True)}
    one, other = idea.condition.all
    return known[one] & known[other]


def _some(found: list[Idea], most: int) -> list[Idea]:
    """At most so many, evenly from the whole list."""
    if len(found) <= most:
        return found
    return [found[at] for at in np.linspace(0, len(found) - 1, most).astype(int)]


def _steadiness(
    look: Look, made: list[Idea], members: list[BitMap], rule: Choice, excluded: BitMap
) -> dict[int, float]:
    """How little the sizes of the likeliest moved in two and four weeks, 0..1."""
    from dataclasses import replace

    likely = choose(made, members, {}, replace(rule, wanted=_MOST_STEADIED, alike=0.8))
    conditions = [made[at].condition for at in likely]
    found = dict.fromkeys(likely, 1.0)
    for weeks in (2, 4):
        before = replace(look, as_of_us=look.as_of_us - weeks * WEEK)
        earlier, _ = before.conditions(conditions)
        for at, bitmap in zip(likely, earlier, strict=True):
            now, then = len(members[at]), len(bitmap - excluded)
            found[at] = min(found[at], min(now, then) / max(now, then, 1))
    return found


def _most_alike(members: list[BitMap]) -> float:
    pairs = [one.jaccard_index(two) for at, one in enumerate(members) for two in members[:at]]
    return max(pairs, default=0.0)


def _segments(project: Project, chosen: list[Idea], least: int, most: int) -> list[Segment]:
    taken = set(project.definitions.segment_ids)
    found = []
    for idea in chosen:
        name = unused(slug(idea.condition), taken)
        taken.add(name)
        found.append(
            Segment(
                id=name,
                name=title(idea.condition),
                type=idea.type,
                where=idea.condition,
                size=SizeGuard(min=least, max=most),
                variants=Variants(lookback=idea.variants) if idea.variants else None,
                tags=("suggested",),
            )
        )
    return found


def _told(project: Project, segments: list[Segment], end_us: int) -> tuple[Suggested, ...]:
    if not segments:
        return ()
    bare = [s.model_copy(update={"variants": None}) for s in segments]
    history = sizes_by_week(project, bare, end_us)
    now, own = members_now(project, bare, end_us)
    return tuple(
        Suggested(s, len(now[s.id]), history[s.id], overlaps(now[s.id], own)) for s in segments
    )
