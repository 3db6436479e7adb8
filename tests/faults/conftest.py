"""What a run of faults shares: its seed, its size, its report, and which faults are injected at all."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom

import pytest

from sago.config import PROJECT
from tests.faults.house import IMPATIENT, House, raised
from tests.faults.report import HEAD, Report
from tests.faults.scale import ALL
from tests.gemini_server import GeminiServer, gemini_server

FAULTS = Path(__file__).resolve().parent
REPORT = Report(int(os.environ.get("SAGO_FAULTS_SEED") or SystemRandom().randrange(10**6)))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Beside the selected faults the others take more than an hour. Ours come last: their house stays until the end."""
    ours = [item for item in items if FAULTS in item.path.parents]
    items.sort(key=lambda item: FAULTS in item.path.parents)
    for item in ours:
        item.add_marker(pytest.mark.services)
        item.add_marker(pytest.mark.timeout(900))
        item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))  # kafka-python's, of refused connections
    left_out = [] if ALL else [item for item in ours if item.get_closest_marker("selected") is None]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table."""
    if not REPORT.lines:
        return
    rows = [HEAD, *REPORT.rows()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    terminalreporter.section(f"faults, seed {REPORT.seed}")
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        terminalreporter.line("  ".join(cells))


def pytest_report_header() -> str:
    """Before anything can fail."""
    return f"seed of the faults: {REPORT.seed}"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A fault whose test fails stands in the table too."""
    test = report.nodeid.rpartition("::")[2]
    if report.failed and "tests/faults/" in report.nodeid:
        REPORT.failed(test)
    elif report.when == "call" and report.passed:
        REPORT.passed.add(test)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """What was lost, doubled or failed is written as well. A run of chosen tests, or one that was broken off, replaces
    only its own lines."""
    with warnings.catch_warnings():  # of sockets that kafka-python left open while its broker was away
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    if ALL and REPORT.lines and os.environ.get("SAGO_FAULTS_WRITE"):
        waits = ", ".join(f"`{name}={value}`" for name, value in IMPATIENT.items())
        chosen = session.config.option.keyword or [arg for arg in session.config.args if "::" in arg or ".py" in arg]
        is_whole = not chosen and exitstatus != pytest.ExitCode.INTERRUPTED
        REPORT.write(PROJECT / "docs" / "reliability.md", waits, whole=is_whole)


@pytest.fixture(scope="session")
def report() -> Report:
    """Where each fault leaves its line."""
    return REPORT


@pytest.fixture(scope="module")
def server() -> Iterator[GeminiServer]:
    """The stand-in of the model's vendor."""
    with gemini_server() as server:
        yield server


@pytest.fixture(scope="module" if ALL else "session")
def house(tmp_path_factory: pytest.TempPathFactory, local_servers: None) -> Iterator[House]:
    """One stack for the faults of a module, for all of them where they are few; each brings companies of its own."""
    with raised(tmp_path_factory.mktemp("faults")) as house:
        yield house
