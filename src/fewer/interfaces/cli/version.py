"""``fewer version``: which version this is, of what."""

from __future__ import annotations

import click

from fewer.interfaces.cli.shell import Shell, common


@click.command()
@common
def version(shell: Shell) -> None:
    """Print the version, and those of Python and the parts that answers depend on."""
    import platform
    from importlib.metadata import version as of

    parts = ("duckdb", "deltalake", "pyarrow", "sqlglot", "pydantic", "numpy", "scipy")
    found = {
        "fewer": of("fewer"),
        "python": platform.python_version(),
        **{part: of(part) for part in parts},
    }
    shell.show(found, lambda out: out.print("\n".join(f"{k} {v}" for k, v in found.items())))
