"""The port `Mailer` without a server: each mail a file, for a person's mail program to send."""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from email.message import EmailMessage
from pathlib import Path
from typing import BinaryIO

from sago.domain.mails import Posted, Reply
from sago.errors import ConfigError
from sago.stores import wire

SENT = "sent"
"""The folder's name beside the drafts."""
LEFT_AFTER = 3600.0
"""Seconds after which a file that is not whole was left behind, where nobody holds it."""
_PARTIAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.\d+\.partial")


class EmlFolder:
    """A mail's file is named by its Message-ID, so that one mail is one file, however often it is handed over. Raises
    ConfigError where the folder cannot be written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        return f"folder/{self._folder}"

    def check(self) -> str:
        """Nothing is written."""
        existing = next(each for each in (self._folder.resolve(), *self._folder.resolve().parents) if each.exists())
        if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
            raise ConfigError(f"{self._folder}: cannot be written; set outreach.folder")
        return f"no smtp.host: mails are written into {self._folder}, nothing is sent"

    def post(self, mail: EmailMessage, recipient: str, begin: Callable[[], bool]) -> Posted:  # noqa: ARG002
        del mail["X-Unsent"]
        mail["X-Unsent"] = "1"  # mail programs then open it as one that is still to be sent
        path = self._folder / f"{_name(mail)}.eml"
        partial = path.with_suffix(f".{os.getpid()}.partial")
        with ExitStack() as stack:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                _sweep(self._folder)
                stack.callback(partial.unlink, missing_ok=True)
                _write(stack.enter_context(partial.open("wb")), mail.as_bytes(policy=wire.ASCII))
            except OSError as error:
                raise ConfigError(f"{path}: cannot be written ({error.strerror}); set outreach.folder") from error
            try:
                if not begin():
                    return Posted(Reply.GIVEN_UP)
                partial.replace(path)
                _sync(self._folder)
            except OSError as error:
                return Posted(Reply.DEFERRED, f"{path}: cannot be written ({error.strerror}); set outreach.folder")
        return Posted(Reply.ACCEPTED, f"written to {path}: send it by hand", str(path))


def _name(mail: EmailMessage) -> str:
    return re.sub(r"[^A-Za-z0-9-]", "", str(mail["Message-ID"]).partition("@")[0])


def _write(file: BinaryIO, content: bytes) -> None:
    """Locked until it is closed, so that nobody takes it for left behind."""
    fcntl.flock(file, fcntl.LOCK_EX)
    file.write(content)
    file.flush()
    os.fsync(file.fileno())


def _sweep(folder: Path) -> None:
    """Take away what a killed process of ours has left half written: old, by our own kind of name, and of nobody who
    lives."""
    for path in folder.glob("*.partial"):
        with suppress(OSError):
            if _PARTIAL.fullmatch(path.name) and time.time() - path.stat().st_mtime > LEFT_AFTER:
                with path.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()


def _sync(folder: Path) -> None:
    """The new name survives a power cut too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
