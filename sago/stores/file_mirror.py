"""The `Mirror` where the raw rows lie in Postgres itself: a file in the state folder, one JSON line a thing.

It holds only as far as every process that lets letters go shares the folder, and the folder outlives the database.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sago.domain.erasures import Erasure
from sago.domain.generations import Announced
from sago.errors import ConfigError

NAME = "mirror"
NOTE = TypeAdapter(Announced)


class FileMirror:
    """Two files: `generation` is replaced as a whole, `notes.jsonl` only grows. Each is on disk before a call returns.

    A last line that a crash cut off is left out. Raises ConfigError where the folder cannot be written or read.
    """

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / NAME
        self._number = self._folder / "generation"
        self._notes = self._folder / "notes.jsonl"

    def generation(self) -> int:
        text = self._read(self._number)
        if text and not text.strip().isdecimal():
            raise ConfigError(f"{self._number}: holds no number: restore it, or delete it to trust Postgres")
        return int(text) if text else 0

    def raise_generation(self, number: int) -> None:
        with self._locked():
            if number <= self.generation():
                return
            partial = self._number.with_suffix(".partial")
            with partial.open("w", encoding="ascii") as file:
                file.write(f"{number}\n")
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._number)

    def announce(self, letter: Announced) -> None:
        self._append([{"letter": NOTE.dump_python(letter, mode="json")}])

    def announced(self, after: int) -> list[Announced]:
        found = {NOTE.validate_python(line["letter"]) for line in self._lines() if "letter" in line}
        return sorted(letter for letter in found if letter.generation > after)

    def add_erasures(self, erasures: Sequence[Erasure]) -> None:
        known = {erasure.id for erasure in self.erasures()}
        new = [each for each in erasures if each.id not in known]
        self._append([{"erasure": each.model_dump(mode="json", exclude={"applied_at"})} for each in new])

    def erasures(self) -> list[Erasure]:
        found = {line["erasure"]["id"]: line["erasure"] for line in self._lines() if "erasure" in line}
        erasures = [Erasure.model_validate(each) for each in found.values()]
        return sorted(erasures, key=lambda each: (each.requested_at, str(each.id)))

    def close(self) -> None:
        """Nothing is open between calls."""

    def _append(self, lines: Sequence[dict[str, Any]]) -> None:
        if not lines:
            return
        with self._locked(), self._notes.open("ab") as file:
            # begins with a line end: the last line before may have been cut off
            file.write("".join(f"\n{json.dumps(line)}" for line in lines).encode())
            file.flush()
            os.fsync(file.fileno())

    def _lines(self) -> Iterator[dict[str, Any]]:
        for line in self._read(self._notes).splitlines():
            try:
                if line:
                    yield json.loads(line)
            except ValueError:
                continue

    def _read(self, path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""
        except (OSError, ValidationError) as error:
            raise ConfigError(f"{path}: cannot be read ({error}); mend its rights, or set state_dir") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time, of whichever process."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / "lock").open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise ConfigError(
                f"{self._folder}: cannot be written ({error}); mend its rights, or set state_dir"
            ) from error
