"""A stand-in of Slack on this machine: its Web API, its authorize page and its events, over a workspace in memory, with
its limits, and misbehaving on command.

By itself, to try `sago connect slack` against: `python -m tests.standins.slack_server --port 8765`.
"""

from __future__ import annotations

import argparse
import json
import math
import secrets
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.canaries import SLACK_TOKEN
from tests.standins.slack_methods import CLIENT_ID, CLIENT_SECRET, SIGNING_SECRET, Methods, SlackError
from tests.standins.slack_pushes import Pushes
from tests.standins.slack_workspace import Fields, Workspace, fill

HTML = b"<!DOCTYPE html><html><head><title>Slack</title></head><body>Something went wrong</body></html>"
FAULTS = ("429", "500", "hang", "cut", "html", "stale_page", "overlapping_page", "expired_cursor", "internal_error")
"""What `misbehave` knows, besides any error by its name. A stale page is the one before once more; an overlapping one
begins with the messages of the one before."""


@dataclass
class Fault:
    """One way to misbehave: each `every`-th request of a method, or of all, `times` times in all."""

    kind: str
    method: str = ""
    every: int = 1
    times: int = 1
    retry_after: int = 1
    _seen: int = 0

    def strikes(self, method: str, asked: Mapping[str, str]) -> bool:
        """Whether this request meets it; one about pages meets requests with a cursor alone."""
        needs_cursor = self.kind in ("stale_page", "overlapping_page", "expired_cursor")
        if self.times <= 0 or self.method not in ("", method) or (needs_cursor and not asked.get("cursor")):
            return False
        self._seen += 1
        if self._seen % self.every:
            return False
        self.times -= 1
        return True


@dataclass
class Limits:
    """Requests in any minute by method; anything else as often as it likes. `minute` may be shorter than Slack's."""

    by_method: dict[str, int]
    minute: float = 60.0
    now: Callable[[], float] = time.monotonic
    _taken: dict[str, deque[float]] = field(default_factory=dict)

    def wait(self, method: str) -> float:
        """Zero where it may be asked now, which then counts."""
        if method not in self.by_method:
            return 0.0
        now, taken = self.now(), self._taken.setdefault(method, deque())
        while taken and taken[0] <= now - self.minute:
            taken.popleft()
        if len(taken) >= self.by_method[method]:
            return taken[0] + self.minute - now
        taken.append(now)
        return 0.0


def limits_of(*, is_internal: bool = False, **how: Any) -> Limits:
    """Slack's own: docs.slack.dev/apis/web-api/rate-limits."""
    rate = 50 if is_internal else 1
    by_method = {"conversations.history": rate, "conversations.replies": rate}
    return Limits({**by_method, "users.list": 20, "users.conversations": 50, "conversations.list": 20}, **how)


class SlackServer:
    """The running stand-in."""

    client_id, client_secret, signing_secret, token = CLIENT_ID, CLIENT_SECRET, SIGNING_SECRET, SLACK_TOKEN

    def __init__(self, workspace: Workspace | None = None, *, port: int = 0, limits: Limits | None = None) -> None:
        self.workspace = workspace or Workspace()
        self.methods = Methods(self.workspace)
        self.limits = limits
        self.denies = False
        """Whether the person at the authorize page says no."""
        self.faults: list[Fault] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        """Every request with its arguments; no token."""
        self._before: dict[tuple[str, ...], Fields] = {}
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._http.daemon_threads = True
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that hung up
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    @property
    def authorize_url(self) -> str:
        return f"{self.url}/oauth/v2/authorize"

    def environment(self) -> dict[str, str]:
        """What points Sago at it."""
        return {
            "SAGO_SLACK__API_URL": self.api_url,
            "SAGO_SLACK__AUTHORIZE_URL": self.authorize_url,
            "SAGO_SLACK__CLIENT_ID": self.client_id,
            "SAGO_SLACK__CLIENT_SECRET": self.client_secret,
            "SAGO_SLACK__SIGNING_SECRET": self.signing_secret,
        }

    def misbehave(self, kind: str, method: str = "", **how: int) -> None:
        """From now on; see Fault. `kind` is one of FAULTS, or the name of an error."""
        self.faults.append(Fault(kind, method, **how))

    def pushes(self, url: str, **how: Any) -> Pushes:
        """Slack's side of the Events API towards an address."""
        return Pushes(self.workspace, url, self.signing_secret, **how)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Ends; whoever hangs is let go."""
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def authorize(self, asked: Mapping[str, str]) -> str:
        """Where the authorize page leads (docs.slack.dev/authentication/installing-with-oauth)."""
        answer = {"error": "access_denied"} if self.denies else {"code": secrets.token_hex(8)}
        self.methods.codes |= {answer["code"]} if "code" in answer else set()
        state = {"state": asked["state"]} if "state" in asked else {}
        return f"{asked.get('redirect_uri', self.url)}?{urlencode({**answer, **state})}"

    def answer(self, method: str, asked: dict[str, str], token: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body; no body: the connection is to be cut."""
        with self._lock:
            self.asked.append((method, asked))
            fault = next((each for each in self.faults if each.strikes(method, asked)), None)
        if fault is not None and fault.kind in ("429", "500", "hang", "cut", "html"):
            return self._broken(fault)
        with self._lock:
            wait = self.limits.wait(method) if self.limits else 0.0
        if wait:
            return _json(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(max(1, math.ceil(wait)))})
        try:
            if fault is not None and fault.kind not in FAULTS[5:7]:
                raise SlackError("invalid_cursor" if fault.kind == "expired_cursor" else fault.kind)
            body = self.methods.call(method, asked, token)
        except SlackError as error:
            return _json(200, error.body)
        return _json(200, self._paged((method, asked.get("channel", ""), asked.get("ts", "")), body, fault))

    def _broken(self, fault: Fault) -> tuple[int, dict[str, str], bytes]:
        if fault.kind == "429":
            return _json(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(fault.retry_after)})
        if fault.kind == "hang":
            self._closing.wait(60)
        if fault.kind in ("hang", "cut"):
            return 200, {}, b""
        return (500, {"Content-Type": "text/plain"}, b"oops") if fault.kind == "500" else (200, {}, HTML)

    def _paged(self, of: tuple[str, ...], body: Fields, fault: Fault | None) -> Fields:
        """The answer, or the one before it of the same list again, where that is how it misbehaves."""
        before = self._before.get(of)
        if fault is not None and fault.kind == "stale_page" and before:
            return before
        self._before[of] = body
        if fault is not None and before and "messages" in body:
            return {**body, "messages": [*before["messages"], *body["messages"]]}
        return body


def _json(status: int, body: Fields, headers: Mapping[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    said = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    return status, said, json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _handler(server: SlackServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
            if urlsplit(self.path).path == "/oauth/v2/authorize":
                self._say(302, {"Location": server.authorize(asked)}, b" ")
            else:
                self._api(asked)

        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            self._api(dict(parse_qsl(urlsplit(self.path).query)) | dict(parse_qsl(form)))

        def _api(self, asked: dict[str, str]) -> None:
            path = urlsplit(self.path).path
            if not path.startswith("/api/"):
                self._say(404, {"Content-Type": "text/html"}, HTML)
                return
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            self._say(*server.answer(path.removeprefix("/api/"), asked, asked.pop("token", token)))

        def _say(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) or 1000))
            self.end_headers()
            self.wfile.write(body or b'{"ok": true, "mess')
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Says nothing: a request may hold a code or a token."""

    return Handler


@contextmanager
def slack_server(workspace: Workspace | None = None, **how: Any) -> Iterator[SlackServer]:
    """A stand-in as long as the block."""
    server = SlackServer(workspace, **how)
    server.start()
    try:
        yield server
    finally:
        server.close()


def main() -> None:
    """Run until it is interrupted, with a workspace of two channels."""
    parser = argparse.ArgumentParser(description="A stand-in of Slack on this machine.")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--messages", type=int, default=200, help="in each of the two channels")
    parser.add_argument(
        "--minute", type=float, default=0.0, help="seconds of a minute of Slack's limits; 0: none, as an internal app"
    )
    parser.add_argument("--internal", action="store_true", help="limits of an internal app")
    parser.add_argument("--webhook", default="", help="where a new message is pushed to, one every --every seconds")
    parser.add_argument("--every", type=float, default=5.0)
    said = parser.parse_args()
    workspace = Workspace()
    for channel, name in (("C0GENERAL01", "general"), ("C0SALES0001", "sales")):
        workspace.add_channel(channel, name)
        fill(workspace, channel, said.messages, datetime.now(UTC))
    limits = limits_of(is_internal=said.internal, minute=said.minute) if said.minute else None
    with slack_server(workspace, port=said.port, limits=limits) as server:
        is_internal = said.internal or not said.minute
        server.methods.most = 999 if is_internal else 15
        settings = server.environment() | {"SAGO_SLACK__IS_INTERNAL": str(is_internal).lower()}
        lines = [f"{name}={value}" for name, value in settings.items()]
        sys.stdout.write("\n".join([*lines, f"# team {workspace.team}, channels {', '.join(workspace.channels)}", ""]))
        sys.stdout.flush()
        try:
            _chat(server, said.webhook, said.every)
        except KeyboardInterrupt:
            return


def _chat(server: SlackServer, webhook: str, every: float) -> None:
    pushes = server.pushes(webhook) if webhook else None
    number = 0
    while True:
        time.sleep(every)
        if pushes is None:
            continue
        number += 1
        event = server.workspace.post("C0GENERAL01", "U0PERSON1", f"Live message {number}", datetime.now(UTC))
        sys.stdout.write(f"{event['ts']}: {'taken' if pushes.deliver(event) else 'refused'}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
