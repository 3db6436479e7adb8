"""A server on this machine that speaks `generateContent`: records what it is asked, answers as it is told to.

Without a script it is a model that reads only marks (see `sago.llm.providers.marker`), writes letters of the events'
titles and proposes what the rules would. A script is a list of behaviours, used up one a request; other
processes reach it by its `url`.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from sago.domain.batches import ExtractionRequest
from sago.domain.messages import CompactMessage
from sago.domain.reasons import suggest
from sago.llm.providers.marker import MarkerModel

KEY = "test-key-5d1f"


class Asked(NamedTuple):
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def system(self) -> str:
        return str(self.body["systemInstruction"]["parts"][0]["text"])

    @property
    def user(self) -> str:
        return str(self.body["contents"][0]["parts"][0]["text"])

    @property
    def texts(self) -> list[str]:
        """Of the numbered messages."""
        return [line["text"] for line in numbered(self.user)]

    @property
    def is_letter(self) -> bool:
        return "letter" in self.system.split(".")[0]

    @property
    def is_proposal(self) -> bool:
        return "conditions" in self.system.split(".")[0]

    @property
    def data(self) -> dict[str, Any]:
        """The JSON object of a letter or a reason."""
        found: dict[str, Any] = json.JSONDecoder().raw_decode(self.user)[0]
        return found


class Reply(NamedTuple):
    """One response; `after` seconds."""

    status: int = 200
    body: bytes = b""
    headers: Sequence[tuple[str, str]] = ()
    after: float = 0.0
    dribble: float = 0.0
    """Seconds between letters without an end, sent behind `body`, which then is status line and headers too."""


Behaviour = Callable[[Asked], Reply]


def numbered(user: str) -> list[dict[str, Any]]:
    """The JSON lines of a prompt that hold messages to report on."""
    return [json.loads(line) for line in user.split("\n") if line.startswith('{"n":')]


def said(value: object, *, finish: str = "STOP", thinking: int = 7) -> Reply:
    """A usual response whose text is this value as JSON, or this very text."""
    text = value if isinstance(value, str) else json.dumps(value)
    content = {"role": "model", "parts": [{"text": text, "thoughtSignature": "c2ln"}]}
    return response({"candidates": [{"content": content, "finishReason": finish, "index": 0}]}, thinking=thinking)


def response(body: dict[str, Any], *, thinking: int = 0) -> Reply:
    usage = {"promptTokenCount": 1000, "candidatesTokenCount": 50, "thoughtsTokenCount": thinking}
    whole = body | {"usageMetadata": usage, "modelVersion": "gemini-test"}
    return Reply(body=json.dumps(whole).encode(), headers=[("Content-Type", "application/json")])


def marks(asked: Asked) -> Reply:
    """What a perfect model would say."""
    return said(perfect(asked))


def perfect(asked: Asked) -> dict[str, Any]:
    """Of marked text its findings, a letter that keeps to the titles, conditions as the rules propose them."""
    if asked.is_proposal:
        return proposal(asked)
    return letter(asked) if asked.is_letter else {"findings": findings(asked)}


def findings(asked: Asked) -> list[dict[str, Any]]:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    messages = tuple(
        CompactMessage(id=f"slack:{line['n']}", source="slack", sent_at=at, sender="x", text=line["text"])
        for line in numbered(asked.user)
    )
    request = ExtractionRequest(company_id="any", company_name="Any", messages=messages)
    found = sorted(MarkerModel().extract(request), key=lambda each: int(each.message_id.partition(":")[2]))
    return [
        {
            **each.model_dump(mode="json", include={"quote", "event_type", "status", "severity", "title", "corrects"}),
            "message": int(each.message_id.partition(":")[2]),
            "subject": each.subject or "",
            "metrics": [metric.model_dump() for metric in each.metrics],
            "stakeholders": [],
        }
        for each in found
    ]


def letter(asked: Asked) -> dict[str, Any]:
    data, events = asked.data, asked.data["events"]
    return {
        "subject": f"{data['company']}: {events[0]['title']}",
        "opening": f"There is news. {events[0]['title']}, on {events[0]['on']}.",
        "other_side": "",
        "highlights": [{"event": e["n"], "heading": e["type"], "text": f"{e['title']} ({e['on']})."} for e in events],
        "ask": "Do you have 20 minutes for a call next week?",
    }


def proposal(asked: Asked) -> dict[str, Any]:
    found = suggest(asked.data["reason"])
    return {"conditions": [each._asdict() for each in found.conditions], "unclear": [u.words for u in found.unclear]}


def always(reply: Reply) -> Behaviour:
    return lambda _: reply


def slow(seconds: float) -> Behaviour:
    return lambda asked: marks(asked)._replace(after=seconds)


def dribbling(begun: bytes, pause: float) -> Behaviour:
    """What is begun is never done, and never silent for longer than `pause` seconds."""
    return always(Reply(body=begun, dribble=pause))


def echoing(code: int, status: str) -> Behaviour:
    """An error that repeats the whole request, key and all, wherever an error has room for text."""

    def answer(asked: Asked) -> Reply:
        request = (
            f"invalid request: {json.dumps(asked.body, ensure_ascii=False)} with {asked.headers['x-goog-api-key']}"
        )
        said = {"reason": asked.headers["x-goog-api-key"], "description": request, "field": "contents[0].parts"}
        details = [said, {"fieldViolations": [said, {"field": request}]}, {"reason": request}]
        return failing(code, status, request, details)(asked)

    return answer


def failing(code: int, status: str, message: str = "no", details: Sequence[dict[str, Any]] = ()) -> Behaviour:
    """An error as Google's servers write it."""
    error = {"code": code, "message": message, "status": status, "details": list(details)}
    return always(Reply(code, json.dumps({"error": error}).encode(), [("Content-Type", "application/json")]))


def too_many(delay: str) -> Behaviour:
    """429 with a delay such as `3s`."""
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    return failing(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", [info])


def blocked_question(reason: str = "PROHIBITED_CONTENT") -> Behaviour:
    return always(response({"promptFeedback": {"blockReason": reason}}))


def blocked_where(word: str) -> Behaviour:
    """The filters dislike a word."""
    return lambda asked: blocked_question()(asked) if word in asked.user else marks(asked)


def cut_above(most: int) -> Behaviour:
    """The answer about more than so many messages reaches the output limit."""

    def answer(asked: Asked) -> Reply:
        if len(asked.texts) <= most:
            return marks(asked)
        whole = json.dumps({"findings": findings(asked)})
        return said(whole[: len(whole) * 2 // 3], finish="MAX_TOKENS")

    return answer


class GeminiServer:
    """The running server: `asked` is what came, `script` what is still to be answered otherwise than `usual`."""

    kind: type[Asked] = Asked
    well: Behaviour = staticmethod(marks)

    def __init__(self, port: int = 0) -> None:
        self.asked: list[Asked] = []
        self.script: deque[Behaviour] = deque()
        self.usual: Behaviour = self.well
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def reset(self) -> None:
        """As new."""
        self.asked, self.script, self.usual = [], deque(), self.well

    def answer(self, asked: Asked) -> Reply:
        with self._lock:
            self.asked.append(asked)
            behaviour = self.script.popleft() if self.script else self.usual
        return behaviour(asked)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                reply = server.answer(server.kind(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                time.sleep(reply.after)
                try:
                    if reply.dribble:
                        self._dribble(reply)
                    self.send_response(reply.status)
                    for name, value in reply.headers:
                        self.send_header(name, value)
                    if not any(name == "Content-Length" for name, _ in reply.headers):
                        self.send_header("Content-Length", str(len(reply.body)))
                    self.end_headers()
                    self.wfile.write(reply.body)
                    self.close_connection = dict(reply.headers).get("Content-Length") is not None
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # the client did not wait

            def _dribble(self, reply: Reply) -> None:
                """Until the client goes away, which ends it with an error; at most 10 s."""
                self.wfile.write(reply.body)
                for _ in range(int(10 / reply.dribble)):
                    self.wfile.write(b"a")
                    time.sleep(reply.dribble)
                raise ConnectionResetError

            def log_message(self, *_: object) -> None:
                """Silent."""

        return Handler


@contextmanager
def running(server: GeminiServer) -> Iterator[GeminiServer]:
    """The server as long as the block."""
    server.start()
    try:
        yield server
    finally:
        server.stop()


def gemini_server() -> AbstractContextManager[GeminiServer]:
    """A server as long as the block."""
    return running(GeminiServer())
