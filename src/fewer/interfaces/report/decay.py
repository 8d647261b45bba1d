"""The page of lookback windows: how the rate falls with age, and the table beside it."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from fewer.pictures.svg import COLOURS
from fewer.project.pictures import windows

INK, QUIET, LINE = (COLOURS[name][0] for name in ("ink", "quiet", "line"))


def picture(found: dict[str, Any]) -> str:
    """Rates by age of the action with their intervals, the fitted curve, the window to take.

    Takes what `fewer lookback --json` prints. Empty when there is nothing with an age.
    """
    made = windows(found, simulated=found["data"] == "simulated")
    return made.svg if made else ""


def table(found: dict[str, Any]) -> str:
    """The same as a table, for those who can't see the picture."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in (
        "window", "adds", "people looked at", "rate of those it adds", "all together",
        "people now"))  # fmt: skip
    rows = "".join(
        f'<tr><th scope="row">{escape(w["window"])}</th><td>{escape(w["label"])}</td>'
        f"<td>{w['people_and_index_times']:,}</td><td>{escape(w['rate']['words'])}</td>"
        f"<td>{escape(w['total']['rate']['words'])}</td><td>{w['size']['people']:,}</td></tr>"
        for w in found["windows"]
    )
    caption = f"{found['title']}: lookback windows (association)"
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def page(found: dict[str, Any]) -> str:
    """A self-contained page: picture, table, and the window to take with its reason."""
    advice = found["recommended"]
    window = advice["window"] or "no window"
    mark = "<p><strong>SIMULATED DATA</strong></p>" if found["data"] == "simulated" else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(found['title'])}: lookback windows</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(found['title'])}</h1>{mark}"
        f"<p>{escape(found['words'])}. Outcome: {escape(found['goal_title'])}.</p>"
        f"<p><strong>Take {escape(window)}</strong>: {escape(advice['because'])}.</p>"
        f"<figure>{picture(found)}</figure>{table(found)}</main></body></html>\n"
    )


_STYLE: Final = (
    f"body{{font:16px/1.5 system-ui,sans-serif;color:{INK};margin:2rem}}"
    "main{max-width:60rem;margin:auto}svg{max-width:100%;height:auto}figure{margin:1rem 0}"
    f"table{{border-collapse:collapse;width:100%}}caption{{text-align:left;color:{QUIET}}}"
    f"th,td{{text-align:left;padding:.3rem .6rem;border-bottom:1px solid {LINE}}}"
)
