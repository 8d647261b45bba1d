"""The command explains itself, and docs/cli.md says the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from fewer.interfaces.cli.main import cli

ROOT = Path(__file__).parents[2]


def _walk(command: click.Command, context: click.Context):
    yield context.command_path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            yield from _walk(below, click.Context(below, info_name=name, parent=context))


TOP = click.Context(
    cli, info_name="fewer", help_option_names=cli.context_settings["help_option_names"]
)  # click remembers the help option that it is first asked for
COMMANDS = dict(_walk(cli, TOP))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does(name):
    text = (COMMANDS[name].help or "").strip()
    assert text
    first = text.split("\n\n")[0]
    assert first.endswith((".", "?")), "a sentence"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(name):
    silent = [
        parameter.opts
        for parameter in COMMANDS[name].params
        if isinstance(parameter, click.Option) and not parameter.hidden and not parameter.help
    ]
    assert silent == []


def test_the_page_is_what_the_code_says():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/pages.py", "--check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
