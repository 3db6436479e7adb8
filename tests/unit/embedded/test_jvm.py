"""Why did a JVM end? Its log says it above the stack frames."""

from __future__ import annotations

from pathlib import Path

import pytest

from sago.embedded.jvm import reason


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
