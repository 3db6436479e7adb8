"""The broker's own process: librdkafka's mock cluster by ctypes, until SIGTERM.

`python -m sago.embedded.broker FILE PARTITIONS TOPIC…` writes {"bootstrap_servers", "log_id"} to FILE once it
listens. librdkafka's API is declared in its rdkafka_mock.h; the library is the one in the confluent-kafka wheel.
It imports nothing of Sago's but this file, to stay small.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import signal
import sys
import uuid
from pathlib import Path

PRODUCER = 0
NO_ERROR = 0


def library_path() -> Path:
    """librdkafka as bundled with confluent-kafka; raises FileNotFoundError where it is not."""
    package = importlib.util.find_spec("confluent_kafka")
    if package is None or not package.origin:
        raise FileNotFoundError("confluent-kafka is not installed")
    found = sorted((Path(package.origin).parent.parent / "confluent_kafka.libs").glob("librdkafka*"))
    if not found:
        raise FileNotFoundError("confluent-kafka brings no librdkafka for this platform")
    return found[0]


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(str(library_path()))
    library.rd_kafka_new.restype = ctypes.c_void_p
    library.rd_kafka_new.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    library.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_new.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    library.rd_kafka_mock_cluster_bootstraps.argtypes = [ctypes.c_void_p]
    library.rd_kafka_mock_topic_create.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
    library.rd_kafka_mock_group_initial_rebalance_delay_ms.argtypes = [ctypes.c_void_p, ctypes.c_int32]
    return library


def start_cluster(topics: list[str], partitions: int) -> str:
    """One broker with these topics in this process; its bootstrap servers. It lives as long as the process."""
    library = _load()
    reason = ctypes.create_string_buffer(512)
    handle = library.rd_kafka_new(PRODUCER, None, reason, len(reason))
    if not handle:
        raise OSError(f"librdkafka: {reason.value.decode()}")
    cluster = library.rd_kafka_mock_cluster_new(handle, 1)
    if not cluster:
        raise OSError("librdkafka: the mock cluster could not be made")
    # A group's first join waits 3 s by default for further members; here there is one.
    library.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0)
    for topic in topics:
        if library.rd_kafka_mock_topic_create(cluster, topic.encode(), partitions, 1) != NO_ERROR:
            raise OSError(f"librdkafka: topic {topic} could not be made")
    servers: bytes = library.rd_kafka_mock_cluster_bootstraps(cluster)
    return servers.decode()


def main(arguments: list[str]) -> None:
    """Serve until SIGTERM or SIGINT."""
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    target, partitions, *topics = arguments
    ready = {"bootstrap_servers": start_cluster(topics, int(partitions)), "log_id": uuid.uuid4().hex}
    path = Path(target)
    half = path.with_suffix(".half")
    half.write_text(json.dumps(ready), encoding="utf-8")
    half.replace(path)
    signal.sigwait(signals)


if __name__ == "__main__":
    main(sys.argv[1:])
