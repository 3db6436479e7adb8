"""Paged over HTTP on this machine: the book of `tests.standins.paged`, in the manners of a vendor that misbehaves."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.standins.paged import Answer, Book


class PagedServer(ThreadingHTTPServer):
    """The running server; `seen` are the requests as they came: method, path, headers, body."""

    daemon_threads = True

    def __init__(self, book: Book) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.book = book
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: PagedServer

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        self._note(b"")
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self._send(self.server.book.answer(where.path.strip("/"), dict(parse_qsl(where.query)), token))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._note(body)
        said: dict[str, Any] = json.loads(body)
        if self.path == "/token":
            self._send(self.server.book.renew(str(said.get("refresh"))))
        else:
            self._send(Answer(200, {"said": said}))

    def _note(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((self.command, self.path, headers, body))

    def _send(self, answer: Answer) -> None:
        time.sleep(answer.after)
        body = json.dumps(answer.body).encode() if isinstance(answer.body, dict) else _bytes(answer.body)
        try:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for part in _parts(body[: len(body) // 2] if answer.is_cut else body, trickles=answer.trickles):
                self.wfile.write(part)
        except OSError:  # the client has gone
            self.close_connection = True
        if answer.is_cut:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Tests look at `seen`."""


def _parts(body: bytes, *, trickles: bool) -> Iterator[bytes]:
    if not trickles:
        yield body
        return
    for byte in body:
        time.sleep(0.1)
        yield bytes([byte])


def _bytes(body: object) -> bytes:
    return body if isinstance(body, bytes) else str(body).encode()


@contextmanager
def paged_server(book: Book | None = None) -> Iterator[PagedServer]:
    """A server as long as the block."""
    server = PagedServer(book or Book())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
