"""``fewer audit``: which engagement points there are, and how far to trust them."""

from __future__ import annotations

import json
from pathlib import Path

import click

from fewer.interfaces.cli.shell import Shell, common

_RANK = {"info": 0, "warning": 1, "error": 2}


@click.command()
@click.option("--as-of", metavar="WHEN", help="As for `fewer build`. Default: end of the data.")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write a page to look at.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning"]),
    help="Exit with status 1 when there is a finding this grave.",
)
@common
def audit(shell: Shell, as_of: str | None, html: Path | None, fail_on: str | None) -> int:
    """Inventory of the data, and numbered findings with evidence and a fix."""
    from fewer.interfaces.cli import audit_view
    from fewer.project import clock

    project = shell.project()
    if as_of is None:
        as_of = clock.NOW if project.newest_event_us is None else clock.END
    with shell.err.status("auditing"):
        found = project.audit(as_of)
    if html is not None:
        from fewer.destinations.file import write_atomically
        from fewer.interfaces.report.audit import page

        write_atomically(html, lambda file: file.write(page(found).encode()))
        shell.err.print(f"Wrote {html}")
    shell.show(
        {"data": project.settings.data, **json.loads(found.to_json())},
        lambda out: out.print(audit_view.render(found)),
    )
    worst = found.worst
    return int(fail_on is not None and worst is not None and _RANK[worst] >= _RANK[fail_on])
