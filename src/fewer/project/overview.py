"""What matters first, in sentences; who is in several segments; sizes at past refreshes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pyroaring import BitMap

from fewer.journey.measure.evidence import EvidenceLabel
from fewer.project import clock

if TYPE_CHECKING:
    from fewer.journey.audit.audit import Audit
    from fewer.project.measuring import Measured
    from fewer.project.project import Project
    from fewer.project.snapshot import SegmentView, Snapshot

_MOST_SEGMENTS: Final = 62  # bits of a combination's number
_MOST_COMBINATIONS: Final = 16
_MOST_REFRESHES: Final = 30
_MOST_SAID: Final = 8
_MOST_RAW: Final = 3  # associations read much alike
_FEWEST: Final = 2
_MUCH: Final = 0.5  # of a segment's people who are in another one, too


def overview(snapshot: Snapshot, audit: Audit, measured: Measured | None) -> list[dict[str, Any]]:
    """Sentences with the evidence they rest on, what matters most first."""
    found = _said(measured) if measured else []
    views = audiences(snapshot)
    fit = [v for v in views if v.verdict == "within"]
    found.append(_fact(f"{len(fit)} of {len(views)} segments have the size that is wanted of them."
                       + _misfits(views)))  # fmt: skip
    matched = sum(v.matched_size for v in views)
    removed = matched - sum(v.size for v in views)
    if removed:
        reason, people = _largest_reason(views)
        found.append(
            _fact(
                f"Exclusions took out {removed:,} of {matched:,} people matched, once for each"
                f" segment; most of them for “{reason}” ({people:,})."
            )
        )
    pair = _most_alike(snapshot)
    if pair:
        found.append(_fact(pair))
    errors = audit.count("error")
    if errors:
        worst = next(f for f in audit.findings if f.severity == "error")
        more = f", and {errors - 1} more to fix first" if errors > 1 else ""
        found.append(_fact(f"The data has to be looked at first: {worst.title}{more}."))
    return found


def _said(measured: Measured) -> list[dict[str, Any]]:
    """Conclusions, the strongest first; of many associations a few, and where the others are."""
    every = measured.conclusions
    raw = [one for one in every if one.label is EvidenceLabel.RAW_ASSOCIATION]
    later = raw[_MOST_RAW:]
    said = [one.to_json() for one in every if one not in later][:_MOST_SAID]
    if later:
        more = "more conclusions are associations" if len(later) > 1 else "more is an association"
        said.append(_fact(f"{len(later)} {more}: see Outcomes and Cost."))
    return said


def audiences(snapshot: Snapshot) -> list[SegmentView]:
    """Segments for people to be sent, without lookback variants."""
    return [v for v in snapshot.segments.values() if not (v.is_variant or v.is_exclusion)]


def _fact(text: str) -> dict[str, Any]:
    return {"text": text, "label": None}


def _misfits(views: list[SegmentView]) -> str:
    parts = []
    for verdict, words in (("too_small", "too few people"), ("too_large", "too many")):
        names = [v.title for v in views if v.verdict == verdict]
        if names:
            shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")  # noqa: PLR2004
            parts.append(f" {words.capitalize()}: {shown}.")
    return "".join(parts)


def _largest_reason(views: list[SegmentView]) -> tuple[str, int]:
    sums: dict[str, int] = {}
    for view in views:
        for step in view.funnel:
            sums[step.title] = sums.get(step.title, 0) + step.removed
    return max(sums.items(), key=lambda pair: pair[1])


def _most_alike(snapshot: Snapshot) -> str:
    """Two segments of which one lies largely inside the other."""
    views = [v for v in audiences(snapshot) if v.size]
    if len(views) < _FEWEST:
        return ""
    titles = {v.id: v.title for v in views}
    pairs = snapshot.overlap([v.id for v in views])
    one = max(pairs, key=lambda p: min(p.of_first, p.of_second))
    share = min(one.of_first, one.of_second)
    if share < _MUCH:
        return ""
    return (
        f"{titles[one.first]} and {titles[one.second]} compete for the same people: {one.both:,}"
        f" are in both, {share * 100:.0f} % of the larger of the two."
    )


def combinations(snapshot: Snapshot) -> dict[str, Any]:
    """Exact numbers of people in each combination of segments, the largest first."""
    views = sorted((v for v in audiences(snapshot) if v.size), key=lambda v: -v.size)
    views = views[:_MOST_SEGMENTS]
    if len(views) < _FEWEST:
        return {"labels": [], "sizes": [], "rows": [], "in_one": 0, "in_several": 0}
    everyone = np.asarray(BitMap.union(*(v.members for v in views)).to_array(), dtype=np.uint32)
    codes = np.zeros(len(everyone), dtype=np.uint64)
    for i, view in enumerate(views):
        at = np.searchsorted(everyone, np.asarray(view.members.to_array(), dtype=np.uint32))
        codes[at] |= np.uint64(1 << i)
    found, people = np.unique(codes, return_counts=True)
    rows = [
        (tuple(i for i in range(len(views)) if int(code) >> i & 1), int(n))
        for code, n in zip(found, people, strict=True)
    ]
    several = [(members, n) for members, n in rows if len(members) >= _FEWEST]
    several.sort(key=lambda row: (-row[1], row[0]))
    return {
        "labels": [v.title for v in views],
        "sizes": [v.size for v in views],
        "rows": [{"members": list(m), "people": n} for m, n in several[:_MOST_COMBINATIONS]],
        "combinations": len(several),
        "in_one": sum(n for members, n in rows if len(members) == 1),
        "in_several": sum(n for _, n in several),
    }


def history(project: Project, snapshot: Snapshot) -> dict[str, Any]:
    """Sizes at past refreshes up to this one, the newest refresh of each moment."""
    at: dict[int, Any] = {}
    for info in project.builds():  # the newest first
        if info.as_of_us <= snapshot.as_of_us:
            at.setdefault(info.as_of_us, info)
    chosen = [at[moment] for moment in sorted(at)][-_MOST_REFRESHES:]
    if not chosen or chosen[-1].as_of_us != snapshot.as_of_us:
        return {"days": [], "segments": {}, "edited": 0}
    edited = sum(a.definitions_fingerprint != b.definitions_fingerprint
                 for a, b in pairwise(chosen))  # fmt: skip
    rows = {}
    for view in audiences(snapshot):
        known = [(clock.day_words(i.as_of_us, project.zone), i.sizes[view.id])
                 for i in chosen[:-1] if view.id in i.sizes]  # fmt: skip
        known.append((clock.day_words(snapshot.as_of_us, project.zone), view.size))
        rows[view.id] = {"days": [d for d, _ in known], "people": [n for _, n in known]}
    return {"segments": rows, "refreshes": len(chosen), "edited": edited}
