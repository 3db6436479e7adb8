"""The blocks of config.yaml, one class each; `sago.config.load` fills them. Times are in seconds where not told."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import quote, urlsplit

from cronsim import CronSim, CronSimError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode

from sago.domain.companies import ModelPolicy
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


def _names(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [name.strip() for name in value.split(",") if name.strip()]


class CassandraSettings(Section):
    """Where Cassandra is; read only where `raw_store.kind` is `cassandra`. Times in seconds."""

    contact_points: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = ()
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


class BudgetSettings(Section):
    """USD a day (UTC) at the sections' prices; no limit where it is not set."""

    company: float | None = Field(None, ge=0)
    """For each company."""
    total: float | None = Field(None, ge=0)


class ModelsSettings(Section):
    """What holds for all models outside this process."""

    fallback: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = ()
    """Providers asked in this order while the configured one is out. In the environment with commas between them."""
    requests_a_minute: dict[str, Annotated[int, Field(ge=1)]] = {}
    """Provider → requests in any minute, over all processes; no limit for others."""
    budget_usd_a_day: BudgetSettings = BudgetSettings()
    cache_ttl: int = Field(0, ge=0, le=86_400)
    """Seconds that an answer is kept for the very same question of the same company; 0: not at all."""


class BreakerSettings(Section):
    """When a model that does not answer is left alone, by all workers together, and for how long (seconds)."""

    fail_max: int = Field(5, ge=1)
    """Outages in a row."""
    open_for: float = Field(30.0, gt=0, le=3600)
    """Until one call may try it; longer where the other side says so."""


KEY_VARIABLES = {"gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"), "openai": ("OPENAI_API_KEY",)}
"""Section of a model's vendor → the names under which the vendor's own tools look for its key."""


class RemoteSettings(Section):
    """What is told of every model outside this process. Prices in USD a million tokens."""

    section: ClassVar[str]
    """Its own name, and the provider's."""
    model: str
    api_key: SecretStr | None = None
    base_url: str | None = None
    """Of another server that speaks the same protocol; the vendor's own where it is not set."""
    timeout: float = Field(200.0, gt=0, le=230)
    """Seconds for one call: below a task's soft time limit."""
    input_tokens: int = Field(60_000, ge=8_000, le=200_000)
    """What one request may hold; a larger chunk is read in several."""
    output_tokens: int = Field(32_000, ge=256)
    """Of one answer; vendors count thinking among them."""
    price_input: float = Field(0.0, ge=0)
    price_output: float = Field(0.0, ge=0)

    @property
    def key_variable(self) -> str:
        """Where the key is set."""
        return KEY_VARIABLES[self.section][0]

    @property
    def reach(self) -> ModelPolicy:
        """How far text goes that is sent there."""
        return ModelPolicy.VENDOR

    @property
    def needs_key(self) -> bool:
        """Whether nothing can be asked without a key."""
        return True

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """USD."""
        return (input_tokens * self.price_input + output_tokens * self.price_output) / 1e6

    @field_validator("api_key")
    @classmethod
    def _fit_for_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        bare = key.get_secret_value().strip() if key else ""
        if not _VISIBLE_ASCII.fullmatch(bare):
            variable = KEY_VARIABLES[cls.section][0]
            raise ValueError(f"holds blanks or characters that no key has: check {variable} in .env")
        return SecretStr(bare) if bare else None

    @field_validator("base_url")
    @classmethod
    def _address_of_a_server(cls, url: str | None) -> str | None:
        if url and not _is_http(url):
            raise ValueError("write it as https://host or http://host:port")
        return url or None


class GeminiSettings(RemoteSettings):
    """The `gemini` provider. The key comes from GEMINI_API_KEY or GOOGLE_API_KEY. Prices are those of prompts up to
    200,000 tokens; above that the vendor charges more (https://ai.google.dev/gemini-api/docs/pricing)."""

    section: ClassVar[str] = "gemini"
    model: str = "gemini-3.1-pro-preview"
    price_input: float = Field(2.0, ge=0)
    price_output: float = Field(12.0, ge=0)


class OpenAISettings(RemoteSettings):
    """The `openai` provider: a server of the house by `base_url`, or a vendor. A key from OPENAI_API_KEY, where the
    server wants one."""

    section: ClassVar[str] = "openai"
    model: str = ""
    input_tokens: int = Field(16_000, ge=8_000, le=200_000)
    output_tokens: int = Field(8_000, ge=256)
    """Together with `input_tokens` at most what the model takes at once."""
    temperature: float | None = Field(None, ge=0, le=2)
    """The server's own where it is not set; some of the vendor's models refuse any other."""
    place: Literal["own_house", "vendor"] | None = None
    """How far text goes that is sent there. Where it is not set: `own_house` if `base_url` names an address of this
    machine or of a private network, else `vendor`."""

    @property
    def reach(self) -> ModelPolicy:
        if self.place is None:
            host = urlsplit(self.base_url).hostname if self.base_url else None
            return ModelPolicy.OWN_HOUSE if host and is_private(host) else ModelPolicy.VENDOR
        return ModelPolicy(self.place)

    @property
    def needs_key(self) -> bool:
        return self.base_url is None


_VISIBLE_ASCII = re.compile(r"[!-~]*")


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    whole = parts.scheme in ("http", "https") and parts.hostname and port != 0
    more = parts.query or parts.fragment or parts.username is not None  # errors name the address: no password in it
    return bool(whole and not more and _VISIBLE_ASCII.fullmatch(url))


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone; a name other than localhost might be anybody's."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


PRIVATE_NETWORKS = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
"""RFC 1918 and RFC 4193."""


def is_private(host: str) -> bool:
    """Whether an address is this machine's or of a private network; a name other than localhost might be anybody's."""
    if is_loopback(host):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in PRIVATE_NETWORKS)


def said(value: object) -> object:
    """What is empty was not set: a line of .env that is still to be filled in."""
    return None if value == "" else value


def _origin(text: str) -> str:
    """One as browsers send it."""
    parts = urlsplit(text)
    if "*" in text or not _is_http(text) or text != f"{parts.scheme}://{parts.netloc}".lower():
        raise ValueError(f"{text[:100]!r} is no origin: write https://host or https://host:port, no path, and no *")
    return text


class ApiSettings(Section):
    """The HTTP API. Clients send `Authorization: Bearer <key>`; without a key this machine alone is served."""

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    key: Annotated[SecretStr | None, BeforeValidator(said)] = None
    body_limit: int = Field(10_000_000, ge=1)
    """Bytes of one request."""
    body_within: float = Field(30.0, gt=0)
    """Seconds a client may take to send them."""
    answer_within: float = Field(20.0, gt=0)
    """Seconds until messages that are not safe yet are answered with 503."""
    rate_limit: int = Field(15_000, ge=0)
    """Requests a minute of one key, evenly: 250 a second; 0: no limit."""
    rate_burst: int = Field(500, ge=1)
    """Requests of one key that may come at once."""
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(0, ge=0, le=65535)
    """Where Prometheus reads `/metrics`; 0: nowhere."""
    cors_origins: Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode, BeforeValidator(_names)] = ()
    """Whose pages may call from a browser; in the environment with commas between them, or as a JSON list."""

    @property
    def is_local(self) -> bool:
        """Whether `host` can be reached from this machine alone."""
        return is_loopback(self.host)


class FlowerSettings(Section):
    """The dashboard of tasks; a host other than this machine needs a password."""

    host: str = "127.0.0.1"
    port: int = Field(5555, ge=1, le=65535)
    user: str = Field("sago", pattern=r"^[!-9;-~]+$")  # HTTP's basic authentication ends it at the first colon
    password: SecretStr | None = None
    max_tasks: int = Field(10_000, ge=100)
    """Tasks kept in memory, about 9 kB each; the oldest go first."""

    @model_validator(mode="after")
    def _ascii_password(self) -> Self:
        if self.password and not self.password.get_secret_value().isascii():
            raise ValueError("the password (SAGO_FLOWER__PASSWORD) must be ASCII: browsers send others differently")
        return self


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
    recover: Cron = "17 * * * *"
    end_shares: Cron = "2 * * * *"


class RawStoreSettings(Section):
    """Which store keeps the raw messages: Postgres (`sql`) or Cassandra."""

    kind: Literal["sql", "cassandra"] = "sql"


class LoggingSettings(Section):
    """`plain` for people, `json` for machines, `auto` by whether stderr is a terminal."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["auto", "plain", "json"] = "auto"
