"""What answers as a ClickHouse server in tests: its HTTP interface, with chdb behind it.

The program is ClickHouse's own; what is simulated is the front: users, sessions by id, parameters,
settings of a request, results at once or in chunks. It runs in a process of its own, so that
tests can kill it.
"""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

USER, PASSWORD = "fewer", "pass word/é:1"
TRANSPORT = {
    "query",
    "database",
    "session_id",
    "session_timeout",
    "session_check",
    "wait_end_of_query",
    "send_progress_in_http_headers",
    "http_headers_progress_interval_ms",
    "client_protocol_version",
    "query_id",
    "compress",
    "enable_http_compression",
}


@dataclass
class Server:
    """The process, and where it listens."""

    process: subprocess.Popen[str]
    port: int

    def url(self, *, user: str = USER, secret: str = PASSWORD) -> str:
        return f"clickhouse://{user}:{quote(secret, safe='')}@127.0.0.1:{self.port}"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def standing_in(**options: str) -> Iterator[Server]:
    """A server with nothing in it, until the end of the block.

    Options: ``die_at="RENAME TABLE"`` dies when it is sent such a statement, before or, with
    ``half="1"``, in the middle of the answer; ``fail_at`` answers with an error instead;
    ``version`` is what it says it is.
    """
    arguments = [f"{name}={value}" for name, value in options.items()]
    with subprocess.Popen(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield Server(process, int(process.stdout.readline()))
        finally:
            process.kill()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    options: dict[str, str] = {}  # noqa: RUF012  set once, before the server starts
    sessions: dict[str, Any] = {}  # noqa: RUF012  shared by all requests, as on a server
    lock = threading.Lock()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parameters = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        if not self._is_known():
            self._fail(
                516, f"{USER}: Authentication failed: password is incorrect (AUTHENTICATION_FAILED)"
            )
            return
        before = parameters["query"].encode() + b"\n" if "query" in parameters else b""
        statement = before + body
        if self.options.get("fail_at", "-never-").encode() in statement:
            self._fail(173, "told to fail (CANNOT_ALLOCATE_MEMORY)")
            return
        dies = self.options.get("die_at", "-never-").encode() in statement
        if dies and "half" not in self.options:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            with self.lock:
                answer = self._answer(statement, parameters)
        except Exception as error:  # noqa: BLE001  all are answers
            self._fail(int((re.findall(r"Code: (\d+)", str(error)) or ["1"])[0]), str(error))
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("X-ClickHouse-Format", "TabSeparated")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if dies:
            answer = answer[: len(answer) // 2]
        if answer:
            self.wfile.write(f"{len(answer):x}\r\n".encode() + answer + b"\r\n")
        if dies:
            self.wfile.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        self.wfile.write(b"0\r\n\r\n")

    def _is_known(self) -> bool:
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        return base64.b64decode(given).decode() == f"{USER}:{PASSWORD}"

    def _fail(self, code: int, said: str) -> None:
        text = said if said.startswith("Code:") else f"Code: {code}. DB::Exception: {said}"
        body = f"{text} (version 26.9.2.1)".encode()
        self.send_response(403 if code == 516 else 500)
        self.send_header("X-ClickHouse-Exception-Code", str(code))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, statement: bytes, parameters: dict[str, str]) -> bytes:
        from chdb.session import Session

        session, known = self.sessions.setdefault(
            parameters.get("session_id", ""), (Session(), {"database": "default"})
        )
        database = parameters.get("database") or "default"
        if known["database"] != database:
            session.query(f"USE {database}")
            known["database"] = database
        for key, value in parameters.items():
            is_setting = key not in TRANSPORT and not key.startswith("param_")
            if is_setting and known.get(key) != value:
                written = value.replace("'", "''")
                session.query(f"SET {key} = '{written}'")
                known[key] = value
        insert = re.match(rb"INSERT INTO (.*?) FORMAT (\w+)\s", statement, re.DOTALL)
        if insert:
            into = f"INSERT INTO {insert[1].decode()}"
            with session.send_insert(into, insert[2].decode()) as rows:
                rows.append(statement[insert.end() :])
                rows.finish()
            return b""
        sql = statement.decode()
        if "version" in self.options:
            sql = sql.replace("version()", f"'{self.options['version']}'")
        bound = {
            k.removeprefix("param_"): v for k, v in parameters.items() if k.startswith("param_")
        }
        found: bytes = session.query(sql, "TabSeparated", params=bound).bytes()
        return found


def _serve() -> None:
    _Handler.options = dict(argument.split("=", 1) for argument in sys.argv[1:])
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_address[1], flush=True)  # noqa: T201  read by the test
    server.serve_forever()


if __name__ == "__main__":
    _serve()
