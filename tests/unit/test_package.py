"""What an installed Sago finds beside its modules."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch
from pathlib import Path

import sago

ROOT = Path(sago.__file__).parent


def test_every_file_beside_the_modules_is_part_of_the_package() -> None:
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["sago"]
    files = [
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and "__pycache__" not in path.parts
    ]
    assert any(path.endswith("encoder_tokenizer.json") for path in files)
    assert [path for path in files if not any(fnmatch(path, each.removeprefix("**/")) for each in patterns)] == []
