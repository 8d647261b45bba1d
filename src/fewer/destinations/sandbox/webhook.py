"""A receiver of signed changes, as anyone could write one from the webhook's description."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from typing import Any, Final

from fewer.destinations.sandbox.server import Faults, Reply, Request, StandIn

_OLD: Final = 300
_HEX: Final = re.compile(r"^[0-9a-f]{64}$")


class Receiver(StandIn):
    """Checks signature, age and form of each batch, and keeps who is in each audience."""

    name = "webhook"

    def __init__(self, secret: str, faults: Faults | None = None) -> None:
        super().__init__(faults)
        self.secret = secret
        self.audiences: dict[str, set[tuple[str | None, ...]]] = {}

    def answer(self, request: Request) -> Reply:
        """Take a batch, or say what is wrong with it."""
        wrong = self._unsigned(request)
        if wrong:
            return Reply(401, {"error": wrong})
        try:
            given = json.loads(request.body)
            rows = [tuple(row) for row in given["rows"]]
            columns = given["columns"]
            members = self.audiences.setdefault(given["segment"], set())
        except (ValueError, KeyError, TypeError):
            return Reply(400, {"error": "not a batch"})
        refused: dict[str, Any] = {}
        for place, row in enumerate(rows):
            if len(row) != len(columns) or not _hashed(columns, row):
                refused[str(place)] = "not hashed"
            elif self.chance(self.faults.refused_rows):
                refused[str(place)] = "not wanted"
            elif given["op"] == "add":
                members.add(row)
            else:
                members.discard(row)
        return Reply(200, {"refused": refused} if refused else {})

    def sizes(self) -> dict[str, int]:
        """Audience -> members."""
        return {name: len(members) for name, members in self.audiences.items()}

    def _unsigned(self, request: Request) -> str:
        parts = dict(
            part.partition("=")[::2]
            for part in request.headers.get("x-fewer-signature", "").split(",")
        )
        at = parts.get("t", "")
        if not at.isdigit() or abs(time.time() - int(at)) > _OLD:
            return "no time, or an old one"
        expected = hmac.new(
            self.secret.encode(), at.encode() + b"." + request.body, hashlib.sha256
        ).hexdigest()
        return "" if hmac.compare_digest(expected, parts.get("v1", "")) else "wrong signature"


def _hashed(columns: list[str], row: tuple[str | None, ...]) -> bool:
    return all(
        value is None or not name.endswith("_sha256") or _HEX.match(value)
        for name, value in zip(columns, row, strict=True)
    )
