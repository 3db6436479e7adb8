"""Dead letters of vendors' items, once a person has mended why."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sago.domain.batches import DeadLetter
from sago.domain.connections import ConnectionState, Route
from sago.domain.messages import VALUE_LIMIT, Message
from sago.errors import InvalidMessageError
from sago.pipeline.item_letters import kept_in
from sago.pipeline.replaying import Replaying
from sago.pipeline.storing import Storing
from sago.sections import CacheSettings
from sago.stores.memory.buffer import MemoryBuffer
from sago.stores.memory.dispatcher import MemoryDispatcher
from tests.unit.pipeline.scripted_source import NOW, SECRET, Table, connection_of, item
from tests.unit.pipeline.test_taking import CONNECTION, SOURCE, House


class Post(House):
    """A house whose log is stored as the bridge's tasks do, so that replays clear their letters."""

    def __init__(self) -> None:
        super().__init__()
        self.replaying = Replaying(Table(SOURCE), self.taking)
        buffer, topic_of = MemoryBuffer(CacheSettings()), self.taking.topic_of
        self.storing = Storing(self.raw, buffer, self.database, self.log, MemoryDispatcher(), topic_of)

    def settle(self) -> None:
        records = self.log.records("slack-messages")
        if records:
            replays = [record.headers.get("replay_of") for record in records]
            self.storing.store("all", [record.value for record in records], replays, self.clock.now())
        super().settle()
        self.clock.advance(timedelta(seconds=1))

    def one(self) -> DeadLetter:
        self.settle()
        (letter,) = self.letters()
        assert isinstance(letter, DeadLetter)
        return letter

    def route(self, container: str = "C2") -> None:
        with self.database.begin() as tx:
            tx.connections.route(
                Route(connection_id=CONNECTION.id, kind="container", key=container, company_id="bravo")
            )


@pytest.fixture
def post() -> Post:
    post = Post()
    post.take([item("C2", ["ana@x.example"], id="1", text="whose is this?", sender="U1")])
    return post


def test_once_its_channel_has_a_company_it_is_stored_and_the_letter_cleared(post: Post) -> None:
    letter = post.one()
    assert letter.origin == "item:slack/T1/slack:1/0"
    post.route()
    post.names = {"U1": "Dana"}
    assert post.replaying.unassigned() == [letter]
    assert post.replaying.replay(letter).company_id == "bravo"
    post.settle()
    assert post.letters() == []
    (message,) = post.published()
    assert (message.company_id, message.sender, message.text) == ("bravo", "Dana", "whose is this?")
    assert post.raw.read([message.ref]) == [message]


def test_while_nobody_has_said_whose_it_is_it_stays_where_it_is(post: Post) -> None:
    letter = post.one()
    with pytest.raises(InvalidMessageError, match="say whose its channel or domain is"):
        post.replaying.replay(letter)
    post.settle()
    assert post.letters() == [letter]
    assert post.published() == []


def test_one_that_is_stored_meanwhile_is_cleared_and_not_sent(post: Post) -> None:
    letter = post.one()
    post.route()
    post.take([item("C2", ["ana@x.example"], id="1", text="whose is this?", sender="U1")])
    post.settle()
    post.names = {"U1": "Dana"}
    post.replaying.replay(letter)
    assert len(post.published()) == 1
    assert post.letters() == []


def test_one_that_is_refused_again_after_its_replay_is_open_again(post: Post) -> None:
    letter = post.one()
    post.route()
    post.replaying.replay(letter)
    post.settle()
    with post.database.begin() as tx:
        tx.connections.unroute(CONNECTION.id, "container", "C2")

    again = [item("C2", ["ana@x.example"], id="1", text="whose is this?", sender="U1")]
    assert post.take(again).known == 1, "it is stored for bravo"
    post.raw.rows.clear()
    post.take(again)
    assert len(post.log.records("slack-messages.dlq")) == 2
    assert post.one().replayed_at is None


def test_what_is_not_shared_any_more_or_not_connected_is_not_sent(post: Post) -> None:
    letter = post.one()
    post.route()
    for change, reason in (
        ({"containers": ("C1",)}, "is left out now: not in the share"),
        ({"state": ConnectionState.REMOVED}, "is not connected any more"),
    ):
        with post.database.begin() as tx:
            tx.connections.save(CONNECTION.model_copy(update=change))
        with pytest.raises(InvalidMessageError, match=reason):
            post.replaying.replay(letter)
    assert post.published() == []


def test_a_direct_message_is_one_when_it_is_replayed_too(post: Post) -> None:
    house = connection_of(company_id=None, containers=("D7",))
    direct = item("D7", id="9", text="between the two of us")._replace(is_direct=True)
    post.taking.take(SOURCE, house, [direct])
    post.settle()
    letter = next(letter for letter in post.letters() if "slack:9" in letter.origin)
    assert kept_in(letter).item == direct
    post.route("D7")
    with post.database.begin() as tx:
        tx.connections.save(house.model_copy(update={"containers": ("*",)}))
    with pytest.raises(InvalidMessageError, match="is left out now: a direct message"):
        post.replaying.replay(letter)


def test_what_was_too_large_to_be_kept_or_was_erased_says_so(post: Post) -> None:
    post.take([item("C1", id="2", text="", more="x" * VALUE_LIMIT)])
    post.settle()
    large = next(letter for letter in post.letters() if "slack:1" not in letter.origin)
    for letter in (large, large.model_copy(update={"value": b""})):
        with pytest.raises(InvalidMessageError, match="too large to be kept, or was erased"):
            post.replaying.replay(letter)


def test_a_letter_of_any_other_origin_holds_its_message(post: Post) -> None:
    message = Message.parse(
        {"id": "slack:9", "company_id": "acme", "source": "slack", "sender": "", "sent_at": NOW, "text": SECRET}
    )
    other = post.one().model_copy(update={"origin": "log/slack-messages/0/7", "value": message.to_json()})
    assert post.replaying.replay(other) == message
    (record,) = post.log.records("slack-messages")
    assert record.headers == {"replay_of": "log/slack-messages/0/7"}
