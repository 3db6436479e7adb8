"""The messages of a run: 90% chat of 100 to 300 characters, 10% mail of 1 to 3 kB, each with a raw payload.

What is delivered of them is a little more: every hundredth comes twice, and three come again with another text, so that
each run also shows that duplicates and conflicts are told apart.
"""

from __future__ import annotations

import base64
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from sago.domain.messages import iso_ms

MAIL_EVERY = 10
TWICE_EVERY = 100
SAID_EVERY = 40
"""Every so manyth text says something that extraction reads."""
POOL = 500
"""Different texts of each kind."""
LIVE_STEP = timedelta(milliseconds=20)
"""Between two messages that are sent now."""
IMPORT_SPAN = timedelta(days=180)
"""What an import reaches back."""
NEWS = (
    "We signed Halvorsen Freight, a three-year contract worth $480k a year.",
    "ARR passed $2.4M this morning, up from $2.1M in the spring.",
    "Marta Lindqvist joined us as VP Engineering on Monday.",
    "We lost the Castellan account, they churned at the end of the term.",
)
_SLOT = re.compile(r"\{[^}]*\}")


class Delivery(NamedTuple):
    """One record of the log, before it has an offset."""

    source: str
    company_id: str
    value: bytes


@dataclass(frozen=True)
class Load:
    """`messages` different messages of `companies` companies, named apart from every other run's by `run`."""

    run: str
    messages: int
    companies: int
    newest: datetime
    step: timedelta

    @classmethod
    def live(cls, run: str, messages: int, companies: int) -> Load:
        """Sent just now, one after the other."""
        return cls(run, messages, companies, datetime.now(UTC), LIVE_STEP)

    @classmethod
    def imported(cls, run: str, messages: int, companies: int) -> Load:
        """Sent over the last half year, oldest first, as a file holds them."""
        return cls(run, messages, companies, datetime.now(UTC), IMPORT_SPAN / messages)

    @property
    def conflicts(self) -> int:
        """Deliveries that no store may take."""
        return len(self._contradicted)

    def deliveries(self) -> Iterator[Delivery]:
        """In the order in which they are put into the log."""
        contradicted = self._contradicted
        for n in range(self.messages):
            yield self.delivery(n)
            if n % TWICE_EVERY == TWICE_EVERY // 2:
                yield self.delivery(n - TWICE_EVERY // 2)
            if n in contradicted:
                yield self.delivery(n, "no, that is not what was said here")

    def delivery(self, n: int, text: str | None = None) -> Delivery:
        """Message n, always the same; `text` contradicts it."""
        company = self.company(n)
        source = "gmail" if (n + n // self.companies) % MAIL_EVERY == 0 else "slack"  # of every company
        sent_at = self.newest - self.step * (self.messages - n)
        made = _mail(n, sent_at) if source == "gmail" else _chat(n, sent_at)
        body = {"schema": 1, "id": f"{source}:{self.run}-{n}", "version": 0, "company_id": company, "source": source}
        body |= made | ({} if text is None else {"text": text})
        return Delivery(source, company, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())

    def company(self, n: int) -> str:
        """Of message n."""
        return f"company-{n % self.companies:05}"

    @property
    def _contradicted(self) -> frozenset[int]:
        return frozenset(self.messages * quarter // 4 for quarter in (1, 2, 3))


def _chat(n: int, sent_at: datetime) -> dict[str, Any]:
    ts = f"{sent_at.timestamp():.6f}"
    text = _text(n)
    block = {"type": "rich_text", "block_id": f"b{n}", "elements": [{"type": "text", "text": text}]}
    raw = {"type": "message", "ts": ts, "user": "U024BE7LH", "team": "T061EG9R6", "channel": "C2147483705"}
    return {
        "sender": "U024BE7LH",
        "sent_at": iso_ms(sent_at),
        "thread_id": ts,
        "text": text,
        "raw": raw | {"text": text, "blocks": [block]},
    }


def _mail(n: int, sent_at: datetime) -> dict[str, Any]:
    subject, body = f"Notes of call {n}", _letters()[n % POOL]
    headers = {"From": "ana@harbour.example", "To": "lee@northpier.example", "Subject": subject}
    part = {
        "mimeType": "text/plain",
        "headers": [{"name": name, "value": value} for name, value in headers.items()],
        "body": {"size": len(body), "data": base64.urlsafe_b64encode(body.encode()).decode()},
    }
    return {
        "sender": "ana@harbour.example",
        "sent_at": iso_ms(sent_at),
        "thread_id": f"thread-{n}",
        "subject": subject,
        "text": f"Subject: {subject}\n\n{body}",
        "raw": {"id": str(n), "threadId": f"thread-{n}", "labelIds": ["INBOX"], "payload": part},
    }


def _text(n: int) -> str:
    text = _talk()[n % POOL]
    return f"{NEWS[n // SAID_EVERY % len(NEWS)]} {text}" if n % SAID_EVERY == 0 else text


@cache
def _talk() -> list[str]:
    return _pool("chatter.txt", 100, 300)


@cache
def _letters() -> list[str]:
    return _pool("mail.txt", 1000, 3000)


def _pool(name: str, shortest: int, longest: int) -> list[str]:
    """Texts of the sample's small talk, joined until they are long enough; the same in every run."""
    filler = resources.files("sago.sample").joinpath("filler", name).read_text(encoding="utf-8")
    lines = [_SLOT.sub("it", line.partition(": ")[2] or line) for line in filler.splitlines() if line.strip()]
    chance = random.Random(name)  # noqa: S311 - a fixed order, no secret
    texts = []
    for _ in range(POOL):
        text, size = "", chance.randint(shortest, longest)
        while len(text) < size:
            text = f"{text} {chance.choice(lines)}".strip()
        texts.append(text[:size].strip())
    return texts
