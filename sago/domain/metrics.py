"""The company metrics Sago knows by name: what conditions, letters and metric series speak of."""

from __future__ import annotations

import re
from typing import NamedTuple

UNSTATED = "XXX"
"""ISO 4217's code where no currency is involved: here money whose currency nobody wrote."""

LOW_VALUE = frozenset({
    "ARS", "BDT", "CLP", "COP", "CZK", "EGP", "HUF", "IDR", "INR", "ISK", "JPY", "KES", "KRW", "KZT",
    "LKR", "MXN", "NGN", "NOK", "PHP", "PKR", "RUB", "SEK", "THB", "TRY", "TWD", "UAH", "VND", "ZAR",
})  # fmt: skip
"""Currencies whose unit is worth about a tenth of a dollar or less: no `2M` without a currency means them."""


def is_currency(unit: str) -> bool:
    """Whether a unit is an ISO 4217 code, UNSTATED too; other units are words in small letters."""
    return len(unit) == 3 and unit.isupper()


class MetricKind(NamedTuple):
    """A known metric: how people write it, which units it takes, how it is shown."""

    label: str
    unit: str
    """`currency`, `percent`, `count` or `x`."""
    aliases: tuple[str, ...]


METRICS: dict[str, MetricKind] = {
    "mrr": MetricKind("MRR", "currency", ("mrr", "monthly recurring revenue", "monthly recurring")),
    "arr": MetricKind("ARR", "currency", ("arr", "annual recurring revenue", "annual run rate", "run rate")),
    "nrr": MetricKind("NRR", "percent", ("nrr", "net revenue retention", "net dollar retention", "ndr")),
    "grr": MetricKind("GRR", "percent", ("grr", "gross revenue retention", "gross retention")),
    "bookings": MetricKind("Bookings", "currency", ("bookings",)),
    "revenue": MetricKind("Revenue", "currency", ("revenue", "turnover", "sales")),
    "dau": MetricKind("DAU", "count", ("dau", "daily active users", "daily actives")),
    "wau": MetricKind("WAU", "count", ("wau", "weekly active users", "weekly actives")),
    "mau": MetricKind("MAU", "count", ("mau", "monthly active users", "monthly actives")),
    "users": MetricKind("Users", "count", ("users", "sign-ups", "signups", "accounts", "waitlist")),
    "customers": MetricKind("Customers", "count", ("customers", "paying customers", "logos")),
    "headcount": MetricKind("Headcount", "count", ("headcount", "team size", "employees", "people")),
    "churn": MetricKind("Churn", "percent", ("churn", "logo churn", "churn rate")),
    "gross_margin": MetricKind("Gross margin", "percent", ("gross margin",)),
    "burn": MetricKind("Burn", "currency", ("burn", "net burn", "monthly burn")),
    "runway": MetricKind("Runway", "count", ("runway",)),
    "contract_value": MetricKind("Contract value", "currency", ("contract value", "acv", "tcv", "deal size")),
    "amount_raised": MetricKind("Amount raised", "currency", ("raise", "round", "term sheet", "committed")),
    "valuation": MetricKind("Valuation", "currency", ("valuation", "pre-money", "post-money")),
    "uptime": MetricKind("Uptime", "percent", ("uptime", "availability")),
    "nps": MetricKind("NPS", "count", ("nps", "net promoter score")),
}


def canonical(name: str) -> str | None:
    """The canonical name that `name` means, or None where no known metric fits."""
    wanted = name.strip().lower().replace("_", " ")
    for key, kind in METRICS.items():
        if wanted == key.replace("_", " ") or wanted in kind.aliases:
            return key
    return None


_VAGUE = re.compile(r"(?:(?:other|further|another|earlier) )?(?:amount|rate|count|duration|factor)(?: \d+)?")


def is_vague(name: str) -> bool:
    """Whether a name says no more than the figure's kind: two figures of it may measure two things."""
    return _VAGUE.fullmatch(name) is not None
