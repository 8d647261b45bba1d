"""Three quite different logs of events, in other words and columns, and two that hold little."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv

Dice = np.random.Generator
START: Final = np.datetime64("2025-01-06T00:00:00")
DAYS: Final = 84


@dataclass(frozen=True, slots=True)
class Log:
    """A file of events and how it is read."""

    columns: Mapping[str, Any]
    event: str
    person: str
    ts: str
    properties: tuple[str, ...] = ()
    items: Mapping[str, Any] | None = None

    def write(self, folder: Path) -> Path:
        """A project without a segment or a goal."""
        (folder / "data").mkdir(parents=True)
        pyarrow.csv.write_csv(pa.table(dict(self.columns)), folder / "data/log.csv")
        events = {
            "event": {"column": self.event}, "person": self.person, "ts": self.ts,
            "properties": {name: {"column": name, "type": "text"} for name in self.properties},
        }  # fmt: skip
        sources: list[dict[str, Any]] = [{"id": "log", "files": "data/log.csv", "events": [events]}]
        if self.items is not None:
            pyarrow.csv.write_csv(pa.table(dict(self.items)), folder / "data/items.csv")
            attributes = {
                name: {"column": name, "type": "text"} for name in self.items if name != "item_id"
            }
            source = {"item_id": {"column": "item_id", "type": "text"}, "attributes": attributes}
            sources.append({"id": "items", "files": "data/items.csv", "items": source})
        settings = {"version": 1, "name": "Log", "data": "simulated", "sources": sources}
        (folder / "fewer.yaml").write_text(json.dumps(settings))
        return folder


def _rows(dice: Dice, people: int, rows: int) -> tuple[np.ndarray[Any, Any], Any]:
    """Who, with few active and many quiet people, and when."""
    keen = dice.gamma(0.6, 1.0, people)
    who = dice.choice(people, rows, p=keen / keen.sum())
    seconds = dice.integers(0, DAYS * 86_400, rows)
    return who, pa.array(START + seconds.astype("timedelta64[s]"))


def _liked(dice: Dice, who: np.ndarray[Any, Any], names: list[str]) -> list[str]:
    """Values of which each person has two favourites."""
    first = (who * 7919) % len(names)
    second = (who * 104_729 + 3) % len(names)
    other = dice.integers(0, len(names), len(who))
    pick = dice.random(len(who))
    at = np.where(pick < 0.5, first, np.where(pick < 0.75, second, other))
    return np.array(names)[at].tolist()


def _drawn(dice: Dice, names: list[str], shares: list[float], rows: int) -> list[str]:
    return np.array(names)[dice.choice(len(names), rows, p=shares)].tolist()


def saas(people: int = 6_000, rows: int = 60_000) -> Log:
    """A product used at work: features and plans, with ids, versions and durations as text."""
    dice = np.random.default_rng(1)
    who, at = _rows(dice, people, rows)
    features = ["Dashboards", "Alerts", "Exports", "Integrations", "Team invites", "API keys"]
    plans = np.array(["free", "team", "business"])[(who % 10 > 6).astype(int) + (who % 10 > 8)]
    return Log(
        {
            "account_user": [f"u{n}" for n in who],
            "occurred": at,
            "name": _drawn(dice, ["feature_used", "report_viewed", "invite_sent", "login"],
                           [0.5, 0.2, 0.05, 0.25], rows),
            "feature": _liked(dice, who, features),
            "plan": plans.tolist(),
            "request_id": [f"{n:032x}" for n in dice.integers(0, 2**62, rows)],
            "app_version": _drawn(dice, ["4.12.0", "4.12.1", "4.13.0"], [0.2, 0.3, 0.5], rows),
            "took": _drawn(dice, ["120 ms", "80 ms", "2 s"], [0.5, 0.3, 0.2], rows),
        },
        "name", "account_user", "occurred",
        ("feature", "plan", "request_id", "app_version", "took"),
    )  # fmt: skip


def publisher(people: int = 8_000, rows: int = 60_000) -> Log:
    """A newspaper: sections and formats, with article ids, browsers and addresses."""
    dice = np.random.default_rng(2)
    who, at = _rows(dice, people, rows)
    sections = ["politics", "sport", "culture", "science", "travel", "food", "opinion"]
    agents = [
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) AppleWebKit/605.1.15 Version/18.2",
    ]
    return Log(
        {
            "reader": [f"r{n}" for n in who],
            "when": at,
            "what": _drawn(dice, ["article_view", "video_play", "newsletter_open", "share"],
                           [0.7, 0.12, 0.12, 0.06], rows),
            "section": _liked(dice, who, sections),
            "article": [f"A-{n:05}" for n in dice.integers(0, 900, rows)],
            "agent": np.array(agents)[who % 2].tolist(),
            "region": np.array(["north", "south", "west"])[who % 3].tolist(),
        },
        "what", "reader", "when", ("section", "article", "agent", "region"),
    )  # fmt: skip


def marktplatz(people: int = 7_000, rows: int = 60_000) -> Log:
    """A marketplace in German: items with category paths, brands, sizes, makers and prices."""
    dice = np.random.default_rng(3)
    who, at = _rows(dice, people, rows)
    paths = ["Wohnen > Möbel", "Wohnen > Lampen", "Garten > Werkzeug", "Garten > Pflanzen",
             "Bücher > Kochen", "Kleidung > Damen", "Kleidung > Herren"]  # fmt: skip
    brands = ["Grünwald", "Nordlicht", "Häberle", "Zirbel"]
    many = 420
    liked = _liked(dice, who, [str(n) for n in range(len(paths))])
    item = [int(n) + len(paths) * int(k) for n, k in
            zip(liked, dice.integers(0, many // len(paths), rows), strict=True)]  # fmt: skip
    return Log(
        {
            "kunde": [f"k{n}" for n in who],
            "zeitpunkt": at,
            "aktion": _drawn(dice, ["artikel_angesehen", "in_den_warenkorb", "gekauft", "gemerkt"],
                             [0.75, 0.12, 0.06, 0.07], rows),
            "item_id": [f"art{n}" for n in item],
            "währung": ["EUR"] * rows,
        },
        "aktion", "kunde", "zeitpunkt", ("item_id", "währung"),
        {
            "item_id": [f"art{n}" for n in range(many)],
            "bezeichnung": [f"Artikel Nummer {n} in Ausführung {n % 7}" for n in range(many)],
            "warengruppe": [paths[n % len(paths)] for n in range(many)],
            "marke": [brands[n * 13 % 4] for n in range(many)],
            "hersteller_nr": [str(1_000 + n % 9) for n in range(many)],
            "packung": [f"{(n % 4 + 1) * 250} ml" for n in range(many)],
            "preis": [f"{n % 5 * 10 + 4},99 €" for n in range(many)],
        },
    )  # fmt: skip


def bare(people: int = 5_000, rows: int = 40_000) -> Log:
    """Nothing but who, what and when."""
    dice = np.random.default_rng(4)
    who, at = _rows(dice, people, rows)
    names = _drawn(dice, ["opened", "tapped", "paid", "rated"], [0.6, 0.3, 0.06, 0.04], rows)
    return Log({"p": [f"p{n}" for n in who], "t": at, "e": names}, "e", "p", "t")


def small() -> Log:
    """A product of 500 people."""
    return saas(500, 6_000)


LOGS: Final[dict[str, Callable[[], Log]]] = {
    "saas": saas,
    "publisher": publisher,
    "marktplatz": marktplatz,
}
