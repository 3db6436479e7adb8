"""The way through the browser: a listener on this machine that takes one answer to one question (RFC 8252, 7.3)."""

from __future__ import annotations

import hmac
import os
import queue
import secrets
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from sago.errors import UsageError
from sago.sources.oauth import CODE, Question

WITHIN = 300.0
"""Seconds a person has for the vendor's pages."""
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><title>Sago</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1.25rem;color:#222}}
@media(prefers-color-scheme:dark){{body{{background:#181818;color:#ddd}}}}</style>
<h1>{head}</h1><p>{text}</p></html>"""


class Listener(ThreadingHTTPServer):
    """Listens on 127.0.0.1 alone. What is not the answer to its question is told so, and it goes on listening."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.question: Question | None = None
        self.start = f"/{secrets.token_urlsafe(6)}"
        """Leads to the vendor's page: an address that fits into a line of a terminal."""
        self.answers: queue.Queue[str | UsageError] = queue.Queue()
        self._lock = threading.Lock()
        self._is_answered = False
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def address(self) -> str:
        """Its own, without a path."""
        return f"http://127.0.0.1:{self.server_port}"

    def take(self, state: str) -> bool:
        """Whether this is the first answer to our question."""
        ours = self.question is not None and hmac.compare_digest(state.encode(), self.question.state.encode())
        with self._lock:
            is_first, self._is_answered = ours and not self._is_answered, self._is_answered or ours
        return is_first

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that hangs up is none of our business, and what it sent is not for the terminal."""


class _Handler(BaseHTTPRequestHandler):
    timeout = 10.0
    server: Listener

    def do_GET(self) -> None:
        told = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        question = self.server.question
        if question and urlsplit(self.path).path == self.server.start:
            self._redirect(question.url)
        elif "state" not in told:
            self._say(404, "Nothing here", "This address waits for the answer of one sign-in.")
        elif not self.server.take(told["state"]):
            self._say(400, "Not this one", "This is no answer to the question that waits. Begin again in the terminal.")
        elif (code := told.get("code")) and "error" not in told:
            self._say(200, "Connected", "You can close this window and go on in the terminal.")
            self.server.answers.put(code)
        else:
            self._say(200, "Not connected", "Nothing was shared. You can close this window.")
            self.server.answers.put(_refusal(told.get("error", "")))

    def _redirect(self, url: str) -> None:
        self.send_response(302)
        self.send_header("Location", url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _say(self, status: int, head: str, text: str) -> None:
        page = PAGE.format(head=escape(head), text=escape(text)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library calls it
        """Nothing: the address holds the code."""


@contextmanager
def listening(port: int) -> Iterator[Listener]:
    """A listener for the length of the block; 0 is a free port. Raises UsageError where the port is taken."""
    try:
        listener = Listener(port)
    except OSError as error:
        raise UsageError(
            f"--port {port}: cannot be listened on ({error.strerror}); name another, or leave it out for a free one"
        ) from None
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


def code_of(listener: Listener, question: Question, tell: Callable[[str], None], within: float = WITHIN) -> str:
    """Send the person to the vendor and wait for the code. Raises UsageError where they say no, or say nothing."""
    listener.question = question
    address = listener.address + listener.start
    tell(address)
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):  # else a text browser would take the terminal
        webbrowser.open(address)
    try:
        answer = listener.answers.get(timeout=within)
    except queue.Empty:
        raise UsageError(
            f"no answer within {within / 60:.0f} minutes: run it again, and open {listener.address}… in a browser on "
            "this machine (from elsewhere: `ssh -L`, with --port)"
        ) from None
    if isinstance(answer, UsageError):
        raise answer
    return answer


def _refusal(error: str) -> UsageError:
    if error == "access_denied":
        return UsageError("you said no on the vendor's page: nothing was connected; run it again to change your mind")
    named = error if CODE.fullmatch(error) else "an unknown error"
    return UsageError(f"the vendor ended it: {named}; nothing was connected")
