"""A load generator in a process of its own: `python -m bench.api.client` reads its orders as JSON from stdin.

Plain HTTP/1.1 over asyncio, so that it takes little from the cores it shares with what it measures. Closed: each of
`connections` sends when it was answered. Open: requests leave at moments fixed before, however slow the answers are,
and each is timed from its moment.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Orders:
    """What to send: `body` with `{n}` for a number that no other request has."""

    url: str
    method: str = "POST"
    body: str = ""
    key: str = ""
    connections: int = 16
    seconds: float = 5.0
    rate: float = 0.0
    """Requests a second, evenly; 0: closed."""
    first: int = 0


@dataclass
class Heard:
    """Milliseconds of each answer, and how many of each status there were."""

    ms: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    cpu: float = 0.0
    """Seconds of processor time that this process took."""

    def note(self, status: str, began: float) -> None:
        """One answer."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.ms.append((time.perf_counter() - began) * 1000)


class Line:
    """One connection that is kept."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        parts = urlsplit(orders.url)
        self._place = parts.hostname or "", parts.port or 80
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        key = f"Authorization: Bearer {orders.key}\r\n" if orders.key else ""
        self._head = f"{orders.method} {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n{key}"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, number: int) -> str:
        """Send one request; its status."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._place)
        reader, writer = self._streams
        body = self._orders.body.replace("{n}", str(number)).encode()
        head = f"{self._head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        told = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        size = int(told.partition("content-length: ")[2].partition("\r\n")[0])
        await reader.readexactly(size)
        return told[9:12]

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()


async def closed(orders: Orders) -> Heard:
    """As fast as the answers come."""
    heard, numbers = Heard(), iter(range(orders.first, 1 << 60))
    until = time.perf_counter() + orders.seconds

    async def one() -> None:
        line = Line(orders)
        while (began := time.perf_counter()) < until:
            heard.note(await line.ask(next(numbers)), began)
        line.close()

    await asyncio.gather(*(one() for _ in range(orders.connections)))
    return heard


async def opened(orders: Orders) -> Heard:
    """At a rate that waits for nobody."""
    heard, free = Heard(), [Line(orders) for _ in range(orders.connections)]
    start = time.perf_counter() + 0.2
    asked: set[asyncio.Task[None]] = set()

    async def one(number: int, moment: float) -> None:
        line = free.pop() if free else Line(orders)
        heard.note(await line.ask(number), moment)
        free.append(line)

    for n in range(round(orders.rate * orders.seconds)):
        moment = start + n / orders.rate
        await asyncio.sleep(max(moment - time.perf_counter(), 0))
        task = asyncio.create_task(one(orders.first + n, moment))
        asked.add(task)
        task.add_done_callback(asked.discard)
    await asyncio.gather(*asked)
    for line in free:
        line.close()
    return heard


def main() -> None:
    """Do as ordered; what was heard as JSON on stdout."""
    orders = Orders(**json.loads(sys.stdin.read()))
    began, cpu = time.perf_counter(), time.process_time()
    heard = asyncio.run(opened(orders) if orders.rate else closed(orders))
    heard.seconds, heard.cpu = time.perf_counter() - began, time.process_time() - cpu
    said: dict[str, Any] = asdict(heard)
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
