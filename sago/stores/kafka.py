"""What producer and consumer share: how to reach the brokers, which topics there are, and whose errors are whose."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient
from kafka import errors as kafka_errors

from sago.domain.dead_letters import SUFFIX, UNPARSED
from sago.errors import ConfigError, SagoError, TransientError
from sago.sections import KafkaSettings
from sago.stores.kafka_access import address, reach, security_options
from sago.telemetry import logger

PATIENCE = 8.0
"""Seconds until a broker that does not answer is an error."""
MOCK_API = (2, 1)
"""The embedded broker hangs where it is asked for its version, and silently gives no records from (2, 4) on."""

_REFUSED = (
    kafka_errors.AuthorizationError,
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.UnsupportedSaslMechanismError,
    kafka_errors.KafkaConfigurationError,
    kafka_errors.InvalidTopicError,
    kafka_errors.PolicyViolationError,
    kafka_errors.InvalidSessionTimeoutError,
)
_TOPIC_EXISTS = kafka_errors.TopicAlreadyExistsError.errno

log = logger(__name__)


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """The options every kafka-python client here has: it gives up after PATIENCE seconds instead of hanging."""
    options: dict[str, Any] = {
        "bootstrap_servers": address(settings).split(","),
        "client_id": "sago",
        "bootstrap_timeout_ms": int(PATIENCE * 1000),
        "request_timeout_ms": 5000,
        "reconnect_backoff_max_ms": 1000,
    }
    if settings.embedded:
        return options | {"api_version": MOCK_API}
    return options | security_options(settings.security)


def ordinary_topics(settings: KafkaSettings) -> list[str]:
    """The topics of the configuration, without dead letters."""
    return sorted(set(settings.topics.values()))


def all_topics(settings: KafkaSettings) -> list[str]:
    """Ordinary topics, the dead-letter topic of each, and that of rows whose source cannot be told."""
    ordinary = ordinary_topics(settings)
    return [*ordinary, *(topic + SUFFIX for topic in ordinary), UNPARSED + SUFFIX]


@contextmanager
def admin(settings: KafkaSettings) -> Iterator[Any]:
    """An administrator's client for the time of the block; never in the embedded mode, whose broker has no such API."""
    reach(settings)
    client = KafkaAdminClient(**client_options(settings))
    try:
        yield client
    finally:
        client.close()


def ensure_topics(settings: KafkaSettings) -> None:
    """Create what is missing; one warning names the topics that are not as configured.

    They stay as they are: more partitions would send a company's messages to another one than before, out of order.
    Nothing to do in the embedded mode, whose broker brings its topics along.
    """
    if settings.embedded:
        return
    wanted = {topic: _topic_options(settings, topic) for topic in all_topics(settings)}
    with translated(settings), admin(settings) as client:
        there = [topic for topic in client.describe_topics(list(wanted)) if topic["error_code"] == 0]
        if missing := {topic: wanted[topic] for topic in wanted.keys() - {topic["name"] for topic in there}}:
            _create(client, missing)
    if differences := [text for topic in there for text in _differences(topic, wanted[topic["name"]])]:
        log.warning("topics were made otherwise than kafka.* says, and stay so", differences=sorted(differences))


def _topic_options(settings: KafkaSettings, topic: str) -> dict[str, Any]:
    ordinary = topic in ordinary_topics(settings)
    return {
        "num_partitions": settings.partitions if ordinary else 1,
        "replication_factor": settings.replication_factor,
        "configs": {"retention.ms": str(settings.retention_hours * 3_600_000)},
    }


def _create(client: Any, missing: dict[str, dict[str, Any]]) -> None:
    answer = client.create_topics(missing, timeout_ms=5000, raise_errors=False)
    for topic in answer["topics"]:
        # Another process may make the same topics at this moment: that is no error.
        if topic["error_code"] in (0, _TOPIC_EXISTS):
            continue
        if topic["error_code"] == kafka_errors.InvalidReplicationFactorError.errno:
            raise ConfigError(f"kafka.replication_factor: {topic['error_message']}")
        raise kafka_errors.for_code(topic["error_code"])(topic["error_message"] or topic["name"])
    client.wait_for_topics(list(missing), timeout_ms=8000)


def _differences(topic: dict[str, Any], wanted: dict[str, Any]) -> Iterator[str]:
    partitions = topic["partitions"]
    found = {"num_partitions": len(partitions), "replication_factor": len(partitions[0]["replica_nodes"])}
    for option, count in found.items():
        if count != wanted[option]:
            yield f"{topic['name']}: {option} {count}, not {wanted[option]}"


def log_id_of(settings: KafkaSettings) -> str:
    """Names the log: as the embedded broker gave it, else the cluster's id and a digest of its topics' ids.

    A topic that was deleted and made again begins at offset 0 under another id, so nobody's old watermark fits it.
    Raises TransientError while a topic is missing: the name would be another once it is there.
    """
    if settings.log_id is not None:
        return settings.log_id
    with translated(settings), admin(settings) as client:
        cluster = client.describe_cluster()["cluster_id"]
        topics = client.describe_topics(ordinary_topics(settings))
    if missing := [topic["name"] for topic in topics if topic["error_code"]]:
        raise TransientError(f"Kafka at {address(settings)} has no topic {', '.join(missing)}: `sago migrate` makes it")
    named = ",".join(sorted(f"{topic['name']}={topic['topic_id']}" for topic in topics))
    return f"{cluster}-{hashlib.sha256(named.encode()).hexdigest()[:8]}"


@contextmanager
def translated(settings: KafkaSettings) -> Iterator[None]:
    """Kafka's errors as ours, with the address: refused is a ConfigError, everything else may pass."""
    try:
        yield
    except SagoError:
        raise
    except _REFUSED as error:
        raise ConfigError(f"Kafka at {address(settings)} refuses us: {error}; check the kafka settings") from error
    except kafka_errors.KafkaTimeoutError as error:
        raise TransientError(f"Kafka at {address(settings)} does not answer: {error}") from error
    except (kafka_errors.KafkaError, OSError) as error:
        raise TransientError(f"Kafka at {address(settings)}: {type(error).__name__}: {error}") from error
