"""Errors that show the text they are about, with a caret under the character."""

from __future__ import annotations

import unicodedata

from sago.errors import UsageError


def pointed(text: str, at: int, reason: str) -> UsageError:
    """The error for the character at offset `at`, or for the end: what is wrong, then the text, then the caret."""
    if not text.strip():
        return UsageError(f"condition ``, column 1: {reason}")
    shown = "".join(character if character.isprintable() else " " for character in text)
    cells = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in shown[:at])
    return UsageError(f"condition `{shown.strip()}`, column {at + 1}: {reason}\n  {shown}\n  {' ' * cells}^")
