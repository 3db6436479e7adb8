"""What commands that read a file share: the option `--map`, and the lines about what was left out."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from sago.errors import UsageError

ColumnMap = Annotated[list[str] | None, typer.Option("--map", help="Our column=yours, as content=Body.")]


def column_map(pairs: list[str] | None) -> dict[str, str]:
    """`["content=Body"]` → `{"content": "Body"}`; raises UsageError for a pair without `=`."""
    for pair in pairs or []:
        if "=" not in pair:
            raise UsageError(f"--map {pair}: write it as our column=yours, for example --map content=Body")
    return dict(pair.split("=", 1) for pair in pairs or [])


def told(ignored: Counter[str]) -> list[str]:
    """One line for each reason why something was left out on purpose."""
    return [f"left out on purpose: {count} × {reason}" for reason, count in sorted(ignored.items())]
