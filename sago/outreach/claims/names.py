"""Names: people, companies and places stand in the cited event, the letter's own people where they greet and sign."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from functools import cache, lru_cache
from importlib.resources import files

from rapidfuzz.fuzz import ratio

from sago.domain.events import CATALOGUE
from sago.domain.everyday import everyday_words
from sago.domain.metrics import METRICS
from sago.domain.watches import Direction
from sago.outreach.claims.calendar import MONTHS, WEEKDAYS
from sago.outreach.claims.grounds import Ground
from sago.outreach.claims.passages import WORD, Span, words_of
from sago.outreach.claims.reading import Claim, Match, Text

_OFFICE = re.compile(r"(?<![\w-])(?:CEO|CTO|CFO|COO|CMO|CRO|CPO)(?![\w-])")
_I = {f"i{mark}{verb}" for mark in "’'" for verb in ("m", "d", "ve", "ll")}
_ALWAYS = {"i", "m", "d", "ve", "ll", *_I, "ceo", "cto", "cfo", "coo"}
"""`I` with what may follow its apostrophe, and offices."""
_SENTENCE_START = re.compile(r"(?:^|[.!?:;–—“\"(\n•*-])[\s“\"*•(–—-]*$")
_JOINED = re.compile(r"\s|\s?&\s?")
_SHORTENED = re.compile(r"\b(?:St|Dr|Mr|Mrs|Ms|Jr|Sr|Prof|[A-Z])\. $")
_GREETED = {"there", "team", "all", "everyone", "both", "friends", "mr", "mrs", "ms", "dr", "prof"}
_GREETING = {"hi", "hello", "hey", "dear", "good morning", "good afternoon"}
_WHEREABOUTS = re.compile(r"\bI(?: am|[’']m| will be|[’']ll be)(?: back)? in $")
_COLLEAGUE = re.compile(r"\b(?:my|our) (?:partner|colleague|associate|assistant),? $")
_NEARLY = 75
"""rapidfuzz's ratio (0 to 100) from which a word is another one misspelt."""
_LONGEST_LINE = 8
"""Words of a line of a greeting or a signature at most."""


def name_claims(text: Text) -> Iterator[Claim]:
    """Every name of the text, in large letters or small."""
    greeting, signature = zones(text) if text.where == "body" else (None, None)
    for start, end in _runs(text, [zone for zone in (greeting, signature) if zone]):
        if greeting and greeting.holds(start, end):
            yield _of_person(
                text, start, end, text.all.addressee, _GREETED | _ordinary() | text.all.habits, "the reader"
            )
        elif (signature and signature.holds(start, end)) or _is_close(text, start):
            own = " ".join((text.all.sender, *text.all.company.names))
            yield _of_person(text, start, end, own, text.all.habits, "the sender")
        else:
            yield _of_event(text, start, end)
    yield from _in_small_letters(text, [zone for zone in (greeting, signature) if zone])
    yield from _metrics(text)
    yield from _offices(text, [zone for zone in (greeting, signature) if zone])


def _offices(text: Text, apart: Sequence[Span]) -> Iterator[Claim]:
    """`CFO`: an event's that gives the office, or the founder's own where the letter speaks to or of its founder."""
    for match in _OFFICE.finditer(text.text):
        if any(zone.holds(*match.span()) for zone in apart):
            continue
        matches = text.repeated(*match.span()) or tuple(
            Match(ground, ground.sayings[0])
            for ground in text.grounds
            if ground.sayings and any(_in(each, match.group()) for each in ground.texts)
        )
        if not matches and re.search(r"\b(?:you|I|me),? (?:as|are|am) (?:the |its )?$", text.text[: match.start()]):
            company = text.all.company
            matches = (Match(company, company.sayings[0]),) if _has(company, match.group()) else ()
        yield Claim("name", *match.span(), matches, "is an office that no cited event gives", is_receipted=False)


def _is_close(text: Text, at: int) -> bool:
    """Whether the line is nothing but words that this sender closes with."""
    start, end = text.raw.rfind("\n", 0, at) + 1, text.raw.find("\n", at)
    words = words_of(text.raw[start : end if end >= 0 else len(text.raw)])
    return text.where == "body" and bool(words) and words <= text.all.habits


def zones(text: Text) -> tuple[Span | None, Span | None]:
    """The greeting's line and the lines of the signature."""
    lines = [Span(*match.span()) for match in re.finditer(r"[^\n]+", text.raw) if match.group().strip()]
    if not lines:
        return None, None
    first = text.raw[lines[0].start : lines[0].end].strip()
    greeting = lines[0] if len(first.split()) <= _LONGEST_LINE and first[-1] in ",:!–-" else None
    return greeting, _signature(text, lines[1:])


def _signature(text: Text, lines: list[Span]) -> Span | None:
    """The sender's name on a line of its own with the short lines below, else the short lines at the end."""
    said = [text.raw[line.start : line.end].strip() for line in lines]
    signed = next(
        (at for at, words in enumerate(said) if text.all.sender and words.rstrip(",.") == text.all.sender), None
    )
    if signed is not None:
        behind = signed + 1
        while behind < len(lines) and _is_short(said[behind]) and lines[behind].start - lines[behind - 1].end == 1:
            behind += 1
        return Span(lines[signed].start, lines[behind - 1].end)
    start = None
    for line, words in zip(reversed(lines), reversed(said), strict=True):
        if not _is_short(words):
            break
        if words.endswith(",") or words_of(words) <= _ordinary():
            break
        start = line.start
    return None if start is None else Span(start, len(text.raw))


def _is_short(words: str) -> bool:
    return len(words.split()) <= _LONGEST_LINE and words[-1] not in ".?!:" and words[0] not in "-•*"


def _runs(text: Text, apart: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """Rows of capitalised words that stand behind one another: `Kestrel Air`, `Dana Reed`."""
    run: tuple[int, int] | None = None
    for match in _capitalised(text, apart):
        if run and _goes_on(text.text, run, match.start()):
            run = (run[0], match.end())
            continue
        if run:
            yield run
        run = match.span()
    if run:
        yield run


def _goes_on(text: str, run: tuple[int, int], start: int) -> bool:
    if text[run[0] : run[1]].lower() in _GREETING:
        return False
    return bool(_JOINED.fullmatch(text[run[1] : start]) or _SHORTENED.search(text[run[0] : start]))


def _capitalised(text: Text, apart: Sequence[Span]) -> Iterator[re.Match[str]]:
    """Words that may be names: those inside a sentence, and those at its start that are not ordinary."""
    for match in WORD.finditer(text.text):
        word = match.group()
        is_apart = any(zone.holds(*match.span()) for zone in apart)
        if not (is_apart or any(letter.isupper() for letter in word)) or _is_dated(match, text):
            continue
        if words_of(word) <= _known_words() or word.lower() in _known_words():
            continue
        starts = _SENTENCE_START.search(text.text[max(0, match.start() - 12) : match.start()]) is not None
        if starts and not is_apart and _is_ordinary(match, text) and not text.repeated(*match.span()):
            continue
        if _is_unit(match, text):
            continue
        yield match


def _is_dated(match: re.Match[str], text: Text) -> bool:
    return any(day.start <= match.start() < day.end for day in text.days)


def _is_unit(match: re.Match[str], text: Text) -> bool:
    """`CHF` in `CHF 1.2M`."""
    return any(amount.start <= match.start() < amount.end for amount in text.amounts)


def _is_ordinary(match: re.Match[str], text: Text) -> bool:
    """A word that begins sentences, unless an event has it as a name or it stands before a name as a part of it."""
    plain = re.split(r"[’']", match.group().lower())[0]
    if plain in _ordinary():
        return True
    if plain not in everyday_words() or any(plain in proper_words(ground) for ground in text.all.events):
        return False
    return not text.text[match.end() : match.end() + 2].strip()[:1].isupper()


def _of_person(text: Text, start: int, end: int, whose: str, besides: Set[str], who: str) -> Claim:
    if who == "the reader" and words_of(text.text[start:end]) <= (besides | _ordinary()) - words_of(whose):
        return Claim("name", start, end, _nobody(text), is_receipted=False)
    written = {part for word in words_of(text.text[start:end]) for part in word.split("-")}
    mixed = (
        who == "the sender"
        and written & words_of(text.all.sender)
        and not written <= (words_of(text.all.sender) | besides | _known_words())
    )
    if not mixed and written <= words_of(whose) | besides | _known_words():
        company = text.all.company
        own = text.all.addressee if who == "the reader" else text.all.sender
        saying = company.sayings[0]._replace(text=own) if words_of(own) & written else company.sayings[0]
        return Claim("name", start, end, (Match(company, saying, f"{who} of the letter"),))
    return Claim("name", start, end, (), f"is not {who}: {whose or 'nobody'}")


def _nobody(text: Text) -> tuple[Match, ...]:
    """For words of a greeting that name nobody."""
    return (Match(text.all.company, text.all.company.sayings[0]),)


def _of_event(text: Text, start: int, end: int) -> Claim:
    """A name of the letter's own text: an event's, the company's, or one that the reason speaks of."""
    name = text.text[start:end]
    repeated = text.repeated(start, end)
    if repeated:
        return Claim("name", start, end, repeated, is_anchor=True)
    matches = [Match(text.all.company, text.all.company.sayings[0])] if _has(text.all.company, name) else []
    matches += [Match(text.all.watch, saying) for saying in text.all.watch.sayings if _in(saying.text, name)]
    for ground in text.grounds:
        if _has(ground, name):
            said = next((each for each in ground.sayings if each.proof and _in(each.text, name)), None)
            how = "" if said else "as the event has it"
            matches.append(
                Match(ground, said or ground.sayings[0], how)
                if ground.sayings
                else Match(ground, text.all.company.sayings[0], how)
            )
    if not matches and _is_of_sender(text, start, name):
        return Claim("name", start, end, _nobody(text), is_receipted=False)
    heads = text.where == "subject" and text.text[end : end + 1] == ":" and ":" not in text.text[:start]
    if heads and not _has(text.all.company, name):
        return Claim("name", start, end, (), "is not the company that the letter is about")
    if matches and (whole := _misspelt(text, start, end)):
        return Claim("name", start, end, (), f"is written “{whole}” in the event")
    if matches:
        return Claim("name", start, end, tuple(matches), is_anchor=True)
    return Claim("name", start, end, (), _why(name, text))


def _is_of_sender(text: Text, start: int, name: str) -> bool:
    """Where the sender will be, and whom of their own they bring: `I am in London`, `my partner Helmut`."""
    said = (_WHEREABOUTS, *((_COLLEAGUE,) if text.all.direction is Direction.TO_FOUNDER else ()))
    is_own = any(form.search(text.text[:start]) for form in said)
    return text.where == "body" and is_own and not any(_has(ground, name) for ground in text.all.events)


def _misspelt(text: Text, start: int, end: int) -> str:
    """The whole name, where the letter writes a part of it beside what is nearly the rest: `Halden oods`."""
    behind = WORD.match(text.text, end + 1)
    if behind is None or behind.group()[0].isupper():
        return ""
    name = text.text[start:end]
    for ground in text.grounds:
        for each in ground.texts:
            for match in re.finditer(rf"(?<!\w){re.escape(name)} ({WORD.pattern})", each):
                rest = match[1]
                if rest[0].isupper() and rest != behind.group() and ratio(rest.lower(), behind.group()) >= _NEARLY:
                    return match.group()
    return ""


def _why(name: str, text: Text) -> str:
    people = {"the reader": text.all.addressee, "the sender": text.all.sender}
    for who, whose in people.items():
        if whose and words_of(name) <= words_of(whose):
            return f"is {who}, who is named only where the letter greets and is signed"
    elsewhere = next((ground for ground in text.all.events if _has(ground, name)), None)
    if elsewhere:
        return f"is a name of another event: “{elsewhere.label}”"
    return "stands in no cited event"


def _has(ground: Ground, name: str) -> bool:
    return any(_in(each, name) for each in ground.texts)


def _in(text: str, name: str) -> bool:
    return bool(_form(re.sub(r"[’']s?$", "", name)).search(text))


@lru_cache(maxsize=512)
def _form(name: str) -> re.Pattern[str]:
    pattern = r"[\s-]+".join(re.escape(word) for word in re.split(r"[\s-]+", name))
    return re.compile(rf"(?<!\w){pattern}(?!\w)", re.I)


def proper_words(ground: Ground) -> frozenset[str]:
    """In small letters: words that an event writes large inside a sentence, everyday words aside."""
    found = {
        match.group().lower()
        for each in ground.texts
        for match in WORD.finditer(each)
        if match.group()[0].isupper() and not _SENTENCE_START.search(each[max(0, match.start() - 12) : match.start()])
    }
    found |= {
        word
        for name in ground.names
        if any(c.isupper() for c in name) and name not in _labels()
        for word in words_of(name)
        if name != name.upper()
    }
    return frozenset(
        word for word in found if word not in everyday_words() and word not in _ordinary() and len(word) > 2
    )


def _in_small_letters(text: Text, apart: Iterable[Span]) -> Iterator[Claim]:
    """`meridian signed`: a name stays one in small letters, and so does an unknown word that begins a sentence."""
    proper = {word for ground in text.all.events for word in proper_words(ground)}
    for match in WORD.finditer(text.text):
        word = match.group()
        if (
            any(c.isupper() for c in word)
            or text.repeated(*match.span())
            or any(zone.holds(*match.span()) for zone in apart)
        ):
            continue
        plain = re.sub(r"[’']s?$", "", word)
        if plain in proper and not any(plain in _as_written(ground) for ground in text.grounds):
            yield _of_event(text, *match.span())._replace(is_anchor=True)
        elif _begins(match, text) and plain not in _ordinary() and not _is_written_small(plain, text):
            yield Claim("name", *match.span(), (), "begins a sentence in small letters and stands in no cited event")


@lru_cache(maxsize=256)
def _words_as_written(texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(match.group() for each in texts for match in WORD.finditer(each))


def _as_written(ground: Ground) -> frozenset[str]:
    return _words_as_written(ground.texts)


def _begins(match: re.Match[str], text: Text) -> bool:
    return (
        re.search(r"(?:^|[.!?]\s+|\n)[\s“\"(•*-]*$", text.text[max(0, match.start() - 12) : match.start()]) is not None
    )


def _is_written_small(word: str, text: Text) -> bool:
    """Whether an event writes the word so, or it is an everyday word that no event has as a name."""
    if any(word in _as_written(ground) for ground in text.grounds):
        return True
    return word in everyday_words() and not any(word in ground.words for ground in text.all.events)


def strange_words(text: Text, window: Span, ground: Ground) -> Iterator[re.Match[str]]:
    """Words of a stretch that an event does not have: those in large letters, and those that hardly anybody writes."""
    for match in WORD.finditer(text.text):
        plain = re.sub(r"[’']s?$", "", match.group())
        if (
            match.end() <= window.start
            or match.start() >= window.end
            or plain.lower() in ground.words
            or _is_dated(match, text)
        ):
            continue
        begins = _SENTENCE_START.search(text.text[max(0, match.start() - 12) : match.start()]) is not None
        is_common = plain.lower() in _ordinary() | everyday_words() | _known_words()
        if not _is_unit(match, text) and not (is_common and (begins or plain.islower() or plain.isupper())):
            yield match


def _metrics(text: Text) -> Iterator[Claim]:
    """`MRR` by itself says which event a sentence is about; one that nobody has stated is refused."""
    for match in re.finditer(rf"(?<![\w-])(?:{'|'.join(sorted(_abbreviations()))})(?![\w-])", text.text):
        name = match.group().lower()
        matches = [Match(ground, ground.sayings[0]) for ground in text.grounds if _speaks_of(ground, name)]
        watch = text.all.watch
        matches += [Match(watch, watch.sayings[0]) for _ in [0] if watch.sayings and _speaks_of(watch, name)]
        if name == "arr" and not matches:
            matches = [Match(ground, ground.sayings[0], "MRR × 12") for ground in text.grounds if ground.monthly]
        yield Claim("name", *match.span(), tuple(matches), "is a metric of no cited event", is_receipted=False)


def _speaks_of(ground: Ground, name: str) -> bool:
    if any(name in figure.measures for figure in ground.figures):
        return True
    forms = METRICS[name].aliases
    return any(_in(each.text, form) for each in ground.sayings for form in forms)


@cache
def _abbreviations() -> frozenset[str]:
    return frozenset(kind.label for kind in METRICS.values() if kind.label.isupper())


@cache
def _ordinary() -> frozenset[str]:
    """Words that begin sentences without being names."""
    return frozenset(files("sago.outreach").joinpath("ordinary.txt").read_text(encoding="utf-8").split())


def is_everyday(word: str) -> bool:
    """Whether a word in small letters is one that anybody writes, also in another form of it."""
    return any(each in everyday_words() or each in _ordinary() for each in (word, f"{word}s", word.removesuffix("s")))


@cache
def _labels() -> frozenset[str]:
    """The kinds of events, which name nobody."""
    return frozenset(kind.label for kind in CATALOGUE.values())


@cache
def _known_words() -> frozenset[str]:
    """Capitalised in any sentence without naming anybody: days, metrics, offices."""
    labels = {word for kind in METRICS.values() if kind.label.isupper() for word in words_of(kind.label)}
    return frozenset(labels | set(WEEKDAYS) | set(MONTHS) | _ALWAYS)
