"""A columnar log of events: parallel arrays of codes, turned into text only when written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

EVENTS = (
    "session_start",
    "page_view",
    "product_view",
    "article_read",
    "video_play",
    "whitepaper_download",
    "form_submit",
    "add_to_cart",
    "ad_click",
    "begin_checkout",
    "purchase",
    "refund",
    "email_open",
    "email_click",
    "ad_impression",
)
CODE = {name: code for code, name in enumerate(EVENTS)}
INTERACTIONS = ("product_view", "article_read", "video_play", "whitepaper_download")
SERVER = ("form_submit", "begin_checkout", "purchase", "refund")  # logged by the back end
TOUCH = ("email_open", "email_click", "ad_impression")  # logged by e-mail tool and ad server
DAY = 86_400_000_000  # microseconds

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Log:
    """Events in no particular order.

    `ts` counts microseconds from the first midnight; `item` is a position in the catalogue
    or -1; `detail` is a code that depends on the event (path, title, form, campaign and
    platform, user agent); `number` is a percentage, a number of seconds or a quantity.
    """

    person: Ints
    ts: Ints
    event: Ints
    item: Ints
    detail: Ints
    number: Floats
    order: Ints

    def __len__(self) -> int:
        return len(self.ts)

    def take(self, index: npt.NDArray[np.generic]) -> Log:
        """The events at `index` (positions or a mask)."""
        return Log(*(getattr(self, field.name)[index] for field in fields(self)))

    def only(self, *names: str) -> Log:
        """The events of these names."""
        return self.take(np.isin(self.event, [CODE[name] for name in names]))

    def counts(self) -> dict[str, int]:
        """Events per name, those that occur."""
        found = np.bincount(self.event, minlength=len(EVENTS)).tolist()
        return {name: count for name, count in zip(EVENTS, found, strict=True) if count}


def events(
    name: str | Ints,
    person: Ints,
    ts: Ints,
    *,
    item: Ints | None = None,
    detail: Ints | None = None,
    number: Floats | None = None,
    order: Ints | None = None,
) -> Log:
    """A log of events of one name (or of a code each); columns left out are empty."""
    size = len(person)
    none = np.full(size, -1, dtype=np.int64)
    return Log(
        person=person,
        ts=ts,
        event=np.full(size, CODE[name], dtype=np.int64) if isinstance(name, str) else name,
        item=none if item is None else item,
        detail=none if detail is None else detail,
        number=np.full(size, np.nan) if number is None else number,
        order=none if order is None else order,
    )


class Pending:
    """Events of days to come, handed out when their day is there."""

    def __init__(self) -> None:
        self._later: list[Log] = []

    def add(self, log: Log) -> None:
        """Keep events for later."""
        if len(log):
            self._later.append(log)

    def due(self, day: int) -> Log:
        """Take out everything before the end of `day`."""
        end = (day + 1) * DAY
        now = [log.take(log.ts < end) for log in self._later]
        self._later = [rest for log in self._later if len(rest := log.take(log.ts >= end))]
        return concat([_empty(), *now])


def _empty() -> Log:
    return events("refund", np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


def concat(logs: Iterable[Log]) -> Log:
    """All events of several logs, one after another."""
    parts = list(logs)
    return Log(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Log))
    )
