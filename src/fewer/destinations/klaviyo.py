"""Klaviyo lists: a profile for each person, put on the list of the segment or taken off it.

Profiles are made or updated one by one, since only then is it known which were refused; the list
is changed for a thousand of them at once. To take people off, the list is read page by page: to ask
for somebody by address would put the address into a URL. No consent to e-mail is given or taken.

Sources (read 2026-11): developers.klaviyo.com/en/reference/create_or_update_profile,
add_profiles_to_list, remove_profiles_from_list, get_profiles_for_list, get_lists, create_list
(revision 2026-10-15); docs/rate_limits_and_error_handling (429 with Retry-After). That a list takes
a thousand profiles a request is not stated in the pages reached: open-source connectors do it.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final, Self

import httpx

from fewer.data.identity.telling import told
from fewer.destinations.base import Answer, Batch, Limits, NotYetError, Opening, Remote, Row
from fewer.destinations.transport import Transport, Waits, body
from fewer.errors import DeliveryError

BASE: Final = "https://a.klaviyo.com/api/"
REVISION: Final = "2026-10-15"

_FIELDS: Final = {
    "email": "email",
    "phone": "phone_number",
    "first_name": "first_name",
    "last_name": "last_name",
    "external_id": "external_id",
}
_REFUSED: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)


class KlaviyoDestination:
    """Lists of one Klaviyo account."""

    limits = Limits(
        identifiers=("email", "phone"),
        batch_size=1_000,
        minimum_matched=1,
        removes=True,
        plain=True,
        matches=False,
        beside=("first_name", "last_name", "external_id"),
        source="developers.klaviyo.com/en/reference (revision 2026-10-15, read 2026-11)",
    )

    def __init__(self, way: Transport) -> None:
        self._way = way

    @classmethod
    def of(cls, opening: Opening) -> Self:
        """Needs, as its secret, a private key with lists and profiles read and write."""
        if not opening.secret:
            raise DeliveryError(
                "Klaviyo needs a `secret`: a private key (lists:read, lists:write, profiles:read,"
                " profiles:write)."
            )
        headers = {
            "authorization": f"Klaviyo-API-Key {opening.secret}",
            "revision": REVISION,
            "accept": "application/vnd.api+json",
            "content-type": "application/vnd.api+json",
        }
        waits = Waits(*(opening.waits or cls.limits.waits))
        base = (opening.base_url or BASE).rstrip("/") + "/"
        return cls(Transport("Klaviyo", base, headers=headers, waits=waits))

    def ensure(self, remote: Remote) -> str:
        """The list of the audience's name; made where there is none."""
        if remote.id:
            return remote.id
        for one in self._pages("lists", {"fields[list]": "name"}):
            if one["attributes"].get("name") == remote.name:
                return str(one["id"])
        made = {"data": {"type": "list", "attributes": {"name": remote.name}}}
        return str(_said(self._way.call("POST", "lists", json=made))["data"]["id"])

    def send(self, remote: Remote, batch: Batch) -> Answer:
        """Put a thousand people on the list, or take them off."""
        if batch.op == "add":
            return self._add(remote, batch)
        ids = self._members(remote, batch)
        if ids:
            self._change("DELETE", remote, ids)
        return Answer(len(batch.rows))

    def close(self) -> None:
        """Close the connections."""
        self._way.close()

    def _add(self, remote: Remote, batch: Batch) -> Answer:
        ids: list[str] = []
        refused: dict[int, str] = {}
        for place, row in enumerate(batch.rows):
            answer = self._way.call("POST", "profile-import", json=_profile(batch.columns, row))
            if answer.status_code in _REFUSED:
                refused[place] = _why(answer)
            else:
                ids.append(str(_said(answer)["data"]["id"]))
        if ids:
            self._change("POST", remote, ids)
        return Answer(len(ids), refused)

    def _change(self, method: str, remote: Remote, ids: list[str]) -> None:
        data = [{"type": "profile", "id": one} for one in ids]
        path = f"lists/{remote.id}/relationships/profiles"
        answer = self._way.call(method, path, json={"data": data})
        if answer.status_code == HTTPStatus.NOT_FOUND:
            raise NotYetError("Klaviyo does not know this list.")
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            raise DeliveryError(f"Klaviyo refuses to change the list: {_why(answer)}")

    def _members(self, remote: Remote, batch: Batch) -> list[str]:
        """Ids of those rows' profiles that are on the list."""
        wanted = {
            (column, value)
            for row in batch.rows
            for column, value in zip(batch.columns, row, strict=True)
            if value and column in ("email", "phone")
        }
        asked = {"fields[profile]": "email,phone_number", "page[size]": "100"}
        return [
            str(one["id"])
            for one in self._pages(f"lists/{remote.id}/profiles", asked)
            if ("email", (one["attributes"].get("email") or "").lower()) in wanted
            or ("phone", one["attributes"].get("phone_number")) in wanted
        ]

    def _pages(self, path: str, asked: dict[str, str]) -> Iterator[dict[str, Any]]:
        """Objects of all pages, by their cursors."""
        while True:
            found = _said(self._way.call("GET", path, params=asked))
            yield from found.get("data", [])
            after = (found.get("links") or {}).get("next")
            cursor = httpx.URL(after).params.get("page[cursor]") if after else None
            if not cursor:
                return
            asked = {**asked, "page[cursor]": cursor}


def _profile(columns: tuple[str, ...], row: Row) -> dict[str, Any]:
    given = {
        _FIELDS[column]: value
        for column, value in zip(columns, row, strict=True)
        if value and column in _FIELDS
    }
    return {"data": {"type": "profile", "attributes": given}}


def _why(answer: httpx.Response) -> str:
    """The reason, without what may be somebody."""
    try:
        error = answer.json()["errors"][0]
        return told(f"{error.get('code', 'invalid')}: {error.get('detail', '')}")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return f"HTTP {answer.status_code}"


def _said(answer: httpx.Response) -> dict[str, Any]:
    if answer.status_code == HTTPStatus.NOT_FOUND:
        raise NotYetError("Klaviyo does not know this list.")
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        raise DeliveryError(f"Klaviyo refuses it: {_why(answer)}")
    found = body(answer, "Klaviyo")
    if not isinstance(found, dict):
        raise DeliveryError("Klaviyo answers with something else.")
    return found
