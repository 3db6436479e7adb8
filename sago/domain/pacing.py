"""When a letter may go: inside its reader's working hours, and not more of them than the caps allow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sago.domain.mails import Mail

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: tuple[Weekday, ...] = get_args(Weekday)


class SendWindow(BaseModel):
    """On these days, from the hour `opens` until the hour `closes`, by the clock on the reader's wall."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    opens: int = Field(9, ge=0, le=23)
    closes: int = Field(17, ge=1, le=24)
    days: tuple[Weekday, ...] = Field(WEEK[:5], min_length=1)

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        if self.opens >= self.closes:
            raise ValueError(f"opens at {self.opens}, closes at {self.closes}: it must open before it closes")
        return self

    def __str__(self) -> str:
        return f"{self.opens}:00 to {self.closes}:00 on {' '.join(self.days)}"

    def _is_day(self, day: date) -> bool:
        return WEEK[day.weekday()] in self.days

    def next_open(self, at: datetime, zone: str) -> datetime:
        """The first moment from `at` on that lies inside, in UTC. An hour that a change of clocks leaves out counts
        from where the clock goes on; one that comes twice, from its first time."""
        local = at.astimezone(ZoneInfo(zone))
        if self._is_day(local.date()) and self.opens <= local.hour < self.closes:
            return at.astimezone(UTC)
        day = local.date() if local.hour < self.opens else local.date() + timedelta(days=1)
        while not self._is_day(day):
            day += timedelta(days=1)
        return datetime.combine(day, time(self.opens), ZoneInfo(zone)).astimezone(UTC)


class Cap(BaseModel):
    """At most so many letters in any so many days."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    most: int = Field(ge=1)
    days: int = Field(ge=1, le=365)

    @property
    def period(self) -> timedelta:
        """The days as a length of time."""
        return timedelta(days=self.days)


class Caps(BaseModel):
    """How many letters one firm sends to one person, about one company and in all. What other firms send counts for
    none of them: a firm would learn of it by the wait."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: Cap = Cap(most=1, days=7)
    company: Cap = Cap(most=5, days=7)
    firm: Cap = Cap(most=20, days=7)

    @property
    def longest(self) -> timedelta:
        """What went before then counts for none of them."""
        return max(self.person.period, self.company.period, self.firm.period)


class Wait(NamedTuple):
    """Until when a mail waits, and for what."""

    until: datetime
    why: str


def capped(mail: Mail, others: Sequence[Mail], caps: Caps, now: datetime) -> Wait | None:
    """The longest wait that a cap asks for, or None; `others` of its firm went out or may have, oldest first."""
    shares = {
        f"to {mail.address}": (caps.person, [each for each in others if each.address == mail.address]),
        f"about {mail.company_id}": (caps.company, [each for each in others if each.company_id == mail.company_id]),
        f"for the firm {mail.firm_id}": (caps.firm, others),
    }
    waits = [
        Wait(until, f"{whose}: no more than {cap.most} in {cap.days} days")
        for whose, (cap, mails) in shares.items()
        if (until := _room_at(cap, mails, now))
    ]
    return max(waits, default=None)


def _room_at(cap: Cap, others: Sequence[Mail], now: datetime) -> datetime | None:
    """When there is room for one more; of a claimed one it is known once its lease is over."""
    counted = [each for each in others if each.sent_at is None or each.sent_at > now - cap.period]
    if len(counted) < cap.most:
        return None
    last = counted[len(counted) - cap.most]
    return last.sent_at + cap.period if last.sent_at else last.lease_until or now + timedelta(minutes=1)
