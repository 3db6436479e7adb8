"""Words that somebody sends with an act."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sago.report.phrases import one_line

Line = Annotated[str, AfterValidator(one_line)]
"""On one line, without control characters."""
TEXT_SHA = r"^[0-9a-f]{64}$"


class Sent(BaseModel):
    """A body; a name that it has not is refused."""

    model_config = ConfigDict(extra="forbid")


class Because(Sent):
    """An act, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"because": "approved too early"}]})

    because: Line = Field("by the API", max_length=500, description="Your reason, kept in the audit log.")
