"""What every command shares: where the project is, how to speak, and in which order.

Results go to standard output (tables for people, one JSON object with ``--json``); progress
and warnings go to standard error, so that output can always be piped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

    from fewer.project.project import Project

FORMAT_VERSION: Final = "1.0"  # minor: keys were added; major: keys changed or went away

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class Shell:
    """Choices made on the command line before or after the sub-command."""

    folder: Path | None = None
    as_json: bool = False
    quiet: bool = False
    prompts: bool = True
    _opened: Project | None = None

    def project(self) -> Project:
        """The project: ``--project``, else ``FEWER_PROJECT``, else the nearest parent folder."""
        if self._opened is None:
            from fewer.project.project import Project

            self._opened = Project.open(self.folder)
        return self._opened

    @property
    def out(self) -> Console:
        """Console on standard output."""
        return _console(stderr=False, quiet=False)

    @property
    def err(self) -> Console:
        """Console on standard error: progress and warnings; silent with ``--quiet``."""
        return _console(stderr=True, quiet=self.quiet)

    def show(self, payload: Mapping[str, Any], view: Callable[[Console], None]) -> None:
        """Print `payload` as JSON when asked to, else call `view` with a console."""
        if self.as_json:
            click.echo(to_json({**self.marks, **payload}))
        else:
            view(self.out)

    @property
    def marks(self) -> dict[str, str]:
        """What every JSON output of a project begins with: whether its data is simulated."""
        return {"data": self._opened.settings.data} if self._opened else {}

    def may_ask(self) -> bool:
        """Whether a question can be put to a person."""
        return self.prompts and not self.as_json and sys.stdin.isatty() and sys.stderr.isatty()


def to_json(payload: Mapping[str, Any]) -> str:
    """The envelope of every ``--json`` output: format version first, then the payload."""
    # A payload that is also a file of its own (audit, manifest) carries that file's version.
    inside = {key: value for key, value in payload.items() if key != "format_version"}
    enveloped = {"format_version": FORMAT_VERSION, **inside}
    return json.dumps(enveloped, ensure_ascii=False, indent=2, default=str)


def _console(*, stderr: bool, quiet: bool) -> Console:
    from rich.console import Console

    wide = None if (sys.stderr if stderr else sys.stdout).isatty() else 120
    # Names come from people's files: "[/b]" in one is text, not a style. Styles are `Text`.
    return Console(
        stderr=stderr, quiet=quiet, width=wide, highlight=False, markup=False, emoji=False
    )


def _remember(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def store(ctx: click.Context, _: click.Parameter, value: Any) -> None:
        shell = ctx.ensure_object(Shell)
        if value not in (None, False):
            setattr(shell, name, value)

    return store


def _no_prompts(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Shell).prompts = False


_COMMON: Final = (
    click.option(
        "--project",
        metavar="DIR",
        type=click.Path(file_okay=False, path_type=Path),
        expose_value=False,
        callback=_remember("folder"),
        help="Project folder. Default: FEWER_PROJECT, else the nearest parent with fewer.yaml.",
    ),
    click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=_remember("as_json"),
        help="Print one JSON object instead of tables.",
    ),
    click.option(
        "--quiet",
        is_flag=True,
        expose_value=False,
        callback=_remember("quiet"),
        help="No progress and no warnings on standard error.",
    ),
    click.option(
        "--no-prompts",
        is_flag=True,
        expose_value=False,
        callback=_no_prompts,
        help="Never ask; take the default.",
    ),
)


def common(command: F) -> F:
    """Add the options every command takes, and hand it the `Shell` as first argument."""

    @wraps(command)
    def with_shell(*args: Any, **kwargs: Any) -> Any:
        shell = click.get_current_context().ensure_object(Shell)
        return command(shell, *args, **kwargs)

    for option in reversed(_COMMON):
        with_shell = option(with_shell)
    return with_shell  # type: ignore[return-value]
