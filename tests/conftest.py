"""Real servers as fixtures, each started once a session (once a worker under pytest-xdist) and stopped by its pid."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from sago import config
from sago.embedded import jars
from sago.embedded.guard import Guard
from sago.embedded.kafka import start_kafka
from sago.embedded.local_cassandra import start_local_cassandra
from sago.embedded.local_kafka import start_local_kafka
from sago.embedded.postgres import remove_data, start_postgres
from sago.embedded.redis import start_redis
from sago.embedded.servers import Server
from tests.docker_servers import DockerServer, docker_answers, start_cassandra_container, start_kafka_container

pytest_plugins = ["tests.token_watch"]

TOPICS = ["slack-messages", "gmail-messages"]
PARTITIONS = 6

hypothesis_settings.register_profile("local", deadline=None)
hypothesis_settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis_settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session", autouse=True)
def no_key_of_a_developer() -> Iterator[None]:
    """Nothing that a test or its children do is sent to a vendor, nor asks what the .env of this folder says.

    Empty variables, not missing ones: a child that reads .env leaves alone what its environment has.
    """
    read = config.load_dotenv

    def elsewhere(path: str) -> bool:
        return Path(path).resolve() != config.PROJECT / ".env" and read(path)

    with pytest.MonkeyPatch.context() as patch:
        for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY"):
            patch.setenv(name, "")
        for name in ("SAGO_GEMINI__API_KEY", "SAGO_OPENAI__API_KEY"):
            patch.delenv(name, raising=False)
        patch.setattr(config, "load_dotenv", elsewhere)
        yield


@pytest.fixture(scope="session")
def guard() -> Iterator[Guard]:
    """Ends the session's servers when pytest itself is killed."""
    guard = Guard()
    yield guard
    guard.close()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory, guard: Guard) -> Iterator[Server]:
    """A Redis of this session; tests that write to it choose their own keys or flush their database."""
    server = start_redis(tmp_path_factory.mktemp("redis"), watch=guard.watch)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory, guard: Guard) -> Iterator[Server]:
    """A Postgres of this session with an empty database `events_db`; it does not wait for the disk."""
    folder = tmp_path_factory.mktemp("postgres")
    server = start_postgres(folder, durable=False, watch=guard.watch)
    yield server
    server.stop()
    remove_data(folder)


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory, guard: Guard) -> Iterator[Server]:
    """A broker of this session with the topics of config.yaml and their dead-letter topics; api_version (2, 1)."""
    topics = [*TOPICS, *(f"{topic}.dlq" for topic in TOPICS), "unparsed.dlq"]
    server = start_kafka(tmp_path_factory.mktemp("kafka"), topics, PARTITIONS, watch=guard.watch)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def real_kafka(tmp_path_factory: pytest.TempPathFactory, guard: Guard) -> Iterator[Server | DockerServer]:
    """A real Kafka of this session without topics: tests make their own, under names of their own."""
    folder = tmp_path_factory.mktemp("real-kafka")
    yield from real_server("Kafka", start_kafka_container, lambda: start_local_kafka(folder, watch=guard.watch))


@pytest.fixture(scope="session")
def cassandra_server(tmp_path_factory: pytest.TempPathFactory, guard: Guard) -> Iterator[Server | DockerServer]:
    """A real Cassandra of this session without keyspaces: tests make their own, under names of their own."""
    folder = tmp_path_factory.mktemp("cassandra")
    yield from real_server(
        "Cassandra", start_cassandra_container, lambda: start_local_cassandra(folder, watch=guard.watch)
    )


def real_server(
    what: str, start_container: Callable[[], AbstractContextManager[DockerServer]], start: Callable[[], Server]
) -> Iterator[Server | DockerServer]:
    """A server from Docker where an engine answers, else from Maven's jars; without either the test is skipped, or
    fails where services are required."""
    if docker_answers():
        with start_container() as container:
            yield container
        return
    require_local_servers(what)
    server = start()
    yield server
    server.child.stop(0.0)  # its data is thrown away: nothing to write down before


def require_local_servers(what: str) -> None:
    """Go on where real servers can be run, else skip or fail with the one line that says what is missing."""
    reason = jars.missing()
    if reason is not None and os.environ.get("SAGO_REQUIRE_SERVICES") == "1":
        pytest.fail(f"SAGO_REQUIRE_SERVICES=1 and no {what}: {reason}")
    if reason is not None:
        pytest.skip(f"needs {what}: {reason}")


@pytest.fixture(scope="session")
def local_servers() -> None:
    """For tests that start servers from jars themselves."""
    require_local_servers("Kafka and Cassandra from Maven's jars")


@pytest.fixture(scope="session")
def servers(redis_server: Server, postgres_server: Server, kafka_server: Server) -> dict[str, Server]:
    """All three by name; `server.settings` are the overlays for sago.config."""
    return {server.name: server for server in (redis_server, postgres_server, kafka_server)}


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared data beside the repository; without it the test is skipped, or fails where it must run."""
    folder = Path(__file__).resolve().parent.parent.parent / "shared"
    if not folder.is_dir():
        if os.environ.get("SAGO_REQUIRE_SHARED") == "1":
            pytest.fail("the shared data beside the repository is missing and SAGO_REQUIRE_SHARED=1")
        pytest.skip("needs the shared data beside the repository")
    return folder
