"""``fewer sandbox``: stand-ins of platforms on this machine, to try delivery without an account."""

from __future__ import annotations

import secrets
import time
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from fewer.interfaces.cli.shell import Shell, common

_VARIABLE: Final = "FEWER_SANDBOX_KEY"
_LOOK: Final = 0.1  # seconds

_ROUGH: Final = {
    "throttled": 0.1, "failed": 0.1, "dropped_before": 0.05, "dropped_after": 0.05,
    "failed_after": 0.05, "twice": 0.05, "slow": 0.1, "refused_rows": 0.02,
}  # fmt: skip


@click.command()
@click.argument("names", nargs=-1, metavar="[TYPE]...")
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N",
              help="Port of the first; the others follow. Default: free ones.")  # fmt: skip
@click.option("--rough", is_flag=True, help="Fail often: throttled, cut off, rows refused.")
@click.option("--seed", default=1, show_default=True, help="Of the failures.")
@click.option("--seconds", type=click.FloatRange(0), help="Stop by itself.")
@common
def sandbox(
    shell: Shell,
    names: tuple[str, ...],
    port: int,
    rough: bool,
    seed: int,
    seconds: float | None,
) -> None:
    """Run stand-ins of platforms on 127.0.0.1 until Ctrl-C; then say who was in what.

    Everything that they say is simulated, not verified by the platforms.
    """
    from fewer.destinations.sandbox.kinds import STAND_INS, stand_in
    from fewer.destinations.sandbox.server import Faults
    from fewer.interfaces.cli.stopping import stopping

    faults = Faults(seed=seed, **_ROUGH) if rough else Faults(seed=seed)
    key = _key()
    made = {name: stand_in(name, key, faults) for name in names or STAND_INS}
    for at, one in enumerate(made.values()):
        one.start(port + at if port else 0)
    try:
        _introduce(shell.err, made, key)
        with stopping(shell) as should_stop:
            end = time.monotonic() + (seconds if seconds is not None else float("inf"))
            while not should_stop() and time.monotonic() < end:
                time.sleep(_LOOK)
    finally:
        for one in made.values():
            one.stop()
    found = {
        name: {"requests": one.counts["requests"], "audiences": one.told()}
        for name, one in made.items()
    }
    shell.show({"data": "simulated", "platforms": found}, lambda out: _show(out, found))


def _key() -> str:
    import os

    return os.environ.get(_VARIABLE) or secrets.token_urlsafe(18)


def _introduce(err: Console, made: Any, key: str) -> None:
    from fewer.destinations.sandbox.kinds import OPTIONS, PATHS

    err.print("Simulated platforms, on this machine only. For fewer.yaml:\n\ndestinations:")
    for name, one in made.items():
        url = f"{one.url}{PATHS.get(name, '/')}"
        err.print(Text(f"  - id: {name}_sandbox"))
        err.print(Text(f"    type: {name}"))
        err.print(Text(f"    base_url: {url}"))
        err.print(Text(f"    secret: {{env: {_VARIABLE}}}"))
        if name in OPTIONS:
            options = ", ".join(f"{k}: {v}" for k, v in OPTIONS[name].items())
            err.print(Text(f"    options: {{{options}}}"))
    err.print(Text(f"\nIn another terminal: export {_VARIABLE}={key}"), soft_wrap=True)
    err.print("Ctrl-C ends it.")


def _show(out: Console, found: dict[str, Any]) -> None:
    out.print("Simulated, not verified by any platform.")
    for name, one in found.items():
        out.print(Text(f"{name}: {one['requests']:,} requests", style="bold"))
        for audience, size in one["audiences"].items():
            out.print(Text(f"  {audience}: {size:,} rows"))
