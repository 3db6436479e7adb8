"""Dead letters from their topics into the ledger; those of erased persons without their bytes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sago.domain.batches import DeadLetter, Record
from sago.domain.dead_letters import from_record
from sago.domain.erasures import Erasure, sender_in
from sago.ports import Database, MessageLog


def project(records: Sequence[Record], database: Database, now: datetime) -> int:
    """Write the letters of these records, in one transaction; how many were new."""
    letters = [from_record(record, now) for record in records]
    with database.begin() as tx:
        companies = {letter.company_id for letter in letters if letter.company_id}
        shares = tx.shares.of(*companies)
        erasures = [each for each in tx.erasures.of(companies) if not each.is_lifted(shares, now)]
        return tx.ledger.add_dead_letters([_without_bytes(each, erasures) for each in letters])


def project_again(log: MessageLog, database: Database, now: datetime) -> int:
    """What the topics hold beyond the watermarks that the ledger knows: a restored backup lacks it; how many."""
    with database.begin() as tx:
        known = {(each.topic, each.partition): each.watermark for each in tx.ledger.progress(log.log_id)}
    return sum(project(records, database, now) for records in log.dead_records(known))


def _without_bytes(letter: DeadLetter, erasures: Sequence[Erasure]) -> DeadLetter:
    if not erasures:
        return letter
    company, message, sender = letter.company_id or "", letter.known_as, sender_in(letter.value)
    is_theirs = any(erasure.covers(company, message, sender) for erasure in erasures)
    return letter.model_copy(update={"value": b""}) if is_theirs else letter
