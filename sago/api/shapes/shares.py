"""Shares: what a founder lets a firm see."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from sago.api.moments import Instant, wrong
from sago.api.shapes.events import EventShown
from sago.api.shapes.sent import Line, Sent
from sago.domain.batches import Held
from sago.domain.companies import EVERY_SOURCE, Granularity, Share, firm_id_of
from sago.domain.messages import SOURCE
from sago.domain.sharing import Preview, figures, words
from sago.outreach.giving import Given, Wish
from sago.pipeline.ending import Proof
from sago.pipeline.revoking import Revoked

SourceAsked = Annotated[str, Field(pattern=rf"^\*$|{SOURCE}")]
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
    until: datetime | None = Field(description="The first moment at which it does not hold; null: it has no end.")
    created_at: datetime
    holds: bool = Field(description="Whether it has not ended. An ended one shows nothing.")
    shows: str = Field(description="The same in words.")

    @classmethod
    def of(cls, share: Share, now: datetime) -> Self:
        """As of a moment."""
        return cls(**share.model_dump(), holds=share.holds_at(now), shows=words(share))


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
    """What is to be shared; what is left out is as wide as can be."""

    sources: list[SourceAsked] | None = Field(
        None, min_length=1, max_length=50, description="As in `slack`; without it, or `*`: every source."
    )
    granularity: Granularity | None = Field(None, description="`exact` where it is left out.")
    until: Instant | None = Field(None, description="The first moment at which it does not hold any more.")

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
    """The share that a firm is to have, in place of what it had."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"firm": "Northgate", "sources": ["slack"], "granularity": "bands"}]}
    )

    firm: Line | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="What the firm is called, where it is not known yet: its id is made of this name.",
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
    events: list[EventShown] = Field(description="The latest first.")
    figures: list[FigureShown] = Field(description="The oldest first.")

    @classmethod
    def of(cls, shown: Preview) -> Self:
        """Of what the use case returns."""
        return cls(
            share=ShareShown.of(shown.share, shown.as_of),
            is_given=shown.is_given,
            hidden_events=shown.hidden,
            events=[EventShown.model_validate(event) for event in shown.seen.events],
            figures=[FigureShown(**each) for each in figures(shown.seen)],
        )


class KafkaHeld(BaseModel):
    """Records of the company that the log still holds; nothing reads them again."""

    topic: str
    partition: int
    first: int = Field(description="Offset.")
    last: int = Field(description="Offset.")
    records: int
    until: datetime | None = Field(description="When the newest goes; null: with its broker, which is in memory.")

    @classmethod
    def of(cls, held: Held) -> Self:
        """Of one partition."""
        return cls(**held._asdict())


class LeftShown(BaseModel):
    """What is left of a share; nothing but hashes where `left` is empty."""

    left: dict[str, int] = Field(description="What is still held, by its place.", examples=[{}])
    evidence_too: bool = Field(description="Whether the company's evidence had to go as well: nobody shares it.")
    sources: list[str] = Field(description="Else the sources that no other share covers, whose evidence had to go.")
    kafka: list[KafkaHeld]

    @classmethod
    def of(cls, proof: Proof) -> Self:
        """Of what the use case returns."""
        left, held = proof
        kafka = [KafkaHeld.of(each) for each in held]
        return cls(left=left.counts, evidence_too=left.is_whole, sources=list(left.sources), kafka=kafka)


class EvidenceErased(BaseModel):
    """What the end of the last share took."""

    rows: int = Field(description="Messages emptied.")
    observations: int
    dead_letters: int
    events: int = Field(description="Folded anew, or gone.")
    letters: int = Field(description="Withdrawn, or without their words.")


class RevokedShown(BaseModel):
    """What the end of a share took, and what is left. All zero where it was taken before."""

    share: ShareShown
    letters: int = Field(description="Letters that lost their words.")
    held_back: int = Field(description="Of them those that had not left the house.")
    mails: int = Field(description="Cancelled before they left.")
    notices: int = Field(description="That lost what they told of it.")
    verdicts: int
    evidence: EvidenceErased | None = Field(description="Null where other shares cover all of it.")
    sources: list[str] = Field(description="Whose evidence went; empty: every source's, or none.")
    proof: LeftShown

    @classmethod
    def of(cls, done: Revoked, proof: Proof, now: datetime) -> Self:
        """Of what the use case returns."""
        derived, evidence = done.derived, done.evidence
        return cls(
            share=ShareShown.of(done.share, now),
            letters=done.letters,
            held_back=done.held_back,
            mails=derived.mails,
            notices=derived.notices,
            verdicts=derived.verdicts,
            evidence=EvidenceErased(**evidence._asdict()) if evidence else None,
            sources=list(done.sources),
            proof=LeftShown.of(proof),
        )
