"""Meta custom audiences, through the Marketing API.

The vendor's library is not used: its normaliser loses non-Latin names and hashes device ids, it
puts the people of a removal into the address, and it reports crashes home unless told not to.

Sources (read 2026-11): developers.facebook.com/documentation/ads-commerce/marketing-api/
audiences/guides/custom-audiences; docs/marketing-api/reference/custom-audience/users and
custom-audience-session; docs/marketing-apis/rate-limiting. That a removal may be a DELETE with a
JSON body is what two open-source connectors do (segmentio/action-destinations,
rudderlabs/rudder-transformer).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Self

import httpx

from fewer.data.identity.telling import told
from fewer.destinations.base import (
    Answer,
    Batch,
    DeniedError,
    Heard,
    Limits,
    NotYetError,
    Opening,
    Remote,
    Row,
    ThrottledError,
    UnreachableError,
)
from fewer.destinations.transport import Transport, Waits, body
from fewer.errors import DeliveryError

VERSION: Final = "v25.0"
BASE: Final = f"https://graph.facebook.com/{VERSION}/"

_KEYS: Final = {
    "email_sha256": "EMAIL",
    "phone_sha256": "PHONE",
    "first_name_sha256": "FN",
    "last_name_sha256": "LN",
    "country": "COUNTRY",
}
_THROTTLED: Final = frozenset({4, 17, 32, 613, *range(80000, 80015)})
_DENIED: Final = frozenset({10, 102, 190, 200, 294})
_MISSING: Final = (100, 33)  # code, subcode: no such object, or none that this key may see
_MARK: Final = "fewer:"  # of the description: finds the audience again after a crash


class MetaDestination:
    """Custom audiences of one ad account."""

    limits = Limits(
        identifiers=("email", "phone"),
        batch_size=10_000,
        minimum_matched=100,
        removes=True,
        replaces=True,
        rules="meta",
        beside=("first_name", "last_name", "country"),
        source="developers.facebook.com/documentation/ads-commerce/marketing-api/audiences/guides/"
        "custom-audiences (2026-11)",
    )

    def __init__(self, way: Transport, account: str, proof: str) -> None:
        self._way, self._account = way, account
        self._given = {"appsecret_proof": proof} if proof else {}

    @classmethod
    def of(cls, opening: Opening) -> Self:
        """Needs the ad account (``ad_account``) and, as its secret, an access token.

        A secret ``TOKEN|APP_SECRET`` signs requests with the app's secret as well.
        """
        account = opening.option("ad_account").removeprefix("act_")
        if not account.isdigit():
            raise DeliveryError("`ad_account` of Meta is a number, or act_ and a number.")
        token, _, app = opening.secret.partition("|")
        if not token:
            raise DeliveryError("Meta needs a `secret`: an access token with ads_management.")
        proof = hmac.digest(app.encode(), token.encode(), hashlib.sha256).hex() if app else ""
        way = Transport(
            "Meta",
            (opening.base_url or BASE).rstrip("/") + "/",
            headers={"authorization": f"Bearer {token}"},
            waits=Waits(*(opening.waits or cls.limits.waits)),
            judge=_judge,
        )
        return cls(way, account, proof)

    def ensure(self, remote: Remote) -> str:
        """The audience whose description names the segment; made where there is none."""
        if remote.id:
            return remote.id
        mark = f"{_MARK}{remote.segment}"
        found = self._find(mark)
        if found:
            return found
        given = {
            "name": remote.name,
            "subtype": "CUSTOM",
            "description": mark,
            "customer_file_source": "USER_PROVIDED_ONLY",
            **({"usage_restriction": "EXCLUSION_ONLY"} if remote.exclusion else {}),
            **self._given,
        }
        path = f"act_{self._account}/customaudiences"
        made = _said(self._way.call("POST", path, json=given))
        return str(made["id"])

    def _find(self, mark: str) -> str:
        path = f"act_{self._account}/customaudiences"
        asked: dict[str, str] = {"fields": "id,description", "limit": "200", **self._given}
        while True:
            page = _said(self._way.call("GET", path, params=asked))
            for one in page.get("data", []):
                if one.get("description") == mark:
                    return str(one["id"])
            after = page.get("paging", {}).get("cursors", {}).get("after")
            if not after or not page.get("data"):
                return ""
            asked["after"] = after

    def send(self, remote: Remote, batch: Batch) -> Answer:
        """One request of at most 10,000 rows, with its place in the session.

        Meta says how many rows it could not use, and not which.
        """
        given = {
            "payload": {
                "schema": [_KEYS[column] for column in batch.columns],
                "data": [_row(batch.columns, row) for row in batch.rows],
            },
            "session": {
                "session_id": batch.session,
                "batch_seq": batch.number,
                "last_batch_flag": batch.last,
                "estimated_num_total": batch.total,
            },
            **self._given,
        }
        method = "POST" if batch.op == "add" else "DELETE"
        answer = self._way.call(
            method,
            f"{remote.id}/users",
            content=json.dumps(given, separators=(",", ":")).encode(),
            headers={"content-type": "application/json"},
        )
        said = _said(answer)
        received = int(said.get("num_received", len(batch.rows)))
        invalid = int(said.get("num_invalid_entries", 0)) + len(batch.rows) - received
        return Answer(
            len(batch.rows) - invalid,
            refused_somewhere={"Meta can't use it": invalid} if invalid else {},
            reference=str(said.get("session_id", batch.session)),
        )

    def ask(self, remote: Remote, reference: str) -> Heard:
        """How many of a session's rows were matched, and how far it is."""
        path = f"{remote.id}/sessions"
        asked = {"session_id": reference, **self._given}
        found = _said(self._way.call("GET", path, params=asked)).get("data") or [{}]
        one = found[0]
        invalid = int(one.get("num_invalid_entries") or 0)
        matched = one.get("num_matched")
        return Heard(
            None if matched is None else int(matched),
            {"Meta can't use it": invalid} if invalid else {},
            done=str(one.get("progress", "")) in ("100", "100.0"),
        )

    def close(self) -> None:
        """Close the connections."""
        self._way.close()


def _row(columns: tuple[str, ...], row: Row) -> list[str]:
    """Values as Meta wants them: the country hashed too, and nothing as an empty text."""
    return [
        _country(value) if column == "country" else value or ""
        for column, value in zip(columns, row, strict=True)
    ]


def _country(code: str | None) -> str:
    return hashlib.sha256(code.lower().encode()).hexdigest() if code else ""


def _judge(answer: httpx.Response) -> None:
    """Meta says errors in the body, most of them as HTTP 400."""
    if answer.status_code < HTTPStatus.BAD_REQUEST:
        return
    try:
        error: Mapping[str, Any] = answer.json()["error"]
        code, subcode = int(error.get("code", 0)), int(error.get("error_subcode", 0))
    except (ValueError, KeyError, TypeError, AttributeError):
        return  # no error of Meta's: its status says what it is
    if code in _THROTTLED:
        raise ThrottledError(f"Meta wants fewer requests (code {code}).", _regain(answer))
    if code in _DENIED:
        raise DeniedError(
            f"Meta refuses the key (code {code}). It needs an access token with ads_management for"
            " this ad account."
        )
    if (code, subcode) == _MISSING:
        raise NotYetError("Meta does not know this audience (code 100/33).")
    if error.get("is_transient") or code in (1, 2):
        raise UnreachableError(f"Meta failed (code {code}).")
    raise DeliveryError(f"Meta refuses it (code {code}/{subcode}): {told(str(error['message']))}")


def _regain(answer: httpx.Response) -> float | None:
    """Seconds until access is regained, of the header that says it in minutes."""
    try:
        usage = json.loads(answer.headers["x-business-use-case-usage"])
        minutes = [
            float(one["estimated_time_to_regain_access"])
            for several in usage.values()
            for one in several
        ]
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    return max(minutes) * 60 if minutes and max(minutes) > 0 else None


def _said(answer: httpx.Response) -> dict[str, Any]:
    found = body(answer, "Meta")
    if not isinstance(found, dict) or answer.status_code >= HTTPStatus.BAD_REQUEST:
        raise DeliveryError(f"Meta answers with something else (HTTP {answer.status_code}).")
    return found
