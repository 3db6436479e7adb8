"""Shares: what a founder lets a firm see."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from sago.api.moments import Until, wrong
from sago.api.shapes.events import EventShown
from sago.api.shapes.sent import Line, Sent
from sago.domain.batches import Held
from sago.domain.companies import EVERY_SOURCE, Granularity, Share, firm_id_of
from sago.domain.messages import SOURCE
from sago.domain.sharing import Preview, figures, words
from sago.outreach.giving import Given, Wish
from sago.pipeline.ending import Proof
from sago.pipeline.revoking import Revoked

PREVIEWED = 200
"""Events and figures of a preview, at most."""
SourceAsked = Annotated[str, Field(pattern=rf"^\*$|{SOURCE}")]
SourcesAsked = Annotated[list[SourceAsked], Field(min_length=1, max_length=50)]
SHARE: dict[str, Any] = {
    "company_id": "scaleflow",
    "firm_id": "northgate",
    "sources": ["slack"],
    "granularity": "bands",
    "until": "2027-01-01T00:00:00Z",
    "created_at": "2026-03-02T17:00:00Z",
    "holds": True,
    "shows": "sources slack; figures in bands; until 31 December 2026",
}


class ShareShown(BaseModel):
    """One share."""

    model_config = ConfigDict(json_schema_extra={"examples": [SHARE]})

    company_id: str
    firm_id: str
    sources: list[str] = Field(description="`*` is every source.")
    granularity: Granularity = Field(
        description="`exact`: figures as they were said; `bands`: the band each lies in; `none`: without figures."
    )
    until: datetime | None = Field(
        description="The first moment at which it does not hold; null: it has no end. Of one that was revoked up to a "
        "minute before that, so that no process whose clock is slow takes it for holding."
    )
    created_at: datetime
    holds: bool = Field(description="Whether it has not ended. An ended one shows nothing.")
    shows: str = Field(description="The same in words.")

    @classmethod
    def of(cls, share: Share, now: datetime) -> Self:
        """As of a moment. One that was revoked in its first minute ended when it began, not before."""
        told = share if share.until is None else share.model_copy(update={"until": max(share.until, share.created_at)})
        return cls(**told.model_dump(), holds=share.holds_at(now), shows=words(share))


class GivenShare(ShareShown):
    """One share, as its founder sees it."""

    model_config = ConfigDict(json_schema_extra={"examples": [SHARE | {"firm": "Northgate"}]})

    firm: str = Field(description="What the firm is called.")

    @classmethod
    def given(cls, given: Given, now: datetime) -> Self:
        """As of a moment."""
        shown = ShareShown.of(given.share, now)
        return cls(**shown.model_dump(), firm=given.firm)


class ShareWish(Sent):
    """What would be shared; what is left out is as wide as can be."""

    sources: SourcesAsked | None = Field(None, description="As in `slack`; without it, or `*`: every source.")
    granularity: Granularity | None = Field(None, description="`exact` where it is left out.")
    until: Until | None = Field(
        None, description="The first moment at which it does not hold any more; a day is its last (UTC)."
    )

    def wish(self, known: set[str], now: datetime) -> Wish:
        """Raises a problem with status 422 for a source that nobody knows and an end that has come."""
        named = None if self.sources is None else tuple(self.sources)
        unknown = [each for each in named or () if each not in {*known, EVERY_SOURCE}]
        if unknown:
            raise wrong("sources", f"{unknown[0]} is no source; known are {', '.join(sorted(known))}, or * for all")
        if self.until is not None and self.until <= now:
            raise wrong("until", "is over; to end a share revoke it")
        every = named is not None and EVERY_SOURCE in named
        return Wish((EVERY_SOURCE,) if every else named, self.granularity, self.until)


class ShareAsked(ShareWish):
    """The share that a firm is to have, in place of what it had. Nothing of how much it shows goes without saying."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"firm": "Northgate", "sources": ["slack"], "granularity": "bands"}]}
    )

    sources: SourcesAsked = Field(description="As in `slack`; `*` is every source.")
    granularity: Granularity = Field(
        description="`exact`: figures as they were said; `bands`: the band each lies in; `none`: without figures."
    )
    firm: Line | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="What the firm is called, where the house begins with it: its id is made of this name.",
    )

    def called(self, firm_id: str) -> str:
        """The firm's name; raises a problem with status 422 where it is another's."""
        name = " ".join((self.firm or firm_id).split())
        if firm_id_of(name) != firm_id:
            wanted = firm_id_of(name)
            raise wrong("firm", f"the id of a firm of this name is {wanted or 'none: write it with letters or digits'}")
        return name


class Revocation(Sent):
    """Why a share is taken back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"because": "the round is closed"}]})

    because: Line = Field(
        min_length=1, max_length=500, pattern=r"\S", description="Kept in the audit log, which the firm reads too."
    )


class FigureShown(BaseModel):
    """One figure, or the band it lies in."""

    metric: str = Field(examples=["arr"])
    value: float | None = Field(None, description="Null where figures are told in bands.")
    band: str | None = Field(None, description="Null where figures are told as they were said.", examples=["$2M–5M"])
    unit: str = Field(examples=["USD"])
    as_of: datetime


class PreviewShown(BaseModel):
    """What a firm sees, or would see. What its watches say of it is the firm's, and not among it."""

    share: ShareShown
    is_given: bool = Field(description="Whether the firm has this share already.")
    hidden_events: int = Field(description="Events that are known and not shown.")
    shown_events: int = Field(description="Events that the firm sees.")
    shown_figures: int = Field(description="Figures that the firm sees.")
    events: list[EventShown] = Field(max_length=PREVIEWED, description="The latest of them, the latest first.")
    figures: list[FigureShown] = Field(max_length=PREVIEWED, description="The latest of them, the oldest first.")

    @classmethod
    def of(cls, shown: Preview) -> Self:
        """Of what the use case returns."""
        told = figures(shown.seen)
        return cls(
            share=ShareShown.of(shown.share, shown.as_of),
            is_given=shown.is_given,
            hidden_events=shown.hidden,
            shown_events=shown.in_all,
            shown_figures=len(told),
            events=[EventShown.model_validate(event) for event in shown.seen.events],
            figures=[FigureShown(**each) for each in told[-PREVIEWED:]],
        )


COUNTED = "Null to a founder's key: how much came of it for a firm is the firm's."


class KafkaHeld(BaseModel):
    """Records of the company that the log still holds; nothing reads them again."""

    topic: str
    partition: int | None = Field(description="As what follows null to a founder's key: others' records lie between.")
    first: int | None = Field(description="Offset.")
    last: int | None = Field(description="Offset.")
    records: int
    until: datetime | None = Field(description="When the newest goes; null: with its broker, which is in memory.")

    @classmethod
    def of(cls, held: Held, *, is_counted: bool) -> Self:
        """Of one partition."""
        places = {} if is_counted else {"partition": None, "first": None, "last": None}
        return cls(**(held._asdict() | places))


class LeftShown(BaseModel):
    """What is left of a share; nothing but hashes where `left` is empty."""

    left: dict[str, int | None] = Field(
        description="What is still held, by its place. To a founder's key how much is null, and what came of it for "
        "firms is one place, `firms`.",
        examples=[{}],
    )
    evidence_too: bool = Field(description="Whether the company's evidence had to go as well: nobody shares it.")
    sources: list[str] = Field(description="Else the sources that no other share covers, whose evidence had to go.")
    kafka: list[KafkaHeld]

    @classmethod
    def of(cls, proof: Proof, *, is_counted: bool) -> Self:
        """Of what the use case returns."""
        left, held = proof
        kafka = [KafkaHeld.of(each, is_counted=is_counted) for each in held]
        told = dict(left.counts) if is_counted else dict.fromkeys(left.places)
        return cls(left=told, evidence_too=left.is_whole, sources=list(left.sources), kafka=kafka)


class EvidenceErased(BaseModel):
    """What the end of the last share took."""

    rows: int = Field(description="Messages emptied.")
    observations: int
    dead_letters: int
    events: int = Field(description="Folded anew, or gone.")
    letters: int | None = Field(description=f"Withdrawn, or without their words. {COUNTED}")


class RevokedShown(BaseModel):
    """What the end of a share took, and what is left. Nothing but zeros where it was taken before."""

    share: ShareShown
    letters: int | None = Field(description=f"Letters that lost their words. {COUNTED} As the next four.")
    held_back: int | None = Field(description="Of them those that had not left the house.")
    mails: int | None = Field(description="Cancelled before they left.")
    notices: int | None = Field(description="That lost what they told of it.")
    verdicts: int | None
    evidence: EvidenceErased | None = Field(description="Null where other shares cover all of it.")
    sources: list[str] = Field(description="Whose evidence went; empty: every source's, or none.")
    proof: LeftShown

    @classmethod
    def of(cls, done: Revoked, proof: Proof, now: datetime, *, is_counted: bool) -> Self:
        """Of what the use case returns."""
        derived, evidence = done.derived, done.evidence and done.evidence._asdict()
        firms: dict[str, int | None] = {
            "letters": done.letters,
            "held_back": done.held_back,
            "mails": derived.mails,
            "notices": derived.notices,
            "verdicts": derived.verdicts,
        }
        if not is_counted:
            firms, evidence = dict.fromkeys(firms), evidence and evidence | {"letters": None}
        return cls(
            share=ShareShown.of(done.share, now),
            **firms,
            evidence=EvidenceErased(**evidence) if evidence else None,
            sources=list(done.sources),
            proof=LeftShown.of(proof, is_counted=is_counted),
        )
