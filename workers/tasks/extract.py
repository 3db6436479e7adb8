"""Reading: a claim becomes a batch (queue upkeep), a chunk observations (queue extract), a batch events (merge)."""

from __future__ import annotations

from typing import Any

from workers.app import app, container


@app.task(name="extract.start")
def start(company_id: str, batch_id: str) -> int:
    """Take a claim over into Postgres and fire its chord; the number of chunks."""
    wired = container()
    return wired.batching.open(company_id, batch_id, wired.clock.now())


@app.task(name="extract.chunk")
def chunk(batch_id: str, chunk_no: int) -> str:
    """Read one chunk; its result or its classified failure is a row, so the chord's body always runs."""
    wired = container()
    return wired.extracting.chunk(batch_id, chunk_no, wired.clock.now())


@app.task(name="extract.merge")
def merge(_chunks: Any, batch_id: str) -> str:
    """The chord's body: append observations, fold events, mark the batch merged."""
    wired = container()
    return wired.extracting.merge(batch_id, wired.clock.now())
