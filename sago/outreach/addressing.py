"""A person as somebody writes them, and whether a letter can be addressed to them."""

from __future__ import annotations

import re
import unicodedata

from sago.domain.companies import Company, Person
from sago.domain.mails import is_address
from sago.domain.watches import Direction, Watch
from sago.errors import UsageError

LONGEST_NAME = 100
_WRITTEN = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>\s*")
EXAMPLE = "'Dana Reed <dana@northgate.example>'"


def person(written: str, where: str, example: str = EXAMPLE) -> Person:
    """`Dana Reed <dana@northgate.example>`, or a bare name. Raises UsageError, which names `where` it was written, for
    anything that could not stand in a mail's header: a name is one line of visible characters without angle brackets.
    """
    if bad := next((character for character in written if _is_hidden(character)), None):
        raise UsageError(f"{where}: holds the invisible character U+{ord(bad):04X}; write it as {example}")
    match = _WRITTEN.fullmatch(written)
    name, address = (match["name"], match["address"].strip()) if match else (written, None)
    name = " ".join(name.split()).strip(" \"'")
    if not name or "@" in name or set(name) & set("<>"):
        raise UsageError(f"{where} {written.strip()[:60]}: write it as {example}")
    if len(name) > LONGEST_NAME:
        raise UsageError(f"{where}: the name has more than {LONGEST_NAME} characters")
    if address is not None and not is_address(address):
        raise UsageError(f"{where}: `{address[:60]}` is no mail address; write it as {example}")
    return Person(name=name, email=address)


def unaddressed(watch: Watch, company: Company) -> list[str]:
    """What a letter of the watch still lacks to be sent. Raises UsageError where it could never be: the investor it
    would go to is part of the watch, while the founder's address may still be learned."""
    investor = watch.investor
    if watch.direction is Direction.TO_INVESTOR:
        if investor is None or investor.email is None:
            whom = investor.name if investor else "nobody"
            raise UsageError(f"--investor: the letter goes to {whom}, without an address; write it as {EXAMPLE}")
        return []
    lacking = []
    if company.founder_email is None:
        tell = f"sago company set {company.company_id} --founder 'Name <address>'"
        lacking.append(f"no address of {company.name}'s founder is known, so no letter can be mailed: {tell}")
    if investor is None or investor.email is None:
        whose = investor.name if investor else "the investor"
        lacking.append(f"{whose} has no address to send from: give it, --investor {EXAMPLE}")
    return lacking


def _is_hidden(character: str) -> bool:
    """Control and format characters but for the joiners of Persian and Indian names, separators, lone surrogates."""
    return character not in "\u200c\u200d" and unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Cs")
