"""What is not as it should be, one line each, for a person: the same in `sago status` and in the API's health."""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from sago.domain.batches import BatchState
from sago.domain.vitals import Condition, Health, OutboxVitals, QueueVitals, ServiceVitals
from sago.domain.wording import length


class Limits(NamedTuple):
    """Settings that the figures are held against."""

    trigger_threshold: int
    memory_pause_at: float
    reap_every: timedelta
    mail_server: str
    """As people know it: `smtp/mail.example:587`."""
    mails_late: timedelta
    """After so long a mail that waits for the server is told of."""
    undo: timedelta
    """How long an approved letter is not to be queued yet."""


ROUNDS, IN_A_ROUND = 6, 100
"""A batch that is to be taken up is, within so many of the reaper's rounds; it takes so many up in each."""


def complaints(health: Health, limits: Limits, memory_share: float | None, witnessed: Container[str]) -> list[str]:
    """The lines, what is down first. Of those `witnessed` somebody saw the beginning; others were asked later."""
    now = health.checked_at
    everyone = health.services | health.processes
    found = [_down(name, each, now, name in witnessed) for name, each in everyone.items() if not each.up]
    found += [f"{name} waits{_since(each, now)}: {each.reason}" for name, each in everyone.items() if _waits(each)]
    for name, source in health.data_sources.items():
        if source.status is Condition.DEGRADED:
            found.append(f"{name}: {source.lag} wait and none was stored for a minute: does the bridge run?")
    found += _of_batches(health.queue_status, limits.reap_every, now)
    if outbox := health.queue_status.outbox:
        found += of_mails(outbox, limits.mail_server, now)
    for breaker in health.queue_status.open_breakers or []:
        since, again = clock_time(breaker.since, now), clock_time(breaker.until, now)
        found.append(f"{breaker.name} is not asked since {since} UTC, tried again at {again} UTC: {breaker.reason}")
    if health.queue_status.recovered is False:
        found.append("redis was emptied: the next recovery, within a minute, queues again what no batch has read")
    if memory_share is not None and memory_share >= limits.memory_pause_at:
        found.append(f"redis: {memory_share:.0%} of its memory is used, the bridge pauses")
    return found


def clock_time(at: datetime, now: datetime) -> str:
    """Of today the time alone."""
    return f"{at:%H:%M:%S}" if abs(now - at) < timedelta(hours=12) else f"{at:%Y-%m-%d %H:%M}"


def _down(name: str, service: ServiceVitals, now: datetime, is_witnessed: bool) -> str:
    since = _since(service, now)
    if since and not is_witnessed:
        since = f", at least{since}"
    return f"{name} is down{since}: {service.reason}"


def _waits(service: ServiceVitals) -> bool:
    return service.up and service.reason is not None


def _since(service: ServiceVitals, now: datetime) -> str:
    if service.since is None:
        return ""
    return f" since {_ago(service.since, now)}"


def _of_batches(queue: QueueVitals, reap_every: timedelta, now: datetime) -> Iterator[str]:
    unfinished = sum(count for state, count in (queue.batches or {}).items() if state != BatchState.MERGED)
    late = reap_every * (ROUNDS + unfinished // IN_A_ROUND)
    since = queue.first_due
    if since is not None and now - since > late:
        yield (f"a batch is to be taken up since {_ago(since, now)} and nobody does: do beat and the store worker run?")
    failed = (queue.batches or {}).get(BatchState.FAILED, 0)
    oldest = (queue.oldest or {}).get(BatchState.FAILED)
    if not failed or oldest is None:
        return
    again = oldest.next_attempt_at
    when = f" at {clock_time(again, now)} UTC (in {length(again - now)})" if again and again > now else ""
    who = "1 batch failed and waits" if failed == 1 else f"{failed} batches failed and wait"
    yield f"{who} for a further attempt{when}: {oldest.reason or 'no reason was kept'}"


def of_mails(outbox: OutboxVitals, server: str, now: datetime) -> Iterator[str]:
    """What keeps mails from going, and what became of some."""
    if outbox.is_late and outbox.held_since:
        who = "1 mail waits" if outbox.held == 1 else f"{outbox.held} mails wait"
        yield (
            f"{who} for {server} since {_ago(outbox.held_since, now)}: {outbox.error or 'no reason was kept'}; nothing "
            "is lost and each is tried again: `sago doctor` asks the server and says what to mend"
        )
    elif outbox.is_late and outbox.idle_since:
        yield (
            f"a mail is to go since {_ago(outbox.idle_since, now)} and nobody sends it: do beat and the outreach "
            "worker run? `sago outreach deliver` sends it now"
        )
    if outbox.unknown:
        of = "1 letter" if outbox.unknown == 1 else f"{outbox.unknown} letters"
        yield (
            f"of {of} nobody knows whether it arrived: `sago outreach outbox` names it; look at the server's log, then "
            "`sago outreach resolve`"
        )


def _ago(since: datetime, now: datetime) -> str:
    return f"{clock_time(since, now)} UTC ({length(now - since)})"
