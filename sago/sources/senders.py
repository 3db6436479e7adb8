"""Who wrote a message, as its source's own payload tells."""

from __future__ import annotations

from typing import Any

from sago.domain.mails import address_of
from sago.domain.messages import Message
from sago.ports import Identity
from sago.sources import gmail, slack
from sago.sources.mail_parts import headers_of, name_in, senders_in

_SLACK_NAMES = ("display_name", "real_name", "name")
_LONGEST_NAME = 200


def sender_of(message: Message) -> Identity | None:
    """None where the payload does not name one: it was cut or emptied, is an app's, or came from a file of ours."""
    if message.deleted or message.raw_cut:
        return None
    if message.source == slack.SOURCE:
        return _of_slack(message.raw)
    if message.source == gmail.SOURCE:
        return _of_mail(message)
    return None


def _of_slack(event: dict[str, Any]) -> Identity | None:
    """A `user` of Slack's (docs.slack.dev/reference/events/message); one that an app posts for is told by the list of
    users alone."""
    user = event.get("user")
    if not isinstance(user, str) or not user or event.get("bot_id") or event.get("team") == slack.IMPORT_TEAM:
        return None
    profile = event.get("user_profile")
    said = [profile.get(key) for key in _SLACK_NAMES] if isinstance(profile, dict) else []
    name = next((each for each in said if isinstance(each, str) and each), "")
    return Identity(user, _one_line(name))


def _of_mail(message: Message) -> Identity | None:
    """The mailbox and display name of From (RFC 5322, 3.6.2)."""
    address = address_of(message.sender)
    if address.count("@") != 1:
        return None
    tree = message.raw.get("payload")
    header = headers_of(tree).get("from", "") if isinstance(tree, dict) else ""
    known = [address_of(each) for each in senders_in(header)] == [address]
    return Identity(address, _one_line(name_in(header)) if known else "", address)


def _one_line(name: str) -> str:
    return " ".join(name.split())[:_LONGEST_NAME]
