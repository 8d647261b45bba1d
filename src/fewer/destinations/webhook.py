"""A webhook of your own: signed JSON, one request a batch.

Body: ``{"audience", "segment", "op", "session", "batch", "batches", "columns", "rows"}``. Header
``X-Fewer-Signature: t=SECONDS,v1=HEX`` is HMAC-SHA256 over ``SECONDS.BODY`` with the secret;
refuse what is older than five minutes, and what you saw before (`session` and `batch`, which a
batch keeps when it is sent again after a crash of yours or ours).
"""

from __future__ import annotations

import hmac
import json
import time
from hashlib import sha256
from typing import Any, Final, Self

from fewer.destinations.base import Answer, Batch, Limits, Opening, Remote
from fewer.destinations.transport import Transport, Waits, body
from fewer.errors import DeliveryError

_OK: Final = range(200, 300)


class WebhookDestination:
    """Sends changes to an address of yours."""

    limits = Limits(
        identifiers=("email", "phone"),
        batch_size=5_000,
        minimum_matched=1,
        removes=True,
        replaces=True,
        matches=False,
        beside=("first_name", "last_name", "country"),
        source="our own",
    )

    def __init__(self, way: Transport, secret: str) -> None:
        self._way, self._secret = way, secret.encode()

    @classmethod
    def of(cls, opening: Opening) -> Self:
        """Needs a secret, which signs requests, and `base_url`, where they go."""
        if not opening.secret or opening.base_url is None:
            raise DeliveryError("A webhook needs a `secret` and a `base_url` in fewer.yaml.")
        waits = Waits(*(opening.waits or cls.limits.waits))
        return cls(Transport("the webhook", opening.base_url, waits=waits), opening.secret)

    def ensure(self, remote: Remote) -> str:
        """A webhook names audiences as segments are named."""
        return remote.segment

    def send(self, remote: Remote, batch: Batch) -> Answer:
        """One signed request. An answer may name rows it refuses: ``{"refused": {"3": "why"}}``."""
        content = json.dumps(
            {
                "audience": remote.name,
                "segment": remote.segment,
                "op": batch.op,
                "session": str(batch.session),
                "batch": batch.number,
                "batches": batch.of,
                "replaces": batch.replaces,
                "columns": batch.columns,
                "rows": batch.rows,
            },
            separators=(",", ":"),
        ).encode()
        answer = self._way.call("POST", "", content=content, headers=self._headers(content))
        if answer.status_code not in _OK:
            raise DeliveryError(f"The webhook refuses a batch (HTTP {answer.status_code}).")
        said = body(answer, "the webhook") if answer.content else {}
        refused = _refused(said, len(batch.rows))
        return Answer(len(batch.rows) - len(refused), refused)

    def close(self) -> None:
        """Close the connections."""
        self._way.close()

    def _headers(self, content: bytes) -> dict[str, str]:
        at = str(int(time.time()))
        signed = hmac.digest(self._secret, f"{at}.".encode() + content, sha256).hex()
        return {"content-type": "application/json", "x-fewer-signature": f"t={at},v1={signed}"}


def _refused(said: Any, rows: int) -> dict[int, str]:
    given = said.get("refused", {}) if isinstance(said, dict) else {}
    if not isinstance(given, dict):
        raise DeliveryError("The webhook's 'refused' is no object of row -> reason.")
    found = {}
    for place, reason in given.items():
        if not str(place).isdigit() or int(place) >= rows:
            raise DeliveryError(f"The webhook refuses row {place!r}, which the batch has not.")
        found[int(place)] = str(reason)[:200]
    return found
