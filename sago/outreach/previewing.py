"""What an investor of a firm would see of a company: shown to the founder before consent, and after it."""

from __future__ import annotations

from datetime import datetime

from sago.domain.companies import Company, Share
from sago.domain.events import latest_first
from sago.domain.sharing import Preview
from sago.outreach.sharing import seen_by, view_through
from sago.ports import Transaction


def preview(
    tx: Transaction, company: Company, share: Share, as_of: datetime, setback_days: int, *, is_given: bool
) -> Preview:
    """What this share shows, given or not; nothing is written."""
    events = tx.events.find(company.company_id)
    seen = seen_by(share, events, tx.events.metric_points(company.company_id), as_of)
    watches = [each for each in tx.outreach.watches(company.company_id) if each.firm_id == share.firm_id]
    judged = [view_through(share, tx, watch, as_of).judge(as_of, setback_days) for watch in watches]
    firm = tx.shares.firms().get(share.firm_id, share.firm_id)
    shown = seen._replace(events=latest_first(seen.events))
    return Preview(company, firm, share, is_given, shown, len(events) - len(seen.events), judged, as_of)
