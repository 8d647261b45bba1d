"""The ``fewer`` command: sub-commands in the order of the journey.

Each sub-command is a file of its own, imported when it is called; this one imports nothing
heavy, so that ``fewer --help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, Final

import click

from fewer.errors import DefinitionError, FewerError, GuardError, StoppedError
from fewer.interfaces.cli.shell import Shell, common, to_json

EXIT_FAILED: Final = 1
EXIT_GUARD: Final = 5
EXIT_INTERRUPTED: Final = 130

_PLACE: Final = "fewer.interfaces.cli"
COMMANDS: Final[dict[str, str]] = {
    "init": "init:init",
    "ingest": "ingest:ingest",
    "quarantine": "quarantine:quarantine",
    "identities": "identities:identities",
    "audit": "audit:audit",
    "suggest": "suggest:suggest",
    "discover": "discover:discover",
    "validate": "validate:validate",
    "preview": "preview:preview",
    "build": "build:build",
    "runs": "runs:runs",
    "segments": "segments:segments",
    "tailor": "tailor:tailor",
    "experiment": "experiment:experiment",
    "export": "export:export",
    "sync": "sync:sync",
    "sandbox": "sandbox:sandbox",
    "measure": "measure:measure",
    "claims": "claims:claims",
    "recommend": "recommend:recommend",
    "lookback": "lookback:lookback",
    "run": "run:run",
    "report": "report:report",
    "demo": "demo:demo",
    "doctor": "doctor:doctor",
    "schema": "schema:schema",
    "version": "version:version",
}
"""Sub-command -> ``module:attribute`` below this package, in the order of the journey."""


class LazyGroup(click.Group):
    """A group whose sub-commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the journey, not of the alphabet."""
        return [*COMMANDS, *sorted(super().list_commands(ctx))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The sub-command, imported now."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"{_PLACE}.{module}"), attribute)
        return command


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@common
def cli(_: Shell) -> None:
    """Reach fewer people, the right ones: small action-based segments from raw behaviour."""


def main() -> None:
    """Run the command; errors raised on purpose become a message and an exit status."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command with `arguments`; return the exit status."""
    shell = Shell()
    try:
        result: Any = cli.main(args=arguments, prog_name="fewer", standalone_mode=False, obj=shell)
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except FewerError as error:
        _show(error, shell)
        if isinstance(error, StoppedError):
            return EXIT_INTERRUPTED
        return EXIT_GUARD if isinstance(error, GuardError) else EXIT_FAILED
    except BrokenPipeError:  # `fewer segments members x | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return result if isinstance(result, int) else 0


def _show(error: FewerError, shell: Shell) -> None:
    if shell.as_json:
        click.echo(to_json({**shell.marks, "error": describe(error)}))
    elif isinstance(error, DefinitionError):
        click.echo(str(error), err=True)
        count = len(error.problems)
        if count > 1:
            click.echo(f"{count} problems.", err=True)
    else:
        click.echo(f"error[{error.code}]: {error}", err=True)


def describe(error: FewerError) -> dict[str, Any]:
    """An error as plain data: code, message, and the places it names."""
    found: dict[str, Any] = {"code": error.code, "message": str(error)}
    if isinstance(error, DefinitionError):
        found["problems"] = [
            {
                "code": p.code,
                "message": p.message,
                "file": p.file,
                "line": p.line,
                "column": p.column,
                "text": p.text,
                "hint": p.hint,
            }
            for p in error.problems
        ]
    return found
