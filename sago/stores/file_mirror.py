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
from typing import Any, TypeVar

from pydantic import TypeAdapter

from sago.domain.erasures import Erasure
from sago.domain.generations import Announced
from sago.errors import ConfigError

NAME = "mirror"
Told = TypeVar("Told")
LETTER, ERASURE = TypeAdapter(Announced), TypeAdapter(Erasure)


class FileMirror:
    """Two files: `generation` is replaced as a whole, `notes.jsonl` only grows. Each is on disk before a call returns.

    A line that a crash cut off is left out. Raises ConfigError where the folder cannot be written or read, and for any
    other line that cannot be understood.
    """

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / NAME
        self._number = self._folder / "generation"
        self._notes = self._folder / "notes.jsonl"

    def generation(self) -> int:
        text = self._read(self._number)
        if text and not text.strip().isdigit():
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
            self._sync_folder()

    def announce(self, letter: Announced) -> None:
        self._append([{"letter": LETTER.dump_python(letter, mode="json")}])

    def announced(self, after: int) -> list[Announced]:
        found = set(self._told("letter", LETTER))
        return sorted(letter for letter in found if letter.generation > after)

    def add_erasures(self, erasures: Sequence[Erasure]) -> None:
        known = {erasure.id for erasure in self.erasures()}
        new = [each for each in erasures if each.id not in known]
        self._append([{"erasure": each.model_dump(mode="json", exclude={"applied_at"})} for each in new])

    def erasures(self) -> list[Erasure]:
        found = {each.id: each for each in self._told("erasure", ERASURE)}
        return sorted(found.values(), key=lambda each: (each.requested_at, str(each.id)))

    def _append(self, lines: Sequence[dict[str, Any]]) -> None:
        if not lines:
            return
        with self._locked(), self._notes.open("a+b") as file:
            file.seek(0)
            before, _, last = file.read().rpartition(b"\n")
            if _is_torn(last):
                file.truncate(len(before))
            file.write("".join(f"\n{json.dumps(line)}" for line in lines).encode())
            file.flush()
            os.fsync(file.fileno())
            self._sync_folder()

    def _told(self, kind: str, form: TypeAdapter[Told]) -> list[Told]:
        lines, told = self._read(self._notes).split(b"\n"), []
        for number, line in enumerate(lines, 1):
            if not line or (number == len(lines) and _is_torn(line)):
                continue
            try:
                note = json.loads(line)
                if kind in note:
                    told.append(form.validate_python(note[kind]))
            except (ValueError, TypeError) as error:
                raise ConfigError(f"{self._notes}:{number}: cannot be understood: restore or mend the line") from error
        return told

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read ({error}); mend its rights, or set state_dir") from error

    def _sync_folder(self) -> None:
        """A name is on disk once its folder is."""
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

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


def _is_torn(line: bytes) -> bool:
    """Whether a crash cut off its writing."""
    try:
        json.loads(line or b"{}")
    except ValueError:
        return True
    return False
