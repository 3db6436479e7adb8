"""The events as JSON lines, and files written whole or not at all."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from sago.errors import ConfigError
from sago.report.data import ReportData, event_row


def write_events(data: ReportData, path: Path) -> None:
    """One event a line, oldest first, in UTF-8."""
    events = sorted(data.events, key=lambda event: (event.company_id, event.occurred_at, str(event.id)))
    write_text(path, "".join(json.dumps(event_row(event), ensure_ascii=False) + "\n" for event in events))


def write_text(path: Path, text: str) -> None:
    """Replace the file in one step; raises ConfigError where it cannot be written."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise ConfigError(f"{path}: cannot be written ({error.strerror}); choose another folder with --out") from error
