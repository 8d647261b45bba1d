"""A stand-in's server on loopback, and the faults that it can be told to have.

Faults are drawn from a seed: the same seed and requests fail alike. A dropped connection may come
before the request took effect or after it, which the caller can't tell apart.
"""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from fewer.errors import DeliveryError

LOOPBACK: Final = "127.0.0.1"
_LARGEST: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Faults:
    """Chances, from 0 to 1, of what goes wrong with a request."""

    throttled: float = 0.0  # refused for now, with how long to wait
    failed: float = 0.0  # 5xx, nothing done
    dropped_before: float = 0.0  # connection cut, nothing done
    dropped_after: float = 0.0  # connection cut, and it was done
    failed_after: float = 0.0  # 5xx, and it was done
    twice: float = 0.0  # done twice, as a proxy that repeats requests would
    slow: float = 0.0  # answered after `delay`
    refused_rows: float = 0.0  # of each row, where the platform can say so
    delay: float = 0.2  # seconds
    wait: float = 0.01  # seconds that a throttled caller is asked to wait
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Request:
    """What came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes out."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class StandIn:
    """One platform. Subclasses answer requests; `answer` is called by one thread at a time."""

    name = "stand-in"

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.counts: Counter[str] = Counter()
        self._dice = random.Random(self.faults.seed)  # noqa: S311  faults, not keys
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    def answer(self, request: Request) -> Reply:
        """What the platform says, and does."""
        raise NotImplementedError

    def sizes(self) -> dict[str, int]:
        """Audience -> members."""
        raise NotImplementedError

    def throttle(self) -> Reply:
        """How it says that it wants fewer requests."""
        return Reply(429, {"error": "too many requests"}, {"retry-after": str(self.faults.wait)})

    def told(self) -> dict[str, int]:
        """`sizes`, not in the middle of a request."""
        with self._lock:
            return self.sizes()

    @property
    def url(self) -> str:
        """Where it listens."""
        if self._server is None:
            raise RuntimeError(f"the stand-in of {self.name} is not started")
        return f"http://{LOOPBACK}:{self._server.server_address[1]}"

    def start(self, port: int = 0) -> Self:
        """Listen on loopback; `DeliveryError` when the port is taken."""
        try:
            self._server = ThreadingHTTPServer((LOOPBACK, port), _handler(self))
        except OSError as error:
            raise DeliveryError(f"Port {port} is taken: choose another with --port.") from error
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        return self if self._server else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def chance(self, share: float) -> bool:
        """Whether it happens this time."""
        return share > 0 and self._dice.random() < share

    def handle(self, request: Request) -> Reply | None:
        """The reply with its faults; None: the connection is cut."""
        with self._lock:
            self.counts["requests"] += 1
            faults = self.faults
            for name in ("throttled", "failed", "dropped_before"):
                if self.chance(getattr(faults, name)):
                    self.counts[name] += 1
                    return {
                        "throttled": self.throttle(),
                        "failed": Reply(503, {"error": "try again"}),
                        "dropped_before": None,
                    }[name]
            reply = self.answer(request)
            if self.chance(faults.twice):
                self.counts["twice"] += 1
                reply = self.answer(request)
            for name in ("dropped_after", "failed_after"):
                if self.chance(getattr(faults, name)):
                    self.counts[name] += 1
                    return None if name == "dropped_after" else Reply(502, {"error": "try again"})
            slow = self.chance(faults.slow)
        if slow:
            time.sleep(faults.delay)
        return reply


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "stand-in"
        sys_version = ""

        def handle_any(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            if length > _LARGEST:
                self.send_error(413)
                return
            request = Request(
                self.command,
                self.path,
                {key.lower(): value for key, value in self.headers.items()},
                self.rfile.read(length),
            )
            reply = stand_in.handle(request)
            if reply is None:
                self._cut()
                return
            content = b"" if reply.body is None else json.dumps(reply.body).encode()
            with suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(reply.status)
                for key, value in reply.headers.items():
                    self.send_header(key, value)
                if reply.body is not None:
                    self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815  the library's names

        def _cut(self) -> None:
            self.close_connection = True
            # A reset, as a broken line gives, and not an orderly end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

        def log_message(self, *_: object) -> None:
            """Nothing: addresses and bodies hold people."""

    return Handler
