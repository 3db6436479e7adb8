"""Options that take a day or a moment, and say how one is written where they cannot read it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import typer

from sago.report.phrases import one_line


def day_option(*names: str, help: str, **more: Any) -> Any:  # noqa: A002 - as Typer calls it
    """An option that takes a day, as 2026-10-20."""
    return typer.Option(*names, parser=day_of, metavar="DAY", help=help, **more)


def moment_option(*names: str, help: str, **more: Any) -> Any:  # noqa: A002 - as Typer calls it
    """An option that takes a moment, as 2026-10-20T08:00; of a day its beginning; in UTC where it says no other."""
    return typer.Option(*names, parser=moment_of, metavar="MOMENT", help=help, **more)


def day_of(written: str) -> date:
    """Raises BadParameter for what is no day of the calendar."""
    try:
        return datetime.strptime(written.strip(), "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise typer.BadParameter(f"{one_line(written, 40)} is no day; write it as 2026-10-20") from None


def moment_of(written: str) -> datetime:
    """Raises BadParameter for what is no moment."""
    try:
        read = datetime.fromisoformat(written.strip())
    except ValueError:
        how = "write it as 2026-10-20, or 2026-10-20T08:00"
        raise typer.BadParameter(f"{one_line(written, 40)} is no moment; {how}") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
