"""Typed settings: config.yaml, then the running stack's addresses, then the environment; each layer wins over the last.

An unknown key is a ConfigError that names it. Where neither file nor environment gives an address of Kafka, Redis and
Postgres the mode is `embedded`, and the addresses come from `<state_dir>/stack.json` of the running stack.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

import psutil
import yaml
from dotenv import load_dotenv
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from sago.domain.messages import CompanyId
from sago.errors import ConfigError

PROJECT = Path(__file__).resolve().parent.parent
STACK_FILE = "stack.json"
POSTGRES_VARIABLES = ("HOST", "PORT", "DB", "USER", "PASSWORD")


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

    def database(self, number: int) -> str:
        """The URL of one database."""
        if self.url is None:
            raise ConfigError("redis.url is not set and no stack is running: start one with `sago up`")
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
            raise ConfigError("postgres.host is not set and no stack is running: start one with `sago up`")
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
    linger: float = Field(0.25, ge=0)
    in_flight_batches: int = Field(8, ge=1)
    in_flight_bytes: int = Field(32_000_000, ge=1)
    confirm_deadline: float = Field(10.0, gt=0)
    drain_timeout: float = Field(20.0, ge=0)


class DlqSettings(Section):
    """When dead letters mean a bad deploy."""

    max_consecutive: int = Field(100, ge=1)


class UrgentSettings(Section):
    """Whether a probable high-severity event makes a batch at once, and how often (seconds)."""

    enabled: bool = False
    every: int = 600


class CacheSettings(Section):
    """The buffer in Redis. Times in seconds."""

    cache_trigger_threshold: int = Field(200, ge=1)
    message_limit: int = Field(100, ge=1)
    claim_limit: int = Field(1000, ge=1)
    ttl: int = Field(86_400, ge=60)
    poll_interval: int = Field(60, ge=1)
    idle_flush_after: int = Field(21_600, ge=1)
    memory_pause_at: float = Field(0.8, gt=0, le=1)
    urgent: UrgentSettings = UrgentSettings()


class ExtractionSettings(Section):
    """Which provider reads messages, and when a failing chunk is cut."""

    provider: str = "offline"
    context_messages: int = Field(20, ge=0)
    max_attempts: int = Field(5, ge=1)
    retry_after: int = Field(60, ge=1)
    lost_after: int = Field(360, ge=1)


class GeminiSettings(Section):
    """The `gemini` provider. The key comes from GEMINI_API_KEY or GOOGLE_API_KEY. Prices in USD a million tokens, of
    prompts up to 200,000 tokens; above that the vendor charges more (https://ai.google.dev/gemini-api/docs/pricing)."""

    model: str = "gemini-3.1-pro-preview"
    api_key: SecretStr | None = None
    base_url: str | None = None
    """Of another server that speaks the same protocol; the vendor's own where it is not set."""
    timeout: float = Field(200.0, gt=0, le=230)
    """Seconds for one call: below a task's soft time limit."""
    input_tokens: int = Field(60_000, ge=8_000, le=200_000)
    """What one request may hold; a larger chunk is read in several."""
    output_tokens: int = Field(32_000, ge=256)
    """Of one answer; the vendor counts thinking among them."""
    price_input: float = Field(2.0, ge=0)
    price_output: float = Field(12.0, ge=0)


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone; a name other than localhost might be anybody's."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class ApiSettings(Section):
    """The HTTP API. Clients send `Authorization: Bearer <key>`; without a key this machine alone is served."""

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    key: SecretStr | None = None
    body_limit: int = Field(10_000_000, ge=1)
    """Bytes of one request."""
    answer_within: float = Field(20.0, gt=0)
    """Seconds until messages that are not safe yet are answered with 503."""

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


class UpkeepSettings(Section):
    """How often unfinished work is looked for."""

    reap_every: float = Field(30.0, ge=1)
    recover: str = "17 * * * *"


class OutreachSettings(Section):
    """When letters are composed and where drafts lie."""

    schedule: str = "0 9 1 * *"
    setback_days: int = Field(60, ge=0)
    highlights: int = Field(5, ge=3, le=8)
    folder: Path = Path("output/outreach")


class RawStoreSettings(Section):
    """Which store keeps the raw messages: Postgres (`sql`) or Cassandra."""

    kind: Literal["sql", "cassandra"] = "sql"


class LoggingSettings(Section):
    """`plain` for people, `json` for machines, `auto` by whether stderr is a terminal."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["auto", "plain", "json"] = "auto"


class Settings(BaseSettings):
    """Everything that can be set. Built by `load`, read by bootstrap, cli and workers only."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix="SAGO_", env_nested_delimiter="__")

    company_id: CompanyId = "acme"
    servers: Literal["embedded", "local", "auto"] = "embedded"
    """What `sago up` starts where no addresses are set: small servers from wheels, or real Kafka and Cassandra."""
    data_file_path: Path = Path("data/full_data.csv")
    state_dir: Path = Path(".sago")
    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    postgres: PostgresSettings = PostgresSettings()
    raw_store: RawStoreSettings = RawStoreSettings()
    cassandra: CassandraSettings = CassandraSettings()
    bridge: BridgeSettings = BridgeSettings()
    dlq: DlqSettings = DlqSettings()
    cache: CacheSettings = CacheSettings()
    extraction: ExtractionSettings = ExtractionSettings()
    gemini: GeminiSettings = GeminiSettings()
    upkeep: UpkeepSettings = UpkeepSettings()
    outreach: OutreachSettings = OutreachSettings()
    api: ApiSettings = ApiSettings()
    flower: FlowerSettings = FlowerSettings()
    logging: LoggingSettings = LoggingSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over what `load` gathered from files."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _all_addresses_or_none(self) -> Self:
        given = self.addresses()
        missing = [name for name, value in given.items() if value is None]
        if missing and len(missing) < len(given):
            here = [name for name in given if name not in missing]
            raise ValueError(f"{' and '.join(here)} set, {' and '.join(missing)} not: set all three, or none of them")
        return self

    @model_validator(mode="after")
    def _a_cassandra_to_keep_rows(self) -> Self:
        if self.raw_store.kind == "cassandra" and self.has_servers and not self.cassandra.contact_points:
            raise ValueError(
                "raw_store.kind is cassandra, cassandra.contact_points is empty: name your cluster's nodes"
            )
        return self

    def addresses(self) -> dict[str, str | None]:
        """The three addresses that together leave the embedded mode, by key."""
        return {
            "kafka.bootstrap_servers": self.kafka.bootstrap_servers,
            "redis.url": self.redis.url,
            "postgres.host": self.postgres.host,
        }

    @property
    def mode(self) -> Literal["embedded", "services"]:
        """`services` when config.yaml or the environment name servers, else `embedded`."""
        named = self.kafka.bootstrap_servers is not None and not self.kafka.embedded
        return "services" if named else "embedded"

    @property
    def has_servers(self) -> bool:
        """Whether addresses are known: set by hand, or of a running stack."""
        return all(self.addresses().values())


def load(config: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process; raises ConfigError with one line that names the key and the file.

    `config` defaults to $SAGO_CONFIG, ./config.yaml, then the project's own. `environ` is for tests of the checks;
    pydantic-settings itself reads os.environ.
    """
    if environ is None:
        load_dotenv(".env")  # what the environment holds already wins
        environ = os.environ
    path = _config_path(config, environ)
    values = _read_yaml(path)
    _check_variables(environ)
    _merge(values, _keys_of_vendors(environ))
    if _names_servers(values, environ):
        names = [key for key in POSTGRES_VARIABLES if f"POSTGRES_{key}" in environ]
        _merge(values, {"postgres": {key.lower(): environ[f"POSTGRES_{key}"] for key in names}})
    else:
        # A POSTGRES_PASSWORD without a host is of another server than ours.
        state = Path(environ.get("SAGO_STATE_DIR", values.get("state_dir", ".sago")))
        _merge(values, _stack_overlay(state))
    try:
        return Settings(**values)
    except ValidationError as error:
        raise ConfigError(_explain(error, path)) from error


def _keys_of_vendors(environ: Mapping[str, str]) -> dict[str, Any]:
    """The names under which a vendor's own tools look for its key."""
    key = environ.get("GEMINI_API_KEY") or environ.get("GOOGLE_API_KEY")
    return {"gemini": {"api_key": key}} if key else {}


def _config_path(config: Path | None, environ: Mapping[str, str]) -> Path:
    if config is None and environ.get("SAGO_CONFIG"):
        config = Path(environ["SAGO_CONFIG"])
    if config is not None:
        if not config.is_file():
            raise ConfigError(f"{config}: no such settings file; copy config.yaml or leave --config away")
        return config
    local = Path("config.yaml")
    return local if local.is_file() else PROJECT / "config.yaml"


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must hold `key: value` lines, not a {type(values).__name__}")
    return values


def _check_variables(environ: Mapping[str, str]) -> None:
    """pydantic-settings ignores a variable whose first level it does not know; a typing error must not pass."""
    known = {name.upper() for name in Settings.model_fields} | {"CONFIG", "TEST", "REQUIRE", "LOG", "READY_FILE"}
    for variable in environ:
        if variable.startswith("SAGO_"):
            first = variable[5:].split("__")[0]
            if first not in known and not first.startswith(("REQUIRE_", "TEST_")):
                near = difflib.get_close_matches(first, sorted(known), n=1)
                hint = f"; did you mean SAGO_{near[0]}?" if near else ""
                raise ConfigError(f"environment: {variable}: unknown setting{hint}")


def _names_servers(values: Mapping[str, Any], environ: Mapping[str, str]) -> bool:
    in_file = any(
        isinstance(values.get(section), dict) and values[section].get(key)
        for section, key in (("kafka", "bootstrap_servers"), ("redis", "url"), ("postgres", "host"))
    )
    variables = ("SAGO_KAFKA__BOOTSTRAP_SERVERS", "SAGO_REDIS__URL", "SAGO_POSTGRES__HOST", "POSTGRES_HOST")
    return in_file or any(environ.get(variable) for variable in variables)


def _stack_overlay(state_dir: Path) -> dict[str, Any]:
    """The `settings` part of the running stack's file; empty where no stack runs."""
    path = state_dir / STACK_FILE
    try:
        stack = json.loads(path.read_text(encoding="utf-8"))
        children = [service for service in stack.get("services", {}).values() if service["pid"]]
        if children and not any(_runs(child["pid"], child["born"]) for child in children):
            return {}  # left behind by a killed command or a reboot
        overlay = stack["settings"]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except PermissionError as error:
        raise ConfigError(
            f"{path}: is the stack of another user: be that user, or set state_dir (SAGO_STATE_DIR)"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not a stack file ({error}); delete it, then `sago up`") from error
    return dict(overlay)


def _runs(pid: int, born: float) -> bool:
    """Whether this very process runs: after a reboot another may have its pid."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - born) < 2.0  # it is derived from the boot time, which wavers
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _explain(error: ValidationError, path: Path) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(first["loc"][-1]), _keys_beside(first["loc"]), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{path}: {where}: unknown key{hint}"
    reason = first["msg"].removeprefix("Value error, ")
    return f"{path}: {where}: {reason}" if where else f"{path}: {reason}"


def _keys_beside(loc: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in loc[:-1]:
        inner = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)
