"""`sago run` before anything is started for it, and while it waits for a vendor."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer
from rich.progress import Progress
from typer.testing import CliRunner, Result

from sago.cli import demo, extract, feed, run
from sago.cli.feeding import Run
from sago.config import Settings
from sago.domain.batches import Batch, BatchState
from sago.domain.model_calls import CallTotals
from sago.errors import EmptyInputError, UsageError
from sago.pipeline.ingest import Account
from sago.report import ReportData
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from tests.unit.outreach.stories import EVENTS, NOW

HEADER = "id,is_chat,chat_sender,email_sender,timestamp,content\n"


@pytest.fixture
def sago(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    for module in (demo, extract, feed, run):
        module.register(app)
    (tmp_path / "mails.csv").write_text(HEADER + "c1,true,kim,,2025-10-06T09:00:00Z,hello\n", encoding="utf-8")
    (tmp_path / "header.csv").write_text(HEADER, encoding="utf-8")
    (tmp_path / "taken").write_text("x", encoding="utf-8")
    return lambda *arguments: CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "mails.csv", "--out", "taken"), "--out taken: is no folder that can be written into"),
        (("run", "mails.csv", "--out", "taken/further"), "--out taken/further: is no folder that can be written into"),
        (("demo", "--out", "taken"), "--out taken: is no folder that can be written into"),
        (("run", "header.csv"), "header.csv: no rows below the header"),
        (("ingest", "header.csv"), "header.csv: no rows below the header"),
    ],
)
def test_what_cannot_work_is_one_line_before_anything_starts(
    sago: Callable[..., Result], tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    error = sago(*arguments).exception
    assert isinstance(error, EmptyInputError if arguments[1] == "header.csv" else UsageError)
    assert said in str(error)
    assert not (tmp_path / ".sago").exists()


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A container of a stack that lived for one command; its `feed` is for a test to set."""
    made = SimpleNamespace(
        settings=Settings(),
        clock=ManualClock(datetime(2026, 3, 2, 9, tzinfo=UTC)),
        database=MemoryDatabase(),
        closed=False,
    )
    made.ingest = lambda: made
    made.close = lambda: setattr(made, "closed", True)
    monkeypatch.setattr(feed, "build", lambda _settings: made)
    monkeypatch.setattr(feed, "stack_for", lambda _session, settings, _out, _provider: nullcontext(settings))
    return made


def test_an_ingest_without_a_stack_says_where_the_messages_wait(
    sago: Callable[..., Result], house: SimpleNamespace
) -> None:
    house.feed = lambda rows, account, _step: setattr(account, "stored", len(list(rows)))
    said = " ".join(sago("ingest", "mails.csv").stderr.split())
    assert "no stack was running: stored in .sago; read at the next `sago up` or `sago run`" in said
    assert house.closed


def test_an_ingest_that_is_stopped_says_what_is_kept(sago: Callable[..., Result], house: SimpleNamespace) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    house.feed = stop
    assert "stopped: what was stored is kept" in sago("ingest", "mails.csv").stderr
    assert house.closed


@pytest.mark.parametrize("command", ["run", "extract"])
def test_the_help_names_who_can_read(sago: Callable[..., Result], command: str) -> None:
    told = " ".join(sago(command, "--help").stdout.replace("│", " ").split())
    assert "offline (on this machine), rules" in told
    assert "else offline]" in told
    assert "marker" not in told


@pytest.mark.parametrize(
    ("servers", "said"),
    [
        ({}, "Events `sago up`, then `sago events list`"),
        (
            {
                "SAGO_KAFKA__BOOTSTRAP_SERVERS": "k:9092",
                "SAGO_REDIS__URL": "redis://r:6379/0",
                "SAGO_POSTGRES__HOST": "p",
                "SAGO_RAW_STORE__KIND": "sql",
            },
            "Events `sago events list`",
        ),
    ],
)
def test_a_run_ends_with_how_to_look_at_the_events(
    sago: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, servers: dict[str, str], said: str
) -> None:
    data = ReportData(
        companies=[], verdicts=[], events=EVENTS, letters=[], messages={}, figures={}, bad_rows=[], as_of=NOW
    )
    done = SimpleNamespace(
        report=lambda _out: data, account=Account(read=1, stored=1), spent=CallTotals(), unfinished=False
    )
    container = SimpleNamespace(clock=ManualClock(NOW), close=lambda: None)
    monkeypatch.setattr(run, "stack_for", lambda _session, settings, _out, _provider: nullcontext(settings))
    monkeypatch.setattr(run, "build", lambda _settings: container)
    monkeypatch.setattr(run, "settle", lambda *_, **__: None)
    monkeypatch.setattr(run, "feed_file", lambda *_: done)
    for name, value in servers.items():
        monkeypatch.setenv(name, value)
    result = sago("run", "mails.csv")
    assert result.exit_code == 0, result.exception
    assert " ".join(result.stdout.split()).endswith(f"Letters output/outreach {said}")
    data = replace(data, events=[])
    assert "Events" not in sago("run", "mails.csv").stdout


def test_a_wait_for_a_vendor_says_once_what_for() -> None:
    open_claims = [[("acme", "b1")], [("acme", "b1")], [("acme", "b1")], []]
    down = CallTotals(calls=1, failure="gemini cannot be reached: ConnectError [x]")
    container = SimpleNamespace(
        settings=Settings.model_validate({"extraction": {"provider": "gemini"}}),
        clock=ManualClock(datetime(2026, 3, 2, 9, tzinfo=UTC)),
        database=MemoryDatabase(),
        dispatcher=SimpleNamespace(flush=lambda: None),
        buffer=SimpleNamespace(counts=dict, unopened=lambda: open_claims.pop(0)),
        calls=SimpleNamespace(totals=lambda _companies, _since: down),
    )
    told: list[str] = []
    Run(cast("Any", container), told.append).extract(Progress(disable=True))
    (line,) = told
    assert "gemini cannot be reached: ConnectError \\[x]; tried again by itself" in line
    assert "Ctrl-C stops waiting" in line


def test_a_wait_for_a_budget_is_told_though_no_call_was_made() -> None:
    now, database = datetime(2026, 3, 2, 9, tzinfo=UTC), MemoryDatabase()
    reason = "gemini is not asked: the $5 a day of acme (models.budget_usd_a_day.company) are spent"
    looks: list[BatchState] = [BatchState.FAILED, BatchState.FAILED, BatchState.MERGED, BatchState.MERGED]

    def unopened() -> list[tuple[str, str]]:
        with database.begin() as tx:
            tx.batches.set_state("b1", looks.pop(0), at=now, error=reason)
        return []

    with database.begin() as tx:
        tx.batches.open(Batch(id="b1", company_id="acme", state=BatchState.CLAIMED, claimed_at=now), [])
    container = SimpleNamespace(
        settings=Settings.model_validate({"extraction": {"provider": "gemini"}}),
        clock=ManualClock(now),
        database=database,
        dispatcher=SimpleNamespace(flush=lambda: None),
        buffer=SimpleNamespace(counts=dict, unopened=unopened),
        calls=SimpleNamespace(totals=lambda _companies, _since: CallTotals()),
    )
    told: list[str] = []
    waiting = Run(cast("Any", container), told.append)
    waiting.account.companies["acme"] = now
    waiting.extract(Progress(disable=True))
    (line,) = told
    assert f"{reason}; tried again by itself" in line
