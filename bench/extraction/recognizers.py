"""How figures are read from sentences that nobody of this project wrote: test cases of Microsoft's Recognizers-Text.

Only figures of a kind that `find_amounts` promises are counted: with a value, and money in a currency it knows by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sago.config import PROJECT
from sago.domain.amount_words import ISO_CODES
from sago.domain.amounts import Amount, find_amounts

CORPUS = PROJECT.parent / "shared" / "data" / "real" / "recognizers"
FILES = {
    "currency": "NumberWithUnit/English/CurrencyModel.json",
    "percent": "Number/English/PercentModelPercentMode.json",
    "number": "Number/English/NumberModel.json",
    "number beside percent": "Number/English/NumberModelPercentMode.json",
}
CURRENCIES = {
    "Dollar": "USD", "United States dollar": "USD", "Euro": "EUR", "Pound": "GBP", "British pound": "GBP",
    "Chinese yuan": "CNY", "Japanese yen": "JPY", "Canadian dollar": "CAD", "Australian dollar": "AUD",
    "Turkish lira": "TRY", "Rupee": "INR", "Mexican peso": "MXN", "Hong Kong dollar": "HKD", "Swiss franc": "CHF",
    "New Zealand dollar": "NZD",
}  # fmt: skip
"""What the corpus calls them → ISO 4217; its `Dollar` is a plain `$`."""


@dataclass(frozen=True)
class Figures:
    """One file's figures: how many there are, in how many the value is right, then the unit too, then the span too."""

    name: str
    expected: int
    valued: int
    united: int
    exact: int
    foreign: int
    """Left out: of a currency or kind that `find_amounts` does not promise."""


def measured(corpus: Path = CORPUS) -> list[Figures]:
    """One row a file; empty where the corpus is not beside the repository."""
    return [_file(name, corpus / file) for name, file in FILES.items() if (corpus / file).exists()]


def _file(name: str, path: Path) -> Figures:
    expected = valued = united = exact = foreign = 0
    for case in json.loads(path.read_text(encoding="utf-8-sig")):
        amounts = find_amounts(case["Input"])
        for result, value, unit in _told(case, name):
            if value is None or unit == "":
                foreign += 1
                continue
            expected += 1
            start, end = result["Start"], result["End"] + 1
            near = [a for a in amounts if a.start < end and a.end > start and _is(a, value)]
            right = [a for a in near if unit is None or a.unit == unit]
            valued, united = valued + bool(near), united + bool(right)
            exact += any((a.start, a.end) == (start, end) for a in right)
    return Figures(name, expected, valued, united, exact, foreign)


def _told(case: dict[str, Any], name: str) -> Iterator[tuple[dict[str, Any], float | None, str | None]]:
    """Each result, its value, and its unit: None for any, empty for one that is not promised."""
    for result in case["Results"]:
        told = result["Resolution"]
        text = str(told.get("value") or "")
        unit: str | None = None
        if name == "currency":
            code = CURRENCIES.get(told["unit"], told.get("isoCurrency", ""))
            unit = code if code in ISO_CODES else ""
        elif name == "percent":
            text, unit = text.removesuffix("%"), "percent"
        yield result, float(text) if text else None, unit


def _is(amount: Amount, value: float) -> bool:
    return abs(amount.value - value) <= 1e-6 * abs(value)
