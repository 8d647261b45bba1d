"""``fewer lookback``: 7, 14 or 30 days? What each window adds, how it decays, which to take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fewer.interfaces.cli.shell import Shell, common


class _Percent(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A share such as ``20%`` or ``20``, above 0 and at most 100."""

    name = "percent"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        try:
            share = float(str(value).strip().removesuffix("%")) / 100
        except ValueError:
            self.fail(f"{value!r} is no percentage, such as 20%.", param, ctx)
        if not 0 < share <= 1:
            self.fail(f"{value!r} is not above 0 and at most 100 %.", param, ctx)
        return share


@click.command()
@click.argument("segment")
@click.option("--windows", metavar="LIST", help="Such as 7d,14d,30d. Default: its variants.")
@click.option("--goal", metavar="ID", help="What counts as success. Default: the first goal.")
@click.option("--gap", metavar="SPAN", help="Pause before outcomes count, such as 1d.")
@click.option(
    "--times",
    type=click.IntRange(1, 200),
    default=12,
    show_default=True,
    help="Weekly moments to look from.",
)
@click.option(
    "--cost",
    type=click.FloatRange(min=0),
    metavar="MONEY",
    help="Of reaching one person. Default: from ad reports.",
)
@click.option(
    "--value",
    type=click.FloatRange(min=0),
    metavar="MONEY",
    help="Of one conversion. Default: from the goal.",
)
@click.option(
    "--caused",
    type=_Percent(),
    default=0.2,
    metavar="PERCENT",
    help="Assumed share of conversions that the message causes. Default: 20%.",
)
@click.option(
    "--frequency",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    help="Impressions a person, with a cost from ad reports.",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write a picture with its table.",
)
@common
def lookback(shell: Shell, segment: str, html: Path | None, **asked: Any) -> None:
    """Compare lookback windows of SEGMENT: bands, decay, worth against cost, and which to take."""
    from fewer.interfaces.cli import lookback_view

    project = shell.project()
    windows = asked.pop("windows")
    asked["windows"] = tuple(w.strip() for w in windows.split(",")) if windows else ()
    with shell.err.status("comparing windows") as status:
        found = project.lookback(segment, tell=lambda words, *_: status.update(words), **asked)
    if html is not None:
        from fewer.interfaces.report import decay

        html.write_text(decay.page(found.to_json()), encoding="utf-8")
        shell.err.print(f"Wrote {html}.")
    shell.show(found.to_json(), lambda out: lookback_view.show(out, found))
