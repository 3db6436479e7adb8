"""A way to a server on which an answer can be lost: the server has done the work, and nobody hears of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

CHUNK = 1 << 16


class LostAnswers:
    """A relay on 127.0.0.1. `losing(n)` breaks a connection instead of passing its answer on, after n more answers.

    An answer is what the server sends at once: enough for one client that asks, waits and asks again.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._left: int | None = None
        self._lost = 0
        self.on_loss: Callable[[], object] = lambda: None
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @contextmanager
    def losing(self, after: int | None) -> Iterator[Callable[[], bool]]:
        """Lose the answer after so many others, or none; yields whether one was lost."""
        before, self._left = self._lost, after
        yield lambda: self._lost > before
        self._left = None

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for pump, one, other in ((self._ask, client, server), (self._answer, server, client)):
                    threading.Thread(target=pump, args=(one, other), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while asked := client.recv(CHUNK):
                server.sendall(asked)
        _end(client, server)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while (answer := server.recv(CHUNK)) and not self._is_lost():
                client.sendall(answer)
        _end(client, server)

    def _is_lost(self) -> bool:
        if self._left is None:
            return False
        self._left -= 1
        if self._left >= 0:
            return False
        self._left = None
        self._lost += 1
        self.on_loss()
        return True


def _end(*sockets: socket.socket) -> None:
    """Both directions of both: whoever waits for more hears of it."""
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
