"""The parts of an offline letter: opening, news, the other side, and one thing asked for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from sago.domain.events import Event, EventType, Severity
from sago.domain.letters import Highlight, LetterRequest
from sago.domain.voices import Formality
from sago.domain.watches import Direction, Outcome
from sago.domain.wording import day
from sago.llm.letters.answers import answers, reason
from sago.llm.letters.phrasing import Phrases, capital, one_line
from sago.llm.letters.tellings import Manner, Telling, by_theme, tell

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
    why, facts = reason(request), " ".join(answers(request, phrases))
    my, i = ("my", "I") if to_founder(request) else ("your", "you")
    met = _met(request)
    recalled = f"{my} reason for passing was “{{why}}”" if why else f"{i} thought it was too early"
    begun = f"When we met{met}, {recalled}."
    turns = ["That no longer holds.", "That has changed.", *(["The reason is gone."] if why else [])]
    if not request.answers_all:
        turns = ["This much has changed since.", "What has changed since:"] if facts else [""]
    turn = phrases.pick("turn", *turns)
    if is_terse(request):
        return phrases.say(f"{begun} {{facts}}", why=why, facts=facts)
    forms = [f"{begun} {turn} {{facts}}"]
    if request.answers_all:
        forms.append(f"{{facts}} {begun} {turn}")
    if why and met and to_founder(request):
        forms.append(f"My note from our meeting{met} reads “{{why}}”. {turn} {{facts}}")
    elif why and met:
        forms.append(f"You told me{met} why it was too early for you: “{{why}}”. {turn} {{facts}}")
    return (
        phrases.pick("opening", *forms, why=why, facts=facts)
        if facts
        else phrases.say(f"{begun} {turn}".rstrip(), why=why)
    )


def lead(request: LetterRequest, phrases: Phrases, first: Telling) -> str:
    """An update's strongest fact."""
    name = one_line(request.company.name)
    if first.manner is not Manner.CLAUSE:
        begun = "I have kept following {name}." if to_founder(request) else "A short update from {name}."
        return phrases.say(f"{begun} {{fact}}", name=name, fact=first.sentence)
    fields = {"name": name, "fact": first.clause, "Fact": capital(first.clause)}
    met = request.watch.met_on
    after = met is not None and bool(request.watch.reason) and first.event.occurred_at.date() > met
    since = [f"Since we met{_met(request)}, {{fact}}."] if after else []
    if to_founder(request):
        forms = ["I saw that {fact}.", "I have kept following {name}, and saw that {fact}."]
    else:
        forms = ["{Fact}.", "A short update from {name}: {fact}."]
    return phrases.pick("lead", *forms, *since, **fields)


def news(request: LetterRequest, phrases: Phrases, told: Sequence[Telling]) -> str:
    """The facts beside the first: prose while they are few and each is a clause, else a list by theme."""
    if not told:
        return ""
    as_list = len(told) >= LIST_FROM or (len(told) == LIST_FROM - 1 and phrases.pick("list", "", "yes") == "yes")
    if (as_list and not is_terse(request)) or any(each.manner is not Manner.CLAUSE for each in told):
        return _list(request, phrases, told)
    return _prose(request, phrases, [each.clause for each in told])


def _prose(request: LetterRequest, phrases: Phrases, clauses: list[str]) -> str:
    """A sentence or two for each clause of its own: nobody takes the figure of one for the other's."""
    first, *others = clauses
    saw = ["I also saw that {fact}."] if to_founder(request) else ["{Fact}."]
    begun = phrases.pick("prose", "Beyond that, {fact}.", *saw, fact=first, Fact=capital(first))
    return " ".join([begun, *(f"{capital(each)}." for each in others)])


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
        f"- {theme}: {' '.join(each.sentence for each in group)}"
        for theme, group in groupby(by_theme(told), key=lambda each: each.theme)
    ]
    return "\n".join([begun, "", *lines])


def _since_met(request: LetterRequest, told: Sequence[Telling]) -> bool:
    met = request.watch.met_on
    return met is not None and bool(request.watch.reason) and all(each.event.occurred_at.date() > met for each in told)


def other_side(request: LetterRequest, phrases: Phrases) -> str:
    """The strongest setback among what the letter rests on, in one sober sentence; in its proof's own words only where
    it is severe."""
    told = [tell(event, request) for event in request.events if event.event_type is EventType.SETBACK]
    fit = [each for each in told if each.manner is Manner.CLAUSE or each.event.severity is Severity.HIGH]
    if not fit:
        return ""
    worst = min(fit, key=lambda each: (each.manner, -each.event.severity.rank))
    if worst.manner is Manner.QUOTE:
        return worst.sentence
    if worst.manner is Manner.TITLE:
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
    minutes = "30 minutes" if to_founder(request) else "20 minutes"
    if is_terse(request):
        forms = ["Do you have {minutes} for a call next week?", "Free for {minutes} next week?"]
        return phrases.pick("ask", *forms, minutes=minutes)
    if voice and voice.formality is Formality.FORMAL:
        begun = "Would you have {minutes} for a call next week?"
    else:
        begun = phrases.pick(
            "ask",
            "Would a call of {minutes} next week suit you?",
            "Could we speak for {minutes} next week?",
            "Do you have {minutes} for a call next week?",
            minutes=minutes,
        )
    return phrases.say(f"{begun} I would like to {{about}}.", minutes=minutes, about=about)


def _question(request: LetterRequest, phrases: Phrases, told: Sequence[Event]) -> str:
    """What the call is for, by the strongest fact that a question can be asked about."""
    about = next(filter(None, (_about(event, request, phrases) for event in told)), None)
    if to_founder(request):
        ends = ("what you need next", "what comes next for you", "where you could use help", "what you plan from here")
        return f"{about or 'hear what is behind this'}, and {phrases.pick('end', *ends)}"
    ends = (
        "what is still missing for you",
        "your questions",
        "what you would want to see next",
        "where you still doubt",
    )
    return f"{about or 'go through the details with you'}, and hear {phrases.pick('end', *ends)}"


def _about(event: Event, request: LetterRequest, phrases: Phrases) -> str:
    mine = not to_founder(request)
    if event.event_type is EventType.ENTERPRISE_DEAL:
        return "tell you how that deal came about" if mine else "hear how that deal came about"
    if any(metric.name in ("nrr", "grr") for metric in event.metrics):
        return "show you what is behind the retention" if mine else "understand what is behind the retention"
    if event.event_type is EventType.REVENUE_MILESTONE:
        forms = ["show you the revenue customer by customer", "go through the revenue with you line by line"]
        if not mine:
            forms = ["understand where the revenue comes from", "hear who is behind that revenue"]
        return phrases.pick("about", *forms)
    return ""


def highlights(told: Sequence[Telling], body: str) -> tuple[Highlight, ...]:
    """The facts that have a line of their own; what stands in sentences, or shares a line, is the body's."""
    lines = [Highlight(heading=each.theme, text=each.sentence, event_id=each.event.id) for each in told]
    written = body.split("\n")
    return tuple(line for line in lines if f"- {line.heading}: {line.text}" in written)


def _met(request: LetterRequest) -> str:
    met_on = request.watch.met_on
    return f" on {day(met_on, beside=request.as_of)}" if met_on else ""
