"""The second line: a token that got into a log line all the same is left out of it."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from sago import telemetry
from sago.telemetry import LEFT_OUT

SAY = """
import logging
from sago import telemetry
telemetry.configure("INFO", {style!r})
token = "{before}" + "-{after}"
telemetry.logger("x").info("asked", header={{"Authorization": f"Bearer {{token}}"}})
try:
    raise ValueError(f"refused {{token}}")
except ValueError:
    logging.getLogger("y").exception("failed with %s", token)
"""


@pytest.mark.parametrize("style", ["plain", "json"])
@pytest.mark.parametrize(
    "token",
    [
        "xoxb-1234567890-abc", "xoxe.xoxp-1-Mi0yLTEyMw", "xapp-1-A0-1234-ab", "ya29.a0AfH6-SMBx_1", "1//0gabcd-Efgh_",
        "1%2F%2f0gabcd-Efgh_", "GOCSPX-a1b2c3d4e5", "4/0AbcdE-fghij_", "4%2F0AbcdE-fghij_", "4%252F0AbcdE-fghij_",
        "eyJhbGciOi-J9.eyJzdWIiOi-J4In0.c2lnbmF0-dXJl",
        "sago_1f0c93ab_9dQw4-gXcQ0rTzKpL2mNbVcXzAsDfGhJkLqWeRtYu1o",
    ],
)  # fmt: skip
def test_no_log_line_shows_a_token(tmp_path_factory: pytest.TempPathFactory, token: str, style: str) -> None:
    before, _, after = token.partition("-")
    code = SAY.format(style=style, before=before, after=after)
    said = tmp_path_factory.mktemp("said") / "said"
    with said.open("w") as file:  # neither a pipe nor a log, which the suite watches for what is left out
        subprocess.run([sys.executable, "-c", code], check=True, stderr=file)
    text = said.read_text()
    assert text.count(LEFT_OUT) == 3
    assert after not in text


def test_what_is_no_token_stays(capsys: pytest.CaptureFixture[str]) -> None:
    handlers = logging.getLogger().handlers[:]
    telemetry.configure("INFO", "json")
    logging.getLogger("x").warning("see https://x.example/1//2, 14/04/2026, 4/0 and xoxo-kisses")
    logging.getLogger().handlers[:] = handlers
    assert '"event": "see https://x.example/1//2, 14/04/2026, 4/0 and xoxo-kisses"' in capsys.readouterr().err
