"""Why did a JVM end? Its log says it above the stack frames."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sago.embedded.jvm import TIMER_SLACK, reason, timer_slack


@pytest.mark.parametrize(
    ("log", "told"),
    [
        (
            "WARN x\nException in thread main ConfigException: no such key\n\tat a.B.c(B.java:1)\nCaused by: x\n",
            "Exception in thread main ConfigException: no such key",
        ),
        ("ERROR old\nERROR new: disk full\nstopping\n\n", "ERROR new: disk full"),
        ("killed\n\n", "killed"),
        ("", "it wrote nothing"),
    ],
)
def test_the_last_error_is_the_reason(tmp_path: Path, log: str, told: str) -> None:
    path = tmp_path / "x.log"
    path.write_text(log, encoding="utf-8")
    assert reason(path) == told


def test_no_log_is_no_reason(tmp_path: Path) -> None:
    assert reason(tmp_path / "x.log") == "it wrote nothing"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")
def test_a_servers_sleeps_may_end_late_and_ours_may_not() -> None:
    ours = _slack_of_a_child()
    with timer_slack(TIMER_SLACK):
        assert _slack_of_a_child() == TIMER_SLACK
    assert _slack_of_a_child() == ours


def _slack_of_a_child() -> int:
    return int(subprocess.check_output(["cat", "/proc/self/timerslack_ns"]))
