"""The `sago` command: help in three panels, one line an error, exit 0 done, 1 nothing done or unaccounted, 2 usage."""

from __future__ import annotations

from sago.cli.app import main

__all__ = ["main"]
