"""How much is sent, and which faults are injected: all of them by `make faults`, the selected ones by `make test`."""

from __future__ import annotations

import os

from tests.faults.load import Load

ALL = os.environ.get("SAGO_FAULTS") == "all"
"""Every fault, on 20,000 messages of 50 companies; else the selected ones, on a load that crosses the threshold."""


def load_of(name: str) -> Load:
    """Messages of companies that no other load has."""
    return Load(name, 50, 400) if ALL else Load(name, 10, 240)


def lasts(seconds: float) -> float:
    """How long a load takes to go in: a third where it is small."""
    return seconds if ALL else seconds / 3
