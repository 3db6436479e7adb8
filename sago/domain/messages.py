"""A message as it travels through Kafka, rests in the raw store and waits in Redis."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_serializer,
    model_validator,
)

from sago.errors import InvalidMessageError

TEXT_LIMIT = 256 * 1024
"""Bytes of UTF-8 in `text`."""
RAW_LIMIT = 400 * 1024
"""Bytes of JSON in `raw`; a larger payload is cut and marked."""
VALUE_LIMIT = 900 * 1024
"""Bytes of a whole Kafka value."""
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_JSON = TypeAdapter[Any](Any, config=ConfigDict(ser_json_inf_nan="constants"))
_SAID = ("user", "text", "blocks")
"""Of a payload: who says what, in the vendor's own words."""
FUTURE_TOLERANCE = timedelta(minutes=10)


def to_utc_ms(moment: datetime) -> datetime:
    """The moment in UTC, cut to whole milliseconds; a naive one is refused."""
    if moment.tzinfo is None:
        raise ValueError("has no time zone")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999") from None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def iso_ms(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and a `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[datetime, AfterValidator(to_utc_ms)]
COMPANY_ID = r"^[a-z0-9][a-z0-9_-]{0,63}$"
COMPANY_ID_IN_WORDS = "a-z, 0-9, _ and -, at most 64, a letter or digit first"
SOURCE = r"^[a-z][a-z0-9_]{0,31}$"
CompanyId = Annotated[str, Field(pattern=COMPANY_ID)]
SourceName = Annotated[str, Field(pattern=SOURCE)]


def source_of(message_id: str) -> str:
    """`slack` of `slack:1042`."""
    return message_id.partition(":")[0]


def id_in(topic: str) -> str:
    """How the ids of what comes in a topic begin: `slack:` of `slack-messages`."""
    return f"{topic.removesuffix('-messages')}:"


def native_id(message_id: str) -> str:
    """The source's or the file's own id: without the source before it."""
    return message_id.partition(":")[2] or message_id


class MessageRef(NamedTuple):
    """Names one message version wherever it is stored; sorts by time."""

    company_id: str
    sent_at: datetime
    message_id: str
    version: int


class MessageKey(NamedTuple):
    """What makes a message version one and the same within its company."""

    message_id: str
    version: int


class CompactMessage(BaseModel):
    """What extraction needs of a message: no raw payload. A deletion has an empty text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    version: int = 0
    source: SourceName
    sent_at: Moment
    sender: str
    thread_id: str | None = None
    text: str

    @property
    def key(self) -> MessageKey:
        return MessageKey(self.id, self.version)

    def ref(self, company_id: str) -> MessageRef:
        return MessageRef(company_id, self.sent_at, self.id, self.version)

    @field_serializer("sent_at")
    def _moment(self, moment: datetime) -> str:
        return iso_ms(moment)


class Message(BaseModel):
    """One version of one message of one company, checked against the schema before Kafka and after it.

    `id` is `<source>:<native id>`. `version` 0 is the original; an edit or deletion carries its time in µs since the
    epoch. `sent_at` is the original's time in every version. `text` is what extraction reads and quotes are found in;
    for a mail with a subject of its own it begins with the line `Subject: …` and an empty line.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal[1] = Field(1, alias="schema")
    id: str = Field(min_length=3, max_length=512)
    version: int = Field(0, ge=0, lt=2**63)
    company_id: CompanyId
    source: SourceName
    sender: str = Field(max_length=512)
    sent_at: Moment
    edited_at: Moment | None = None
    deleted: bool = False
    thread_id: str | None = Field(None, max_length=512)
    subject: str | None = Field(None, max_length=2000)
    text: str
    raw: dict[str, Any] = Field(default_factory=dict)
    raw_cut: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.id.startswith(f"{self.source}:"):
            raise ValueError(f"id must begin with '{self.source}:'")
        if not self.native_id:
            raise ValueError(f"id ends behind '{self.source}:': it names no message")
        if self.deleted and self.text:
            raise ValueError("a deletion has no text")
        if not self.deleted and not self.text.strip():
            raise ValueError("text is empty")
        words = (self.id, self.sender, self.thread_id, self.subject, self.text)
        if any(word and "\x00" in word for word in words):
            raise ValueError("id, sender, thread_id, subject or text holds a NUL character")
        try:
            size = len(self.text.encode())
        except UnicodeEncodeError:
            raise ValueError("text is not valid Unicode (lone surrogate)") from None
        if size > TEXT_LIMIT:
            raise ValueError(f"text is over {TEXT_LIMIT // 1024} kB")
        return self

    @property
    def key(self) -> MessageKey:
        return MessageKey(self.id, self.version)

    @property
    def ref(self) -> MessageRef:
        return MessageRef(self.company_id, self.sent_at, self.id, self.version)

    @property
    def native_id(self) -> str:
        return self.id.partition(":")[2]

    @property
    def day(self) -> str:
        """The partition day of the raw store: `sent_at` in UTC as YYYY-MM-DD."""
        return self.sent_at.strftime("%Y-%m-%d")

    def content_sha(self) -> bytes:
        """SHA-256 of what makes two deliveries of one version the same: sender, sent_at, subject, text, deleted."""
        content = [self.sender, iso_ms(self.sent_at), self.subject, self.text, self.deleted]
        return hashlib.sha256(json.dumps(content).encode("ascii")).digest()

    def retells(self, other: Message) -> bool:
        """Whether the vendor said the same in both: the same content, or, where people have got other names since and
        are shown otherwise, the same `text` of the same `user` in the payloads."""
        if self.content_sha() == other.content_sha():
            return True
        one, two = ({key: raw[key] for key in _SAID if key in raw} for raw in (self.raw, other.raw))
        return bool(one.get("text")) and one == two and self.deleted == other.deleted

    def compact(self) -> CompactMessage:
        """The message without its raw payload."""
        return CompactMessage(
            id=self.id,
            version=self.version,
            source=self.source,
            sent_at=self.sent_at,
            sender=self.sender,
            thread_id=self.thread_id,
            text=self.text,
        )

    def check_time(self, now: datetime) -> None:
        """Raise InvalidMessageError when `sent_at` lies before 1990 or more than ten minutes after `now`."""
        if self.sent_at < EARLIEST:
            raise InvalidMessageError(
                f"sent_at {iso_ms(self.sent_at)} is before 1990", message_id=self.id, field="sent_at"
            )
        if self.sent_at > now + FUTURE_TOLERANCE:
            raise InvalidMessageError(
                f"sent_at {iso_ms(self.sent_at)} is more than 10 minutes in the future",
                message_id=self.id,
                field="sent_at",
            )

    def to_json(self) -> bytes:
        """The Kafka value: UTF-8 JSON, absent optional fields left out, `raw` over its limit cut and marked.

        Raises InvalidMessageError when the whole is still over 900 kB or holds a lone surrogate.
        """
        # raw as it is: pydantic refuses what is nested over 255 deep, though the message was taken
        body = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"raw"}) | {"raw": self.raw}
        for moment in ("sent_at", "edited_at"):
            if moment in body:
                body[moment] = iso_ms(getattr(self, moment))
        for flag in ("deleted", "raw_cut"):
            if not body[flag]:
                del body[flag]
        try:
            value = _dump(body)
            if len(value) > RAW_LIMIT and len(_dump(self.raw)) > RAW_LIMIT:
                value = _dump(body | {"raw": {}, "raw_cut": True})
        except UnicodeEncodeError as error:
            raise InvalidMessageError("text is not valid Unicode (lone surrogate)", message_id=self.id) from error
        if len(value) > VALUE_LIMIT:
            raise InvalidMessageError(f"value is over {VALUE_LIMIT // 1024} kB", message_id=self.id)
        return value

    @classmethod
    def from_json(cls, value: bytes) -> Message:
        """The message in a Kafka value; raises InvalidMessageError with the first field that is wrong."""
        if len(value) > VALUE_LIMIT:
            raise InvalidMessageError(f"value is over {VALUE_LIMIT // 1024} kB")
        try:
            body = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise InvalidMessageError(f"not JSON: {error}") from error
        return cls.parse(body)

    @classmethod
    def parse(cls, body: object) -> Message:
        """The message in a decoded JSON value; raises InvalidMessageError with the first field that is wrong."""
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            reason = re.sub(r"^Value error, ", "", first["msg"])
            identity = body.get("id") if isinstance(body, dict) else None
            subject = reason.split(" ", 1)[0]  # a check of the whole begins with the field it found wrong
            raise InvalidMessageError(
                f"{field}: {reason}" if field else reason,
                message_id=identity if isinstance(identity, str) else None,
                field=field or (subject if subject in cls.model_fields else None),
            ) from error


def _dump(value: object) -> bytes:
    """By pydantic, in a third of the time that Python takes; what is nested over 255 deep it gives up."""
    try:
        return _JSON.dump_json(value)
    except ValueError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
