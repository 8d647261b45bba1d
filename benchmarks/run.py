"""Measure fewer beside other ways of doing the same work, in one run on one machine.

    make bench                                     half a million events, a few minutes
    python benchmarks/run.py --events 50M          what docs/benchmarks.md shows
    python benchmarks/run.py --only a,b --mix micro --seed 7

Seconds depend on the machine, ratios much less: each figure stands beside what something else
needs for the same work in the same minutes, and every result is compared. Exit 1 when results
differ or a budget is not met.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
sys.path.insert(0, str(HERE))

from fewer_bench.figures import Section, markdown, verdicts  # noqa: E402  found by the line above
from fewer_bench.machine import machine  # noqa: E402
from fewer_bench.mix import MIXES  # noqa: E402
from fewer_bench.options import Options  # noqa: E402

SECTIONS: Final = {
    "a": "membership",
    "b": "previews",
    "c": "ingestion",
    "d": "refresh",
    "e": "growth",
    "f": "engines",
    "g": "memory",
    "h": "discovery",
}
"""Letter -> module of `fewer_bench` with a function `measure`."""

PLACE: Final = "<!-- figures: written by benchmarks/run.py -->"
"""Line of a page after which the tables come."""

_SAME: Final = ("events", "people", "segments", "mix", "seed", "engine")
"""What two runs must have in common to be told on one page."""

_UNITS: Final = {"k": 1_000, "m": 1_000_000, "g": 1_000_000_000}


def amount(text: str) -> int:
    """A number such as 50M, 875k or 501."""
    unit = _UNITS.get(text[-1:].lower())
    return round(float(text[:-1]) * unit) if unit else int(text)


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=amount, default=500_000)
    parser.add_argument("--people", type=amount, help="default: one for every 57 events")
    parser.add_argument("--segments", type=amount, default=501)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mix", choices=sorted(MIXES), default="standard")
    parser.add_argument("--only", default=",".join(SECTIONS), help="letters, such as a,b")
    parser.add_argument("--sizes", help="events of the figures over size, such as 1M,10M,50M")
    parser.add_argument("--every", type=int, default=5, help="ask a peer every n-th segment")
    parser.add_argument("--full", action="store_true", help="ask peers every segment")
    parser.add_argument("--peers", default="plain,own,posthog,polars,shared")
    parser.add_argument("--edits", type=int, default=1_000)
    parser.add_argument("--engine", default="embedded", help="the engine that is measured")
    parser.add_argument("--engines", default="clickhouse,spark", help="further engines, for f")
    parser.add_argument("--elsewhere", type=amount, default=10_000_000, help="most events in f")
    parser.add_argument("--few", type=amount, default=40, help="most segments in f")
    parser.add_argument("--picture", type=Path, help="draw the growth of e into this SVG")
    parser.add_argument("--work", type=Path, help="where data are kept for the next run")
    parser.add_argument("--json", type=Path, help="write, or add to, what was measured")
    parser.add_argument("--markdown", type=Path, help="write the tables into this page")
    return parser.parse_args(given)


def options(asked: argparse.Namespace, work: Path) -> Options:
    """The same as values."""
    sizes = asked.sizes or ""
    events = asked.events
    return Options(
        events=events,
        people=asked.people or max(events * 7 // 400, 10),
        segments=asked.segments,
        seed=asked.seed,
        mix=asked.mix,
        work=work,
        full=asked.full,
        every=asked.every,
        edits=asked.edits,
        peers=tuple(asked.peers.split(",")),
        sizes=tuple(map(amount, sizes.split(",")))
        if sizes
        else (events // 10, events // 2, events),
        subject=asked.engine,
        most_elsewhere=asked.elsewhere,
        segments_elsewhere=asked.few,
        picture=asked.picture,
        engines=tuple(filter(None, asked.engines.split(","))),
    )


def measured(chosen: Options, letters: list[str]) -> list[Section]:
    """The sections asked for, in order."""
    found = []
    for letter in letters:
        measure: Callable[[Options], Section] = import_module(
            f"fewer_bench.{SECTIONS[letter]}"
        ).measure
        print(f"({letter})", flush=True)
        try:
            found.append(measure(chosen))
        except Exception as error:  # noqa: BLE001  the others are measured all the same
            print(f" failed: {error}", flush=True)
            why = f"not measured: {type(error).__name__}: {str(error)[-600:]}"
            found.append(Section(letter, f"({letter}) {SECTIONS[letter]}", wrong=[why]))
    return found


def page(run: dict[str, Any], sections: list[Section]) -> str:
    """The run as Markdown."""
    where = run["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in where["versions"].items())
    size = f"{where['cores']} cores, {where['memory_gb']} GB"
    asked = f"{run['events']:,} events, {run['people']:,} people, {run['segments']} segments"
    lines = [
        f"{run['when']}: {where['cpu']}, {size}; {versions}.",
        f"{asked}, mix `{run['mix']}`, seed {run['seed']}.",
        "",
    ]
    budgets = [budget for section in sections for budget in section.budgets]
    if budgets:
        lines += ["## Budgets", "", *verdicts(budgets), ""]
    for section in sections:
        lines += markdown(section)
    return "\n".join(lines)


def earlier(path: Path | None, run: dict[str, Any], letters: list[str]) -> list[Section]:
    """Sections of the file that were not measured again; none when it is of other data."""
    if path is None or not path.exists():
        return []
    kept = json.loads(path.read_text(encoding="utf-8"))
    if any(kept[name] != run[name] for name in _SAME):
        return []
    return [Section.of(plain) for plain in kept["sections"] if plain["key"] not in letters]


def write_page(path: Path, told: str) -> None:
    """Write the tables; of a page that has a place for them, only what follows it."""
    head = path.read_text(encoding="utf-8") if path.exists() else ""
    before, mark, _ = head.partition(PLACE)
    path.write_text(f"{before}{mark}\n\n{told}" if mark else told, encoding="utf-8")


def main(given: list[str] | None = None) -> int:
    """Measure, tell, judge."""
    asked = arguments(given)
    letters = [letter for letter in asked.only.split(",") if letter]
    if unknown := set(letters) - set(SECTIONS):
        sys.exit(
            f"--only: no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}"
        )
    with tempfile.TemporaryDirectory(prefix="fewer-bench-") as folder:
        work = asked.work or Path(folder)
        chosen = options(asked, work.resolve())
        run: dict[str, Any] = {
            "when": datetime.now(UTC).strftime("%Y-%m-%d"),
            "machine": machine(),
            "events": chosen.events,
            "people": chosen.people,
            "segments": chosen.segments,
            "mix": chosen.mix,
            "seed": chosen.seed,
            "engine": chosen.subject,
        }
        sections = measured(chosen, letters)
    whole = sorted([*earlier(asked.json, run, letters), *sections], key=lambda s: s.key)
    print("\n" + page(run, sections))
    if asked.markdown:
        write_page(asked.markdown, page(run, whole))
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        plain = {**run, "sections": [section.plain() for section in whole]}
        asked.json.write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n")
    wrong = any(section.wrong for section in sections)
    return int(wrong or any(not b.met for section in sections for b in section.budgets))


if __name__ == "__main__":
    sys.exit(main())
