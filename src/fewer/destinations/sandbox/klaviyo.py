"""A stand-in for Klaviyo's lists and profiles, by its public reference."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from fewer.destinations.sandbox.server import Faults, Reply, Request, StandIn

_MOST: Final = 1_000
_EMAIL: Final = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
_PHONE: Final = re.compile(r"^\+[1-9]\d{6,14}$")
_DATE: Final = re.compile(r"^\d{4}-\d{2}-\d{2}$")


@dataclass
class List:
    """One list."""

    name: str
    members: dict[str, None] = field(default_factory=dict)


class Klaviyo(StandIn):
    """One account, for one private key."""

    name = "klaviyo"

    def __init__(self, key: str, faults: Faults | None = None) -> None:
        super().__init__(faults)
        self.key = key
        self.lists: dict[str, List] = {}
        self.profiles: dict[str, dict[str, Any]] = {}

    def sizes(self) -> dict[str, int]:
        """List -> profiles on it."""
        return {one.name: len(one.members) for one in self.lists.values()}

    def emails(self, name: str) -> set[str]:
        """Addresses on a list."""
        one = next(one for one in self.lists.values() if one.name == name)
        return {self.profiles[number].get("email", "") for number in one.members}

    def throttle(self) -> Reply:
        """429 with Retry-After in whole seconds."""
        return self._error(429, "throttled", "Request was throttled.", {"retry-after": "0"})

    def answer(self, request: Request) -> Reply:
        """Route below ``/api``."""
        if request.headers.get("authorization") != f"Klaviyo-API-Key {self.key}":
            return self._error(401, "authentication_failed", "Incorrect authentication.")
        if not _DATE.match(request.headers.get("revision", "")):
            return self._error(400, "invalid", "Missing or invalid revision header.")
        parts = urlsplit(request.path)
        asked = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        try:
            given = json.loads(request.body) if request.body else {}
        except ValueError:
            return self._error(400, "invalid", "Not JSON.")
        path = [p for p in parts.path.removeprefix("/api").split("/") if p]
        match request.method, path:
            case "GET", ["lists"]:
                return self._page([(n, {"name": one.name}) for n, one in self.lists.items()],
                                  "list", asked)  # fmt: skip
            case "POST", ["lists"]:
                return self._make(given)
            case "POST", ["profile-import"]:
                return self._import(given)
            case "GET", ["lists", number, "profiles"] if number in self.lists:
                members = [(m, self.profiles[m]) for m in self.lists[number].members]
                return self._page(members, "profile", asked)
            case ("POST" | "DELETE") as method, ["lists", number, "relationships", "profiles"] if (
                number in self.lists
            ):
                return self._change(method, self.lists[number], given)
            case _:
                return self._error(404, "not_found", "Not found.")

    def _make(self, given: Any) -> Reply:
        try:
            name = given["data"]["attributes"]["name"]
        except (KeyError, TypeError):
            return self._error(400, "invalid", "A list needs a name.")
        number = f"L{len(self.lists):05}"
        self.lists[number] = List(name)
        return Reply(201, {"data": {"type": "list", "id": number, "attributes": {"name": name}}})

    def _import(self, given: Any) -> Reply:
        try:
            attributes = dict(given["data"]["attributes"])
        except (KeyError, TypeError):
            return self._error(400, "invalid", "A profile needs attributes.")
        email, phone = attributes.get("email"), attributes.get("phone_number")
        if not (email or phone or attributes.get("external_id")):
            return self._error(400, "invalid", "One of email, phone_number, external_id.")
        if email and not _EMAIL.match(email):
            return self._error(400, "invalid", f"Invalid email address {email}")
        if phone and not _PHONE.match(phone):
            return self._error(400, "invalid", f"Invalid phone number {phone}")
        if self.chance(self.faults.refused_rows):
            return self._error(400, "invalid", f"{email} is suppressed here")
        for number, known in self.profiles.items():
            if any(attributes.get(k) and known.get(k) == attributes[k]
                   for k in ("email", "phone_number", "external_id")):  # fmt: skip
                known.update(attributes)
                return Reply(200, {"data": {"type": "profile", "id": number}})
        number = f"P{len(self.profiles):07}"
        self.profiles[number] = attributes
        return Reply(201, {"data": {"type": "profile", "id": number}})

    def _change(self, method: str, one: List, given: Any) -> Reply:
        data = given.get("data")
        if not isinstance(data, list) or not 0 < len(data) <= _MOST:
            return self._error(400, "invalid", f"1 to {_MOST} profiles.")
        ids = [str(each.get("id")) for each in data]
        if any(each not in self.profiles for each in ids):
            return self._error(404, "not_found", "No such profile.")
        for each in ids:
            if method == "POST":
                one.members[each] = None
            else:
                one.members.pop(each, None)
        return Reply(204)

    def _page(self, found: list[tuple[str, dict[str, Any]]], kind: str, asked: Any) -> Reply:
        size = int(asked.get("page[size]") or 10)
        start = int(asked.get("page[cursor]") or 0)
        data = [
            {"type": kind, "id": number, "attributes": attributes}
            for number, attributes in found[start : start + size]
        ]
        more = start + size < len(found)
        after = f"{self.url}/api/x?page%5Bcursor%5D={start + size}" if more else None
        return Reply(200, {"data": data, "links": {"next": after}})

    def _error(
        self, status: int, code: str, detail: str, headers: dict[str, str] | None = None
    ) -> Reply:
        error = {"id": "simulated", "status": status, "code": code, "detail": detail}
        return Reply(status, {"errors": [error]}, headers or {})
