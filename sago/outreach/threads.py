"""The conversation that a letter goes on with: one between its two people, about its company."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sago.domain.amounts import find_amounts
from sago.domain.companies import Company, Granularity, Person
from sago.domain.everyday import everyday_words
from sago.domain.letters import LetterRequest, Thread
from sago.domain.mail_heads import MailHead
from sago.domain.messages import Message
from sago.domain.orders import gives_orders
from sago.ports import RawStore

REACH = timedelta(days=365)
"""A conversation that has rested longer is none to go on with."""
PAGE = timedelta(days=31)
PAGE_LIMIT = 5_000
"""Messages looked at of one page, its newest ones."""
LONGEST_SUBJECT = 86
"""Characters that leave room for `Re: ` within 90."""
MOST_REFERENCES = 30
SHORT_NAME = 3
"""Characters of a name that may be any word."""
_PREFIXES = re.compile(r"^(?:(?:re|aw|sv|vs|antw|fwd?|wg|tr|rv|enc|ref|odp|ynt)\s*(?:\[\d+\]|\(\d+\))?\s*:\s*)+", re.I)


@dataclass(frozen=True)
class Threads:
    """Looks through a company's stored mails. `head_of` reads a mail's header from what its source gave."""

    raw: RawStore
    head_of: Callable[[Message], MailHead | None]

    def find(self, request: LetterRequest, sender: Person, recipient: Person | None) -> Thread | None:
        """The newest mail from one of the two to the other whose subject names the company, as what is replied to.

        None where an address is unknown, or either does not match: addresses count, names beside them do not.
        """
        if not sender.email or not recipient or not recipient.email:
            return None
        people = (_address(sender.email), _address(recipient.email))
        for head in self._newest_first(request.company.company_id, request.as_of):
            if _is_between(head, people) and _is_usable(bare(head.subject), request):
                known = [*dict.fromkeys((*head.references, head.message_id))]
                references = known if len(known) <= MOST_REFERENCES else [known[0], *known[1 - MOST_REFERENCES :]]
                return Thread(in_reply_to=head.message_id, references=tuple(references), subject=bare(head.subject))
        return None

    def _newest_first(self, company_id: str, until: datetime) -> Iterator[MailHead]:
        """The headers of mails as they stand, each once, the newest first."""
        seen: set[str] = set()
        for back in range(-(-REACH // PAGE)):
            end = until - back * PAGE
            page = self.raw.read_range(company_id, max(end - PAGE, until - REACH), end, PAGE_LIMIT)
            for message in sorted(page, key=lambda each: (each.sent_at, each.version), reverse=True):
                if message.id not in seen:
                    seen.add(message.id)
                    head = self.head_of(message)
                    if head:
                        yield head


def bare(subject: str) -> str:
    """A subject without what answering and passing on put before it."""
    return _PREFIXES.sub("", " ".join(subject.split()))


def _is_between(head: MailHead, people: tuple[str, str]) -> bool:
    readers = {_address(each) for each in head.readers}
    return any(_address(head.sender) == one and other in readers for one, other in (people, people[::-1]))


def _is_usable(subject: str, request: LetterRequest) -> bool:
    """Whether it names the company, fits a header, and says nothing that the letter itself may not."""
    return (
        len(subject) <= LONGEST_SUBJECT
        and subject.isprintable()
        and _names(subject, request.company)
        and not gives_orders(subject)
        and (request.granularity is Granularity.EXACT or not find_amounts(subject))
    )


def _names(subject: str, company: Company) -> bool:
    """The company's name as a word of its own; one that is an everyday word only as it is written."""
    name = " ".join(company.name.split())
    is_everyday = len(name) <= SHORT_NAME or name.casefold() in everyday_words()
    pattern = rf"(?<!\w){re.escape(name)}(?!\w)"
    return bool(name) and re.search(pattern, subject, re.NOFLAG if is_everyday else re.I) is not None


def _address(address: str) -> str:
    return address.strip().casefold()
