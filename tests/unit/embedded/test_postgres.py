"""Postgres's data, where it may have been left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from sago.embedded import postgres
from sago.errors import ConfigError


def test_data_that_outlived_its_password_is_named_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, folder = tmp_path / "elsewhere" / "data", tmp_path / "state" / "postgres"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("16")
    monkeypatch.setattr(postgres, "data_folder", lambda _folder: data)
    for _ in range(2):
        with pytest.raises(ConfigError, match=f"or delete {data} and all"):
            postgres.start_postgres(folder)
    assert (data / "PG_VERSION").exists()
