"""Values as whoever sent them as JSON knows them."""

from __future__ import annotations

import json


def in_json(value: object) -> str:
    """`null`, `true`, `7`, `'a text'`; of a list or an object no more than what it is."""
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, list | tuple):
        return "a list"
    return json.dumps(value) if value is None or isinstance(value, bool | int | float) else "an object"
