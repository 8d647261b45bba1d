"""The whole journey at the command line: steps told as they happen, then report and summary."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fewer.interfaces.cli.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fewer.project.project import Project
    from fewer.project.snapshot import Snapshot

_HEADLINES: Final = 6
_CONCLUSIONS: Final = 4
_TOLD: Final = ("supported", "contradicted", "refused")


def journey(
    shell: Shell,
    project: Project,
    *,
    as_of: str | Callable[[], str],
    exports: Path | None = None,
    answers: bool = False,
) -> dict[str, Any]:
    """Ingest, audit, build, tailor and measure; the story they make, for the report.

    With `answers`, claims are checked, and segments and next steps proposed, for the report too.
    """
    from fewer.interfaces.cli import build_view, ingest_view

    with _timed(shell, "ingest"), ingest_view.progress(shell) as bar:
        result = project.ingest(progress=bar)
    rows = result.rows
    shell.err.print(
        f"  {rows.read:,} rows read, {rows.stored:,} stored, {rows.duplicate:,} seen before,"
        f" {rows.refused:,} rejected"
    )
    moment = project.as_of(as_of if isinstance(as_of, str) else as_of())
    with _timed(shell, "audit"), shell.err.status("auditing"):
        audit = project.audit(moment)
    counts = ", ".join(f"{audit.count(s)} {s}s" for s in ("error", "warning", "info"))
    shell.err.print(f"  {len(audit.findings)} findings: {counts}")
    with _timed(shell, "build, exclude"), build_view.progress(shell) as tell:
        snapshot = project.build(as_of=moment, tell=tell)
    sized = [v for v in snapshot.segments.values() if not v.is_variant]
    fit = sum(v.verdict == "within" for v in sized)
    shell.err.print(f"  {len(sized)} segments as at {snapshot.as_of_words}, {fit} sized as wanted")
    if exports is not None:
        with _timed(shell, "export"):
            _export(shell, project, snapshot, exports)
    if answers:
        _ask(shell, project)
    with _timed(shell, "tailor, measure"), shell.err.status("measuring"):
        return project.story(snapshot, audit=audit)


def story(project: Project, build_id: str | None = None) -> dict[str, Any]:
    """The story of a refresh made earlier."""
    snapshot = project.snapshot(build_id)
    return project.story(snapshot, audit=project.audit(snapshot.as_of_us))


def _ask(shell: Shell, project: Project) -> None:
    """What the data says of the headline claims, which segments it offers, and what to do next."""
    from fewer.errors import GuardError

    steps: dict[str, Callable[[], object]] = {
        "claims": project.claims,
        "suggest": project.suggest,
        # Windows are compared by `fewer recommend`: it takes as long as all the rest.
        "recommend": partial(project.recommend, compare_windows=False),
    }
    for name, ask in steps.items():
        with _timed(shell, name), shell.err.status(name):
            try:
                ask()
            except GuardError as error:
                shell.err.print(Text(f"  {error}", style="yellow"))


def _export(shell: Shell, project: Project, snapshot: Snapshot, folder: Path) -> None:
    from fewer.errors import GuardError
    from fewer.interfaces.cli.export import sent

    excluded = set(project.settings.exclude)
    for view in snapshot.segments.values():
        if view.verdict != "within" or view.id in excluded:
            continue
        path = folder / f"{view.id.replace('@', '_')}.csv"
        try:
            made = project.export(view.id, path, keys=project.best_keys, build_id=snapshot.id)
        except GuardError as error:
            shell.err.print(Text(f"  {view.id}: {error}", style="yellow"))
        else:
            shell.err.print(f"  {path}: {sent(made)}")


@contextmanager
def _timed(shell: Shell, step: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    shell.err.print(Text(f"{step}: {time.monotonic() - began:.1f} s", style="bold"))


def write_report(stories: Sequence[dict[str, Any]], path: Path, *, title: str) -> None:
    """Write the HTML page of one or more stories; whole or not at all."""
    from datetime import UTC, datetime
    from importlib.metadata import version

    from fewer.destinations.file import write_atomically
    from fewer.interfaces.report.page import render

    made = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    html = render(stories, title=title, made=made, version=version("fewer"))
    write_atomically(path, lambda file: file.write(html.encode()))


def without_html(story: dict[str, Any]) -> dict[str, Any]:
    """A story as JSON: the audit as data."""
    import json

    return {**story, "audit": json.loads(story["audit"].to_json())}


def summary(out: Console, stories: Sequence[dict[str, Any]], path: Path) -> None:
    """What each story shows, on one screen."""
    for told in stories:
        simulated = told["data"] == "simulated"
        mark = (
            Text(" SIMULATED ", style="black on yellow")
            if simulated
            else Text(" REAL ", style="white on blue")
        )
        out.print()
        out.print(mark, Text(told["name"], style="bold"), Text(f"as at {told['as_of_words']}"))
        out.print("  " + " · ".join(f"{t['value']} {t['label']}" for t in told["totals"]))
        for heading, lines in (("can show", "can_show"), ("can't show", "cannot_show")):
            out.print(Text(f"  {heading}: {'; '.join(told[lines])}", style="dim"))
        out.print(_segments(told))
        _findings(out, told)
        _matters(out, told)
        for row in told["planted"]:
            out.print(
                f"  planted {row['truth']}, found {row['estimate']} ({row['interval']}):"
                f" recovered the planted effect: {row['words']}"
            )
            out.print(Text(f"    {row['title']}", style="dim"))
    out.print()
    out.print(Text(f"Report: {path}", style="bold"))


def _segments(told: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("  kind", "segment", "matched", "people", "size"):
        table.add_column(name, justify="right" if name in ("matched", "people") else "left")
    words = {"within": "as wanted", "too_small": "too few", "too_large": "too many"}
    for g in sorted(told["segments"], key=lambda g: g["type"]):
        if not g["variant"] and g["type"] != "custom":
            size = Text(words[g["verdict"]], style="green" if g["verdict"] == "within" else "")
            table.add_row(
                f"  {g['type']}", Text(g["id"]), f"{g['matched']:,}", f"{g['size']:,}", size
            )
    return table


def _matters(out: Console, told: dict[str, Any]) -> None:
    """Conclusions with their evidence, verdicts on claims, and what to do next."""
    out.print(Text("  what matters", style="bold"))
    for line in told["overview"][:_CONCLUSIONS]:
        evidence = f"[{line['label']}] " if line["label"] else ""
        out.print(Padding(Text(f"· {evidence}{line['text']}"), (0, 0, 0, 4)))
    if told["claims"]:
        out.print(Text("  claims, checked on this data", style="bold"))
        for one in told["claims"]["answer"]["claims"]:
            verdict = one["verdict"] if one["verdict"] in _TOLD else "not enough data yet"
            found = f", found {one['ratio']['words']}" if one["ratio"] else ""
            out.print(Padding(Text(f"· {one['title']}: {verdict}{found}"), (0, 0, 0, 4)))
    if told["recommendations"]:
        doing = [one for one in told["recommendations"]["answer"]["recommendations"]
                 if one["edits"]]  # fmt: skip
        out.print(Text("  what to do next", style="bold"))
        for one in doing[:_CONCLUSIONS]:
            words = f"· {one['verdict']} {one['segment']}: {one['headline']}"
            out.print(Padding(Text(words), (0, 0, 0, 4)))
        if not doing:
            out.print(Padding(Text("· nothing that the data bears out yet"), (0, 0, 0, 4)))


def _findings(out: Console, told: dict[str, Any]) -> None:
    findings = told["audit"].findings
    for finding in findings[:_HEADLINES]:
        style = {"error": "red", "warning": "yellow"}.get(finding.severity, "dim")
        out.print(Text(f"  {finding.code} {finding.severity}: {finding.title}", style=style))
    if len(findings) > _HEADLINES:
        out.print(Text(f"  and {len(findings) - _HEADLINES} more findings", style="dim"))
