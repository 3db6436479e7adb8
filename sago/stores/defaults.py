"""What a company nobody announced begins with: a name made of its id, everything shared with the house, one watch."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from sago.domain.companies import DEFAULT_FIRM, Company, Share
from sago.domain.watches import Direction, Watch


def default_company(company_id: str) -> Company:
    """`scale-flow` is called Scale Flow until somebody says better."""
    words = [word for word in re.split(r"[-_]+", company_id) if word]
    return Company(company_id=company_id, name=" ".join(word.capitalize() for word in words))


def default_share(company_id: str, now: datetime) -> Share:
    """Everything, exact, for the house itself."""
    return Share(firm_id=DEFAULT_FIRM, company_id=company_id, created_at=now)


def default_watch(company_id: str, now: datetime) -> Watch:
    """The periodic company update; one id a company, however often it is made."""
    return Watch(
        id=uuid5(NAMESPACE_URL, f"sago:watch:{DEFAULT_FIRM}:{company_id}:update"),
        company_id=company_id,
        reason="company update",
        direction=Direction.TO_INVESTOR,
        created_at=now,
    )
