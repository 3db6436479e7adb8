"""Who may touch a running stack, and how long `down` waits for what is on its way: with `sleep` for every server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sago.config import Settings
from sago.embedded.guard import stop_all
from sago.embedded.processes import Child, spawn
from sago.embedded.record import Record, Service, read_record
from sago.embedded.stack import Stack
from sago.errors import ConfigError


def untouched(settings: Settings) -> None:
    raise AssertionError("nothing is started here")


@pytest.fixture
def sleepers(tmp_path: Path) -> Iterator[list[Child]]:
    names = ("supervisor", "kafka")
    children = [spawn(name, ["sleep", "60"], log=tmp_path / "logs" / f"{name}.log") for name in names]
    yield children
    stop_all(children, 0.0)


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def stack(tmp_path: Path, sleepers: list[Child], notes: list[str]) -> Stack:
    """A stack that runs, as far as its record tells."""
    supervisor, kafka = sleepers
    record = Record("embedded", "2026-03-02T09:00:00+00:00", supervisor=supervisor)
    record.services["kafka"] = Service("kafka", "embedded", child=kafka)
    record.write(tmp_path)
    return Stack(tmp_path, untouched, on_note=notes.append)


def interrupted() -> bool:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("drained", "note"),
    [
        (iter([False, False, True]).__next__, None),
        (lambda: False, "not everything was stored within 0 s; feed the same files again"),
        (interrupted, "not waited until everything was stored; feed the same files again"),
    ],
)
def test_down_waits_for_what_is_on_its_way_then_stops_all_the_same(
    stack: Stack, sleepers: list[Child], notes: list[str], drained: Callable[[], bool], note: str | None
) -> None:
    assert stack.stop(drained, drain_within=0.0 if note else 5.0) == ["kafka"]
    assert notes == ([note] if note else [])
    assert not any(child.alive() for child in sleepers)
    assert read_record(stack.state_dir) is None


def test_a_block_keeps_out_of_a_stack_that_stays(stack: Stack, sleepers: list[Child]) -> None:
    with pytest.raises(ConfigError, match="a stack runs already"), stack.running():
        pytest.fail("two stacks in one folder")
    assert all(child.alive() for child in sleepers)
