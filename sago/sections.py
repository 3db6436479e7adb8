"""The blocks of config.yaml, one class each; `sago.config.load` fills them. Times are in seconds where not told."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import quote

from cronsim import CronSim, CronSimError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)
from pydantic_settings import NoDecode

from sago.errors import ConfigError


class Section(BaseModel):
    """A block of config.yaml; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSecurity(Section):
    """How clients prove who they are, and whom they trust; the words are Kafka's own."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None
    """PEM; the system's authorities where it is not set."""
    cert_file: Path | None = None
    """PEM; our own certificate, where the brokers ask for one."""
    key_file: Path | None = None
    """PEM; where the key does not stand in cert_file."""

    @model_validator(mode="after")
    def _login_for_sasl(self) -> Self:
        if self.protocol.startswith("SASL_") and not (self.username and self.password):
            raise ValueError(f"{self.protocol} needs username and password (SAGO_KAFKA__SECURITY__PASSWORD)")
        if self.key_file and not self.cert_file:
            raise ValueError("key_file is set, cert_file is not: name the certificate that the key belongs to")
        return self


class KafkaSettings(Section):
    """Where Kafka is and which topic carries which source."""

    bootstrap_servers: str | None = None
    security: KafkaSecurity = KafkaSecurity()
    topics: dict[str, str] = {"slack": "slack-messages", "gmail": "gmail-messages"}
    partitions: int = Field(6, ge=1)
    replication_factor: int = Field(1, ge=1)
    retention_hours: int = Field(168, ge=1)
    group_id: str = "sago-bridge"
    session_timeout: float = Field(15.0, ge=6, le=300)
    """Seconds until the partitions of a bridge that was killed go to the others; brokers allow 6 s or more."""
    embedded: bool = False
    """Whether the broker is the small in-memory one; set by the running stack."""
    log_id: str | None = None
    """Names the embedded broker's log; a real cluster names itself."""

    def topic(self, source: str) -> str:
        """The topic of a source; `<source>-messages` where the configuration names none."""
        return self.topics.get(source, f"{source}-messages")


class RedisSettings(Section):
    """Where Redis is; each use has a database of its own."""

    url: str | None = None
    """Scheme, host, port and password, without a database."""
    broker_db: int = 0
    results_db: int = 1
    buffer_db: int = 2
    cache_db: int = 3
    visibility_timeout: int = Field(900, ge=30)
    """Seconds until the broker gives out again what a worker took and did not acknowledge. Above the longest hard time
    limit plus the longest countdown, or a long task runs twice at once."""

    def database(self, number: int) -> str:
        """The URL of one database."""
        if self.url is None:
            raise ConfigError("no stack is running: start one with `sago up`, or set redis.url")
        return f"{self.url.rstrip('/')}/{number}"


class PostgresSettings(Section):
    """Where Postgres is; the password comes from POSTGRES_PASSWORD."""

    host: str | None = None
    port: int = 5432
    db: str = "events_db"
    user: str = "postgres"
    password: SecretStr = SecretStr("")
    pool_size: int = Field(5, ge=1)

    def url(self) -> str:
        """The SQLAlchemy URL."""
        if self.host is None:
            raise ConfigError("no stack is running: start one with `sago up`, or set postgres.host")
        login = f"{quote(self.user, safe='')}:{quote(self.password.get_secret_value(), safe='')}"
        return f"postgresql+psycopg2://{login}@{self.host}:{self.port}/{self.db}"


def names(value: object) -> object:
    """Words with commas between them, or as a JSON list."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [name.strip() for name in value.split(",") if name.strip()]


class CassandraSettings(Section):
    """Where Cassandra is; read only where `raw_store.kind` is `cassandra`. Times in seconds."""

    contact_points: Annotated[tuple[str, ...], NoDecode, BeforeValidator(names)] = ()
    """In the environment with commas between them, or as a JSON list."""
    port: int = 9042
    keyspace: str = Field("sago", pattern=r"^[a-z][a-z0-9_]{0,47}$")
    datacenter: str = "datacenter1"
    replication_factor: int = Field(1, ge=1)
    """Of a keyspace that `sago migrate` creates; one that is there keeps its own."""
    consistency: Literal["ONE", "LOCAL_ONE", "LOCAL_QUORUM", "QUORUM", "EACH_QUORUM", "ALL"] = "LOCAL_QUORUM"
    username: str | None = None
    password: SecretStr | None = None
    tls: bool = False
    ca_file: Path | None = None
    """PEM; the system's authorities where it is not set."""
    verify_hostname: bool = True
    """Whether a node's certificate must name the address it is reached at."""
    request_timeout: float = Field(10.0, gt=0)
    in_flight: int = Field(64, ge=1)
    """Requests of one call under way at once."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password (SAGO_CASSANDRA__PASSWORD) go together: set both, or neither")
        if self.ca_file is not None and not self.tls:
            raise ValueError("ca_file is set, tls is not: set tls to true, or leave ca_file away")
        return self


class BridgeSettings(Section):
    """How the bridge cuts the log into micro-batches, and how much may be in flight. Seconds and bytes."""

    batch_messages: int = Field(1000, ge=1)
    batch_bytes: int = Field(4_000_000, ge=1)
    linger: float = Field(5.0, ge=0)
    quiet: float = Field(0.5, ge=0)
    in_flight_batches: int = Field(8, ge=1)
    in_flight_bytes: int = Field(32_000_000, ge=1)
    confirm_deadline: float = Field(10.0, gt=0)
    drain_timeout: float = Field(20.0, ge=0)


class DlqSettings(Section):
    """When dead letters mean a bad deploy."""

    max_consecutive: int = Field(100, ge=1)


class UrgentSettings(Section):
    """Whether a probable high-severity event makes a batch at once, and how often (seconds)."""

    enabled: bool = True
    every: int = Field(600, ge=1)


class CacheSettings(Section):
    """The buffer in Redis. Times in seconds."""

    cache_trigger_threshold: int = Field(200, ge=1)
    message_limit: int = Field(100, ge=1)
    claim_limit: int = Field(1000, ge=1)
    ttl: int = Field(86_400, ge=60)
    poll_interval: int = Field(60, ge=1)
    idle_flush_after: int = Field(21_600, ge=1, le=172_800)
    """At most two days: recovery looks back for three."""
    memory_pause_at: float = Field(0.8, gt=0, le=1)
    urgent: UrgentSettings = UrgentSettings()


class ExtractionSettings(Section):
    """Which provider reads messages, and when a failing chunk is cut."""

    provider: str = "offline"
    triage: bool = True
    """Whether chatter is kept from a model outside this process."""
    context_messages: int = Field(20, ge=0)
    """Said before a chunk; a quarter as many said right after it are shown too."""
    second_pass: int = Field(3, ge=0)
    """A model outside this process is asked once more about the messages on which the rules see an event and it said
    nothing, where they are at least so many; 0: never."""
    redact: bool = False
    """Whether persons' names, addresses and telephone numbers are masked in what leaves this process."""
    max_attempts: int = Field(5, ge=1)
    retry_after: int = Field(60, ge=1)
    lost_after: int = Field(360, ge=1)


class BreakerSettings(Section):
    """When a model that does not answer is left alone, by all workers together, and for how long (seconds)."""

    fail_max: int = Field(5, ge=1)
    """Outages in a row."""
    open_for: float = Field(30.0, gt=0, le=3600)
    """Until one call may try it; longer where the other side says so."""


def said(value: object) -> object:
    """What is empty was not set: a line of .env that is still to be filled in."""
    return None if value == "" else value


def _cron(line: str) -> str:
    """A cron line of five fields, UTC."""
    try:
        CronSim(line, datetime(2026, 1, 1, tzinfo=UTC))
        _minute, _hour, _day, _month, _weekday = line.split()
    except (CronSimError, ValueError) as error:
        raise ValueError(f"{line!r} is no cron line of five fields, as in '0 9 1 * *': {error}") from error
    return line


Cron = Annotated[str, AfterValidator(_cron)]


class UpkeepSettings(Section):
    """How often unfinished work is looked for."""

    reap_every: float = Field(30.0, ge=1)
    coarsen_every: float = Field(120.0, ge=1)
    recover: Cron = "17 * * * *"
    end_shares: Cron = "2 * * * *"
    task_runs_days: int = Field(30, ge=1)
    """Days for which is known who started a task by name."""


class RawStoreSettings(Section):
    """Which store keeps the raw messages: Postgres (`sql`) or Cassandra."""

    kind: Literal["sql", "cassandra"] = "sql"


class LoggingSettings(Section):
    """`plain` for people, `json` for machines, `auto` by whether stderr is a terminal."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["auto", "plain", "json"] = "auto"
