"""What a cue's neighbours say against it: not launched, not a deal, not done."""

from __future__ import annotations

import re

from sago.domain.events import EventType as E
from sago.llm.providers.offline.cues import ROLE
from sago.llm.providers.offline.hints import Hinted

NOT_LAUNCHED = re.compile(
    r"\b(?:staging|behind a (?:feature )?flag|merged|canary|internal(?:ly)?|closed beta|private beta|"
    r"test ?flight|\bpr\b|branch|deploy(?:ed|s)? freeze|"
    r"rolling back|rolled back|hotfix|bug ?fix|fixe?[sd]?)\b",
    re.I,
)
"""Beside a launch cue these say that nobody outside has it yet."""

NOT_BETTER = re.compile(
    r"\b(?:grumpy|spik\w+|slow\w*|degrad\w+|regress\w+|alert\w*|paged?|flaky|noisy|worse|timeouts?|timing out|stuck)\b",
    re.I,
)
"""Beside a measurement these say that it is an ordinary bad day."""

_PERIOD = r"(?:january|february|march|april|may|june|july|august|september|october|november|december|q[1-4]|fy\d*)"
NOT_A_DEAL = re.compile(
    rf"\bclos(?:ed|ing) (?:out )?{_PERIOD}\b|\b{_PERIOD} (?:is|was|has) (?:now )?closed\b|"
    r"\b(?:nda|non-disclosure|lease|landlord|petition|offer letter|signed (?:up|off|out|in)\b|"
    r"sign-?off|demo|trial|free|ticket|incident|pull request|merged|form is|"
    r"permission|birthday|card|expense|invoice|bank account|books|quarter|month|round|series [a-f]|"
    r"kitchen|window|door|issue|bug|tab)\b",
    re.I,
)
"""What else is signed, closed or won."""

DENIED_DEAL = Hinted(
    r"\b(?:did ?n[o']t|didn'?t|have ?n[o']t|haven'?t|has ?n[o']t|hasn'?t|not|never)\s(?:yet |"
    r"actually |even )*(?P<verb>sign(?:ed)?|close[d]?|won|win|land(?:ed)?|renew(?:ed)?|rais(?:e|ed)|"
    r"launch(?:ed)?|ship(?:ped)?|hire[d]?|partner(?:ed)?)\b",
    re.I,
)
_NOT_TO = r"(?:(?:will|shall) not|wo ?n['’]?t|(?:is|are|am)(?: not| ?n['’]?t)(?: going to)?|no longer)\s(?:be\s)?"
_REST = r"[^.;!?\n]{0,60}"
_PERSON = rf"\b(?:s?he|her|his|him|candidate|{ROLE})\b"
CALLED_OFF = Hinted(
    rf"\b{_NOT_TO}(?:join|com|start)(?:e|ing)?\b(?:(?={_REST}(?:\bafter all\b|\bas (?:our |the |an? )?{ROLE}))"
    r"|(?=\s(?:us|(?:the|our) (?:company|team))\W*$))"
    rf"|\b{_NOT_TO}(?P<verb>sign|clos|rais|launch|ship|partner)(?:e|ing)?\b(?={_REST}\bafter all\b)"
    r"|\b(?:(?:declined|rejected|turned down) (?:our|the|his|her|their) (?P<job>job )?offer"
    r"|backed out of (?:joining|(?:the|her|his) (?:job|role)))\b"
    rf"(?(job)|(?=.*{_PERSON}))",
    re.I,
)
"""Who was to come does not, and what was to be will not be after all. By the same words somebody misses a meeting, and
a customer turns an offer down."""
DENIED_TYPES = {
    "rais": E.FUNDING, "laun": E.PRODUCT_LAUNCH, "ship": E.PRODUCT_LAUNCH, "hire": E.HIRING, "part": E.PARTNERSHIP,
}  # fmt: skip
"""First four letters of a denied verb → type; every other is a deal."""

ELSEWHERE = re.compile(
    r"\b(?:competitors?|rivals?|did (?:you|anyone) see|have you seen|saw that|apparently|according to|heard (?:that )?|"
    r"read that|in the news|portfolio company|(?-i:(?!We\b|I\b)[A-Z])\w+ (?:just )?(?:raises|launches|acquires|crosses|"
    r"hits|announces|files|beats|posts|cuts|lands|closes|posted|acquired|raised))\b",
    re.I,
)
"""It happened to somebody else, or was read somewhere."""
