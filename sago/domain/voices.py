"""How a person writes: learned from mails that they sent, and kept to when a letter is written in their name."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Formality(StrEnum):
    """`casual`: contractions, first names, short closings; `formal`: none of them."""

    CASUAL = "casual"
    NEUTRAL = "neutral"
    FORMAL = "formal"


class Voice(BaseModel):
    """The habits of one sender; `{name}` in the greeting stands for the reader's first name."""

    model_config = ConfigDict(frozen=True)

    sender: str
    """The mail address whose mails these habits were read from."""
    greeting: str = "Hi {name},"
    sign_off: str = "Best,"
    words: int = Field(150, ge=1)
    """The median length of a mail of theirs, in words."""
    formality: Formality = Formality.NEUTRAL
    samples: int = Field(ge=1)
    """Mails that it was read from."""


class SentMail(BaseModel):
    """A mail as far as it shows how its writer writes: quoted words of others are cut already."""

    model_config = ConfigDict(frozen=True)

    sender: str
    """The address of From, as it is written; empty where it names none or several."""
    name: str = ""
    """The name of From."""
    readers: tuple[str, ...] = ()
    """Names and addresses of To."""
    text: str
