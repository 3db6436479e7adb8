"""The offline provider: a first reading by general means, with a quote for everything it says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from sago.domain.amount_words import CROWNS, DOLLARS, ISO_CODES
from sago.domain.amounts import find_amounts
from sago.domain.batches import ExtractionRequest
from sago.domain.companies import ModelPolicy
from sago.domain.events import Finding
from sago.domain.letters import LetterDraft, LetterRequest
from sago.domain.messages import CompactMessage
from sago.domain.reasons import ReasonRequest, Suggestions, suggest
from sago.llm.letters import compose_offline
from sago.llm.providers.offline import subjects
from sago.llm.providers.offline.draft import Draft, Setting
from sago.llm.providers.offline.drafts import drafts
from sago.llm.providers.offline.encoder import Encoder
from sago.llm.providers.offline.figures import Currencies
from sago.llm.providers.offline.opinions import SecondReader, weigh
from sago.llm.providers.offline.others import own_brands, without_others
from sago.llm.providers.offline.reading import LONGEST, read
from sago.llm.providers.offline.severity import severity
from sago.llm.providers.offline.threads import follow_ups, name_the_pending, one_deal
from sago.llm.providers.offline.titles import title

_MONEY = re.compile(
    rf"[$€£₹₩¥₪₺₽₫฿₦₱₴]|\b(?:{'|'.join(sorted(ISO_CODES))}|Rs|KSh|zł|Kč)\b|\d\s?[kKmMtT](?:SEK|NOK|DKK)\b"
)
_NUMBERED = re.compile(r"[-_]?\d+$")
"""What an id has that is no part of the company's name: `lumenta2`."""
MANY = 3
_COUNTED = re.compile(r"\s[a-z]{3,}s\b")
"""Behind a code: `12 CAD drawings` are no money."""
_NORDIC = {
    "SEK": re.compile(r"\b(?:och|är|inte|från|måste|vad|nästa|också|sålde|avtal(?:et)?)\b"),
    "NOK": re.compile(r"\b(?:hva|noe|mye|nå|uke|avtalen?|bedriften?|ikke av|selskapet?)\b"),
    "DKK": re.compile(r"\b(?:af|hvad|noget|meget|uge|aftalen?|virksomheden?|selskabet?)\b"),
}
"""Words in small letters that one of the three languages alone has."""
_FRENCH = re.compile(r"\b(?:le|les|des|une|du|et|est|nous|pour|avec|dans|sur)\b")


class RulesModel:
    """Cue words, speech acts and figures; deterministic, without a network, a key or weights."""

    name = "rules"
    version = "7"
    place = ModelPolicy.OFFLINE
    _second: SecondReader | None = None

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        """What the messages say, by time; the context only explains them. Never raises."""
        ours = {message.id for message in request.messages}
        messages = sorted(
            {m.key: m for m in (*request.context, *request.messages)}.values(),
            key=lambda m: (m.sent_at, m.id, m.version),
        )
        own = subjects.squeezed([request.company_id, request.company_name, _NUMBERED.sub("", request.company_id)])
        setting = Setting(_currencies(messages), own | _people(messages))
        ours_alone = setting.exclude | own_brands(messages)
        readings = [without_others(read(message, own), own, ours_alone) for message in messages]
        found = {reading.message.id: drafts(reading, setting) for reading in readings}
        if self._second is not None:
            weigh(readings, found, self._second.opinions(readings, ours), setting)
        follow_ups(readings, found, setting)
        name_the_pending(readings, found, setting)
        one_deal(readings, found)
        return [_finding(draft) for message in messages if message.id in ours for draft in found[message.id]]

    def compose(self, request: LetterRequest) -> LetterDraft:
        """A letter from the events of the request; raises PermanentError when there is none."""
        return compose_offline(request)

    def propose(self, request: ReasonRequest) -> Suggestions:
        """What the rules make of the reason. Never raises."""
        return suggest(request.reason)


class OfflineModel(RulesModel):
    """The rules beside the learned encoder: what it doubts is left out, what it alone is sure of is added."""

    name = "offline"

    def __init__(self, second: SecondReader | None = None) -> None:
        """Raises ConfigError where the encoder is asked for and cannot run."""
        self._second = second or Encoder()


def _currencies(messages: Sequence[CompactMessage]) -> Currencies:
    """What a plain `$` means here: another than the American where they write that one out (`A$`, `CAD`) at least MANY
    times, and more often than all other dollars together; Canada's French writes `$` behind the figure. And what `kr`
    means: the crown that is written out most often, else that of the language they write."""
    spelt_out: Counter[str] = Counter()
    for message in messages:
        text = message.text[:LONGEST]
        if not _MONEY.search(text):
            continue
        money = [amount for amount in find_amounts(text) if amount.is_money]
        spelt_out.update(a.unit for a in money if not a.shared and not _COUNTED.match(text, a.end))
        if len(_FRENCH.findall(text)) >= 2:
            spelt_out["CAD"] += sum(amount.text.endswith("$") for amount in money if amount.shared)
    dollars = {unit: spelt_out[unit] for unit in DOLLARS}
    dollar = max(dollars, key=lambda unit: (dollars[unit], unit))
    if dollars[dollar] < MANY or 2 * dollars[dollar] <= sum(dollars.values()):
        dollar = "USD"
    return Currencies(dollar, _crown(messages, spelt_out))


def _crown(messages: Sequence[CompactMessage], spelt_out: Counter[str]) -> str | None:
    """That of the codes, else of the language, of which a word or two may be chance; None where it is not plain."""
    least, signs = 1, Counter({unit: spelt_out[unit] for unit in CROWNS})
    if not signs.total():
        least = MANY
        for message in messages:
            for unit, pattern in _NORDIC.items():
                signs[unit] += len(pattern.findall(message.text[:LONGEST]))
    first, second = signs.most_common(2)
    return first[0] if first[1] >= least and first[1] > 2 * second[1] else None


def _people(messages: Sequence[CompactMessage]) -> frozenset[str]:
    """First names of those who write in chat: a colleague is no counterpart."""
    return subjects.squeezed(re.split(r"[.\s_]", m.sender)[0] for m in messages if "@" not in m.sender)


def _finding(draft: Draft) -> Finding:
    name = draft.subject if draft.kind not in subjects.KIND_SUBJECTS else None
    key = draft.key
    return Finding(
        message_id=draft.message.id,
        quote=draft.quote,
        start=draft.start,
        event_type=draft.event_type,
        status=draft.status,
        severity=severity(draft.event_type, draft.kind, draft.metrics),
        title=title(draft.event_type, draft.kind, name, draft.metrics, draft.quote),
        subject=key,
        metrics=draft.metrics,
        stakeholders=(name,) if name and draft.kind != "figures" else (),
        corrects=draft.corrects,
    )
