"""``fewer validate``: are the definitions right, and do they say what they seem to say."""

from __future__ import annotations

import click
from rich.console import Console
from rich.text import Text

from fewer.interfaces.cli.shell import Shell, common

_STYLE = {"error": "bold red", "warning": "yellow", "info": "dim"}


@click.command()
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@common
def validate(shell: Shell, strict: bool) -> int:
    """Check fewer.yaml, segments, goals and creatives: every mistake, with its place."""
    project = shell.project()
    findings = project.validate()
    errors = sum(f.severity == "error" for f in findings)
    warnings = sum(f.severity == "warning" for f in findings)
    counts = project.counts()

    def view(out: Console) -> None:
        for finding in findings:
            line = Text(f"{finding.place}: " if str(finding.place) else "")
            line.append(f"{finding.severity}[{finding.code}]", style=_STYLE[finding.severity])
            line.append(f": {finding.message}")
            out.print(line)
            if finding.hint:
                out.print(Text(f"    {finding.hint}", style="dim"))
        words = ", ".join(f"{n} {kind}" for kind, n in counts.items())
        out.print(f"{words}: {errors} errors, {warnings} warnings.")

    payload = {
        "counts": counts,
        "errors": errors,
        "warnings": warnings,
        "findings": [
            {
                "severity": f.severity,
                "code": f.code,
                "message": f.message,
                "place": str(f.place),
                "hint": f.hint,
            }
            for f in findings
        ],
    }
    shell.show(payload, view)
    return 1 if errors or (strict and warnings) else 0
