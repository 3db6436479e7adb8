"""The block `smtp` of config.yaml; apart from the others for their number."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from sago.sections import Section, is_private, said


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
    timeout: float = Field(20.0, gt=0, le=60)
    """Seconds for one answer; the one to a mail's content may take two minutes."""

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
