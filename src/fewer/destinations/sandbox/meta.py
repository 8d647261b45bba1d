"""A stand-in for Meta's custom audiences, by its public documentation.

It checks the token, the form and order of sessions, the schema and every digest; holds who is in
each audience; refuses a second schema; hides an audience for some requests after it was made; and
answers sizes as Meta does: not at all below 100 matched, rounded above.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from fewer.destinations.sandbox.server import Faults, Reply, Request, StandIn

_SCHEMA: Final = frozenset(
    ("EXTERN_ID", "EMAIL", "PHONE", "GEN", "DOBY", "DOBM", "DOBD", "LN", "FN", "FI", "CT", "ST",
     "ZIP", "COUNTRY", "MADID")
)  # fmt: skip
_PLAIN: Final = frozenset(("EXTERN_ID", "MADID"))
_DIGEST: Final = re.compile(r"^[0-9a-f]{64}$")
_MOST: Final = 10_000
_FEWEST: Final = 100  # matched; below, no size is told
_FLOOR: Final = 1_000
_KNOWN: Final = 0x99  # first byte of a digest, of 256
_POLICY: Final = re.compile(r"(?i)diabet|depress|cancer|credit score|debt|bankrupt|pregnan")


@dataclass
class Audience:
    """One custom audience."""

    name: str
    description: str
    exclusion: bool
    hidden: int
    schema: tuple[str, ...] = ()
    members: set[tuple[str, ...]] = field(default_factory=set)
    sessions: dict[int, int] = field(default_factory=dict)  # session -> batches seen
    counts: dict[int, list[int]] = field(default_factory=dict)  # session -> rows, matched, invalid


class Meta(StandIn):
    """Custom audiences of any ad account, for one token."""

    name = "meta"

    def __init__(self, token: str, faults: Faults | None = None, *, hides: int = 0) -> None:
        super().__init__(faults)
        self.token = token
        self.hides = hides
        self.audiences: dict[str, Audience] = {}

    def sizes(self) -> dict[str, int]:
        """Audience -> members."""
        return {one.name: len(one.members) for one in self.audiences.values()}

    def throttle(self) -> Reply:
        """HTTP 400 with a code, as Meta does."""
        minutes = self.faults.wait / 60
        usage = {"1": [{"type": "custom_audience", "estimated_time_to_regain_access": minutes}]}
        return self._error(80003, "There have been too many calls", 2446079,
                           headers={"x-business-use-case-usage": json.dumps(usage)})  # fmt: skip

    def answer(self, request: Request) -> Reply:
        """Route by path: ``/vNN/act_N/customaudiences`` and ``/vNN/ID/users``."""
        parts = urlsplit(request.path)
        asked = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        given = self._given(request, asked)
        if given is None:
            return self._error(100, "Invalid JSON")
        token = given.get("access_token") or asked.get("access_token") or (
            request.headers.get("authorization", "").removeprefix("Bearer ")
        )  # fmt: skip
        if token != self.token:
            return self._error(190, "Invalid OAuth access token", status=401)
        path = [p for p in parts.path.split("/") if p]
        if path and re.fullmatch(r"v\d+\.\d", path[0]):
            path = path[1:]
        match path:
            case [account, "customaudiences"] if re.fullmatch(r"act_\d+", account):
                return self._audiences(request.method, given, asked)
            case [number, "users"]:
                return self._users(request.method, number, given)
            case [number, "sessions"]:
                return self._session_of(number, asked)
            case [number]:
                return self._size(number)
            case _:
                return self._error(2500, "Unknown path components")

    def _given(self, request: Request, asked: dict[str, str]) -> dict[str, Any] | None:
        """Fields of the body, JSON or form; of a removal also of the address, as the SDK does."""
        try:
            kind = request.headers.get("content-type", "")
            if "json" in kind:
                found = json.loads(request.body or b"{}")
            else:
                form = parse_qs(request.body.decode()) if request.body else {}
                found = {key: values[-1] for key, values in form.items()} or dict(asked)
            for key in ("payload", "session"):
                if isinstance(found.get(key), str):
                    found[key] = json.loads(found[key])
        except (ValueError, UnicodeDecodeError):
            return None
        return found if isinstance(found, dict) else None

    def _audiences(self, method: str, given: dict[str, Any], asked: dict[str, str]) -> Reply:
        if method == "POST":
            name = str(given.get("name", ""))
            if (
                not name
                or given.get("subtype") != "CUSTOM"
                or not given.get("customer_file_source")
            ):
                return self._error(100, "Invalid parameter")
            if _POLICY.search(name):
                return self._error(100, "Audience Upload Blocked", 1713230)
            number = str(23_850_000_000_000 + len(self.audiences))
            self.audiences[number] = Audience(
                name, str(given.get("description", "")),
                given.get("usage_restriction") == "EXCLUSION_ONLY", self.hides,
            )  # fmt: skip
            return Reply(200, {"id": number})
        listed = [
            {"id": number, "name": one.name, "description": one.description}
            for number, one in self.audiences.items()
        ]
        start, limit = int(asked.get("after") or 0), int(asked.get("limit") or 25)
        page = listed[start : start + limit]
        more = start + limit < len(listed)
        cursors = {"after": str(start + limit)} if more else {}
        return Reply(200, {"data": page, "paging": {"cursors": cursors}})

    def _users(self, method: str, number: str, given: dict[str, Any]) -> Reply:
        one = self.audiences.get(number)
        if one is None or one.hidden > 0:
            if one is not None:
                one.hidden -= 1
            return self._error(100, "Unsupported request. Object does not exist", 33)
        payload, session = given.get("payload"), given.get("session")
        if not isinstance(payload, dict) or not isinstance(payload.get("data"), list):
            return self._error(100, "Invalid parameter: payload")
        schema = tuple(payload.get("schema") or ())
        if not schema or not set(schema) <= _SCHEMA:
            return self._error(100, "Invalid schema")
        if one.schema and one.schema != schema:
            return self._error(2650, "Data source mismatch")
        rows = payload["data"]
        if len(rows) > _MOST:
            return self._error(100, "Too many rows")
        wrong = self._session(one, session)
        if wrong:
            return self._error(100, wrong)
        one.schema = schema
        good = [tuple(row) for row in rows if self._valid(schema, row)]
        good = [row for row in good if not self.chance(self.faults.refused_rows)]
        if session is not None:
            counted = one.counts.setdefault(int(session["session_id"]), [0, 0, 0])
            counted[0] += len(rows)
            counted[1] += sum(map(_known, good))
            counted[2] += len(rows) - len(good)
        for row in good:
            one.members.add(row) if method == "POST" else one.members.discard(row)
        return Reply(200, {
            "audience_id": number,
            "session_id": str((session or {}).get("session_id", "")),
            "num_received": len(rows),
            "num_invalid_entries": len(rows) - len(good),
            "invalid_entry_samples": {},
        })  # fmt: skip

    def _session(self, one: Audience, session: Any) -> str:
        if session is None:
            return ""
        try:
            number, place = int(session["session_id"]), int(session["batch_seq"])
        except (KeyError, TypeError, ValueError):
            return "Invalid session"
        if not 0 < number < 2**64:
            return "Invalid session id"
        seen = one.sessions.get(number, 0)
        if place not in (seen, seen + 1):  # the same once more is a replay
            return "batch_seq out of order"
        one.sessions[number] = place
        return ""

    def _valid(self, schema: tuple[str, ...], row: Any) -> bool:
        return (
            isinstance(row, list)
            and len(row) == len(schema)
            and any(row)
            and all(
                not value or key in _PLAIN or _DIGEST.match(str(value))
                for key, value in zip(schema, row, strict=True)
            )
        )

    def _size(self, number: str) -> Reply:
        one = self.audiences.get(number)
        if one is None:
            return self._error(100, "Object does not exist", 33)
        matched = sum(map(_known, one.members))
        lower = -1 if matched < _FEWEST else max(_FLOOR, round(matched, -2))
        return Reply(200, {"id": number, "approximate_count_lower_bound": lower})

    def _session_of(self, number: str, asked: dict[str, str]) -> Reply:
        one = self.audiences.get(number)
        if one is None:
            return self._error(100, "Object does not exist", 33)
        session = asked.get("session_id", "")
        counted = one.counts.get(int(session)) if session.isdigit() else None
        if counted is None:
            return Reply(200, {"data": []})
        names = ("num_received", "num_matched", "num_invalid_entries")
        found = dict(zip(names, map(str, counted), strict=True))
        return Reply(200, {"data": [{"session_id": session, "progress": "100", **found}]})

    def _error(
        self, code: int, message: str, subcode: int = 0, *, status: int = 400,
        headers: dict[str, str] | None = None,
    ) -> Reply:  # fmt: skip
        error = {"message": message, "type": "OAuthException", "code": code,
                 "error_subcode": subcode, "fbtrace_id": "simulated"}  # fmt: skip
        return Reply(status, {"error": error}, headers or {})


def _known(row: tuple[str, ...]) -> bool:
    """Whether somebody of this row has an account: six in ten, by their digest."""
    return int(next(filter(None, row))[:2], 16) < _KNOWN
