"""Lines of the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from sago.ports import AuditLine

LINE: dict[str, Any] = {
    "id": "7d9e0b52-0c1f-4b5e-9a4b-1d1c6f0f2a11",
    "at": "2026-03-02T17:00:00Z",
    "who": "key:1f0c93ab",
    "action": "letter.approved",
    "subject": "0b8ff2cd-6a0b-5b3c-9f2e-6a3a0b7a8d11",
    "company_id": "scaleflow",
    "detail": {"why": "looks right"},
}


DRAFT_AGAIN, REOPENED = "letter.draft", "letter.reopened"


def action_shown(action: str) -> str:
    """As a reader understands it: a letter whose approval or rejection was taken back is a draft again."""
    return REOPENED if action == DRAFT_AGAIN else action


def action_kept(action: str | None) -> str | None:
    """The same as it is kept."""
    return DRAFT_AGAIN if action == REOPENED else action


class AuditShown(BaseModel):
    """One line."""

    model_config = ConfigDict(json_schema_extra={"examples": [LINE]})

    id: UUID
    at: datetime
    who: str = Field(description="`key:` and the prefix of a key, `the house`, or `sago` by itself.")
    action: str = Field(
        description="What was done; before the dot to what: key, letter, share, watch. `letter.reopened`: an approval "
        "or a rejection was taken back, or an approved letter edited: it is a draft again."
    )
    subject: str = Field(description="To which: an id; of a share `firm/company`, of a key `key:` and its prefix.")
    company_id: str | None
    detail: dict[str, Any] = Field(
        description="`why`, and what else the action has to tell. What people of the house typed is not told: `why` is "
        "empty."
    )

    @classmethod
    def of(cls, line: AuditLine) -> Self:
        """Of a line as its firm is told it."""
        return cls(**line._asdict() | {"action": action_shown(line.action)})
