"""What a letter adds to its events without a figure, a date or a name is refused; true words of one's own are not."""

from __future__ import annotations

import pytest

from sago.domain.watches import Direction
from tests.unit.outreach.test_claims_in_words import asked, problems


@pytest.mark.parametrize(
    "sentence",
    [
        *(
            f"Kestrel Air signed at $340k a year{added}."
            for added in (
                ", replacing a competitor",
                " after a free pilot",
                " through your partner channel",
                " for all its airports",
                ", mostly for consulting",
                ", beating the offer of your competitors",
                " and will roll it out to every crew",
                ", subject to a review in the autumn",
                " after switching from a rival vendor",
                " at a steep discount",
                " and has already paid",
            )
        ),
        "Kestrel Air paid the $340k a year up front.",
        "Kestrel Air, introduced by one of our partners, signed at $340k a year.",
        "On 9 November the board approved the Kestrel Air contract at $340k a year.",
        "Meera closed Kestrel Air single-handedly.",
        "Meera, the head of sales, closed Kestrel Air.",
        "Meera, your cofounder, closed Kestrel Air.",
        *(
            f"Ruth Adeyemi joined as CFO{added}."
            for added in (
                " after the previous one was fired",
                " on 26 October from a public company",
                " and bought shares",
                " after ten years at a bank",
                " to prepare an IPO",
            )
        ),
        "Ruth Adeyemi, who knows our fund well, joined as CFO.",
        *(
            f"Your ARR reached $2.1M on 17 November{added}."
            for added in (
                ", all of it from self-serve customers",
                ", growing faster every month",
                " while burn came down",
                ", ahead of plan",
                ". That is net of churn",
                ", which puts you past every company in our portfolio",
                ", thanks to the price increase",
                ", which includes one-off services",
                ", as your accountants confirmed",
                " and the bank is happy",
                "; every customer is on an annual plan",
                ", on paper",
            )
        ),
        *(
            f"You have 214 paying customers{added}."
            for added in (
                ", and all of them renewed",
                " in healthcare",
                " now and none of them pays less than before",
                " on the free tier",
                ", and the waiting list is long",
            )
        ),
        "NRR was 118% this quarter, up on the quarter before.",
        "NRR came in at 118%, so existing customers pay more than they did.",
        "NRR came in at 118% for enterprise accounts.",
        "Osprey Health paused its pilot because of a security problem.",
        "Osprey Health paused its pilot to try a competitor.",
        "Osprey Health, your oldest customer, paused its pilot.",
        "Nobody has left.",
        "Customers love the product.",
        "You are hiring across the board.",
        "You told me that Kestrel Air would sign.",
        "You agreed to send the data room.",
        "Your product is now in use at hospitals.",
        "Every pilot converted.",
        "Your team has grown.",
        "Your costs fell.",
        "The growth comes from referrals.",
        "The engineers work nights.",
        "The board backs you.",
        "You moved into a bigger office.",
        "Your auditor signed off the numbers.",
        "I am told the whole team stays on.",
        "I hear that your prices went up.",
        "Congratulations on winning the airline of the year.",
        "How did you convince Kestrel Air to drop its vendor?",
    ],
)
def test_what_no_event_says_is_not_added(sentence: str) -> None:
    assert problems(sentence, asked())


@pytest.mark.parametrize(
    "sentence",
    [
        "Kestrel Air and Meera signed a contract at $340k a year.",
        "Meera of Kestrel Air signed at $340k a year.",
        "Kestrel Air's Meera signed at $340k a year.",
        "You have 214 paying customers, up from 198 since our meeting.",
        "You have 214 paying customers, up from 198 when we met.",
        "You have 214 paying customers, up from 198 when Ruth joined.",
        "NRR came in at 118%, thanks to Ruth Adeyemi.",
        "Ruth Adeyemi joined as CFO because Osprey Health paused its pilot.",
    ],
)
def test_nothing_is_tied_that_no_event_ties(sentence: str) -> None:
    assert problems(sentence, asked())


@pytest.mark.parametrize(
    "sentence",
    [
        "Our enterprise customers love us.",
        "We hired a team of engineers.",
        "I have sold some shares.",
        "We now export.",
    ],
)
def test_a_founder_adds_nothing_either(sentence: str) -> None:
    assert problems(sentence, asked(Direction.TO_INVESTOR))


@pytest.mark.parametrize(
    "sentence", ["The enterprise logo you had asked for is there too.", "We now have an enterprise logo."]
)
def test_what_was_asked_for_is_not_there_because_it_was_asked_for(sentence: str) -> None:
    wanted = asked(Direction.TO_INVESTOR)
    of = wanted.watch.model_copy(update={"reason": "ARR below 2M, no enterprise logo"})
    events = tuple(each for each in wanted.events if each.event_type != "enterprise_deal")
    assert problems(sentence, wanted.model_copy(update={"watch": of, "events": events}))


@pytest.mark.parametrize(
    "sentence",
    [
        "You crossed the $2M line on 17 November.",
        "Do you have 30 minutes next week?",
        "Could you spare 20 minutes next week?",
        "How about 45 minutes next week?",
        "That is $700k more than in January.",
        "Your ARR grew 50% from January to November.",
        "You grew ARR by half since January.",
        "You added 16 customers.",
        "I am in London next week, if that suits you better.",
        "I would like to bring my partner Helmut to the call.",
        "We spend most of our time with companies at this stage.",
        "I asked for one thing: $2M in ARR.",
        "In March I said it was too early, because ARR was below $2M.",
        "You have come a long way since March.",
        "Congratulations to you and the team on Kestrel Air.",
        "Kestrel Air is now a customer, at $340k a year for three years.",
        "Kestrel Air pays $340k a year.",
        "It was Meera who closed Kestrel Air.",
        "Meera's work on Kestrel Air: $340k a year for three years.",
        "Ruth Adeyemi came on board as CFO in October.",
        "You went from 198 to 214 paying customers.",
        "NRR of 118% tells me that customers stay and buy more.",
        "I saw that Osprey Health paused; what happened there?",
        "How did Kestrel Air come about?",
        "What would you need from an investor now?",
        "Tell me what you would do with more capital.",
        "I can make introductions if that helps.",
        "My assistant can find a time that suits you.",
        "I read your update with great interest.",
        "Looking forward to hearing from you.",
        "That changes my mind.",
        "Well done on Kestrel Air.",
        "I am in town on Thursday and could come by your office.",
        "If the timing is wrong, just say so.",
    ],
)
def test_true_words_of_a_persons_own_pass(sentence: str) -> None:
    assert problems(sentence, asked()) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "You crossed the $2M line on 9 November.",
        "You crossed the $3M line.",
        "That is $800k more than in January.",
        "That is $700k more than in March.",
        "That is $700k more than when we met.",
        "Your ARR is $700k.",
        "Your ARR grew 60% from January to November.",
        "Your ARR grew 50%.",
        "Your ARR grew 50% in November.",
        "Your NRR grew 50% since January.",
        "Your ARR doubled since January.",
        "You added 17 customers.",
        "You added 16 customers since we met.",
        "I asked for three things: $2M in ARR.",
        "I hear that you are in London next week.",
        "I am told you signed Kestrel Air on Thursday.",
        "If the board agrees, Kestrel Air signs.",
        "I would like to bring my partner Ruth Adeyemi to the call.",
        "Your partner Helmut called me.",
    ],
)
def test_what_is_counted_from_two_figures_is_counted_right(sentence: str) -> None:
    assert problems(sentence, asked())


def test_a_founder_is_not_lent_the_investors_words_about_themselves() -> None:
    assert problems("We spend most of our time in hospitals.", asked(Direction.TO_INVESTOR))
    assert problems("My partner Helmut joined.", asked(Direction.TO_INVESTOR))


def refused(sentence: str, direction: Direction = Direction.TO_FOUNDER) -> list[str]:
    """What keeps the letter back, by kind: an addition does not."""
    return [line.split(" ")[1] for line in problems(sentence, asked(direction)) if ": addition " not in line]


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("You signed Kestrel Air last spring.", "date"),
        ("You signed Kestrel Air a fortnight ago.", "date"),
        ("Kestrel Air has been with you for a decade.", "date"),
        ("Kestrel Air signed years ago.", "date"),
        ("Ruth Adeyemi joined as CFO months ago.", "date"),
        ("Ruth Adeyemi joined as head of sales.", "name"),
        ("Ruth Adeyemi joined as vice president.", "name"),
        ("Ruth Adeyemi joined as chief revenue officer.", "name"),
        ("You pay Kestrel Air $340k a year.", "wording"),
        ("Orchard pays Kestrel Air $340k a year.", "wording"),
        ("Kestrel Air owes $340k a year.", "wording"),
    ],
)
def test_a_wrong_time_office_or_payer_is_no_mere_addition(sentence: str, kind: str) -> None:
    assert kind in refused(sentence)


def test_a_founder_does_not_turn_the_payer_round_either() -> None:
    assert "wording" in refused("We pay Kestrel Air $340k a year.", Direction.TO_INVESTOR)
    assert refused("Kestrel Air pays us $340k a year.", Direction.TO_INVESTOR) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Kestrel Air signed days ago.",
        "Ruth Adeyemi joined as CFO weeks ago.",
        "Kestrel Air pays you $340k a year.",
        "I would be glad to come by in the spring.",
        "Could we speak in a fortnight?",
        "I am our head of partnerships and would like to join.",
        "I heard good things.",
    ],
)
def test_a_true_time_and_the_senders_own_pass(sentence: str) -> None:
    assert refused(sentence) == []


@pytest.mark.parametrize("sentence", ["I heard lufthansa signed.", "I see lufthansa as well, as does globex."])
def test_a_name_in_small_letters_that_the_sender_brings_in_is_shown(sentence: str) -> None:
    assert any("lufthansa" in line for line in problems(sentence, asked()))
