"""What founders give: shown before they do, given, and listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sago.domain.companies import EVERY_SOURCE, Company, Granularity, Share
from sago.domain.sharing import Preview, words
from sago.errors import NotThereError, UsageError
from sago.outreach.previewing import preview
from sago.outreach.withholding import clear, give
from sago.ports import Clock, Database, Drafts, Note, Transaction

NEVER_GIVEN = "the first share with a firm is given by the house, which knows who that is: ask whoever runs it"


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
    drafts: Drafts

    def of(self, company_id: str) -> list[Given]:
        """Every share of the company by firm, ended ones too."""
        with self.database.begin() as tx:
            _known(tx, company_id)
            firms = tx.shares.firms()
            return [Given(share, firms[share.firm_id]) for share in tx.shares.of(company_id)]

    def preview(self, company_id: str, firm_id: str, wish: Wish, most: int | None = None) -> Preview:
        """What the firm would see; with no wish by the share that it has, else by one of everything. With `most` the
        latest events alone, and no watch of the firm is looked at: nothing tells that there are any."""
        now = self.clock.now()
        with self.database.begin() as tx:
            company, given = _known(tx, company_id), tx.shares.get(firm_id, company_id)
            is_given = given is not None and wish == Wish()
            share = given if given is not None and is_given else _share(firm_id, company_id, wish, now)
            return preview(tx, company, share, now, self.setback_days, is_given=is_given, most=most)

    def give(self, company_id: str, firm_id: str, firm: str, wish: Wish, who: str, *, begins: bool = True) -> Given:
        """Let the firm see the company, in place of what it saw before. The same again changes nothing.

        Where it `begins`, a firm that is not known yet is, by that name, from here on; else UsageError for each firm
        that never saw the company, known or not.
        """
        now = self.clock.now()
        with self.database.begin() as tx:
            _known(tx, company_id)
            tx.events.lock(company_id)
            share, before = _share(firm_id, company_id, wish, now), tx.shares.get(firm_id, company_id)
            if before is None and not begins:
                raise UsageError(NEVER_GIVEN)
            if before is not None and before.holds_at(now) and share == before.model_copy(update={"created_at": now}):
                share = before
            else:
                tx.shares.ensure_firm(firm_id, firm)
                give(tx, share, who, now)
                tx.erasures.note(Note(now, who, "share.granted", share.name, firm_id, company_id, words(share)))
            given = Given(share, tx.shares.firms()[firm_id])
        with self.database.begin() as tx:
            clear(tx, share, self.drafts)
        return given


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
