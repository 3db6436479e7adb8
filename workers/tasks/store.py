"""Short tasks of the store queue: a micro-batch of the log becomes durable rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workers.app import app, container


# The bridge owns its retries: it enqueues a further attempt.
@app.task(name="store.batch", autoretry_for=(), retry_on_worker_lost=False)
def store_batch(name: str, values: Sequence[str], replay_of: Sequence[str | None] | None = None) -> dict[str, Any]:
    """Store the messages of one micro-batch of the log and count them in the buffer."""
    wired = container()
    encoded = [value.encode() for value in values]
    origins = list(replay_of) if replay_of else [None] * len(encoded)
    return wired.storing.store(name, encoded, origins, wired.clock.now())._asdict()
