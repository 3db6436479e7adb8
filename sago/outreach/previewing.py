"""What an investor of a firm would see of a company: shown to the founder before consent, and after it."""

from __future__ import annotations

from datetime import datetime

from sago.domain.companies import Company, Share
from sago.domain.events import latest_first
from sago.domain.sharing import Preview, Seen
from sago.outreach.sharing import View, as_shared, kept_texts, leads, told_figures
from sago.ports import Transaction


def preview(
    tx: Transaction,
    company: Company,
    share: Share,
    as_of: datetime,
    setback_days: int,
    *,
    is_given: bool,
    most: int | None = None,
) -> Preview:
    """What this share shows, given or not; nothing is written. With `most` so many events, the latest, and nothing of
    the firm's watches."""
    is_open, events = share.holds_at(as_of), tx.events.find(company.company_id)
    led = latest_first([event for event in events if is_open and leads(event, share)])
    figures = told_figures(share, led, tx.events.metric_points(company.company_id))
    shown = as_shared(share, led[:most], kept_texts(tx, share, company.company_id))
    seen = Seen(shown, *figures, share.granularity)
    known = tx.outreach.watches(company.company_id) if most is None else []
    watches = [View(each, share, seen, is_open) for each in known if each.firm_id == share.firm_id]
    judged = [watch.judge(as_of, setback_days) for watch in watches]
    firm = tx.shares.firms().get(share.firm_id, share.firm_id)
    return Preview(company, firm, share, is_given, seen, len(led), len(events) - len(led), judged, as_of)
