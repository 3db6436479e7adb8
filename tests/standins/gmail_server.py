"""A stand-in of Gmail's API, Google's OAuth, its certificates and Pub/Sub on this machine, over a mailbox in memory,
misbehaving on command.

By itself, to try `sago connect gmail` against: `python -m tests.standins.gmail_server --port 8766 --mail FOLDER`.
A mail is put into it by `curl --data-binary @mail.eml localhost:8766/standin/mail`.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from tests.standins.gmail_faults import REASONS, AnswerError, Fault
from tests.standins.gmail_mailbox import Mailbox
from tests.standins.gmail_tokens import CLIENT_ID, Key, Tokens

ACCOUNT = "pusher@standin.iam.gserviceaccount.example"
TOPIC = "projects/standin/topics/gmail"
API = "/gmail/v1/users/me/"
BACK = {"twice": 2, "overlap": 1}


@dataclass
class GmailStandin:
    """The state behind the server."""

    url: str = ""
    mailbox: Mailbox = field(default_factory=lambda: Mailbox("founder@northwind.example"))
    tokens: Tokens = field(default_factory=Tokens)
    keys: list[Key] = field(default_factory=lambda: [Key()])
    topics: set[str] = field(default_factory=lambda: {TOPIC})
    page_size: int = 500
    certificates_for: int = 3600
    """Seconds in their Cache-Control."""
    denies: bool = False
    """The person says no."""
    hangs: float = 30.0
    webhook: str = ""
    """Where news go when a mail is put in from outside."""
    faults: list[Fault] = field(default_factory=list)
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)
    """Paths without the API's, and their parameters."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def misbehave(self, kind: str, path: str = "", **more: Any) -> None:
        self.faults.append(Fault(kind, path, **more))

    def behave(self) -> None:
        self.faults.clear()

    def fault(self, path: str, has_token: bool) -> Fault | None:
        with self._lock:
            return next((each for each in self.faults if each.strikes(path, has_token)), None)

    def claims(self, **more: Any) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": "https://accounts.google.com",
            "aud": self.webhook or "https://sago.example/webhook",
            "azp": "113774264463038321964",
            "sub": "113774264463038321964",
            "email": ACCOUNT,
            "email_verified": True,
            "iat": now,
            "exp": now + 3600,
        } | more

    def envelope(self, history_id: int | None = None, address: str = "") -> dict[str, Any]:
        """What Pub/Sub posts."""
        news = {
            "emailAddress": address or self.mailbox.address,
            "historyId": history_id or self.mailbox.history_id,
        }
        message = {
            "data": base64.b64encode(json.dumps(news).encode()).decode(),
            "messageId": str(time.time_ns()),
            "publishTime": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        }
        return {"message": message, "subscription": "projects/standin/subscriptions/gmail"}

    def push(self, webhook: str = "", **news: Any) -> int:
        """Tell of news as Pub/Sub does; the status of the answer."""
        request = urllib.request.Request(  # noqa: S310
            webhook or self.webhook,
            json.dumps(self.envelope(**news)).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {self.keys[0].sign(self.claims())}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def environment(self) -> dict[str, str]:
        """What Sago is set with to speak to this server."""
        return {
            "SAGO_GMAIL__API_URL": f"{self.url}/",
            "SAGO_GMAIL__AUTHORIZE_URL": f"{self.url}/authorize",
            "SAGO_GMAIL__TOKEN_URL": f"{self.url}/token",
            "SAGO_GMAIL__REVOKE_URL": f"{self.url}/revoke",
            "SAGO_GMAIL__CERTIFICATES_URL": f"{self.url}/certs",
            "SAGO_GMAIL__CLIENT_ID": CLIENT_ID,
            "SAGO_GMAIL__CLIENT_SECRET": self.tokens.client_secret,
            "SAGO_GMAIL__PUSH_ACCOUNT": ACCOUNT,
            "SAGO_GMAIL__PUSH_AUDIENCE": str(self.claims()["aud"]),
            "SAGO_GMAIL__PUSH_TOPIC": TOPIC,
        }

    def api(self, what: str, query: dict[str, list[str]], body: Any, *, back: int) -> dict[str, Any]:
        """An answer of users.*; raises AnswerError. A page begins `back` halves of a page before its place."""
        box = self.mailbox
        if what == "profile":
            return {"emailAddress": box.address, "messagesTotal": len(box.messages), "historyId": str(box.history_id)}
        if what == "labels":
            return {"labels": [{"id": each, "name": name, "type": "user"} for each, name in box.labels.items()]}
        if what == "watch":
            return self._watch(body)
        if what == "messages":
            hidden = query.get("includeSpamTrash") == ["true"]
            found = box.listed(query.get("q", [""])[0], query.get("labelIds", []), hidden)
            rows = [{"id": each.id, "threadId": each.thread_id} for each in found]
            return self._page("messages", rows, query, back) | {"resultSizeEstimate": len(rows)}
        if what == "history":
            return self._history(query, back)
        kept = box.messages.get(what.removeprefix("messages/"))
        if kept is None:
            raise AnswerError(404, "notFound")
        return box.shown(kept, query.get("format", ["full"])[0])

    def _watch(self, body: Any) -> dict[str, Any]:
        if body.get("topicName") not in self.topics:
            raise AnswerError(403, "forbidden")
        self.mailbox.watched = body
        return {"historyId": str(self.mailbox.history_id), "expiration": str(int((time.time() + 7 * 86400) * 1000))}

    def _history(self, query: dict[str, list[str]], back: int) -> dict[str, Any]:
        after = query.get("startHistoryId", [""])[0]
        if not after.isdecimal():
            raise AnswerError(400, "invalidArgument")
        if int(after) < self.mailbox.oldest:
            raise AnswerError(404, "notFound")
        told = self._page("history", self.mailbox.records(int(after)), query, back)
        return told | {"historyId": str(self.mailbox.history_id)}

    def _page(self, key: str, rows: list[dict[str, Any]], query: dict[str, list[str]], back: int) -> dict[str, Any]:
        token = query.get("pageToken", ["0"])[0]
        if not token.isdecimal():
            raise AnswerError(400, "invalidArgument")
        size = min(self.page_size, int(query.get("maxResults", ["100"])[0]))
        begin = max(int(token) - back * size // 2, 0)
        shown = rows[begin : begin + size]
        more = {"nextPageToken": str(begin + size)} if begin + size < len(rows) else {}
        return ({key: shown} if shown else {}) | more


class _Handler(BaseHTTPRequestHandler):
    standin: GmailStandin
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Nothing: a token may stand in a line."""

    def _answer(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        standin = self.standin
        standin.asked.append((path.removeprefix(API), query))
        fault = standin.fault(path, "pageToken" in query)
        if fault and fault.kind in ("hang", "cut", "html"):
            return self._break_off(fault.kind)
        try:
            if fault and fault.kind in REASONS:
                wait = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
                raise AnswerError(*REASONS[fault.kind], wait)
            if path.startswith(API):
                if self.headers.get("Authorization", "").removeprefix("Bearer ") not in standin.tokens.access:
                    raise AnswerError(401, "authError")
                told = json.loads(body) if body else None
                back = BACK.get(fault.kind, 0) if fault else 0
                return self._send(200, standin.api(path.removeprefix(API), query, told, back=back))
            route: Callable[..., None] | None = getattr(self, f"_{path.strip('/').replace('/', '_')}", None)
            if route is None:
                raise AnswerError(404, "notFound")
            route(body)
        except AnswerError as error:
            self._send(error.status, error.body, error.headers)

    def _break_off(self, kind: str) -> None:
        self.close_connection = True
        if kind == "hang":
            time.sleep(self.standin.hangs)
        elif kind == "html":
            self._send(200, b"<!DOCTYPE html><title>Google</title>", {"Content-Type": "text/html"})
        else:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"messages": [')

    def _certs(self, _: bytes) -> None:
        kept = f"public, max-age={self.standin.certificates_for}, must-revalidate, no-transform"
        self._send(200, {"keys": [key.jwk for key in self.standin.keys]}, {"Cache-Control": kept})

    def _token(self, body: bytes) -> None:
        self._send(*self.standin.tokens.answer(dict(parse_qsl(body.decode()))))

    def _revoke(self, body: bytes) -> None:
        token = dict(parse_qsl(body.decode())).get("token", "")
        self.standin.tokens.refresh.discard(token)
        self.standin.tokens.access.discard(token)
        self._send(200, {})

    def _authorize(self, _: bytes) -> None:
        asked = dict(parse_qsl(urlsplit(self.path).query))
        said = {"error": "access_denied"} if self.standin.denies else {"code": self.standin.tokens.code(asked)}
        said |= {"state": asked.get("state", ""), "scope": self.standin.tokens.scope}
        self._send(302, b"", {"Location": f"{asked['redirect_uri']}?{urlencode(said)}"})

    def _standin_mail(self, body: bytes) -> None:
        message_id = self.standin.mailbox.add(body)
        pushed = self.standin.push() if self.standin.webhook and self.standin.mailbox.watched else None
        self._send(200, {"id": message_id, "pushed": pushed})

    def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json; charset=UTF-8"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that went away is no news."""


@contextmanager
def serving(standin: GmailStandin | None = None, port: int = 0) -> Iterator[GmailStandin]:
    """The stand-in at an address of this machine."""
    standin = standin or GmailStandin()
    server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"standin": standin}))
    standin.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield standin
    finally:
        server.shutdown()
        server.server_close()


def main() -> None:
    """Serve until interrupted, and say what Sago is to be set with."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8766)
    parser.add_argument("--mail", type=Path, help="a folder of .eml files that lie in the mailbox")
    parser.add_argument("--webhook", default="", help="Sago's webhook for Gmail: it is told of news")
    given = parser.parse_args()
    standin = GmailStandin(webhook=given.webhook, tokens=Tokens(client_secret="secret-of-the-stand-in"))
    for path in sorted(given.mail.rglob("*.eml")) if given.mail else ():
        standin.mailbox.add(path.read_bytes())
    with ExitStack() as stack:
        try:
            stack.enter_context(serving(standin, given.port))
        except OSError as error:
            parser.error(f"port {given.port}: {error.strerror}; name another by --port")
        for name, value in standin.environment().items():
            print(f"{name}={value}")  # noqa: T201
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
