"""The blocks of config.yaml about what is served over HTTP: the API and Flower. Times are in seconds."""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from sago.domain.hosts import is_http, is_loopback
from sago.sections import Section, names, said

API_KEY_LENGTH = 32
"""Characters at least: of hex digits drawn at random they hold 128 bits."""


def _origin(text: str) -> str:
    """One as browsers send it."""
    parts = urlsplit(text)
    if "*" in text or not is_http(text) or text != f"{parts.scheme}://{parts.netloc}".lower():
        raise ValueError(f"{text[:100]!r} is no origin: write https://host or https://host:port, no path, and no *")
    return text


def _long_enough(key: SecretStr | None) -> SecretStr | None:
    """A right key is let in however many wrong ones came before, so its length alone keeps it from being guessed."""
    if key is not None and len(key.get_secret_value()) < API_KEY_LENGTH:
        raise ValueError(f"is shorter than {API_KEY_LENGTH} characters: make one with `openssl rand -hex 32`")
    return key


class ApiSettings(Section):
    """The HTTP API. Clients send `Authorization: Bearer <key>`; without a key this machine alone is served."""

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    key: Annotated[SecretStr | None, AfterValidator(_long_enough), BeforeValidator(said)] = None
    body_limit: int = Field(10_000_000, ge=1)
    """Bytes of one request."""
    body_within: float = Field(30.0, gt=0)
    """Seconds a client may take to send them."""
    answer_within: float = Field(20.0, gt=0)
    """Seconds until 503 is the answer where messages are not safe yet, the past or evidence is not read, or a share is
    not ended."""
    rate_limit: int = Field(15_000, ge=0)
    """Requests a minute of one key, evenly: 250 a second; 0: no limit."""
    rate_burst: int = Field(500, ge=1)
    """Requests of one key that may come at once."""
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(0, ge=0, le=65535)
    """Where Prometheus reads `/metrics`; 0: nowhere."""
    cors_origins: Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode, BeforeValidator(names)] = ()
    """Whose pages may call from a browser; in the environment with commas between them, or as a JSON list."""

    @property
    def is_local(self) -> bool:
        """Whether `host` can be reached from this machine alone."""
        return is_loopback(self.host)


class FlowerSettings(Section):
    """The dashboard of tasks; a host other than this machine needs a password."""

    host: str = "127.0.0.1"
    port: int = Field(5555, ge=1, le=65535)
    user: str = Field("sago", pattern=r"^[!-9;-~]+$")  # HTTP's basic authentication ends it at the first colon
    password: SecretStr | None = None
    max_tasks: int = Field(10_000, ge=100)
    """Tasks kept in memory, about 9 kB each; the oldest go first."""

    @model_validator(mode="after")
    def _ascii_password(self) -> Self:
        if self.password and not self.password.get_secret_value().isascii():
            raise ValueError("the password (SAGO_FLOWER__PASSWORD) must be ASCII: browsers send others differently")
        return self
