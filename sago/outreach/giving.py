"""What founders give: shown before they do, given, and listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sago.domain.companies import EVERY_SOURCE, Company, Granularity, Share
from sago.domain.sharing import Preview, words
from sago.errors import NotThereError
from sago.outreach.previewing import preview
from sago.outreach.sharing import give
from sago.ports import Clock, Database, Note, Transaction


class Wish(NamedTuple):
    """What a founder would share; what is None is as wide as can be."""

    sources: tuple[str, ...] | None = None
    granularity: Granularity | None = None
    until: datetime | None = None


class Given(NamedTuple):
    """A share, and what its firm is called."""

    share: Share
    firm: str


@dataclass(frozen=True)
class Giving:
    """The use case behind `sago share list`, `preview` and `grant`. Raises NotThereError for an unknown company."""

    database: Database
    clock: Clock
    setback_days: int

    def of(self, company_id: str) -> list[Given]:
        """Every share of the company by firm, ended ones too."""
        with self.database.begin() as tx:
            _known(tx, company_id)
            firms = tx.shares.firms()
            return [Given(share, firms[share.firm_id]) for share in tx.shares.of(company_id)]

    def preview(self, company_id: str, firm_id: str, wish: Wish) -> Preview:
        """What the firm would see; with no wish by the share that it has, else by one of everything."""
        now = self.clock.now()
        with self.database.begin() as tx:
            company, given = _known(tx, company_id), tx.shares.get(firm_id, company_id)
            is_given = given is not None and wish == Wish()
            share = given if given is not None and is_given else _share(firm_id, company_id, wish, now)
            return preview(tx, company, share, now, self.setback_days, is_given=is_given)

    def give(self, company_id: str, firm_id: str, firm: str, wish: Wish, who: str) -> Given:
        """Let the firm see the company, in place of what it saw before; a firm that is not known yet is, by that name,
        from here on. The same again changes nothing."""
        now = self.clock.now()
        with self.database.begin() as tx:
            _known(tx, company_id)
            tx.events.lock(company_id)
            share, before = _share(firm_id, company_id, wish, now), tx.shares.get(firm_id, company_id)
            if before is not None and before.holds_at(now) and share == before.model_copy(update={"created_at": now}):
                share = before
            else:
                tx.shares.ensure_firm(firm_id, firm)
                give(tx, share)
                tx.erasures.note(Note(now, who, "share.granted", share.name, firm_id, company_id, words(share)))
            return Given(share, tx.shares.firms()[firm_id])


def _known(tx: Transaction, company_id: str) -> Company:
    company = tx.companies.get(company_id)
    if company is None:
        raise NotThereError(f"company {company_id}: not known")
    return company


def _share(firm_id: str, company_id: str, wish: Wish, now: datetime) -> Share:
    sources: Sequence[str] = wish.sources or (EVERY_SOURCE,)
    return Share(
        firm_id=firm_id,
        company_id=company_id,
        sources=tuple(dict.fromkeys(sources)),
        granularity=wish.granularity or Granularity.EXACT,
        until=wish.until,
        created_at=now,
    )
