"""What a mail address says of who is behind it: an office or a list, or one person of a certain name."""

from __future__ import annotations

import re
import unicodedata

from sago.domain.mails import address_of

_ROLE_WORDS = """
abuse accounting accounts accueil achats acquisti admin administracao administracion administracja administratie
administrator alerts all alle amministrazione anfrage announce asiakaspalvelu assistenza atencion atendimento
bestellung bestellungen bewerbung bewerbungen billing biuro board boekhouding bogholderi bokforing bonjour bot bounce
bounces buchhaltung buero buro calendar careers ciao commercial community company compliance compras compta
comptabilite contabilidad contabilita contact contacto contato contatti contatto correo customers customerservice
customersuccess daemon datenschutz design dev developer developers devops devs digest direccion direction direzione
donotreply einkauf ekonomi empfang empleo engineering engineers enquiries entwicklung equipa equipe equipo events
everybody everyone facturacion facturas facturation facturen factures factuur faktura fakturor faktury fatturazione
fatture faturacao faturamento faturas feedback finance financeiro finanzas forsaljning founders geschaeftsfuehrung
geschaftsfuhrung growth hallo hei hej hello help helpdesk hey hi hiring hola hostmaster hr iedereen imprensa info
information inkoop inkop innkjop inquiries investors invoice invoices invoicing it jobs juridique kadry kaikki
karriere klantenservice kontakt ksiegowosc kundenservice kundeservice kundservice kundtjanst laskutus leadership legal
list lists listserv mail mailer mailerdaemon mailman management marketing media members mitarbeiter myynti news
newsletter newsletters noc noreply notification notifications notify office okonomi operations ops orders owner paie
partners payments payroll people personal personale pomoc post postmaster praca prensa press presse privacy
procurement product produkt purchasing qa receipts receptie reception rechnung rechnungen rechnungswesen recruiting
recruitment recrutement recursoshumanos regnskap reply rh root sales salg salut secretariat security segreteria
sekretariat service services soporte sprzedaz staff stampa statements subscribe subscriptions success suporte support
system talent team tech technik todos toimisto tous tutti ufficio unsubscribe updates usenet vendas vendite ventas
ventes verkoop vertrieb verwaltung vorstand webmaster wszyscy www zentrale zespol
"""
"""Of RFC 2142, and those that companies use besides, without marks on letters; in English, German, French, Spanish,
Portuguese, Italian, Dutch, Polish and the Nordic languages; no word that is a first name as well (ola, allen)."""
_ROLES = frozenset(_ROLE_WORDS.split())
_MACHINE = re.compile(r"no-?reply|do-?not-?reply|bounces?[+=-]|^notifications?[+=-]|mailer-?daemon")
_LIST_HOST = re.compile(r"(?:^|\.)(?:lists?|listserv|groups|googlegroups)\.")
_NOT_A_LETTER = re.compile(r"[\W\d_]+")


def is_role(address: str) -> bool:
    """Whether an address is an office's, a program's or a list's, as far as it says so itself."""
    local, _, host = address_of(address).rpartition("@")
    local = _plain(local.replace("_", "-"))
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
    return _NOT_A_LETTER.sub("", _plain(text))


def _plain(text: str) -> str:
    return "".join(each for each in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(each))
