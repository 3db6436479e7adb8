"""What a proof says, figure by figure: each with its unit, what it is told of, and whether it is so yet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sago.domain.amounts import Amount, find_amounts
from sago.domain.events import Evidence
from sago.domain.metrics import METRICS
from sago.domain.wording import metric_label
from sago.outreach.claims.measures import measure_beside
from sago.outreach.claims.passages import Span, clauses, stems_of

UNDECIDED = re.compile(
    r"\b(?:will|would|plan(?:s|ned)?|target(?:s|ing)?|goals?|aim(?:s|ing)?|expect(?:s|ed|ing)?|hop(?:e|es|ing)|should|"
    r"might|could|if|forecasts?|budget(?:ed)?|want(?:s|ed)?|wish|next|unless|until|toward(?:s)?|going to"
    r"|to go)\b|\bby (?=[A-Z])",
    re.I,
)
"""Words of a plan, a wish or a condition."""
DENIED = re.compile(
    r"\b(?:not|never|no longer|nor|neither|without|cannot|untrue|false|falsely|wrong|wrongly|barely|hardly|allegedly|"
    r"supposedly|none|nobody|nothing|fail(?:s|ed)? to|refus(?:es|ed) to|declin(?:es|ed) to|yet to|instead of"
    r"|rather than|far from|"
    r"short of|deni(?:es|ed))\b|\w(?:n[’']t)\b",
    re.I,
)
"""Words that turn what is said into its opposite."""
IS_BARE = True
"""No unit was written."""


class Saying(NamedTuple):
    """One text of a ground: a quote with its proof, or a title, a reason or a name without."""

    text: str
    proof: Evidence | None = None
    of: UUID | None = None
    """The event that the proof is of, where that is another than the ground's own."""


class Stated(NamedTuple):
    """A figure of a ground, with what it is told of."""

    value: float
    unit: str
    bare: bool
    measures: frozenset[str]
    saying: Saying
    amount: Amount | None = None
    """As it stands in the saying; None where a metric or a threshold holds it."""
    name: str = ""
    """The metric's."""
    earlier: bool = False
    open: bool = False
    """Planned, wished, conditional or denied where it stands."""
    how: str = ""
    """How it was come by, where no text states it."""
    on: date | None = None
    """The day that an earlier figure is of."""
    way: str = ""
    """`up` or `down`: of a change that was computed."""

    @property
    def context(self) -> frozenset[str]:
        """Stems of what stands around it."""
        if self.amount is None:
            labels = [self.name.replace("_", " "), metric_label(self.name), *aliases_of(self.name)]
            return stems_of(" ".join(labels))
        return stems_of(self.saying.text)


def figures_of(saying: Saying, metrics: Sequence[Stated]) -> list[Stated]:
    """The figures of a text, each with the metric beside it, else with that of its value."""
    amounts = find_amounts(saying.text)
    told = []
    for amount in amounts:
        clause = next(
            (each for each in clauses(saying.text, Span(0, len(saying.text))) if each.start <= amount.start < each.end),
            Span(0, len(saying.text)),
        )
        beside = measure_beside(saying.text, amount, amounts, clause)
        same = [
            m for m in metrics if m.value == amount.value and (m.unit == amount.unit or amount.bare or amount.shared)
        ]
        measures = frozenset({beside} if beside else ()) | frozenset().union(*(m.measures for m in same))
        around = saying.text[clause.start : clause.end]
        is_open = not same and (UNDECIDED.search(around) is not None or DENIED.search(around) is not None)
        earlier = bool(same) and all(m.earlier for m in same)
        told.append(Stated(amount.value, amount.unit, amount.bare, measures, saying, amount, "", earlier, is_open))
    return told


def aliases_of(name: str) -> Iterable[str]:
    kind = METRICS.get(name)
    also = {"contract_value": ("contract",), "amount_raised": ("funding", "raised")}.get(name, ())
    return (*(kind.aliases if kind else ()), *also)
