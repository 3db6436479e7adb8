"""What waits on its way out, for whom, and what a person has to look at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sago.domain.mails import Mail, MailState, WaitsFor, is_address
from sago.domain.vitals import OutboxVitals
from sago.pipeline.complaints import Limits
from sago.ports import Transaction


def outbox_of(tx: Transaction, now: datetime, limits: Limits) -> OutboxVitals:
    """What `mails` holds now."""
    found = tx.mails.find([MailState.QUEUED, MailState.UNKNOWN])
    queued = [mail for mail in found if mail.state is MailState.QUEUED]
    held = [mail for mail in queued if mail.waits_for is WaitsFor.SERVER]
    held_since = min((mail.waits_since for mail in held if mail.waits_since), default=None)
    due = [mail for mail in queued if mail.next_attempt_at <= now and mail.waits_for is not WaitsFor.SERVER]
    # while it is out one mail a round is tried: the others wait for it too
    idle_since = None if held else _idle_since(tx, due, now, limits)
    is_late = any(now - since > limits.mails_late for since in (held_since, idle_since) if since)
    return OutboxVitals(
        queued=len(queued),
        oldest=min((mail.created_at for mail in queued), default=None),
        held=len(held) + len(due) if held else 0,
        held_since=held_since,
        error=_last_error(held),
        idle_since=idle_since,
        is_late=is_late,
        unknown=sum(mail.state is MailState.UNKNOWN and mail.kind == "letter" for mail in found),
    )


def _idle_since(tx: Transaction, due: Sequence[Mail], now: datetime, limits: Limits) -> datetime | None:
    """Since when the first is to go, or to be queued, and nobody does it."""
    approved = [
        letter.approved_at + limits.undo
        for letter in tx.outreach.approved(now - limits.undo)
        if letter.approved_at and letter.recipient and is_address(letter.recipient.email)
    ]
    return min([*approved, *(mail.next_attempt_at for mail in due)], default=None)


def _last_error(held: Sequence[Mail]) -> str | None:
    newest = max(held, key=lambda mail: mail.next_attempt_at, default=None)
    return " ".join(newest.error.split()) if newest and newest.error else None
