"""What a mail address says of who is behind it: an office or a list, or one person of a certain name."""

from __future__ import annotations

import re
import unicodedata

from sago.domain.mails import address_of

_ROLE_WORDS = """
abuse accounting accounts admin administrator alerts announce billing bot bounce bounces calendar careers
compliance contact customerservice daemon digest donotreply enquiries events feedback finance founders hello help
helpdesk hostmaster hr info information inquiries invoice invoices invoicing investors jobs legal list lists
listserv mail mailer mailerdaemon mailman marketing media members newsletter newsletters news noc noreply
notification notifications notify office operations ops orders owner partners payments payroll postmaster press
privacy receipts recruiting reception reply root sales security service services staff statements subscribe
subscriptions support system team unsubscribe updates usenet webmaster www
"""
"""Of RFC 2142, and those that companies use besides."""
_ROLES = frozenset(_ROLE_WORDS.split())
_MACHINE = re.compile(r"no-?reply|do-?not-?reply|bounces?[+=-]|^notifications?[+=-]|mailer-?daemon")
_LIST_HOST = re.compile(r"(?:^|\.)(?:lists?|listserv|groups|googlegroups)\.")
_NOT_A_LETTER = re.compile(r"[\W\d_]+")


def is_role(address: str) -> bool:
    """Whether an address is an office's, a program's or a list's, as far as it says so itself."""
    local, _, host = address_of(address).rpartition("@")
    local = local.replace("_", "-")
    return bool(local) and (
        local.partition("+")[0].replace("-", "").replace(".", "") in _ROLES
        or _MACHINE.search(local) is not None
        or _LIST_HOST.search(host) is not None
    )


def full_name(name: str) -> tuple[str, ...]:
    """The words of a name of two or more, as names are compared: case, marks on letters and punctuation aside; none of
    a shorter one."""
    words = tuple(filter(None, (_letters(word) for word in name.split())))
    return words if len(words) > 1 else ()


def mailboxes_of(name: str) -> frozenset[str]:
    """What the letters of somebody's mailbox may be: `anadiaz`, `diazana`, `adiaz`, `anad`."""
    words = full_name(name)
    if not words:
        return frozenset()
    first, last = words[0], words[-1]
    return frozenset({first + last, last + first, first[0] + last, first + last[0], "".join(words)})


def first_name(name: str) -> str:
    """The first word of a full name, as `mailbox_of` gives a mailbox."""
    return next(iter(full_name(name)), "")


def mailbox_of(address: str) -> str:
    """The letters of an address's local part, without what stands behind a plus sign."""
    return _letters(address.rpartition("@")[0].partition("+")[0])


def _letters(text: str) -> str:
    plain = "".join(each for each in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(each))
    return _NOT_A_LETTER.sub("", plain)
