"""What is fetched from vendors (queue sources); which streams are due is asked in the queue upkeep."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from workers.app import app, container


# Beat sends the next run anyway.
@app.task(name="sources.poll", autoretry_for=())
def poll() -> dict[str, int]:
    """Queue each stream and each connection's refresh whose time has come, once; how many."""
    wired = container()
    return wired.polling.send(wired.clock.now())._asdict()


# The stream's row owns what is tried again.
@app.task(name="sources.pull", autoretry_for=())
def pull(connection_id: str, stream: str) -> dict[str, Any]:
    """Read on in a stream; what that came to. By hand also where it is not due."""
    pulled = container().pulling.pull(UUID(connection_id), stream)
    counts = {"pages": pulled.pages, "taken": pulled.taken, "known": pulled.known, "refused": pulled.refused}
    return {"end": pulled.end.value, **counts, "ignored": dict(pulled.ignored), "error": pulled.error}


# The refresh's row owns what is tried again.
@app.task(name="sources.refresh", autoretry_for=())
def refresh(connection_id: str) -> str:
    """List a connection's streams and people; why that failed, where it did."""
    refreshed = container().pulling.refresh(UUID(connection_id))
    return refreshed.error if refreshed else "nothing is read from it"
