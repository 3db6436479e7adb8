"""The exit status of the bridge process and what it says at its end."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from sago import telemetry
from sago.errors import BadDeployError, ConfigError, PermanentError, SagoError
from workers import bridge


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
    return SimpleNamespace(log=log, bridge=lambda: made, close=lambda: None)


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
