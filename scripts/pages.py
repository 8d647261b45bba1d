"""Write the pages of `docs/` that follow from the code; with ``--check``, only compare.

python scripts/pages.py            write docs/cli.md and docs/engines/capabilities.md
python scripts/pages.py --check    exit 1 and show the difference when it is out of date
"""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

import capabilities
from fewer.interfaces.cli.main import cli

DOCS = Path(__file__).parents[1] / "docs"
EVERYWHERE = ("project", "json", "quiet", "no_prompts")

INTRODUCTION = """\
# The command

<!-- Written by scripts/pages.py from the help texts of the code. -->

`fewer COMMAND --help` shows the same on the terminal. Results go to standard output; progress and
warnings go to standard error.

Exit status: 0 done · 1 failed, with an [error](errors.md) · 2 wrong usage · 5 refused on purpose by
a guard · 130 interrupted.

Every command also takes, before or after its name:

"""


def commands(
    command: click.Command, context: click.Context
) -> Iterator[tuple[click.Command, click.Context]]:
    """A command and everything below it, each with the context that knows its full name."""
    yield command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                yield from commands(
                    below,
                    click.Context(below, info_name=name, parent=context, max_content_width=96),
                )


def _options(command: click.Command, context: click.Context, *, common: bool) -> Iterator[str]:
    for parameter in command.get_params(context):
        if not isinstance(parameter, click.Option) or parameter.hidden:
            continue
        if "--help" in parameter.opts:
            continue
        if (parameter.name in EVERYWHERE) is not common:
            continue
        record = parameter.get_help_record(context)
        if record:
            names, text = record
            names, text = names.replace("|", "\\|"), " ".join(text.split()).replace("|", "\\|")
            yield f"| `{names}` | {text} |"


def _table(rows: list[str]) -> str:
    return "\n".join(["| option | |", "| --- | --- |", *rows]) + "\n" if rows else ""


def cli_page() -> str:
    """The whole of docs/cli.md."""
    names = cli.context_settings["help_option_names"]
    root = click.Context(cli, info_name="fewer", max_content_width=96, help_option_names=names)
    parts = [INTRODUCTION + _table(list(_options(cli, root, common=True)))]
    for command, context in commands(cli, root):
        if command is cli:
            continue
        depth = context.command_path.count(" ") + 1
        usage = " ".join(context.get_usage().removeprefix("Usage: ").split())
        text = inspect.cleandoc(command.help or "").replace("\b\n", "")
        parts.append(f"{'#' * depth} `{context.command_path}`\n\n{text}\n")
        if not isinstance(command, click.Group):
            parts.append(f"```text\n{usage}\n```\n")
            table = _table(list(_options(command, context, common=False)))
            parts += [table] if table else []
    return "\n".join(parts)


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "engines/capabilities.md": capabilities.page,
}


def main(arguments: list[str]) -> int:
    """Write or compare every page; the exit status."""
    stale = 0
    for name, write in PAGES.items():
        path = DOCS / name
        before, after = path.read_text() if path.exists() else "", write()
        if before == after:
            continue
        stale += 1
        if "--check" in arguments:
            diff = difflib.unified_diff(
                before.splitlines(), after.splitlines(), f"docs/{name}", "the code", lineterm=""
            )
            print("\n".join(diff))
        else:
            path.write_text(after)
            print(f"wrote docs/{name}")
    if stale and "--check" in arguments:
        print("Out of date. Run: poe fix", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
