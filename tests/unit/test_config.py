"""Settings: layers, and errors that name where the wrong value came from."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel

from sago.config import PROJECT, Settings, load
from sago.errors import ConfigError
from sago.pipeline.recovery import LOOK_BACK
from sago.sections import CacheSettings
from sago.source_sections import SlackSettings


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty settings file in an empty folder, and no variable of ours."""
    for name in os.environ:
        if name.startswith(("SAGO_", "POSTGRES_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "config.yaml"
    path.touch()
    return path


def test_the_environment_wins_over_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("cache: {message_limit: 50, ttl: 100}", encoding="utf-8")
    monkeypatch.setenv("SAGO_CACHE__MESSAGE_LIMIT", "60")
    cache = load(config).cache
    assert (cache.message_limit, cache.ttl) == (60, 100)


def test_a_file_of_variables_is_read_below_the_environment(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("SAGO_CACHE__TTL", "SAGO_CACHE__MESSAGE_LIMIT")
    for name in names:  # what load() adds is taken back with these
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("SAGO_CACHE__TTL", "300")
    (config.parent / ".env").write_text("SAGO_CACHE__TTL=200\nSAGO_CACHE__MESSAGE_LIMIT=20\n", encoding="utf-8")
    cache = load().cache
    assert (cache.ttl, cache.message_limit) == (300, 20)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cache: {message_limt: 5}", "cache.message_limt: unknown key; did you mean message_limit?"),
        ("cash: {}", "cash: unknown key; did you mean cache?"),
        ("outreach: {schedule: '0 9 1 *'}", "outreach.schedule: '0 9 1 *' is no cron line of five fields"),
        ("upkeep: {recover: '0 9 1 * * *'}", "upkeep.recover: '0 9 1 * * *' is no cron line of five fields"),
        ("redis: {url: redis://here}", "redis.url set, kafka.bootstrap_servers and postgres.host not"),
        (
            "slack: {api_url: 'http://slack.com/api/'}",
            "slack.api_url: must begin with https://, or with http:// to this",
        ),
        ("gmail: {token_url: 'http://10.0.0.7/token'}", "gmail.token_url: must begin with https://"),
        ("gmail: {certificates_url: 'http://127.0.0.1.example/'}", "gmail.certificates_url: must begin with https://"),
        ("slack: {authorize_url: slack.com}", "slack.authorize_url: must begin with https://"),
        ("a, list", "must hold `key: value` lines"),
        ("a: [", "cannot be read as YAML"),
    ],
)
def test_a_wrong_value_of_the_file_is_named_with_it(config: Path, text: str, said: str) -> None:
    config.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load(config)
    assert str(error.value).startswith(f"{config}: ")
    assert said in str(error.value)


@pytest.mark.parametrize(
    "address", ["https://slack.example/api/", "http://127.0.0.1:9/", "http://localhost", "http://[::1]:9/"]
)
def test_a_vendor_is_asked_in_clear_on_this_machine_alone(address: str) -> None:
    assert SlackSettings(api_url=address).api_url == address


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SAGO_CACHE__TTL", "soon", "environment: SAGO_CACHE__TTL: Input should be a valid integer"),
        ("SAGO_CACHE__TLT", "5", "environment: SAGO_CACHE__TLT: unknown key; did you mean ttl?"),
        ("SAGO_CASH__TTL", "5", "environment: SAGO_CASH__TTL: unknown setting; did you mean SAGO_CACHE?"),
    ],
)
def test_a_wrong_variable_is_named(
    config: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as error:
        load(config)
    assert str(error.value).startswith(said)


SET_BY_THE_STACK = {"kafka.embedded", "kafka.log_id"}


def keys(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Every key below a section, as `kafka.security.username`."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from keys(kind, f"{above}{name}.")
        else:
            yield above + name


def test_config_yaml_names_every_key_in_its_block() -> None:
    text = (PROJECT / "config.yaml").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"^(?:# )?([a-z_]+):(.*(?:\n(?: |#  ).*)*)", text, re.MULTILINE))
    missing = []
    for key in set(keys(Settings)) - SET_BY_THE_STACK:
        section, _, rest = key.partition(".")
        variable = f"SAGO_{key.upper().replace('.', '__')}"
        named = rf"\b{rest.rpartition('.')[2]}:|\b{variable}\b" if rest else ""
        if section not in blocks or not re.search(named, blocks[section]):
            missing.append(key)
    assert sorted(missing) == []


def test_a_message_never_waits_longer_than_recovery_looks_back() -> None:
    longest = next(each.le for each in CacheSettings.model_fields["idle_flush_after"].metadata if hasattr(each, "le"))
    assert timedelta(seconds=longest) < LOOK_BACK
