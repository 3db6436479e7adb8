"""A TCP proxy that makes a server answer late: what it sends reaches the client `delay` seconds afterwards."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Address = tuple[str, int]
CHUNK = 65536
CHUNKS_UNDER_WAY = 1000


class SlowProxy:
    """Listens on a port of its own and passes everything on, nothing lost and in order.

    `delay` (seconds) may be changed at any time. `target` is asked at each connection; where nobody listens there, the
    client's connection ends, as it does with a server that is just starting.
    """

    def __init__(self, target: Callable[[], Address]) -> None:
        self.delay = 0.0
        self.answered = 0
        """Bytes of the server that clients have got."""
        self.port = 0
        self._target = target
        self._connections: set[asyncio.Task[None]] = set()

    @contextmanager
    def running(self) -> Iterator[SlowProxy]:
        """Serve in a thread of its own for the length of the block."""
        loop = asyncio.new_event_loop()
        server = loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        thread = threading.Thread(target=loop.run_forever, name=f"proxy-{self.port}")
        thread.start()
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self._end(server), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _end(self, server: asyncio.Server) -> None:
        server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        try:
            with suppress(OSError):
                await self._connect(client, to_client)
        except asyncio.CancelledError:
            pass  # the proxy ends
        finally:
            self._connections.discard(connection)
            to_client.transport.abort()

    async def _connect(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(*self._target())
        both = [
            asyncio.ensure_future(self._ask(client, to_server)),
            asyncio.ensure_future(self._answer(server, to_client)),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in both:
                each.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            to_server.transport.abort()

    async def _ask(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
        while chunk := await client.read(CHUNK):
            to_server.write(chunk)
            await to_server.drain()

    async def _answer(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Late, but as many at once as the server gives: what is slow is the way, not the server."""
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS_UNDER_WAY)
        reading = asyncio.ensure_future(self._read(server, late))
        try:
            while True:
                due, chunk = await late.get()
                await asyncio.sleep(due - asyncio.get_running_loop().time())
                if not chunk:
                    return
                to_client.write(chunk)
                await to_client.drain()
                self.answered += len(chunk)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, server: asyncio.StreamReader, late: asyncio.Queue[tuple[float, bytes]]) -> None:
        """Ends with an empty chunk, also where the connection breaks."""
        chunk = b"-"
        while chunk:
            try:
                chunk = await server.read(CHUNK)
            except OSError:
                chunk = b""
            await late.put((asyncio.get_running_loop().time() + self.delay, chunk))
