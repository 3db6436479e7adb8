"""Typed settings: config.yaml, then the running stack's addresses, then the environment; each layer wins over the last.

An unknown key is a ConfigError that names it. Where neither file nor environment gives an address of Kafka, Redis and
Postgres the mode is `embedded`, and the addresses come from `<state_dir>/stack.json` of the running stack.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import psutil
import yaml
from dotenv import load_dotenv
from pydantic import BaseModel, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from sago.domain.messages import CompanyId
from sago.errors import ConfigError
from sago.model_sections import KEY_VARIABLES, GeminiSettings, ModelsSettings, OpenAISettings
from sago.outreach_sections import OutreachSettings, SmtpSettings
from sago.sections import (
    BreakerSettings,
    BridgeSettings,
    CacheSettings,
    CassandraSettings,
    DlqSettings,
    ExtractionSettings,
    KafkaSettings,
    LoggingSettings,
    PostgresSettings,
    RawStoreSettings,
    RedisSettings,
    UpkeepSettings,
)
from sago.serving_sections import ApiSettings, FlowerSettings
from sago.source_sections import GmailSettings, SlackSettings, SourcesSettings

PROJECT = Path(__file__).resolve().parent.parent
STACK_FILE = "stack.json"
POSTGRES_VARIABLES = ("HOST", "PORT", "DB", "USER", "PASSWORD")


class Settings(BaseSettings):
    """Everything that can be set. Built by `load`, read by bootstrap, cli and workers only."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="SAGO_", env_nested_delimiter="__", hide_input_in_errors=True
    )

    company_id: CompanyId = "acme"
    servers: Literal["embedded", "local", "auto"] | None = None
    """What is started where no addresses are set: small servers from wheels, or real Kafka and Cassandra. Where it is
    not set, the kind that holds messages already, else `embedded`."""
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
    models: ModelsSettings = ModelsSettings()
    breaker: BreakerSettings = BreakerSettings()
    gemini: GeminiSettings = GeminiSettings()
    openai: OpenAISettings = OpenAISettings()
    upkeep: UpkeepSettings = UpkeepSettings()
    outreach: OutreachSettings = OutreachSettings()
    smtp: SmtpSettings = SmtpSettings()
    sources: SourcesSettings = SourcesSettings()
    slack: SlackSettings = SlackSettings()
    gmail: GmailSettings = GmailSettings()
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
        raise ConfigError(_explain(error, path, environ)) from error


def _keys_of_vendors(environ: Mapping[str, str]) -> dict[str, Any]:
    """The names under which a vendor's own tools look for its key."""
    keys = {section: next(filter(None, map(environ.get, names)), None) for section, names in KEY_VARIABLES.items()}
    return {section: {"api_key": key} for section, key in keys.items() if key}


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


def _explain(error: ValidationError, path: Path, environ: Mapping[str, str]) -> str:
    """One line: where the value came from, its key, and what is wrong with it."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    variable = _variable([str(part) for part in first["loc"]], environ)
    where = f"environment: {variable}" if variable else f"{path}: {key}" if key else str(path)
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(first["loc"][-1]), _keys_beside(first["loc"]), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{where}: unknown key{hint}"
    return f"{where}: {first['msg'].removeprefix('Value error, ')}"


def _variable(loc: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """The variable that gave a key its value, or None where the file did."""
    names = ["SAGO_" + "__".join(loc).upper()]
    if loc[1:] == ["api_key"]:
        names += KEY_VARIABLES.get(loc[0], ())
    if loc[:1] == ["postgres"]:
        names += ["_".join(loc).upper()]
    return next((name for name in names if environ.get(name)), None)


def _keys_beside(loc: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in loc[:-1]:
        inner = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)
