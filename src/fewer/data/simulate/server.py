"""The back end's events as JSON Lines, with the lines that real back ends get wrong."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fewer.data.simulate.catalogue import COUNTRIES, CURRENCIES, FORMS, Items
from fewer.data.simulate.log import CODE, EVENTS, Floats, Log
from fewer.data.simulate.people import Roll
from fewer.data.simulate.web import instant_of
from fewer.data.simulate.world import Bools

RATE = {"USD": 1.0, "GBP": 0.79, "EUR": 0.92}
NAME = "simulated-server.jsonl.gz"


@dataclass(frozen=True, slots=True)
class Server:
    """Rows in the order in which they were logged, and which of them are damaged."""

    log: Log
    text_revenue: Bools
    broken_json: Bools
    missing_time: Bools
    bad_time: Bools


class ServerFile:
    """One gzipped file, appended to day by day."""

    def __init__(self, folder: Path, roll: Roll, items: Items, *, first_day: datetime) -> None:
        self._roll = roll
        self._items = items
        self._first_day = first_day
        self._raw = (folder / NAME).open("wb")
        # Fixed time and no name in the header: the same seed gives the same bytes.
        self._file = gzip.GzipFile(
            filename="", fileobj=self._raw, mode="wb", compresslevel=3, mtime=0
        )
        self.rows = 0

    def write(self, server: Server) -> None:
        """Append the rows of a day."""
        log, roll = server.log, self._roll
        known = roll.known(log.person, log.ts)
        revenue = price_paid(log, self._items, roll.country[log.person])
        users, nobodies = (
            ids.take(pa.array(log.person)).to_pylist()
            for ids in (roll.user_ids, roll.anonymous_ids)
        )
        lines = []
        for row in range(len(log)):
            user = {"anonymous_id": nobodies[row]}
            if known[row]:
                user["id"] = users[row]
            event: dict[str, Any] = {
                "id": f"s-{self.rows + row:07d}",
                "type": EVENTS[log.event[row]],
                "sent_at": instant_of(self._first_day, int(log.ts[row])),
                "user": user,
                "properties": _properties(log, row, self._items, roll, float(revenue[row])),
            }
            lines.append(_line(event, server, row))
        self._file.write("".join(lines).encode())
        self.rows += len(log)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()
        self._raw.close()


def price_paid(log: Log, items: Items, country: npt.NDArray[np.int8]) -> Floats:
    """Revenue of each event in the buyer's currency, two decimals; NaN without an item."""
    rate = np.array([RATE[currency] for currency in CURRENCIES])
    price = np.append(items.price, np.nan)[log.item]
    paid: Floats = np.round(price * log.number * rate[country], 2)
    return paid


def _properties(log: Log, row: int, items: Items, roll: Roll, revenue: float) -> dict[str, Any]:
    event, order = log.event[row], f"ord-{log.order[row]:06d}"
    if event == CODE["form_submit"]:
        return {"form": FORMS[log.detail[row]]}
    item_id = items.ids[log.item[row]]
    if event == CODE["refund"]:
        return {"order_id": order, "item_id": item_id}
    country = roll.country[log.person[row]]
    properties: dict[str, Any] = {
        "item_id": item_id,
        "quantity": int(log.number[row]),
        "revenue": revenue,
        "currency": CURRENCIES[country],
        "country": COUNTRIES[country],
    }
    return {"order_id": order, **properties} if event == CODE["purchase"] else properties


def _line(event: dict[str, Any], server: Server, row: int) -> str:
    if server.text_revenue[row]:
        event["properties"]["revenue"] = str(event["properties"]["revenue"])
    if server.missing_time[row]:
        del event["sent_at"]
    if server.bad_time[row]:
        event["sent_at"] = "yesterday"
    line = json.dumps(event, separators=(",", ":"))
    return line[: len(line) * 2 // 3] + "\n" if server.broken_json[row] else line + "\n"
