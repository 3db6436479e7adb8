"""The parts of an offline letter: opening, news, the other side, and one thing asked for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from sago.domain.events import Event, EventType, Severity
from sago.domain.letters import Highlight, LetterRequest
from sago.domain.voices import Formality
from sago.domain.watches import Direction, Outcome
from sago.domain.wording import day, one_line
from sago.llm.letters.answers import answering, answers, reason
from sago.llm.letters.phrasing import Phrases, capital
from sago.llm.letters.tellings import Manner, Telling, by_theme, tell
from sago.llm.letters.titles import is_noted

LIST_FROM = 4
"""Facts from which a list reads better than prose; at three it depends on the letter."""
TERSE = 60
"""Words of a median mail up to which its writer says no more than needed."""


def is_terse(request: LetterRequest) -> bool:
    """Whether the sender writes short mails."""
    return request.watch.voice is not None and request.watch.voice.words <= TERSE


def to_founder(request: LetterRequest) -> bool:
    return request.watch.direction is Direction.TO_FOUNDER


def objection(request: LetterRequest, phrases: Phrases) -> str:
    """The reason recalled and answered, the reason or the fact first."""
    told = answers(request, phrases)
    why, facts, met = reason(request), " ".join(told), _met(request)
    my, i = ("my", "I") if to_founder(request) else ("your", "you")
    recalled = f"{my} reason for passing was “{{why}}”" if why else f"{i} thought it was too early"
    begun = f"When we met{met}, {recalled}."
    if not facts:
        turn = phrases.pick("turn", *_gone(why)) if request.answers_all else ""
        return phrases.say(f"{begun} {turn}".rstrip(), why=why)
    if is_terse(request):
        return phrases.say(f"{begun} {{facts}}", why=why, facts=facts)
    recollections = [*_recollections(request, why, met), begun]
    if request.answers_all:
        turn = phrases.pick("turn", *_gone(why))
        forms = [f"{each} {turn} {{facts}}" for each in recollections] + [f"{{facts}} {begun} {turn}"]
        return phrases.pick("opening", *forms, why=why, facts=facts)
    turns = ["This much has changed since. {facts}", "There is news since. {facts}", "Here is what is new. {facts}"]
    forms = [f"{each} {phrases.choose('turn', *turns)}" for each in recollections]
    forms += (
        [f"{{facts}} I am writing because of what {i} told {_whom(request)}{met}: “{{why}}”."] if why and met else []
    )
    return phrases.pick("opening", *forms, why=why, facts=facts)


def _gone(why: str) -> list[str]:
    return ["That no longer holds.", "That has changed.", *(["The reason is gone."] if why else [])]


def _recollections(request: LetterRequest, why: str, met: str) -> list[str]:
    """Other ways to recall the reason, by what is known of it."""
    if not met:
        return []
    if not why:
        return [f"{capital(met.strip())} {'I' if to_founder(request) else 'you'} thought it was too early."]
    if to_founder(request):
        return [f"My note from our meeting{met} reads “{{why}}”.", f"“{{why}}” is what I wrote after we met{met}."]
    return [
        f"You told me{met} why it was too early for you: “{{why}}”.",
        f"“{{why}}” is what you told me when we met{met}.",
    ]


def _whom(request: LetterRequest) -> str:
    return "you" if to_founder(request) else "me"


def lead(request: LetterRequest, phrases: Phrases, first: Telling) -> str:
    """An update's strongest fact."""
    name = one_line(request.company.name)
    fields = {"name": name, "fact": first.clause, "Fact": first.sentence}
    met = request.watch.met_on
    after = met is not None and bool(request.watch.reason) and first.event.occurred_at.date() > met
    if is_noted(first.event.title):
        return first.sentence  # a title told in part: what stands before it would be taken for its words
    if first.manner is not Manner.CLAUSE:
        forms = ["I have kept following {name}. {Fact}", "I have kept an eye on {name}. {Fact}"]
        forms = (
            forms
            if to_founder(request)
            else ["A short update from {name}. {Fact}", "There is news from {name}. {Fact}"]
        )
        forms += [f"It is some time since we met{_met(request)}. {{Fact}}"] if after else []
        forms += ["{Fact}"] if first.manner is not Manner.TITLE else []
        return phrases.pick("lead", *forms, **fields)
    since = [f"Since we met{_met(request)}, {{fact}}."] if after else []
    if to_founder(request):
        forms = ["I saw that {fact}.", "I noticed that {fact}.", "{Fact} That is why I am writing."]
        forms += ["I have kept following {name}, and saw that {fact}."]
    else:
        forms = ["{Fact}", "A short update from {name}: {fact}.", "News from {name}: {fact}."]
    return phrases.pick("lead", *forms, *since, **fields)


def news(request: LetterRequest, phrases: Phrases, told: Sequence[Telling]) -> str:
    """The facts beside the first: prose while they are few and each is a clause, else a list by theme."""
    if not told:
        return ""
    as_list = len(told) >= LIST_FROM or (len(told) == LIST_FROM - 1 and phrases.pick("list", "", "yes") == "yes")
    is_prose = all(each.manner is Manner.CLAUSE for each in told) or len(told) == 1
    if (as_list and not is_terse(request)) or not is_prose:
        return _list(request, phrases, told)
    return _prose(request, phrases, told)


def _prose(request: LetterRequest, phrases: Phrases, told: Sequence[Telling]) -> str:
    """A sentence or two for each clause of its own: nobody takes the figure of one for the other's."""
    first, *others = told
    if first.manner is not Manner.CLAUSE or is_noted(first.event.title):
        return " ".join(each.sentence for each in told)
    saw = ["I also saw that {fact}."] if to_founder(request) else ["{Fact}"]
    forms = ["Beyond that, {fact}.", "There is more: {fact}.", *saw]
    begun = phrases.pick("prose", *forms, fact=first.clause, Fact=first.sentence)
    return " ".join([begun, *(each.sentence for each in others)])


def _list(request: LetterRequest, phrases: Phrases, told: Sequence[Telling]) -> str:
    met = _met(request) if request.verdict.outcome is Outcome.UPDATE else ""
    name = one_line(request.company.name)
    if to_founder(request):
        forms = ["What else stood out:", "I also noted:", "The rest of what I noted:"]
    else:
        forms = ["What else has moved:", "The rest, by theme:", "Also new at {name}:"]
        forms += [f"What else has changed since we met{met}:"] if met and _since_met(request, told) else []
    begun = phrases.pick("list lead", *forms, name=name)
    if len(told) == 1:
        return told[0].sentence
    lines = [
        f"- {theme}: {' '.join(each.line for each in group)}"
        for theme, group in groupby(by_theme(told), key=lambda each: each.theme)
    ]
    return "\n".join([begun, "", *lines])


def _since_met(request: LetterRequest, told: Sequence[Telling]) -> bool:
    met = request.watch.met_on
    return met is not None and bool(request.watch.reason) and all(each.event.occurred_at.date() > met for each in told)


def other_side(request: LetterRequest, phrases: Phrases) -> str:
    """The setbacks among what the letter rests on, in the order given and a sober sentence each; in their proofs' own
    words only those that are severe."""
    events = (event for event in request.events if event.id not in answering(request))
    told = [tell(event, request) for event in events if event.event_type is EventType.SETBACK]
    fit = [each for each in told if each.manner is Manner.CLAUSE or each.event.severity is Severity.HIGH]
    if not fit:
        return ""
    first, *others = fit
    return " ".join(dict.fromkeys([_worst(first, request, phrases), *(each.found for each in others)]))


def _worst(worst: Telling, request: LetterRequest, phrases: Phrases) -> str:
    """The setback that is told first."""
    if worst.manner is Manner.QUOTE:
        return worst.sentence
    if worst.manner is Manner.FACT:
        return f"{'I have also seen' if to_founder(request) else 'You should also know of'} {worst.text}{worst.when}."
    if worst.manner is not Manner.CLAUSE:
        return _introduced(worst, request, phrases)
    if to_founder(request):
        forms = [
            "I have also seen that {fact}, and I would like to hear how you are dealing with it.",
            "On the other side, {fact}; I would ask you about that too.",
        ]
    else:
        forms = ["Not everything went our way: {fact}.", "On the other side, {fact}."]
        forms.append("You should also know that {fact}.")
    return phrases.pick("other side", *forms, fact=worst.clause)


def _introduced(worst: Telling, request: LetterRequest, phrases: Phrases) -> str:
    """A setback that only its title tells."""
    if to_founder(request):
        forms = ["There is one more thing to ask you about: {fact}", "On the other side, and to ask you about: {fact}"]
    else:
        forms = ["You should also know this: {fact}", "On the other side: {fact}"]
    return phrases.pick("other side", *forms, fact=worst.sentence)


def ask(request: LetterRequest, phrases: Phrases, told: Sequence[Event]) -> str:
    """One call, and what it is for."""
    about = _question(request, phrases, told)
    voice = request.watch.voice
    fields = {"minutes": "30 minutes" if to_founder(request) else "20 minutes", "about": about}
    if is_terse(request):
        forms = ["Do you have {minutes} for a call next week?", "Free for {minutes} next week?", "A call next week?"]
        return phrases.pick("ask", *forms, **fields)
    if voice and voice.formality is Formality.FORMAL:
        return phrases.say("Would you have {minutes} for a call next week? I would like to {about}.", **fields)
    questions = [
        "Would a call of {minutes} next week suit you?",
        "Could we speak for {minutes} next week?",
        "Do you have {minutes} for a call next week?",
    ]
    forms = [f"{each} I would like to {{about}}." for each in questions]
    forms += [f"I would like to {{about}}. {each}" for each in questions]
    forms += ["Could we speak for {minutes} next week, so that I can {about}?"]
    return phrases.pick("ask", *forms, **fields)


def _question(request: LetterRequest, phrases: Phrases, told: Sequence[Event]) -> str:
    """What the call is for, by the strongest fact that a question can be asked about."""
    about = next(filter(None, (_about(event, request, phrases) for event in told)), None)
    if to_founder(request):
        ends = ("what you need next", "what comes next for you", "where you could use help", "what you plan from here")
        about = about or "hear what is behind this"
        hear = "" if about.startswith(("hear", "understand")) else "hear "
        return f"{about}, and {hear}{phrases.pick('end', *ends)}"
    ends = (
        "what is still missing for you",
        "your questions",
        "what you would want to see next",
        "where you still doubt",
    )
    return f"{about or 'go through the details with you'}, and hear {phrases.pick('end', *ends)}"


def _about(event: Event, request: LetterRequest, phrases: Phrases) -> str:
    if event.event_type is EventType.REVENUE_MILESTONE and any(
        metric.name in ("nrr", "grr") for metric in event.metrics
    ):
        return (
            "understand what is behind the retention"
            if to_founder(request)
            else "show you what is behind the retention"
        )
    asked, told = _QUESTIONS.get(event.event_type, ((), ()))
    forms = asked if to_founder(request) else told
    return phrases.pick(f"about:{event.event_type}", *forms) if forms else ""


_QUESTIONS: dict[EventType, tuple[tuple[str, ...], tuple[str, ...]]] = {
    EventType.ENTERPRISE_DEAL: (
        ("hear how that deal came about", "understand what that customer buys", "hear who decided at the customer"),
        (
            "tell you how that deal came about",
            "show you what that customer buys",
            "tell you who decided at the customer",
        ),
    ),
    EventType.REVENUE_MILESTONE: (
        ("understand where the revenue comes from", "hear who is behind that revenue"),
        ("show you the revenue customer by customer", "go through the revenue with you line by line"),
    ),
    EventType.FUNDING: (("hear what the money is for",), ("tell you what the money is for",)),
    EventType.USER_GROWTH: (("understand who is behind that usage",), ("show you who is behind that usage",)),
    EventType.TECHNICAL_ACHIEVEMENT: (("see that at work",), ("show you that at work",)),
    EventType.PRODUCT_LAUNCH: (("see it at work",), ("show it to you",)),
    EventType.PARTNERSHIP: (("hear how that partnership works",), ("tell you how that partnership works",)),
    EventType.MARKET_EXPANSION: (("hear what you learn there",), ("tell you what we learn there",)),
    EventType.CUSTOMER_SUCCESS: (("hear more from that customer",), ("tell you more of that customer",)),
    EventType.COMPLIANCE: (("hear what that opens for you",), ("tell you what that opens for us",)),
    EventType.HIRING: (("hear about the people you look for",), ("tell you about the people we look for",)),
}
"""What a call is asked for, by an investor and by a founder."""


def highlights(told: Sequence[Telling], body: str) -> tuple[Highlight, ...]:
    """The facts that have a line of their own; what stands in sentences, or shares a line, is the body's."""
    lines = [Highlight(heading=each.theme, text=each.line, event_id=each.event.id) for each in told]
    written = body.split("\n")
    return tuple(line for line in lines if f"- {line.heading}: {line.text}" in written)


def _met(request: LetterRequest) -> str:
    met_on = request.watch.met_on
    return f" on {day(met_on, beside=request.as_of)}" if met_on else ""
