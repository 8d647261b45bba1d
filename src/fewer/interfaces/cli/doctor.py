"""``fewer doctor``: is everything there that the project needs."""

from __future__ import annotations

from contextlib import suppress

import click
from rich.console import Console
from rich.text import Text

from fewer.errors import FewerError
from fewer.interfaces.cli.shell import Shell, common


@click.command()
@common
def doctor(shell: Shell) -> int:
    """Check Python, parts, the project's files, its store and its key; say how to mend each."""
    from fewer.project.health import examine

    findings = examine(shell.folder)
    with suppress(FewerError):  # a finding says so
        shell.project()

    def view(out: Console) -> None:
        for finding in findings:
            out.print(
                Text("ok   " if finding.ok else "FAIL ", style="green" if finding.ok else "red"),
                Text(f"{finding.what}: {finding.words}"),
                sep="",
            )
            if finding.fix:
                out.print(Text(f"     {finding.fix}", style="yellow"))

    payload = {
        "ok": all(f.ok for f in findings),
        "checks": [{"what": f.what, "ok": f.ok, "words": f.words, "fix": f.fix} for f in findings],
    }
    shell.show(payload, view)
    return 0 if payload["ok"] else 1
