"""docs/api.md and the README on the API: every example in one shell, against stacks of their own: the embedded one, and
real Kafka and Cassandra, as `make up` starts them where Java is found."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sago.config import PROJECT
from sago.embedded.postgres import remove_data
from sago.embedded.record import read_record
from sago.embedded.servers import free_port
from tests.integration.houses import bare_environment
from tests.integration.pages import Example, examples_of, run_in_one_shell, settled, shape

pytestmark = pytest.mark.services

BIN = Path(sys.executable).parent
AS_IT_STANDS = {"ids", "detail", "status", "is_given", "firm", "conditions"}
"""An answer with one of these is the page's own to the letter, but for ids and times; of the others the names are."""


@pytest.fixture(scope="module", params=["embedded", "local"])
def servers(request: pytest.FixtureRequest) -> str:
    """Which a stack runs on."""
    if request.param == "local":
        request.getfixturevalue("local_servers")
    return str(request.param)


@pytest.fixture(scope="module")
def stack(servers: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a stack that is up, where no key of the house's is set."""
    state = tmp_path_factory.mktemp("page") / "state"
    ports = {f"SAGO_{process}__PORT": str(free_port()) for process in ("API", "FLOWER")}
    environment = bare_environment() | ports | {"SAGO_STATE_DIR": str(state)}
    environment |= {"SAGO_OUTREACH__FOLDER": str(state.parent / "letters")}
    environment["PATH"] = f"{BIN}{os.pathsep}{environment['PATH']}"
    up = sago("up", environment, "--servers", servers)
    assert up.returncode == 0, up.stderr
    yield environment
    if read_record(state) is not None:
        sago("down", environment)
    remove_data(state / "postgres")


def sago(command: str, environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / "sago"), command, *options],
        env=environment,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )


def examples(page: str, environment: dict[str, str]) -> list[Example]:
    here = page.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{environment['SAGO_API__PORT']}")
    return examples_of(here.replace(".venv/bin/", f"{BIN}/"))


def on_all_servers(answer: Any, servers: str) -> Any:
    """The answer without what real servers tell otherwise: a log that keeps what it took stores it a moment later."""
    if servers == "local" and isinstance(answer, dict):
        answer.pop("stored", None)
        for part in ("services", "missing"):
            answer.get(part, {}).pop("cassandra", None)
        answer.get("queue_status", {}).pop("queued", None)
    return answer


def the_readmes_part() -> str:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    part = re.search(r"^### Open it to your own programs\n.*?(?=^##)", readme, re.DOTALL | re.MULTILINE)
    assert part is not None
    return part[0]


@pytest.mark.parametrize(("page", "answered"), [("api.md", 22), ("README", 2)])
def test_the_examples_of_a_page_run_as_they_stand(
    stack: dict[str, str], servers: str, page: str, answered: int
) -> None:
    text = the_readmes_part() if page == "README" else (PROJECT / "docs" / page).read_text(encoding="utf-8")
    found = examples(text, stack)
    assert sum(each.answer is not None for each in found) == answered
    for (command, expected), said in zip(found, run_in_one_shell(found, stack, PROJECT, 180), strict=True):
        if expected is None:
            assert said == "", command
            continue
        answer, wanted = (on_all_servers(json.loads(each), servers) for each in (said, expected))
        if isinstance(wanted, dict) and AS_IT_STANDS & set(wanted):
            assert settled(answer) == settled(wanted), command
        else:
            assert shape(answer) == shape(wanted), command
