"""How figures and dates are written for a person: `$5.4M`, `143%`, `25,000`, `2 March`."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from sago.domain.events import Event, Metric
from sago.domain.metrics import METRICS, UNSTATED, is_currency

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", UNSTATED: ""}
"""Currencies whose sign is written before the figure; others are written `CHF 1.2M`."""
_SCALES = ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k"))
_SUFFIXES = {"percent": "%", "x": "x", "bps": " bps", "count": ""}
_WORDS = {
    "contract_value": "contract",
    "amount_raised": "funding",
    "headcount": "people",
    "users": "users",
    "customers": "customers",
    "burn": "burn",
    "runway": "runway",
    "uptime": "uptime",
}


def figure(value: float, unit: str | None) -> str:
    """The value with its unit; rounded to three digits where a scale letter is used."""
    if unit is not None and is_currency(unit):
        return _money(value, unit)
    if unit is None:
        return short(value)
    return f"{plain(value)}{_SUFFIXES.get(unit, f' {unit}')}"


def short(value: float) -> str:
    """A large number with a scale letter: 1,400,000 → `1.4M`, 450,000 → `450k`; below 10,000 as it is."""
    if abs(value) < 10_000:
        return plain(value)
    rounded = float(_round(value))
    scale, letter = next((scale, letter) for scale, letter in _SCALES if abs(rounded) >= scale)
    return f"{plain(float(_round(rounded / scale)))}{letter}"


def plain(value: float) -> str:
    """The number with thousands separators and no needless decimals."""
    text = f"{Decimal(repr(float(value))):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def day(moment: date, *, beside: date | None = None) -> str:
    """`2 March`; with its year when that differs from the year of `beside`, or when `beside` is absent."""
    text = f"{moment.day} {moment:%B}"
    return text if beside is not None and beside.year == moment.year else f"{text} {moment.year}"


def length(span: timedelta) -> str:
    """A span as people say it: `40 s`, `12 min`, `3 h`, `2 d`."""
    seconds = int(span.total_seconds())
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return f"{max(0, seconds)} s"


def one_line(text: str) -> str:
    """Without line ends and doubled blanks."""
    return " ".join(text.split())


def metric_label(name: str) -> str:
    """How people write a metric: `ARR`, `Gross margin`; an unknown one by its own words."""
    kind = METRICS.get(name)
    return kind.label if kind else name.replace("_", " ")


def metric_noun(name: str) -> str:
    """A metric within a sentence: `ARR`, `gross margin`, `customers`."""
    label = metric_label(name)
    return label if label.isupper() else label.lower()


def titled(event: Event) -> str:
    """The event's title; in quotation marks where it is no more than the words of a proof, or their beginning."""
    title = one_line(event.title)
    said, is_cut = title.rstrip(".… "), title.endswith("…")
    quotes = [one_line(proof.quote).rstrip(".… ") for proof in event.evidence]
    is_quote = any(said == quote or (is_cut and quote.startswith(said)) for quote in quotes)
    return f"“{title}”" if is_quote and said else title


def never_stated(name: str) -> str:
    """`no ARR was ever stated`, `no customers were ever stated`."""
    noun = metric_noun(name)
    return f"no {noun} {'were' if noun.endswith('s') else 'was'} ever stated"


def metric_phrase(metric: Metric) -> str:
    """A figure with its metric, as it stands in a subject line: `$2.1M ARR`, `$240k contract`, `1,200 users`."""
    word = _WORDS.get(metric.name) or ("contract" if "contract" in metric.name else metric_noun(metric.name))
    return f"{figure(metric.value, metric.unit)} {word}"


def _money(value: float, currency: str) -> str:
    sign = "-" if value < 0 else ""
    amount = short(abs(value))
    symbol = SYMBOLS.get(currency)
    return f"{sign}{symbol}{amount}" if symbol is not None else f"{sign}{currency} {amount}"


def _round(value: float) -> Decimal:
    """Three significant digits; halves away from zero."""
    exact = Decimal(repr(value))
    return exact.quantize(Decimal(1).scaleb(exact.adjusted() - 2), rounding=ROUND_HALF_UP) if exact else exact
