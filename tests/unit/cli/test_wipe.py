"""What `sago wipe` and `sago demo` may delete: nothing but their own."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from sago.cli import feed
from sago.cli.demo import forget_letters


def wipe(state_dir: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.setenv("SAGO_STATE_DIR", state_dir)
    app = typer.Typer()
    feed.register(app)
    return CliRunner().invoke(app, ["wipe", "--yes"], catch_exceptions=False)


def fill(folder: Path) -> None:
    ours = (
        "redis/dump.rdb",
        "postgres/password",
        "kafka/data",
        "logs/bridge.log",
        "run/x",
        "demo/logs/x",
        "mirror/notes.jsonl",
    )
    for name in (*ours, "services/kafka/data/x", "services/cassandra/data/x", "services/postgres/password"):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    (folder / "stack.lock").write_text("1")


def test_a_wiped_state_folder_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "state")
    assert wipe(str(tmp_path / "state"), monkeypatch).exit_code == 0
    assert not (tmp_path / "state").exists()
    assert wipe(str(tmp_path / "state"), monkeypatch).exit_code == 0


def test_a_state_folder_that_is_a_project_keeps_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "precious.py").write_text("x")
    monkeypatch.chdir(tmp_path)
    assert wipe(".", monkeypatch).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["src"]
    assert (tmp_path / "src" / "precious.py").is_file()


def test_a_demo_forgets_only_the_letters_of_its_companies(tmp_path: Path) -> None:
    kept = {"orchard-2026-03-1a2b3c4d.eml", "scaleflow-labs-2026-03-1a2b3c4d.eml", "notes.txt"}
    gone = {"scaleflow-2026-03-1a2b3c4d.eml", "scaleflow-now-0a1b2c3d4e5f-2026-03-02-1a2b3c4d.eml"}
    for name in kept | gone:
        (tmp_path / name).write_text("x")
    forget_letters(tmp_path)
    forget_letters(tmp_path / "missing")
    assert {path.name for path in tmp_path.iterdir()} == kept
