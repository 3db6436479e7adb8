"""Contracts told in German, French, Spanish and Portuguese: who signed, and whether it is done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from sago.domain.events import EventType
from sago.domain.vocabulary import either, vocabulary
from sago.llm.providers.offline.cues import ROLE, Cue
from sago.llm.providers.offline.speech import Act

_TABLE = vocabulary(__package__, "contract_words.txt")
_CAPITAL = r"(?-i:[A-Z\u00c0-\u00de][\w'’&.-]*\w)"
_BEFORE, _BEHIND = 30, 30
"""Code points around a cue in which a `nicht` is about it."""
_ROLE = re.compile(rf"\b{ROLE}", re.I)
_CLAUSE_ENDS = re.compile(r"[,:;.!?\n](?:\s|$)|\s[–—]\s")


def _words(language: str, kind: str) -> str:
    return f"(?:{either([_TABLE.get((kind, language), ())])})"


_LANGUAGES = ("de", "fr", "es", "pt")
_ENDED = re.compile(rf"(?<![\w-])(?:{either(_TABLE['ended', each] for each in _LANGUAGES)})(?!\w)", re.I)
_CUSTOMER = re.compile(rf"(?<![\w-])(?:{either(_TABLE['customer', each] for each in _LANGUAGES)})(?!\w)", re.I)
_YEAR = re.compile(r"(?<![\w.,])(?:19|20)\d\d(?![\w.,]*\d)")
_FEW = r"(?:[^\W\d][\w'’-]*\s){0,3}?"
_STOPS = r"(?=\W*$|\s?[,.:;!?(–—]|\s-\s)"


def _who(language: str) -> str:
    not_who = "|".join(_words(language, kind) for kind in ("nobody", "customer", "contract"))
    return rf"(?P<who>(?!(?:{not_who})\s){_CAPITAL}(?:\s(?:&\s)?{_CAPITAL}){{0,3}})"


def _cues(language: str) -> Iterator[Cue]:
    words = {kind: _words(language, kind) for kind, each in _TABLE if each == language}
    few, who, contract = _FEW, _who(language), words["contract"]
    # a German noun begins with a capital, too: behind `mit der` stands a `Bank`
    article = rf"(?:{words['the']}\s?)?" if language != "de" else rf"(?:{words['the']}\s(?={words['customer']}\s))?"
    the = rf"{article}(?:{words['customer']}\s)?"
    party = rf"{words['with']}\s{the}{who}"
    for kind, done in (("expansion", words["renewed"]), ("contract", words["signed"])):
        yield _cue(kind, language, rf"{contract}\s{few}{party}(?=\W)[^.;!?\n]{{0,60}}?\b{done}")
        yield _cue(kind, language, rf"{contract}\s{few}{done}\s{few}{party}")
        yield _cue(kind, language, rf"{done}\s{few}{contract}\s{few}{party}")
        yield _cue(
            kind,
            language,
            rf"{who}\s{words['has']}\s{few}(?:{contract}\s{few}{done}|{done}\s{few}{contract}){_STOPS}",
            needs="figure",
        )
        if "alone" in words:
            yield _cue(kind, language, rf"{who}\s(?={words['alone']}\b){done}\s{few}{contract}{_STOPS}", needs="figure")
    customer = rf"{words['as']}\s{few}{words['customer']}"
    yield _cue("contract", language, rf"{who}\s{customer}\s{few}{words['won']}")
    if "could" in words:
        yield _cue("contract", language, rf"{words['could']}\s{few}{who}\s{customer}\s{few}{words['win']}")
    yield _cue("contract", language, rf"{words['won']}\s(?:a\s|al\s)?{the}{who}\s{customer}")
    yield _cue("contract", language, rf"{words['won']}\s{few}{words['customer']}\s(?:{words['the']}\s)?{who}")
    yield _cue("contract", language, rf"{words['new_customer']}\s?:?\s{the}{who}")


def _cue(kind: str, language: str, pattern: str, *, needs: str = "name or figure") -> Cue:
    whole = re.compile(rf"(?<!\w){pattern}(?!\w)", re.I)
    return Cue(EventType.ENTERPRISE_DEAL, kind, whole, needs, language=language)


CONTRACTS = tuple(cue for language in _LANGUAGES for cue in _cues(language))


@cache
def _says(language: str, kind: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){_words(language, kind)}(?!\w)", re.I)


def act_of(text: str, cue: tuple[int, int], language: str) -> Act:
    """Whether a contract is signed, or only hoped for, by the words of its language in the clause of the cue."""
    start = max((end.end() for end in _CLAUSE_ENDS.finditer(text, 0, cue[0])), default=0)
    stop = _CLAUSE_ENDS.search(text, cue[1])
    end = stop.start() if stop else len(text)
    clause = text[start:end]
    if _says(language, "not").search(text[max(start, cue[0] - _BEFORE) : min(end, cue[1] + _BEHIND)]):
        return Act.DENIED
    if _says(language, "supposed").search(clause):
        return Act.SUPPOSED
    return Act.PLANNED if _says(language, "planned").search(clause) else Act.TOLD


@cache
def _by_others(language: str) -> re.Pattern[str]:
    """`Nordhafen hat`, `Altamira firmó`: a third party, whose contract with somebody is none of ours."""
    has = _words(language, "has")
    alone = f"|{_words(language, 'alone')}" if ("alone", language) in _TABLE else ""
    return re.compile(rf"(?<!\w){_who(language)}\s(?:{has}{alone})(?!\w)", re.I)


@cache
def _with_somebody(language: str) -> re.Pattern[str]:
    contract, others = _words(language, "contract"), _words(language, "with")
    return re.compile(rf"(?<!\w){contract}\s{_FEW}{others}(?!\w)", re.I)


def is_other(text: str, language: str) -> bool:
    """Whether what was signed is no sale: a lease, what the company itself buys, somebody's employment, or a contract
    between others."""
    if _says(language, "other").search(text) or _says("any", "other").search(text) or _ROLE.search(text):
        return True
    return bool(_with_somebody(language).search(text) and _by_others(language).search(text))


def is_over(text: str, year: int) -> bool:
    """Whether a message of that year speaks of a contract's end, of rumours, or of a year long past."""
    return _ENDED.search(text) is not None or any(int(each[0]) < year for each in _YEAR.finditer(text))


def names_customer(text: str) -> bool:
    """Whether it says in a word that somebody is a customer: that means nothing else."""
    return _CUSTOMER.search(text) is not None
