"""The exit status of the bridge process and what it says at its end."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from sago import telemetry
from sago.errors import BadDeployError, ConfigError, PermanentError, SagoError
from sago.stores.memory.clock import ManualClock
from workers import bridge
from workers.pulse import EVERY, Pulse

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Signals and logging of this process stay as they are."""
    monkeypatch.setattr(telemetry, "configure", lambda *_: None)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def container(run: Callable[..., None]) -> SimpleNamespace:
    made = SimpleNamespace(run=run)
    log = SimpleNamespace(ensure_topics=lambda: None)
    return SimpleNamespace(log=log, bridge=lambda: made, close=lambda: None, clock=ManualClock(NOW))


@pytest.mark.parametrize(
    ("error", "status"), [(ConfigError("a"), 1), (PermanentError("b"), 1), (BadDeployError("c"), 78)]
)
def test_an_error_is_one_line_and_a_status(
    error: SagoError, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*_: object) -> None:
        raise error

    monkeypatch.setattr(bridge, "build", lambda _settings: container(run))
    assert bridge.main() == status
    assert capsys.readouterr().err == f"sago bridge: {error}\n"


def test_a_stop_is_no_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bridge, "build", lambda _settings: container(lambda *_: None))
    assert bridge.main() == 0
    assert capsys.readouterr().err == ""


def test_a_sign_of_life_every_two_seconds_with_what_it_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "bridge.ready"
    monkeypatch.setenv("SAGO_READY_FILE", str(file))
    clock, waiting = ManualClock(NOW), SimpleNamespace(waits_for="")
    pulse = Pulse(waiting, clock, lambda: False)  # type: ignore[arg-type]
    assert not pulse.stop()
    assert not file.exists()  # it has no partitions yet
    pulse.begin()
    assert file.read_text() == ""
    waiting.waits_for = "Postgres does not answer"
    pulse.stop()
    assert file.read_text() == ""
    for _ in range(2):  # since the first time
        clock.sleep(EVERY)
        pulse.stop()
    since = NOW.timestamp() + EVERY
    assert json.loads(file.read_text()) == {"since": since, "waits_for": "Postgres does not answer"}
    waiting.waits_for = ""
    clock.sleep(EVERY)
    pulse.stop()
    assert file.read_text() == ""
    file.unlink()
    tmp_path.joinpath("bridge.half").mkdir()
    clock.sleep(EVERY)
    assert not pulse.stop()
