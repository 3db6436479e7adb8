"""What the fault runs send, and what must come of it: the same messages over the in-memory adapters, undisturbed.

The `marker` provider makes that exact: a marked message gives one observation, whatever stands around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice
from random import Random

from sago.domain.events import Event, Observation
from sago.domain.messages import Message, MessageKey
from tests.unit.pipeline.house import House

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
NAMES = ("Anvil", "Borealis", "Cobalt", "Dorian", "Ember", "Fjord", "Granite", "Helix", "Isotope", "Juniper")
BY_STEP = [
    (40, "[[event enterprise_deal subject={name} metric=contract_value:{k}7000:USD severity=high]]"),
    (50, "[[event revenue_milestone metric=arr:{k}00000:USD]]"),
    (61, "[[event setback subject={name} severity=high]]"),
    (131, "[[event enterprise_deal subject=Cobalt status=denied]]"),
    (161, "[[event enterprise_deal subject=Ember metric=contract_value:9000:USD corrects=true]]"),
    (21, "[[event hiring subject={name} status=planned]]"),
]
"""Every so manyth message says such a thing: told again in chat and mail, denied, corrected, only planned."""


def text(n: int) -> str:
    """The text of a company's message by its number."""
    told = [(n // step, mark) for step, mark in BY_STEP if n % step == step - 1]
    marks = [mark.format(k=k + 1, name=NAMES[k % len(NAMES)]) for k, mark in told]
    return " ".join([f"standup {n}: still on the importer ü🚢", *marks])


def story(company: str, each: int) -> list[Message]:
    """Messages of chat and mail, 43 minutes apart; every hundredth is an edit of one just before it."""
    messages = []
    for n in range(each):
        source = "gmail" if n % 3 == 2 else "slack"
        edited = START + timedelta(days=20) if n % 100 == 99 else None
        of = n - 3 if edited else n
        messages.append(
            Message(
                id=f"{source}:{company}-{of}",
                version=int(edited.timestamp() * 1_000_000) if edited else 0,
                edited_at=edited,
                company_id=company,
                source=source,
                sender="ana@harbour.example" if source == "gmail" else "ana",
                sent_at=START + timedelta(minutes=43 * of),
                text=text(n),
            )
        )
    return messages


@dataclass(frozen=True)
class Load:
    """Messages of companies that are this load's alone: their ids begin with its name."""

    name: str
    companies: int
    each: int
    dead: frozenset[tuple[str, str]] = frozenset()
    """(company, message id) of those that must end in the dead letters; any other that does is lost."""

    @cached_property
    def stories(self) -> dict[str, list[Message]]:
        """Company → its messages in the order they were sent."""
        names = [f"{self.name}-{number:02}" for number in range(self.companies)]
        return {name: story(name, self.each) for name in names}

    @cached_property
    def messages(self) -> list[Message]:
        """All of them."""
        return [message for messages in self.stories.values() for message in messages]

    @cached_property
    def to_be_read(self) -> dict[str, set[MessageKey]]:
        """Company → the versions that must be in a batch: of each message the highest, and the original of an edit
        that came before it, as `slices` sees to."""
        return {company: {message.key for message in messages} for company, messages in self.stories.items()}

    def slices(self, size: int = 500) -> Iterator[list[Message]]:
        """All messages, companies mixed, each company's nearly in order, one in a hundred twice.

        Edits come last: one that is taken before its original would leave the original unread, and the count open.
        """
        chance = Random(7)  # noqa: S311 - a fixed order, no secret
        placed = [
            (n + chance.random() * 40 + (self.each if message.version else 0), message)
            for messages in self.stories.values()
            for n, message in enumerate(messages)
        ]
        mixed = iter([message for _, message in sorted(placed, key=lambda pair: pair[0])])
        while part := list(islice(mixed, size)):
            yield part + chance.sample(part, len(part) // 100)

    @cached_property
    def undisturbed(self) -> dict[str, tuple[list[Event], list[Observation]]]:
        """Company → events and observations of the same messages over memory."""
        return {
            company: over_memory([each for each in messages if (company, each.id) not in self.dead])
            for company, messages in self.stories.items()
        }


def over_memory(messages: Sequence[Message]) -> tuple[list[Event], list[Observation]]:
    """Events and current observations of one company's messages over the in-memory adapters."""
    house = House(threshold=200, chunk=100)
    house.store(*messages)
    house.run()
    while batch_id := house.buffer.claim(messages[0].company_id, START):
        house.dispatcher.open_batch(messages[0].company_id, batch_id)
        house.run()
    with house.database.begin() as tx:
        return tx.events.find(messages[0].company_id), tx.events.current(messages[0].company_id)


def facts(events: Sequence[Event]) -> list[dict[str, object]]:
    """Events in a form that compares."""
    return sorted((event.model_dump(mode="json") for event in events), key=lambda row: str(row["id"]))


def claims(observations: Sequence[Observation]) -> list[tuple[str, ...]]:
    """Observations in a form that compares: what was said where, not when we recorded it."""
    return sorted(
        (each.message_id, str(each.version), str(each.start), each.quote, str(each.event_type), str(each.status))
        for each in observations
    )
