"""What keeps a letter back is told to a person in its words, and kept as kinds and counts."""

from __future__ import annotations

from datetime import timedelta

from sago.domain.events import Evidence
from sago.domain.letters import LetterState
from sago.domain.mails import MailState, mail_id
from sago.domain.pacing import Caps, SendWindow
from sago.outreach.delivery import Delivery
from sago.outreach.freight import LetterFreight
from sago.outreach.permission import objections
from sago.outreach.sending import Rules, Sending
from sago.pipeline.generations import Generations
from sago.resilience.breakers import SharedBreakers
from sago.resilience.shelf import MemoryShelf
from sago.sections import BreakerSettings
from sago.stores.eml_drafts import as_mail
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.mailer import MemoryMailer
from tests.unit.outreach.desks import NO_TICKS, Desk
from tests.unit.outreach.mailroom import LINKS, MINUTE
from tests.unit.outreach.stories import ARR, DEAL, NRR, watch

FRESH = timedelta(days=14)
SAID = "the deal we spoke of is signed"
OTHER = DEAL.model_copy(
    update={
        "evidence": (Evidence(message_id="slack:zz", quote=SAID, start=0, end=30),),
        "title": "A deal was signed",
        "metrics": (),
    }
)
"""The deal as another message tells it, once the one that named the customer was deleted."""


def delivery(desk: Desk) -> Delivery:
    clock, generations = ManualClock(desk.now), Generations(desk.database, desk.mirror)
    sending = Sending(
        database=desk.database,
        mailer=MemoryMailer(),
        clock=clock,
        breakers=SharedBreakers(MemoryShelf(), clock, BreakerSettings(), MINUTE),
        kinds={"letter": LetterFreight(desk.database, desk.drafts, generations.announce, as_mail, FRESH)},
        dress=LINKS.dress,
        rules=Rules(MINUTE, FRESH, SendWindow(), "UTC", Caps()),
    )
    return Delivery(sending, generations.check)


def test_what_was_deleted_stands_neither_in_the_audit_log_nor_with_the_mail() -> None:
    asked = watch("arr >= 2M")
    desk = Desk(asked, rules=NO_TICKS)
    one = desk.composed(asked)
    desk.approve(one)
    desk.pass_time(minutes=5)
    desk.hear(ARR, NRR, OTHER)
    with desk.database.begin() as tx:
        shown = " ".join(objections(tx, one, desk.now, FRESH))
    assert "Kestrel" in shown
    delivery(desk).deliver()
    with desk.database.begin() as tx:
        mail, letter = tx.mails.get(mail_id("letter", one.id)), tx.outreach.letter(one.id)
    assert mail
    assert letter
    assert (mail.state, letter.state) == (MailState.CANCELLED, LetterState.SUPERSEDED)
    kept = [*(change.why for change in desk.history(one)), mail.error or ""]
    assert not any(word in why for word in ("Kestrel", "240k") for why in kept)
    assert "claims no longer borne out (" in kept[-1]


def test_a_revoked_share_empties_the_reasons_of_its_mails() -> None:
    asked = watch("arr >= 2M")
    desk = Desk(asked, rules=NO_TICKS)
    one = desk.composed(asked)
    desk.approve(one)
    desk.pass_time(minutes=5)
    delivery(desk).deliver()
    with desk.database.begin() as tx:
        mail = tx.mails.get(mail_id("letter", one.id))
        assert mail
        assert mail.error
        assert tx.erasures.left_of_firm(one.firm_id, one.company_id)["mails"] == 1
        tx.erasures.take_derived(one.firm_id, one.company_id)
        assert "mails" not in tx.erasures.left_of_firm(one.firm_id, one.company_id)
