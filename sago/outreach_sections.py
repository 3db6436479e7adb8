"""The blocks `outreach` and `smtp` of config.yaml; apart from the others for their number."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from sago.domain.events import EventType
from sago.domain.hosts import is_private
from sago.domain.mails import TimeZone
from sago.domain.pacing import Caps, SendWindow
from sago.domain.significance import HALF_LIFE_DAYS, HALF_LIVES, WORTH_A_LETTER, Scale
from sago.sections import Cron, Section, said

HalfLives = dict[EventType | Literal["default"], Annotated[float, Field(gt=0)]]
DEFAULT_HALF_LIVES: HalfLives = {"default": HALF_LIFE_DAYS, **dict(HALF_LIVES.items())}


class SignificanceSettings(Section):
    """What events weigh, and when every watch is judged."""

    nightly: Cron = "30 3 * * *"
    threshold: float = Field(WORTH_A_LETTER, ge=0)
    """Of an update: below it there is nothing worth a letter."""
    half_life_days: HalfLives = Field(default_factory=lambda: dict(DEFAULT_HALF_LIVES))
    """By event type; `default` for those not named."""

    @property
    def scale(self) -> Scale:
        """What scores are measured with."""
        by_type = {name: days for name, days in self.half_life_days.items() if isinstance(name, EventType)}
        default = self.half_life_days.get("default", HALF_LIFE_DAYS)
        return Scale(default_half_life_days=default, half_life_days=by_type, threshold=self.threshold)


class NoticeSettings(Section):
    """What the person behind a watch is told first."""

    most: int = Field(8, ge=1, le=50)
    """Items of one mail; the weightiest first, the others the next day."""
    sender: str | None = Field(None, pattern=r"^[^<>\r\n]+ <[^@\s<>,]+@[^@\s<>,]+>$")
    """In whose name they go: the house's own, never that of anybody who is written to. Without it none goes through
    `smtp.host`."""


class OutreachSettings(Section):
    """When letters are composed, where drafts lie, when and how approved ones go, and when people are told."""

    schedule: Cron = "0 9 1 * *"
    provider: str | None = None
    """Who writes letters and proposes conditions; `extraction.provider` where it is not set."""
    setback_days: int = Field(60, ge=0)
    watches: int = Field(50, ge=1)
    """Of one company that a firm may keep by the API at once."""
    highlights: int = Field(5, ge=3, le=8)
    significance: SignificanceSettings = Field(default_factory=SignificanceSettings)
    folder: Path = Path("output/outreach")
    digest: Cron = "0 * * * *"
    """When it is looked whose hour for notices has come."""
    notice: NoticeSettings = NoticeSettings()
    tick: Literal["offline", "always", "never"] = "offline"
    """Whose letters are ticked claim by claim before approval."""
    deliver_every: float = Field(30.0, ge=1)
    """Seconds between rounds of delivery."""
    late_after: float = Field(900.0, ge=1)
    """Seconds after which mails that wait for the mail server, or for a round, are a problem in `sago status`."""
    undo: float = Field(60.0, ge=0)
    """Seconds in which an approval can be taken back."""
    fresh_for: int = Field(14, ge=1)
    """Days after its newest fact in which a letter is still news; then it is not sent any more."""
    timezone: TimeZone = "UTC"
    """Of people whose own is not known."""
    window: SendWindow = SendWindow()
    caps: Caps = Caps()
    unsubscribe_url: str | None = Field(None, pattern=r"^https://[^\s/]+(/\S*)?$")
    """Where the API's `/unsubscribe` is reached from outside; mails carry a link to it where it is set."""
    unsubscribe_mailto: str | None = Field(None, pattern=r"^[^@\s<>,]+@[^@\s<>,]+$")
    """A mailbox that a person reads, offered beside the link, or alone."""
    unsubscribe_secret: Annotated[SecretStr | None, BeforeValidator(said)] = None
    """What links are signed with, 32 characters or more; another one makes those in mails sent before void."""

    @model_validator(mode="after")
    def _links_are_signed(self) -> Self:
        secret = self.unsubscribe_secret.get_secret_value() if self.unsubscribe_secret else ""
        if self.unsubscribe_url and len(secret) < 32:
            raise ValueError(
                "unsubscribe_url is set, and no secret of 32 characters or more to sign its links with: "
                "set SAGO_OUTREACH__UNSUBSCRIBE_SECRET (`openssl rand -hex 32`)"
            )
        return self


class SmtpSettings(Section):
    """The mail server; without a host mails are written as files."""

    host: str | None = None
    port: int = Field(587, ge=1, le=65535)
    starttls: bool = True
    """Whether the connection is encrypted, and nothing sent where the server does not offer it."""
    ca_file: Path | None = None
    """PEM; the system's authorities where it is not set."""
    username: str | None = None
    password: Annotated[SecretStr | None, BeforeValidator(said)] = None
    envelope_from: str | None = Field(None, pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    """Where bounces go; the sender's own address where it is not set."""
    helo: str | None = Field(None, pattern=r"^[A-Za-z0-9.\[\]:-]+$")
    """What we call ourselves; this machine's name where it is not set."""
    timeout: float = Field(10.0, gt=0, le=12)
    """Seconds for one answer, all of it; those before a mail's content have 40 together, it and its answer two minutes:
    a whole talk ends within a task's limits."""

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password (SAGO_SMTP__PASSWORD) go together: set both, or neither")
        if not self.starttls and self.host and not is_private(self.host):
            raise ValueError(
                f"starttls is false, and {self.host} is not an address of this machine or a private network: "
                "mails would cross the network in clear; set starttls to true"
            )
        return self
