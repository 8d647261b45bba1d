"""The way to a platform over HTTP: one client, its waits, its errors, and nothing of it logged.

A request that can be made again is made again: after no answer, after 5xx, and after as long as
the platform asks when it wants fewer. Addresses, headers and bodies never reach a message or a
log: they may hold keys and people.
"""

from __future__ import annotations

import email.utils
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import httpx
import stamina

from fewer.destinations.base import DeniedError, ThrottledError, UnreachableError
from fewer.errors import DeliveryError

_ATTEMPTS: Final = 8
_DENIED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_LATER: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY)

# httpx logs every address it calls, and some platforms want people or keys in it.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)
stamina.instrumentation.set_on_retry_hooks([])  # it would log the arguments of what it retries

Judge = Callable[[httpx.Response], None]
"""Raises what an answer means; platforms that say errors in the body bring their own."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long is waited. Seconds."""

    first: float = 1.0
    longest: float = 60.0
    whole: float = 600.0


class Transport:
    """Calls to one platform.

    Args:
        name: The platform, as messages say it.
        base_url: What paths are relative to.
        headers: Sent with every request.
        waits: How long is waited between attempts.
        judge: What else an answer may mean, before its status is looked at.
        timeout: Seconds without an answer.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        waits: Waits | None = None,
        judge: Judge | None = None,
        timeout: float = 30.0,
    ) -> None:
        self.name = name
        self._waits = waits or Waits()
        self._judge = judge
        if not base_url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise DeliveryError(f"The address of {name} must begin with https://.")
        # Environment proxies are followed; credentials of .netrc are not: keys come by reference.
        self._client = httpx.Client(base_url=base_url, headers=headers, timeout=timeout)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Make a request until it is answered; the answer is not an error, or a 4xx of its rows.

        Raises:
            ThrottledError: It still wants fewer requests after all waits.
            UnreachableError: It still gives no answer.
            DeniedError: It refuses the key or the permission.
        """
        for attempt in stamina.retry_context(
            on=self._again,
            attempts=_ATTEMPTS,
            timeout=self._waits.whole,
            wait_initial=self._waits.first,
            wait_max=self._waits.longest,
            wait_jitter=self._waits.first,
        ):
            with attempt:
                return self._once(method, path, request)
        raise UnreachableError(f"{self.name} gives no answer.")

    def _again(self, error: Exception) -> bool | float:
        if isinstance(error, ThrottledError) and error.after is not None:
            return error.after if error.after <= self._waits.whole else False
        return isinstance(error, ThrottledError | UnreachableError)

    def _once(self, method: str, path: str, request: Mapping[str, Any]) -> httpx.Response:
        try:
            answer = self._client.request(method, path, **request)
        except httpx.TransportError as error:
            raise UnreachableError(
                f"{self.name} gives no answer ({type(error).__name__})."
            ) from None
        if self._judge is not None:
            self._judge(answer)
        status = answer.status_code
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise ThrottledError(f"{self.name} wants fewer requests.", retry_after(answer))
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LATER:
            raise UnreachableError(f"{self.name} failed (HTTP {status}).")
        if status in _DENIED:
            raise DeniedError(
                f"{self.name} refuses the key (HTTP {status}). Check the secret, and its rights."
            )
        return answer


def retry_after(answer: httpx.Response) -> float | None:
    """Seconds that an answer asks to wait, from ``Retry-After``; None where it doesn't say."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isdigit():
        return float(said)
    try:
        when = email.utils.parsedate_to_datetime(said)
    except ValueError:
        return None
    at = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.fromtimestamp(time.time(), UTC)).total_seconds())


def body(answer: httpx.Response, name: str) -> Any:
    """The JSON of an answer; `UnreachableError` where it is none."""
    try:
        return answer.json()
    except ValueError:
        raise UnreachableError(
            f"{name} answered with no JSON (HTTP {answer.status_code})."
        ) from None
