"""What a speaker does with a statement: tells it as done, plans it, supposes it, asks, denies, jokes, remembers."""

from __future__ import annotations

import re
from enum import StrEnum

from sago.llm.providers.offline.hints import Hinted


class Act(StrEnum):
    """The speech act of one statement; only `told` can make an event."""

    TOLD = "told"
    PLANNED = "planned"
    SUPPOSED = "supposed"
    ASKED = "asked"
    DENIED = "denied"
    JOKED = "joked"
    REMEMBERED = "remembered"


_ASKED = Hinted(
    r"\?[\s\W]*$|^\W*(?:(?:so|but|and|wait|ok|hey)\W+)*(?:did|do|does|is|are|can|could|should|would|"
    r"will|has|have|who|what|whats|"
    r"when|where|why|how|any|anyone|shall)\b(?!.*[.!]$)(?=.*\b(?:we|you|they|it|he|she|anyone|the|\w+)\b).{0,200}\?",
    re.I,
)
_CONDITION = (
    r"(?<!\bas )(?<!\beven )\bif\b(?! (?:any|anything|not|so|small|possible|needed|necessary|required|applicable)\b)"
    r"|^\W*(?:should|suppose|supposing|provided|unless)\b[^.!?\n]*,\s"
)
_SUPPOSED = Hinted(
    rf"{_CONDITION}|\bwhat if\b|\bimagine\b|\bsuppose\b"
    r"|\bwould\b|\bcould(?! ?n[o']t)\b|\bmight\b|\bmaybe\b|\bperhaps\b|\bi wish\b|\bwe wish\b|"
    r"\bthought experiment\b|\bhypothetical"
    r"|\bin case\b|\bunless\b|\bassum(?:e|ing)\b|\bsay we\b|\bone day\b|\bdream(?:ing|s)? (?:of|"
    r"about)\b|\bpotential(?:ly)?\b"
    r"|\brumou?rs?\b|\bguess(?:ing)?\b|\bsounds like\b|\bprobably\b|\bi think we (?:should|can|might)\b",
    re.I,
)
_PLANNED = Hinted(
    r"\b(?:will|'ll|shall|gonna|going to|about to|plan(?:s|ned|ning)?(?: (?:to|is|for|has))?|aim(?:s|"
    r"ing)?|goals?|targets?|targeting|"
    r"forecast(?:s|ed)?|budget(?:ed)?|expect(?:s|ed|ing)?|hop(?:e|es|ing)|want(?:s)? to|wanna|"
    r"looking to|look forward|on track|"
    r"aspir\w+|roadmap|okrs?|should (?:close|sign|be|have|hit|land|go|start|get)|supposed to|soon|tomorrow|"
    r"next (?:week|month|quarter|year|sprint|spring|summer|fall|autumn|winter)|in talks|negotiat\w+|"
    r"redlin\w+|pending|almost|"
    r"nearly there|close to (?:signing|closing|a deal)|trying to|working on|work in progress|wip|"
    r"still in|scheduled|to be (?:signed|"
    r"announced|confirmed)|tbd|once (?:we|they|it)|waiting (?:for|on)|base case|downside case|"
    r"scenario|reforecast|project(?:ed|ion)s?|under review|in review|verbal(?:ly)?|"
    r"need to|have to|ought to|let'?s|we should|due (?:in|on|by)|upcoming|draft(?:ing|ed)?|proposal|pitch(?:ing|ed)?|"
    r"prepar(?:e|es|ing)|interview(?:s|ed|ing)?|job (?:ad|post\w*)|we'?re hiring|open roles?|apply|"
    r"proposed|kick(?:ing)? off (?:next|in))\b",
    re.I,
)
_DENIED = Hinted(
    r"\b(?:did ?n[o'’]?t|didn'?t|have ?n[o'’]?t|haven'?t|has ?n[o'’]?t|hasn'?t|was ?n[o'’]t|"
    r"were ?n[o'’]t|is ?n[o'’]t|isnt|are ?n[o'’]t|never|nope)\b"
    r"|\b(?:not|no longer|nowhere)\b(?! only| just| even)|\b(?:false alarm|untrue|false|fake|is wrong|"
    r"not true|scratch that|"
    r"fell through|premature|retract\w*|take (?:that|it) back|ignore (?:that|my)|no next step|without a deal)\b",
    re.I,
)
_NOT_WHAT = (
    r",\s(?:and |so )?(?:not (?:what|the (?:one|number|figure))\b|not as \w+ (?:said|told|wrote|reported|claimed)\b"
    r"|(?:unlike|contrary to) what\b)"
)
"""Behind a figure: another told another, and this one holds."""
_DENIED_OTHER = Hinted(rf"{_NOT_WHAT}[^.!?]*", re.I)
_NOBODY_DOES = re.compile(r"\b(?:nobody|no[ -]one)(?:\s(?:has|have|had|is|was|ever|else))*\s*$", re.I)
"""Before a cue: what nobody has done."""
_WILL_NOT = re.compile(r"\bwo ?n['’]?t\b(?! (?:believe|guess|forget|regret|stop)\b)[^,;:.!?–—]*$", re.I)
"""Before a cue: what shall not be; behind one it is said of something else."""
_JOKED = Hinted(
    r"😂|🤣|😜|\b(?:jk|just kidding|kidding|joking|/s|lmao|haha+|hehe+|tattoo\w*|april fools?|asking for a friend|"
    r"someone call|give me an award|in my dreams|my mom|pinky swear|drinking game)\b",
    re.I,
)
_REMEMBERED = Hinted(
    r"\bremember when\b|\b(?:years?|yrs?|months?) ago\b|\bback in (?:the day|(?:19|20)\d\d)\b|"
    r"\bthrowback\b|\bon this day\b|\banniversary\b"
    r"|\blast year\b(?!\W*$)|\bin (?:19|20)[01]\d\b|\bused to\b|\bthose days\b|\bold(?:en)? (?:days|"
    r"times)\b|\bonce upon\b|\bhow small we were\b",
    re.I,
)
_DENIES_BEFORE, _DENIES_BEHIND = 26, 45
"""Code points around a cue in which a `not` is about it."""
_SHORTEST_PART = 8
_COMPARED = re.compile(
    r"\b(?:than|from|vs\.?|versus|against|above|over|on|compared (?:to|with)|"
    r"up \d+%) (?:[\w']+ ){0,3}(?:last year|a year ago|years? ago)\b",
    re.I,
)


_QUOTED = re.compile(r"[\"“][^\"“”\n]{12,200}[\"”]")
_IS_CONDITION = re.compile(
    rf"^\W*(?:and |but |so )?(?:{_CONDITION})(?! (?:you|anyone|anybody|someone|somebody)\b)", re.I
)
_TURNS = re.compile(r"\s?[,;:(–—]\s?|\s-\s|\b(?:and|but|so|then)\b")


def act(text: str, cue: tuple[int, int] | None = None, *, wish: bool = False) -> Act:
    """The act of a statement, judged without the cue's own words (`not renewing` denies nothing) and without what it
    quotes. A denial counts near the cue only.

    With `wish` wishes and plans count as told: an investor who would like to see the data has shown interest.
    """
    near, is_nobodys = text, False
    if cue is not None:
        before = text[max(0, cue[0] - _DENIES_BEFORE) : cue[0]]
        is_nobodys = _NOBODY_DOES.search(before) is not None or _WILL_NOT.search(before) is not None
        near = f"{text[max(0, cue[0] - _DENIES_BEFORE) : cue[0]]} {text[cue[1] : cue[1] + _DENIES_BEHIND]}"
        text = f"{text[: cue[0]]} {text[cue[1] :]}"
    text = _COMPARED.sub(" ", _QUOTED.sub(" ", text))
    for chosen, pattern in ((Act.ASKED, _ASKED), (Act.JOKED, _JOKED), (Act.REMEMBERED, _REMEMBERED)):
        if pattern.search(text) and not (wish and chosen is Act.ASKED):
            return chosen
    if wish:
        return Act.TOLD
    if (other := _DENIED_OTHER.search(near)) is not None:
        near = near[: other.start()]
    if is_nobodys or _DENIED.search(near):
        return Act.DENIED
    if _SUPPOSED.search(text):
        return Act.SUPPOSED
    return Act.PLANNED if _PLANNED.search(text) else Act.TOLD


_NEGATES = re.compile(r"\b(?:not|never|no longer)\b(?! only| just| even)|n['’]t\b", re.I)


def negates(cue: str) -> bool:
    """Whether a cue that reaches over several words says no within: `the mark is not granted`."""
    return _NEGATES.search(cue) is not None


def is_conditional(text: str) -> bool:
    """Whether a statement begins by supposing something: `If Sable signs, we have $3M ARR.`"""
    return _IS_CONDITION.match(text) is not None


_NOT_TO_BE = re.compile(
    r"\b(?:(?:will|shall) (?:not|never|hardly)|wo ?n['’]?t|ca ?n['’]?t|cannot|could ?n['’]?t"
    r"|(?:not|never) (?:going|able) to|unlikely to|fail(?:ed|ing)? to|too (?:early|late|far|small) to)\b[^.;!?]*$",
    re.I,
)


def is_not_to_be(text: str, start: int) -> bool:
    """Whether the clause says that what stands at `start` shall not be, or cannot: nobody has told it before."""
    return _NOT_TO_BE.search(text[_clause(text, start) : start]) is not None


def is_ruled_out(text: str, start: int, end: int) -> bool:
    """Whether the clause denies what stands from `start` to `end` of a text, or says that it shall not be, whatever
    other clauses say."""
    stop = _TURNS.search(text, end)
    denied = _DENIED.search(text[_clause(text, start) : stop.start() if stop else len(text)])
    return denied is not None or is_not_to_be(text, start)


def _clause(text: str, end: int) -> int:
    """Where the clause begins that what stands at `end` is in."""
    return max((turn.end() for turn in _TURNS.finditer(text, 0, end)), default=0)


_FORETELLS = re.compile(r"\b(?:will|shall|going to|expected to|supposed to|hopes? to|should)\b|'ll\b", re.I)


def foretells(cue: str) -> bool:
    """Whether a cue that reaches over several words speaks of what shall be: `the report will be issued`."""
    return _FORETELLS.search(cue) is not None


def told_part(text: str) -> int:
    """Where a statement turns from what is to what shall be: `MRR is 182k, on track for 200k` → the place of
    the comma; the whole length where it does not turn."""
    ahead = min((m.start() for m in (_PLANNED.search(text), _SUPPOSED.search(text)) if m), default=len(text))
    turns = [turn.start() for turn in _TURNS.finditer(text, 0, ahead) if turn.start() >= _SHORTEST_PART]
    return turns[-1] if turns and ahead < len(text) else len(text)


_CORRECTS = Hinted(
    r"\bcorrection\b|\bcorrecting\b|\bcorrected\b|\bi (?:was|am|'m) (?:wrong|dumb|off)\b|\bmy (?:bad|"
    r"mistake)\b|\btypo\b|\bswapped\b"
    r"|\bmis(?:read|typed|stated|counted|took)\b|\bscratch that\b|\bwrong (?:number|figure|column)\b|"
    r"\bshould (?:be|have been|say|read)\b"
    r"|\bbeg (?:your )?pardon\b|\bno wait\b|\bperdón, |\bme equivoqué\b|\bcorrigindo\b"
    r"|\b(?:scrap|strike) that\b|\bmisspoke\b|\bto be exact\b|\btake a bit of that back\b"
    r"|\b(?:korrektur|korrigiere|rectifi(?:é|cation|cación|co)|corrijo|corrección|correção|rettifica|correctie|korekta|"
    r"rättelse|rettelse|oprava|düzeltme)\b|訂正|正しくは|更正|정정"
    rf"|{_NOT_WHAT}|\bactually\b|\bthat was only\b|\binstead of\b|\bmeant\b|\brather than\b|\brevised\b|\berrat\w+",
    re.I,
)


def corrects(text: str) -> bool:
    """Whether a message takes a figure back."""
    return _CORRECTS.search(text) is not None


_WAS_WRONG = Hinted(
    r"(?:[,;–—-]|\b(?:and|but))\s?(?:which|that|this|it)(?:\s(?:number|figure|one|sheet))?"
    r"\s(?:was|is|were|proved|turned out)(?:\sto be)?(?:\s(?:plain|simply|just|all|totally|completely))?"
    r"\s(?:wrong|incorrect|nonsense|rubbish|a (?:mistake|typo|bug|miscount))\W*$",
    re.I,
)


def was_wrong(text: str) -> bool:
    """Whether a statement ends by saying that it does not hold, and gives nothing in its place."""
    return _WAS_WRONG.search(text) is not None and not says_not(text)


_NOT = r"\b(?:not|nicht|não|niet|inte|ikke|pas|instead of|rather than|isn'?t|wasn'?t)|,\s*(?:no|non|nie|ne)|≠"
_SAYS_NOT = re.compile(rf"(?:{_NOT})\s", re.I)
_NOT_BEFORE = re.compile(rf"(?:{_NOT})\s*(?:the |a )?(?:[~≈])?$", re.I)


def says_not(text: str) -> bool:
    """Whether a text may take a figure back."""
    return _SAYS_NOT.search(text) is not None


def is_taken_back(text: str, start: int) -> bool:
    """Whether the figure that begins at `start` is the wrong one of `134%, not 143%`."""
    return _NOT_BEFORE.search(text[max(0, start - 24) : start]) is not None
