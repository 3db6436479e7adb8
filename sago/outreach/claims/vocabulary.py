"""The closed vocabulary of letters: words that tell nothing of a company by themselves, and words that mean the same.

Left out of `PLAIN` on purpose are words of quantity and degree (`all`, `every`, `nobody`, `more`, `only`), of direction
(`up`, `faster`), and every noun of a business.
"""

# ruff: noqa: SIM905 - a table of words is read more easily as one string
from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from sago.domain.events import EventType
from sago.outreach.claims.passages import stem

PLAIN = frozenset(
    """
    a an the this that these those such same other another one ones its it itself
    i me my mine myself we us our ours you your yours yourself they them their theirs he him his she her hers who whom
    whose which what where when why how whether there here thing things something anything way
    am is are was were be been being isn aren wasn weren do does did doing done don doesn didn have has had having haven
    hasn hadn can could will would shall should may might must cannot won t d ll ve re s m
    and or but nor so if then than as while though although because since until unless once
    of in on at by to for from with within without into onto upon about above across after against along among around
    before behind below beneath beside besides between beyond during inside near off over past per through throughout
    toward towards under via out away back
    not no now today tonight tomorrow already still yet too also just again meanwhile otherwise however therefore
    instead indeed really quite rather very much well both either neither else elsewhere together
    day days week weeks month months year years quarter time times while date dates ago later earlier
    come comes came coming go goes went gone going get gets got put puts take takes took taken make makes made making
    keep keeps kept keeping give gives gave given stand stands stood bring brings brought become becomes became
    turn turns let lets mean means meant mark marks
    condition conditions reason reasons objection objections point points bar line threshold level question questions
    answer answers answered figure figures number numbers news note notes noted update letter mail summary detail
    details theme themes rest side conversation conversations meeting meetings meet meets met call calls talk talks
    spoke speak speaks chat minute minutes story change changes changed changing moved hold holds different company
    progress real step steps work works worked success hand town person people read reads reading way deserves tenth
    stage touch settle settling busy congratulations congrats thank thanks regards greetings wishes hello cheers
    compliments dear rush attention interest pleasure kind sincerely timing missing
    """.split()
)
COURTEOUS = frozenset(
    """
    happy glad delighted pleased curious keen eager grateful sorry excited interested impressed thrilled welcome
    love like likes want wanted wants hope hopes hoped hoping wish wished look looks looking forward see sees saw seen
    hear hears heard know knows learn learned understand understood think thinks thought believe guess feel felt
    wonder wondering notice noticed appreciate enjoy enjoyed mind need needs send sends share shares show
    shows walk help use answer discuss explain find fits fit suit suits follow followed following reopen revisit
    introduce introduction introductions available free whenever soon shortly briefly short quick please reply
    ask asks asked tell told say said write wrote written better
    worry worried doubt doubts missed missing congratulate more best good great nice impressive remarkable sure warm
    warmly coffee lunch dinner breakfast video pressure perspective feedback candid thoughts remain kudos bravo
    all else next let coming early sooner posted wrong touch connect catch plan plans
    """.split()
)
"""May be said by somebody of the letter of themselves, and in asking and greeting; not of the company."""

_KINDS = {
    EventType.ENTERPRISE_DEAL: "sign deal contract agreement customer client logo enterprise win land close worth "
    "value name pay",
    EventType.FUNDING: "raise round close fund funding investor invest capital receive",
    EventType.HIRING: "join hire start new",
    EventType.PRODUCT_LAUNCH: "launch release ship live",
    EventType.PARTNERSHIP: "partner partnership agreement sign product",
    EventType.MARKET_EXPANSION: "open enter market new",
    EventType.COMPLIANCE: "pass obtain receive",
    EventType.USER_GROWTH: "user customer",
    EventType.SETBACK: "setback happen",
    EventType.MEDIA_COVERAGE: "report coverage",
    EventType.CUSTOMER_SUCCESS: "customer result",
    EventType.INVESTOR_INTEREST: "investor",
    EventType.TECHNICAL_ACHIEVEMENT: "technical",
    EventType.REVENUE_MILESTONE: "",
}
_OF_FIGURES = "reach pass hit cross top exceed clear total count stand figure behind"
"""What a figure does, of any event that states one."""
_OF_GROWTH = "grow growth up rise increase climb gain add expand more higher jump"
_OF_METRICS = {
    "nrr": "existing customer stay expand expansion retention buy more",
    "customers": "paying client customer add",
    "arr": "annual recurring revenue",
    "mrr": "monthly recurring revenue",
}
_SAME = [
    "sign signed signing signature",
    "win won wins landed land secured close closed",
    "contract deal agreement",
    "customer client account logo",
    "enterprise corporate",
    "worth value valued",
    "grow grew grown growing growth increase increased rise rose risen climb climbed gain gained",
    "fall fell fallen drop dropped decline declined decrease decreased down shrink shrank fewer less lower cut reduce",
    "reach pass hit cross exceed top clear beat",
    "join joined hire hired start started",
    "launch release ship live available",
    "raise raised round financing funding",
    "pause paused hold suspend halt",
    "until till",
    "pilot trial",
    "lose lost churned left leave", "lose losing lost gone cost",
    "open opened enter entered expand expanded",
    "certified certificate certification accredited",
    "approve approved clear cleared cleared",
    "partner partnership reseller resells",
    "employee staff headcount",
    "runs lasts term run",
    "year annual annually yearly",
    "month monthly",
    "cut reduce reduced lower lowered",
    "begin begun began start started",
    "complete completed finish finished",
    "outage incident downtime",
    "buy bought", "build built", "bring brought", "choose chose chosen", "deal dealt", "draw drew drawn", "drive drove",
    "feel felt", "find found", "get got gotten", "hold held", "lead led", "lend lent", "meet met",
    "run ran", "sell sold", "send sent", "set set", "shut shut", "speak spoke spoken", "spend spent", "speed sped",
    "teach taught", "think thought", "write wrote written", "ship shipped", "quit resigned", "choose chosen",
    "repay repaid", "take took taken", "break broke broken", "bear bore borne", "wear wore", "go went gone",
]  # fmt: skip
LABELS = frozenset(
    "revenue customers usage team product market funding partners press trust quality other news technology".split()
)
"""Headings that an event's kind is told under."""
IDIOMS = re.compile(
    r"\b(?P<each>\w+) by (?P=each)\b|\ba (?:short|quick|brief) (?:update|note|call|word)\b"
    r"|\byou and (?:the|your) (?:whole )?team\b|\btoo early\b|\b(?:a )?long way\b|\bon board\b|\btells (?:me|us)\b"
    r"|\b(?:come|came|stop|drop|swing) by (?:your|the) office\b|\b(?:join\w*) (?:the|your|our) team\b"
    r"|\bone more thing\b|\b(?:more|less|fewer) than(?=\s+[\W\d])|\bat least\b|\bat (?:all|last)\b|\bof course\b"
    r"|\bnext (?:week|month|step|steps)\b|\ball the best\b|\bno longer\b|\bpaid off\b|\bon your side\b"
    r"|\b(?:has|have|had) to do with\b|\bas (?:well|before)\b|\bwhat else (?:has )?(?:stood out|moved|changed)\b"
    r"|\b(?:best|warm|warmest|kind|kindest) (?:regards|wishes)\b"
    r"|\bwell done\b|\bto do so\b|\bset out\b|\bto (?:write|ask|tell)\b"
    r"|\ba lot\b|\bgreat (?:interest|pleasure)\b|\bthere is more(?=:)|\bsome time\b|\b(?:talk|speak) soon\b"
    r"|\bnot everything went (?:our|your) way\b|\bwe can report\b"
    r"|\btechnical result\b|\bwho decided(?= at)|\bbehind that \w+(?:, and hear)?\b"
    r"|\bmilestone in \w+\b|\bat work, and hear\b"
    r"(?: (?:where|what) (?:you (?:plan|could use help|need(?: next)?)|comes next)\b)?"
    r"|\b(?:my|our) (?:best|regards) to(?: the whole team| your whole team)?\b"
    r"|\b(?:great|good|nice|lovely) to (?:meet|see|speak|talk)\b|\bcaught my (?:eye|attention)\b|\bno pressure\b"
    r"|\bto be (?:transparent|candid|open|honest|clear|fair)\b|\bI (?:am|[’']m) pleased to report\b"
    r"|\bspeak for themselves\b|\bcompared (?:with|to)\b|\b(?:where|what) you(?: are|[’']re) (?:headed|building)\b"
    r"|\bmy (?:mind|worry|doubt|concern)\b|\bas (?:you|I) (?:wrote|said|put it|told (?:me|us|you))\b"
    rf"|\bon (?:the )?(?:{'|'.join(sorted(LABELS))}|retention|news)(?=, on \d)"
    r"|\b(?:ahead of|above|beyond) (?=what (?:I|we) )",
    re.I,
)
"""Taken as wholes, for words of theirs that tell something elsewhere."""


@cache
def plain_stems() -> frozenset[str]:
    return frozenset(map(stem, PLAIN)) | PLAIN


@cache
def courteous_stems() -> frozenset[str]:
    return frozenset(map(stem, COURTEOUS)) | COURTEOUS


@cache
def _groups() -> tuple[frozenset[str], ...]:
    return tuple(frozenset(stem(form) for word in group.split() for form in (word, f"{word}s")) for group in _SAME)


def alike(stems: Iterable[str]) -> frozenset[str]:
    """These stems with those of words that mean the same."""
    known = frozenset(stems)
    return known.union(*(group for group in _groups() if group & known))


@cache
def of_kind(kind: EventType) -> frozenset[str]:
    """What is done in an event of this kind."""
    return frozenset(map(stem, _KINDS[kind].split()))


@cache
def of_figures(*, grown: bool) -> frozenset[str]:
    """What a figure does; of one that an earlier one stands beside, also how it changed."""
    return frozenset(map(stem, f"{_OF_FIGURES} {_OF_GROWTH if grown else ''}".split()))


@cache
def of_metric(name: str) -> frozenset[str]:
    """What a metric says by what it is: of NRR, that customers stay and buy more."""
    return frozenset(map(stem, _OF_METRICS.get(name, "").split()))
