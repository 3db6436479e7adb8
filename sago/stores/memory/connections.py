"""What founders have connected, and how far it has been read, in memory."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sago.domain.connections import LEFT_ALONE, Connection, ConnectionState, Refresh, Route, Stream
from sago.stores.memory.state import State


class MemoryConnections:
    """The `ConnectionStore` over a working copy."""

    def __init__(self, state: State) -> None:
        self._state = state

    def save(self, connection: Connection) -> None:
        self._state.connections[connection.id] = connection
        if connection.company_id:
            self._state.served.add((connection.id, connection.company_id))

    def get(self, connection_id: UUID, *, lock: bool = False) -> Connection | None:  # noqa: ARG002
        return self._state.connections.get(connection_id)

    def find(self, source: str, account: str) -> Connection | None:
        return next((each for each in self.all() if (each.source, each.account) == (source, account)), None)

    def all(self, *, lock: bool = False) -> list[Connection]:  # noqa: ARG002
        return sorted(self._state.connections.values(), key=lambda each: (each.source, each.account))

    def refuse(self, connection_id: UUID, reason: str) -> None:
        connection = self.get(connection_id)
        if connection is not None and connection.state is ConnectionState.ACTIVE:
            refused = {"state": ConnectionState.REFUSED, "reason": reason}
            self._state.connections[connection_id] = connection.model_copy(update=refused)

    def keep_token(self, connection_id: UUID, sealed: bytes) -> None:
        self._state.tokens[connection_id] = sealed

    def token(self, connection_id: UUID, *, lock: bool = False) -> bytes | None:  # noqa: ARG002
        return self._state.tokens.get(connection_id)

    def forget_token(self, connection_id: UUID) -> None:
        self._state.tokens.pop(connection_id, None)

    def route(self, route: Route) -> None:
        self._state.routes[route.connection_id, route.kind, route.key] = route
        if route.company_id != LEFT_ALONE:
            self._state.served.add((route.connection_id, route.company_id))

    def unroute(self, connection_id: UUID, kind: str, key: str) -> None:
        self._state.routes.pop((connection_id, kind, key), None)

    def routes(self, connection_id: UUID) -> list[Route]:
        return [route for where, route in sorted(self._state.routes.items()) if where[0] == connection_id]

    def served(self, connection_id: UUID) -> list[str]:
        return sorted(company_id for served, company_id in self._state.served if served == connection_id)


class MemoryStreams:
    """The `StreamStore` over a working copy."""

    def __init__(self, state: State) -> None:
        self._state = state

    def ensure(self, connection_id: UUID, names: Collection[str], now: datetime) -> None:
        for stream in self.of(connection_id):
            if stream.name not in names:
                del self._state.streams[connection_id, stream.name]
        for name in names:
            if (connection_id, name) not in self._state.streams:
                self._keep(Stream(connection_id=connection_id, name=name, due_at=now, fence=self._fence()))

    def of(self, connection_id: UUID) -> list[Stream]:
        return [stream for where, stream in sorted(self._state.streams.items()) if where[0] == connection_id]

    def all(self) -> list[Stream]:
        return [stream for _, stream in sorted(self._state.streams.items())]

    def queue(
        self, now: datetime, until: datetime, limit: int = 100, connection_id: UUID | None = None
    ) -> list[Stream]:
        waiting = [
            stream
            for stream in self._state.streams.values()
            if stream.due_at <= now and _is_free(stream, now) and self._is_active(stream.connection_id)
            if not _is_queued(stream, now) and connection_id in (None, stream.connection_id)
        ]
        first = sorted(waiting, key=lambda each: (each.due_at, each.connection_id, each.name))[:limit]
        queued = [each.model_copy(update={"queued_until": until}) for each in first]
        for stream in queued:
            self._keep(stream)
        return queued

    def unqueue(self, connection_id: UUID, names: Collection[str], until: datetime) -> None:
        for stream in self.of(connection_id):
            if stream.name in names and stream.queued_until == until:
                self._keep(stream.model_copy(update={"queued_until": None}))

    def queue_refreshes(self, now: datetime, until: datetime, limit: int = 100) -> list[UUID]:
        found = []
        for connection_id in sorted(self._state.connections):
            known = self.refresh(connection_id)
            if self._is_active(connection_id) and (known is None or known.due_at <= now):
                found.append(connection_id)
        for connection_id in found[:limit]:
            known = self.refresh(connection_id) or Refresh(connection_id=connection_id, due_at=until)
            self.keep_refresh(known.model_copy(update={"due_at": until}))
        return found[:limit]

    def refresh(self, connection_id: UUID) -> Refresh | None:
        return self._state.refreshes.get(connection_id)

    def keep_refresh(self, refresh: Refresh) -> None:
        if refresh.connection_id in self._state.connections:
            self._state.refreshes[refresh.connection_id] = refresh

    def wake(self, connection_id: UUID, names: Collection[str], now: datetime) -> None:
        for stream in self.of(connection_id):
            if stream.name in names:
                due_at = stream.due_at if stream.failures else min(stream.due_at, now)
                self._keep(stream.model_copy(update={"woken": True, "due_at": due_at}))

    def claim(self, connection_id: UUID, name: str, now: datetime, until: datetime) -> Stream | None:
        stream = self._state.streams.get((connection_id, name))
        if stream is None or not _is_free(stream, now):
            return None
        ours = stream.model_copy(
            update={"lease_until": until, "queued_until": None, "fence": self._fence(), "woken": False}
        )
        self._keep(ours)
        return ours

    def write(self, stream: Stream) -> bool:
        known = self._state.streams.get((stream.connection_id, stream.name))
        if known is None or known.fence != stream.fence:
            return False
        self._keep(stream.model_copy(update={"woken": known.woken}))
        return True

    def release(self, stream: Stream) -> None:
        known = self._state.streams.get((stream.connection_id, stream.name))
        if known is not None:
            is_due = known.woken and not stream.failures
            due_at = min(known.due_at, stream.due_at) if is_due else stream.due_at
            self.write(stream.model_copy(update={"lease_until": None, "due_at": due_at}))

    def _fence(self) -> int:
        self._state.fence += 1
        return self._state.fence

    def _is_active(self, connection_id: UUID) -> bool:
        connection = self._state.connections.get(connection_id)
        return connection is not None and connection.state is ConnectionState.ACTIVE

    def _keep(self, stream: Stream) -> None:
        self._state.streams[stream.connection_id, stream.name] = stream


def _is_free(stream: Stream, now: datetime) -> bool:
    return stream.lease_until is None or stream.lease_until <= now


def _is_queued(stream: Stream, now: datetime) -> bool:
    return stream.queued_until is not None and stream.queued_until > now
