"""Dead letters from their topics into the ledger; those of erased persons without their bytes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sago.domain.batches import DeadLetter, Record
from sago.domain.dead_letters import from_record
from sago.domain.erasures import Erasure, holds_words
from sago.pipeline.disconnecting import served_by
from sago.pipeline.item_letters import origins_of
from sago.ports import Database, MessageLog, Transaction


def project(records: Sequence[Record], database: Database, now: datetime) -> int:
    """Write the letters of these records, in one transaction; how many were new."""
    letters = [from_record(record, now) for record in records]
    with database.begin() as tx:
        companies = _companies_of(tx, letters)
        named = set().union(*companies)
        shares = tx.shares.of(*named)
        erasures = [each for each in tx.erasures.of(named) if not each.is_lifted(shares, now)]
        for place, theirs in enumerate(companies):
            if any(_is_theirs(letters[place], theirs, erasure) for erasure in erasures):
                letters[place] = letters[place].model_copy(update={"value": b""})
        return tx.ledger.add_dead_letters(letters)


def _companies_of(tx: Transaction, letters: Sequence[DeadLetter]) -> list[Collection[str]]:
    """Whose each of them is; of one that is nobody's the companies that its connection serves."""
    served = {}
    if any(letter.company_id is None for letter in letters):
        served = {origins_of(each): served_by(tx, each) for each in tx.connections.all()}
    return [
        {letter.company_id}
        if letter.company_id
        else set().union(*(each for origin, each in served.items() if letter.origin.startswith(origin)))
        for letter in letters
    ]


def project_again(log: MessageLog, database: Database, now: datetime) -> int:
    """What the topics hold beyond the watermarks that the ledger knows: a restored backup lacks it; how many."""
    with database.begin() as tx:
        known = {(each.topic, each.partition): each.watermark for each in tx.ledger.progress(log.log_id)}
    return sum(project(records, database, now) for records in log.dead_records(known))


def _is_theirs(letter: DeadLetter, companies: Collection[str], erasure: Erasure) -> bool:
    """Of a letter that is nobody's, the companies are those it may be of: with one of several it does not go whole."""
    is_sure = letter.company_id is not None or not erasure.is_of_shares or len(companies) == 1
    return is_sure and erasure.company_id in companies and holds_words(letter, erasure, ())
