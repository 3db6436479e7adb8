"""Figures as people write them: `$1.2M`, `450k`, `€2,3 Mio`, `143%`, `41 ms`, `three years`, `from 18 to 34`.

Deterministic and linear in the length of the text. What looks like a figure but counts nothing is left out: dates and
times of day, years, versions, ticket and phone numbers, identifiers, addresses.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from sago.domain import amount_words as words
from sago.domain.numerals import LARGE, SMALL, decimal, eastern, eastern_scale, exact, spoken

COUNT = "count"
IDENTIFIER_DIGITS = 7
"""A bare run of so many digits without separators names something."""
_NEAR = 32
_LANGUAGE = 2000
"""Code points in which a text's language shows."""
_BESIDE, _LIKE, _WORTH = 60, 8.0, 30.0
"""Code points between two figures that are compared, by how much they may differ, and how much more than its round a
company is worth at most."""
_HIDDEN = "\u2400"
FIRST_WIDE = 0x2E80
"""The first code point of the scripts that put no blanks between words."""
_FULL_WIDTH = re.compile("[０-９]+(?:[．，][０-９]+)*|[％＄￥￡￦＋－]")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Amount:
    """One figure of a text: code points `start` to `end`, its plain value, and the labelling guide's unit."""

    start: int
    end: int
    text: str
    value: float
    unit: str
    """An ISO 4217 code, percent, bps, x, a unit of time, a physical unit, or `count`."""
    period: str | None = None
    """`month` in "35k a month"; None where the figure is no rate."""
    role: Literal["from", "to"] | None = None
    """Which end of a change or a range the figure is: "from 18 to 34", "£6–8m"."""
    bare: bool = False
    """No unit was written: `count` is only the default, and the context may make it money."""
    scale: float = 1.0
    """The magnitude written with it: 1e6 in "8m"."""
    shared: Literal["", "$", "kr"] = ""
    """A sign was written that several currencies share: the unit is only the most common of them."""

    @property
    def is_money(self) -> bool:
        """Whether the unit is a currency."""
        return self.unit in words.ISO_CODES


def find_amounts(text: str) -> list[Amount]:
    """Every amount in `text`, in order, none overlapping."""
    hidden = _FULL_WIDTH.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    if _DIGIT.search(text):
        hidden = _compiled(words.NOT_AMOUNTS).sub(lambda match: match["money"] or _HIDDEN * len(match[0]), hidden)
    number = _compiled(_SPACED_NUMBER if _groups_with_blanks(text) else _NUMBER)
    found = list(_of_a_form_of_their_own(hidden))
    hidden = _without(hidden, found)
    mil = 1e3 if _is_iberian(text) else words.MAGNITUDES["mil"]
    position = 0
    while match := number.search(hidden, position):
        amount, position = _read(hidden, match, text, mil)
        if amount is not None:
            found.append(amount)
    return _relate(text, sorted(found, key=lambda amount: amount.start))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """At its first use: the long ones take a tenth of a second each, and most commands read no figure."""
    return re.compile(pattern, re.I)


def _without(text: str, found: Sequence[Amount]) -> str:
    """The text with what was read already hidden."""
    pieces, end = [], 0
    for amount in found:
        pieces += [text[end : amount.start], _HIDDEN * (amount.end - amount.start)]
        end = amount.end
    return "".join([*pieces, text[end:]])


def _of_a_form_of_their_own(text: str) -> list[Amount]:
    """Lengths of time such as `3h40`, where words or a sign say that they last; and `one in five`."""
    found: list[Amount] = []
    for match in _CLOCKED.finditer(text):
        before, behind = text[max(0, match.start() - _NEAR) : match.start()], text[match.end() : match.end() + _NEAR]
        if match["marked"] or _LASTED.search(before) or _LASTED_BEHIND.match(behind):
            minutes = 60.0 * int(match["hours"]) + int(match["minutes"] or match["apart"])
            found.append(Amount(match.start(), match.end(), match[0], minutes, "minutes"))
    for match in _EASTERN_HOURS.finditer(text):
        minutes = 60.0 * int(match["hours"]) + int(match["minutes"])
        found.append(Amount(match.start(), match.end(), match[0], minutes, "minutes"))
    for match in _ONE_IN.finditer(text):
        among = float(match["digits"] or words.SMALL_NUMBERS[match["word"].lower()])
        if among >= 2:
            found.append(Amount(match.start(), match.end(), match[0], round(100 / among, 9), "percent"))
    return sorted(found, key=lambda amount: amount.start)


def _either(forms: Iterable[str]) -> str:
    return "|".join(re.escape(form) for form in sorted(forms, key=lambda form: (-len(form), form)))


_ALONE = r"(?![^\W_])"
"""No letter of any script behind it: metres are written `30m` where a Japanese word follows at once."""
_END = r"(?![^\W\d_\u2e80-\uffff]|\d)"


def _closed(forms: Iterable[str]) -> str:
    """One of the forms, no letter behind it; Chinese, Japanese and Korean write on without a blank."""
    ordered = list(forms)
    wide = [form for form in ordered if ord(form[-1]) >= FIRST_WIDE]
    narrow = rf"(?:{_either(form for form in ordered if form not in wide)}){_END}"
    return rf"(?:{_either(wide)}|{narrow})" if wide else narrow


_SIGN, _ISO = f"(?-i:{_either(words.CURRENCY_SIGNS)})", _either(words.ISO_CODES)
_WORD = rf"(?:{_either([*words.SMALL_NUMBERS, *words.BIG_NUMBERS])})(?!\w)"
_BIG = rf"(?:{_either(words.BIG_NUMBERS)})(?!\w)"
_MEASURED = _closed([*words.BIG_NUMBERS, *words.CURRENCY_WORDS, *words.UNITS])
_DECIMALS = rf"(?:[ -](?:{_either(words.SMALL_NUMBERS)})(?!\w))+"
_POINT = rf"\spoint{_DECIMALS}(?:[ -]{_BIG})*"
"""Behind number words: `one point four million`."""
_AT_ONE_POINT = rf"one\spoint(?!{_DECIMALS}(?:[ -]{_MEASURED}|\s*(?:\Z|[,.;:!?)\n])))"
"""A moment, unless what stands behind can only be a figure: `at one point four customers had left`."""
_GROUPED = rf"\d{{1,3}}[ ]\d{{3}}(?=\s?(?:{_SIGN}|(?-i:{_ISO})|(?:{_either(words.CURRENCY_WORDS)})(?!\w)))"
"""One group of thousands behind a blank: `640 000 euro`."""


_PART = rf"\d{{1,15}}(?:[.,]\d{{1,6}}){{0,4}}[ ]?(?:[{SMALL}]{{1,2}}[{LARGE}]?|[{LARGE}])"
_EASTERN_SUM = (
    rf"{_PART}(?:[ ]?{_PART}){{0,5}}(?:(?:(?<=[{SMALL}{LARGE}])\d{{1,4}}|(?<=[万萬만])[ ]\d{{3,4}})(?![.,]?\d))?"
)
"""`5억`, `1億2000万`, `3억 5천만`, `1만 2000`."""


def _number(grouped: str) -> str:
    return (
        rf"(?<![^\W\u2e80-\uffff])(?<![.,#@\\/])(?P<sign>[+\-−])?(?:(?P<currency>{_SIGN}|(?-i:{_ISO}))\s?)?"
        rf"(?:(?P<eastern>{_EASTERN_SUM})|"
        r"(?P<digits>\d{1,3}(?:[ ]\d{3}){2,4}(?!\d|[.,]\d)"
        rf"|{grouped}|(?(currency)\d{{1,3}}[ ]\d{{3}}(?!\d|[.,]\d|-|\s[a-z]{{3,}}s\b)|(?!))"
        rf"|\d{{1,3}}\spoint\s\d{{1,3}}(?=\s?(?:percent(?!\w)|{_closed(words.MAGNITUDES)}))"
        r"|\d+(?:[.,'’\u00a0\u202f]\d+)*))"
        rf"|(?<![\w/#@-])(?:(?:an?\s|one\s)?(?P<part>half|quarter|three\squarters)\s(?:of\s)?(?:an?\s)?(?P<whole>{_BIG})"
        rf"|(?P<spelt>(?!{_AT_ONE_POINT})(?:an?\s(?={_BIG}))?{_WORD}"
        rf"(?:(?:[ -]|(?<=million),\s(?=(?:{_WORD}[ -]){{1,3}}(?:hundred|thousand)(?!\w))|\sand\s(?:an?\s)?){_WORD}"
        rf"|\sand\s(?:an?\s)?half(?!\w))*(?:{_POINT})?)"
        rf"|(?P<foreign>{_either(words.FOREIGN_NUMBERS)})(?=\s(?:{_closed([*words.UNITS, *words.MAGNITUDES])})))"
    )


_NUMBER = _number(_GROUPED)
_SPACED_NUMBER = _number(r"\d{1,3}[ ]\d{3}(?!\d|[.,]\d|-)")
"""For a text with letters that English lacks: there `1 340` is one number."""
_LONE_MAGNITUDE = re.compile(rf"{_HIDDEN}[ -]?{_BIG}", re.I)
"""Behind what is no figure: `phase 3 million`."""
_ACCENTED = re.compile("[À-ÖØ-öø-ÿĀ-ž]")
_CURRENCY_BEHIND = rf"\s?(?:{_SIGN}|(?-i:{_ISO}){_END}|{_closed(words.CURRENCY_WORDS)})"
_TAIL = (
    rf"(?P<glued_magnitude>(?:{_either(words.GLUED_MAGNITUDES)}){_ALONE}"
    rf"|\s?(?P<joined>{_either(words.JOINED_MAGNITUDES)})(?=(?!(?-i:Rs|rs))(?:{_SIGN}|(?-i:{_ISO})){_END}))?"
    rf"(?P<magnitudes>(?:[\s-]?{_closed(words.MAGNITUDES)}){{0,2}})(?:(?<=[^\W\d])\.(?={_CURRENCY_BEHIND}))?"
    rf"(?:\s?(?P<sign>{_SIGN})(?![^\W\d_]|\s?\d)|[\s-]?(?:(?P<iso>(?-i:{_ISO})){_END}(?:\s(?P<behind>(?:thousand|million|billion|mio|mln|mn|bn|mrd)){_END})?|(?P<money>{_closed(words.CURRENCY_WORDS)}))"
    rf"|(?P<gap>[\s-]?(?:(?:more|full|straight|additional|extra)\s)?)"
    rf"(?:(?P<unit>{_closed(words.UNITS)})|(?-i:(?P<glued>{_either(words.GLUED_UNITS)})){_ALONE}))?"
    rf"(?:\s?(?:/|(?:per|an?|each|every|par|pro|por|al|im)\s)\s?(?P<period>{_either(words.PERIODS)})(?!\w)"
    rf"|\s?(?P<adverb>monthly|annually|yearly|p\.?a|pcm)(?!\w))?"
)
_MAGNITUDE = re.compile(rf"{_closed(words.MAGNITUDES)}", re.I)
_SPACED_MAGNITUDE = re.compile(rf"\s([kmb]|mi){_ALONE}", re.I)
_RUPIAH_MAGNITUDE = re.compile(r"\s?jt\b", re.I)
"""Means a million only behind `Rp`."""
_NOUN_BEHIND = re.compile(
    r"\s(?:(?:major|minor|critical|open|written|recorded)\s)?(?:findings?|exceptions?|non-?conformit\w+|complaints?|remarks?|"
    r"incidents?|defects?|deviations?|observations?|errors?|lost|losses|accidents?|injuries|mismatch\w*|churn|downtime)\b",
    re.I,
)
"""Behind `zero`: what there is none of."""
_CLOCKED = re.compile(
    r"(?<![\w.,:/])(?P<hours>\d{1,2})(?:h(?P<minutes>[0-5]\d)|\s?h(?:(?:ou)?rs?)?,?\s(?:and\s)?(?P<apart>[0-5]?\d)(?=\s?m))"
    r"(?P<marked>\s?m(?:ins?|inutes)?\b)?(?![\w:])",
    re.I,
)
"""`3h40`, `3h 10m`, `3 hours and 10 minutes`: one length of time, or a time of day."""
_EASTERN_HOURS = re.compile(
    r"(?<![\d.,:/])(?P<hours>\d{1,3})\s?(?:時間|小时|小時|시간)\s?(?P<minutes>[0-5]?\d)\s?(?:分[間间钟鐘]?|분간?)"
)
"""`8時間30分`: one length of time."""
_LASTED = re.compile(
    r"\b(?:for|took|takes?|lasted|down|about|total|pendant|durant|durée de|durante|während)"
    r"\s(?:about\s|only\s|over\s|nearly\s|~)?$",
    re.I,
)
_LASTED_BEHIND = re.compile(r"\s(?:of|long|total|outage|downtime|later|dark|without|down)\b", re.I)
_ONE_IN = re.compile(
    r"(?<![\w.,-])(?<!number\s)(?<!no\s)(?<!\bday\s)(?:one|1)\s(?:in|out\sof)\s"
    r"(?:(?P<digits>\d{1,2})|(?P<word>two|three|four|five|six|seven|eight|nine|ten))"
    rf"(?![\w.,–-]*\d|\s(?:{'|'.join(sorted(re.escape(form) for form in words.UNITS))}|quarters?|sprints?)(?!\w))\b",
    re.I,
)
"""`one in five`: a share."""
_EASTERN_LETTER = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_HOURS_BEFORE = re.compile(r"\d\s?(?:h|hrs?|hours?)\s?(?:and\s)?$", re.I)
_RANGE = re.compile(r"~|\s?(?:[-–—～〜－]|to|→|->|=>|bis|à|til|tot|až|から|에서)\s?", re.I)
_IBERIAN_RANGE = re.compile(r"\s?a\s?", re.I)
_FROM_BEFORE = re.compile(
    r"(?:\b(?:from|vs|versus|formerly|previously|before|against|compared (?:to|with))\.?"
    rf"|(?:\b(?:it|that|which|we|{words.TIMES_PAST})|^|[,;.(])\s?{words.WAS})\s"
    r"(?:[~≈]|about\s|around\s)?$",
    re.I,
)
_TO_BEFORE = re.compile(r"(?:\b(?:to|now|at)\s|(?:→|->)\s?)(?:[~≈]|about\s|around\s|just\s|over\s)?$", re.I)


def _read(text: str, match: re.Match[str], context: str, mil: float) -> tuple[Amount | None, int]:
    """The amount that a number begins, or None, and where to go on."""
    tail = _compiled(_TAIL).match(text, match.end())
    if tail is None:  # pragma: no cover - every part of the pattern may be empty
        return None, match.end()
    scale, unit, end = _measure(text, match, tail, mil)
    value = _value(match, scale, unit, divides=_is_continental(tail))
    if tail["glued_magnitude"] == "m" and _is_metres(text, match, end):
        return None, end
    if match["eastern"] and words.NO_EASTERN_SUM.match(text, match.end()):
        return None, match.end()
    if value is None or _goes_on(text, end) or _LONE_MAGNITUDE.match(text, max(0, match.start() - 2)):
        return None, match.end()
    start = match.start() + (match["sign"] == "+")
    amount = Amount(
        start=start,
        end=end,
        text=context[start:end],
        value=exact(value * scale) * (-1 if match["sign"] in ("-", "−") else 1),
        unit=unit or COUNT,
        period=words.PERIODS.get((tail["period"] or tail["adverb"] or "").lower().replace("p.a", "pa")),
        bare=unit is None,
        scale=scale if match["digits"] else max(scale, _written_scale(match)),
        shared=_shared_sign(match, tail),
    )
    return (None if _names_something(text, match, amount) else amount), max(end, match.end())


def _is_metres(text: str, match: re.Match[str], end: int) -> bool:
    """Whether `30m` without a currency stands among Chinese, Japanese or Korean words: metres, or millions."""
    beside = _EASTERN_LETTER.search(text, max(0, match.start() - _NEAR), end + _NEAR)
    return beside is not None and match["currency"] is None and text[match.end() : end] == "m"


def _shared_sign(match: re.Match[str], tail: re.Match[str]) -> Literal["", "$", "kr"]:
    """The sign of many currencies that a figure's own is, where nothing beside it says which."""
    written = {each.strip().lower() for each in (match["currency"], tail["sign"], tail["money"], tail["iso"]) if each}
    if not written:
        return ""
    return "$" if written <= words.ANY_DOLLAR else "kr" if written <= words.ANY_CROWN else ""


def _measure(text: str, match: re.Match[str], tail: re.Match[str], mil: float) -> tuple[float, str | None, int]:
    """Scale, unit and end that a number gets from what stands before and behind it."""
    glued = (tail["glued_magnitude"] or "").lower()
    if glued == "m" and _HOURS_BEFORE.search(text[max(0, match.start() - _NEAR) : match.start()]):
        return 1.0, "minutes", tail.end("glued_magnitude")
    joined = (tail["joined"] or "").lower()
    scale = words.JOINED_MAGNITUDES[joined] if joined else words.GLUED_MAGNITUDES.get(glued, 1.0)
    for word in _MAGNITUDE.findall(f"{tail['magnitudes']} {tail['behind'] or ''}".lower()):
        scale *= mil if word == "mil" else words.MAGNITUDES.get(word, 1.0)
    currency, unit, end = match["currency"], _unit(tail), tail.end()
    if tail["unit"] and tail["gap"].isspace() and tail["unit"].lower() in words.NEVER_SPACED:
        unit, end = None, tail.end("magnitudes")
    if tail["glued"] and tail["gap"]:
        unit, end = None, tail.end("magnitudes")
    is_small = max(scale, _written_scale(match)) == 1.0 and len(re.sub(r"\D", "", match["digits"] or "")) < 4
    if (tail["money"] or "").lower() in words.WON_OR_LOST and is_small:
        unit, end = None, tail.end("magnitudes")
    if currency is None:
        return scale, unit, end
    if currency.strip().lower() == "rp" and (spaced := _RUPIAH_MAGNITUDE.match(text, match.end())):
        return words.MAGNITUDES["juta"], "IDR", spaced.end()
    if scale == 1.0 and (spaced := _SPACED_MAGNITUDE.match(text, match.end())):
        scale, unit, end = words.GLUED_MAGNITUDES[spaced[1][0].lower()], None, spaced.end()
    return scale, _prefixed(currency.strip(), unit), end


def _is_iberian(text: str) -> bool:
    """Whether a text is Spanish or Portuguese, where `mil` is a thousand; in English it is short for a million."""
    if "R$" in text or words.IBERIAN.search(text, 0, _LANGUAGE):
        return True
    return len(set(words.ALSO_IBERIAN.findall(text, 0, _LANGUAGE))) >= 2


def _groups_with_blanks(text: str) -> bool:
    """Whether a text is of a language that writes `1 340` for 1340."""
    if not _ACCENTED.search(text, 0, _LANGUAGE):
        return False
    return len({word.lower() for word in words.CONTINENTAL.findall(text, 0, _LANGUAGE)}) >= 2


def _unit(tail: re.Match[str]) -> str | None:
    """The unit written behind a number."""
    if tail["sign"] or tail["iso"]:
        return _prefixed(tail["sign"] or tail["iso"], None)
    if tail["money"]:
        return words.CURRENCY_WORDS.get(tail["money"].lower())
    if tail["unit"]:
        return words.UNITS.get(tail["unit"].lower())
    return words.GLUED_UNITS[tail["glued"]] if tail["glued"] else None


def _prefixed(sign: str, unit: str | None) -> str:
    """The currency of a sign or code; `$` gives way to a code behind the number (`$5M CAD`)."""
    if sign == "$" and unit in words.ISO_CODES:
        return str(unit)
    by_sign = {form.upper(): code for form, code in words.CURRENCY_SIGNS.items()}
    return by_sign.get(sign.upper(), sign.upper())


def _is_continental(tail: re.Match[str]) -> bool:
    """Whether a number's millions are written as where commas divide: `1,824 Mio. €`, `1,375 M€`, `1,2 millones`."""
    return bool(tail["joined"]) or not words.DIVIDED.isdisjoint(_MAGNITUDE.findall(tail["magnitudes"].lower()))


def _value(match: re.Match[str], scale: float, unit: str | None, *, divides: bool) -> float | None:
    """The plain number that was matched, without the magnitude behind it; None where it is none."""
    if match["eastern"]:
        return eastern(match["eastern"], unit) if scale == 1.0 else None
    return decimal(match["digits"], scale, unit, divides=divides) if match["digits"] else _spelt(match)


def _spelt(match: re.Match[str]) -> float | None:
    """The value of number words; None where they are a row of numbers, such as `one two three`."""
    if match["foreign"]:
        return words.FOREIGN_NUMBERS.get(match["foreign"].lower())
    if match["whole"]:
        part, whole = " ".join(match["part"].lower().split()), match["whole"].lower()
        return (
            words.PARTS[part] * words.BIG_NUMBERS[whole] if part in words.PARTS and whole in words.BIG_NUMBERS else None
        )
    return spoken(re.split(r"[\s,-]+", match["spelt"].lower()))


def _written_scale(match: re.Match[str]) -> float:
    """The magnitude that number words end with, 1e6 in `six million`, or that of the first part in `5百万3000`."""
    if match["eastern"]:
        return eastern_scale(match["eastern"])
    last = (match["whole"] or match["spelt"] or "").lower().split()[-1:]
    return words.BIG_NUMBERS.get(last[0], 1.0) if last else 1.0


def _goes_on(text: str, end: int) -> bool:
    """Whether letters of an alphabet or digits follow at once: `4x4`, `141st`, but not `3000명`."""
    return end < len(text) and (text[end] == "_" or (text[end].isalnum() and ord(text[end]) < FIRST_WIDE))


def _names_something(text: str, match: re.Match[str], amount: Amount) -> bool:
    """Whether a number without a unit is a year, an identifier, the pronoun `one` or a magnitude of nothing said."""
    behind = text[amount.end : amount.end + _NEAR]
    if amount.bare and amount.text.lower() in words.BIG_NUMBERS:
        return not behind[:1].isspace() or not behind.strip()[:1].isalpha()
    if not amount.bare or amount.scale != 1.0:
        return False
    if match["digits"] is None:
        if amount.text.lower() == "zero":
            return _NOUN_BEHIND.match(behind) is None
        if amount.value == 1 and words.ONE_OF.match(behind):
            return False
        return amount.value <= 1 or bool(match["foreign"]) or words.PART_BEHIND.match(behind) is not None
    digits = match["digits"]
    if words.YEAR.match(digits):
        if amount.period and words.A_RATE.search(amount.text):
            return False
        before = text[max(0, amount.start - _NEAR) : amount.start]
        return not words.AFTER_YEAR.match(behind) or bool(words.BEFORE_YEAR.search(before))
    return len(digits) >= IDENTIFIER_DIGITS and digits.isdigit() and not words.AFTER_YEAR.match(behind)


def _relate(text: str, found: list[Amount]) -> list[Amount]:
    """Give each end of a range or change its role, and what it leaves to the other end to say."""
    related = [replace(amount, role=_role(text, amount)) for amount in found]
    paired: set[int] = set()
    for index in range(len(related) - 1):
        low, high = related[index], related[index + 1]
        between = text[low.end : high.start]
        spanned = between.strip() == "and" and text[: low.start].rstrip().lower().endswith("between")
        if spanned or _RANGE.fullmatch(between) or (_IBERIAN_RANGE.fullmatch(between) and _is_iberian(text)):
            related[index], related[index + 1] = _span(low, high, dashed="to" not in between)
            paired |= {index, index + 1}
    return [
        amount if at in paired else _as_large(text, amount, related[max(0, at - 2) : at + 3])
        for at, amount in enumerate(related)
    ]


def _as_large(text: str, amount: Amount, others: Sequence[Amount]) -> Amount:
    """`$5.31M, from 4.94`, `$18M at 90 pre`: a figure leaves its magnitude and unit to the one it is set against."""
    is_valuation = words.VALUATION_BEHIND.match(text, amount.end) is not None
    if not amount.bare or amount.scale != 1.0 or amount.unit != COUNT:
        return amount
    if not is_valuation and not _stands_for_more(text, amount):
        return amount
    for other in others:
        apart = max(other.start - amount.end, amount.start - other.end)
        if other.scale >= 1e3 and (other.is_money or other.bare) and apart <= _BESIDE:
            ratio = abs(amount.value * other.scale / other.value) if other.value else 0.0
            if 1 / _LIKE <= ratio <= (_WORTH if is_valuation else _LIKE):
                value = exact(amount.value * other.scale)
                return replace(
                    amount,
                    value=value,
                    scale=other.scale,
                    unit=other.unit,
                    bare=other.bare,
                    shared=other.shared,
                )
    return amount


def _stands_for_more(text: str, amount: Amount) -> bool:
    """Whether an earlier figure says no more than its number: nothing is counted behind it, and it has a fraction
    (`from 4.94`) or stands behind a time (`October was 61`). `from 4 angels` counts angels."""
    if amount.role != "from" or not words.NOTHING_COUNTED.match(text, amount.end):
        return False
    return "." in amount.text or "," in amount.text or words.THEN_WAS.search(text[: amount.start]) is not None


def _role(text: str, amount: Amount) -> Literal["from", "to"] | None:
    before = text[max(0, amount.start - _NEAR) : amount.start]
    if _FROM_BEFORE.search(before):
        return "from"
    return "to" if _TO_BEFORE.search(before) else None


def _span(low: Amount, high: Amount, *, dashed: bool) -> tuple[Amount, Amount]:
    """`£6–8m`: the first end takes the magnitude of the second, each the unit of the other."""
    alike = low.bare or high.bare or low.unit == high.unit
    scale = high.scale if alike and low.scale == 1.0 and abs(low.value) <= abs(high.value / high.scale) else 1.0
    unit_for_low = high if low.bare and not high.bare else low
    unit_for_high = low if high.bare and low.is_money and (dashed or high.scale > 1) else high
    return (
        replace(low, value=exact(low.value * scale), scale=low.scale * scale, unit=unit_for_low.unit,
                bare=unit_for_low.bare, shared=unit_for_low.shared, period=low.period or high.period, role="from"),
        replace(high, unit=unit_for_high.unit, bare=unit_for_high.bare, shared=unit_for_high.shared, role="to"),
    )  # fmt: skip
