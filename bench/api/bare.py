"""What we compare with: `uvicorn bench.api.bare:app`, a handler that only produces to the same Kafka.

The same framework, server, client library and options of the producer; each request waits until Kafka has its message.
There is no key, no check of what comes, no limit, no log, no id of the request.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from kafka import KafkaProducer

TOPIC = "bare-messages"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """A producer with the options of `sago.stores.kafka_producer`."""
    app.state.producer = KafkaProducer(
        bootstrap_servers=os.environ["BENCH_KAFKA"],
        acks="all",
        enable_idempotence=True,
        compression_type="gzip",
        linger_ms=5,
        batch_size=256 * 1024,
        max_request_size=1_000_000,
    )
    yield
    app.state.producer.close()


app = FastAPI(lifespan=lifespan, telemetry={"tracing": False, "metrics": False, "logs": False})


@app.post("/ingest", status_code=202)
def ingest(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Produce it and wait for the acknowledgement, in a thread, as FastAPI's documents do with calls that block."""
    value = json.dumps(body["data"]).encode()
    request.app.state.producer.send(TOPIC, key=b"acme", value=value).get(timeout=10)
    return {"ids": [body["data"]["id"]]}


@app.post("/ingest-async", status_code=202)
async def ingest_async(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """The same without a thread: the producer's own tells the loop. The faster of the two is compared with."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def tell(_: object) -> None:
        loop.call_soon_threadsafe(lambda: done.cancelled() or done.set_result(None))

    value = json.dumps(body["data"]).encode()
    sent = request.app.state.producer.send(TOPIC, key=b"acme", value=value)
    sent.add_both(tell)
    await done
    sent.get(timeout=0)
    return {"ids": [body["data"]["id"]]}
