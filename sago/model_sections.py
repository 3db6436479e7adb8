"""The blocks of config.yaml about models: which are asked and for how much, one for each vendor. Times in seconds."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    field_validator,
)
from pydantic_settings import NoDecode

from sago.domain.companies import ModelPolicy
from sago.domain.hosts import VISIBLE_ASCII, is_http, is_private
from sago.sections import Section, names


class BudgetSettings(Section):
    """USD a day (UTC) at the sections' prices; no limit where it is not set."""

    company: float | None = Field(None, ge=0)
    """For each company."""
    total: float | None = Field(None, ge=0)


class ModelsSettings(Section):
    """What holds for all models outside this process."""

    fallback: Annotated[tuple[str, ...], NoDecode, BeforeValidator(names)] = ()
    """Providers asked in this order while the configured one is out. In the environment with commas between them."""
    requests_a_minute: dict[str, Annotated[int, Field(ge=1)]] = Field({})
    """Provider → requests in any minute, over all processes; no limit for others."""
    budget_usd_a_day: BudgetSettings = BudgetSettings()
    cache_ttl: int = Field(0, ge=0, le=86_400)
    """Seconds that an answer is kept for the very same question of the same company; 0: not at all."""


KEY_VARIABLES = {"gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"), "openai": ("OPENAI_API_KEY",)}
"""Section of a model's vendor → the names under which the vendor's own tools look for its key."""


class RemoteSettings(Section):
    """What is told of every model outside this process. Prices in USD a million tokens."""

    section: ClassVar[str]
    """Its own name, and the provider's."""
    model: str
    api_key: SecretStr | None = None
    base_url: str | None = None
    """Of another server that speaks the same protocol; the vendor's own where it is not set."""
    timeout: float = Field(200.0, gt=0, le=230)
    """Seconds for one call: below a task's soft time limit."""
    input_tokens: int = Field(60_000, ge=8_000, le=200_000)
    """What one request may hold; a larger chunk is read in several."""
    output_tokens: int = Field(32_000, ge=256)
    """Of one answer; vendors count thinking among them."""
    price_input: float = Field(0.0, ge=0)
    price_output: float = Field(0.0, ge=0)

    @property
    def key_variable(self) -> str:
        """Where the key is set."""
        return KEY_VARIABLES[self.section][0]

    @property
    def reach(self) -> ModelPolicy:
        """How far text goes that is sent there."""
        return ModelPolicy.VENDOR

    @property
    def needs_key(self) -> bool:
        """Whether nothing can be asked without a key."""
        return True

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """USD."""
        return (input_tokens * self.price_input + output_tokens * self.price_output) / 1e6

    @field_validator("api_key")
    @classmethod
    def _fit_for_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        bare = key.get_secret_value().strip() if key else ""
        if not VISIBLE_ASCII.fullmatch(bare):
            variable = KEY_VARIABLES[cls.section][0]
            raise ValueError(f"holds blanks or characters that no key has: check {variable} in .env")
        return SecretStr(bare) if bare else None

    @field_validator("base_url")
    @classmethod
    def _address_of_a_server(cls, url: str | None) -> str | None:
        if url and not is_http(url):
            raise ValueError("write it as https://host or http://host:port")
        return url or None


class GeminiSettings(RemoteSettings):
    """The `gemini` provider. The key comes from GEMINI_API_KEY or GOOGLE_API_KEY. Prices are those of prompts up to
    200,000 tokens; above that the vendor charges more (https://ai.google.dev/gemini-api/docs/pricing)."""

    section: ClassVar[str] = "gemini"
    model: str = "gemini-3.1-pro-preview"
    price_input: float = Field(2.0, ge=0)
    price_output: float = Field(12.0, ge=0)


class OpenAISettings(RemoteSettings):
    """The `openai` provider: a server of the house by `base_url`, or a vendor. A key from OPENAI_API_KEY, where the
    server wants one."""

    section: ClassVar[str] = "openai"
    model: str = ""
    input_tokens: int = Field(16_000, ge=8_000, le=200_000)
    output_tokens: int = Field(8_000, ge=256)
    """Together with `input_tokens` at most what the model takes at once."""
    temperature: float | None = Field(None, ge=0, le=2)
    """The server's own where it is not set; some of the vendor's models refuse any other."""
    place: Literal["own_house", "vendor"] | None = None
    """How far text goes that is sent there. Where it is not set: `own_house` if `base_url` names an address of this
    machine or of a private network, else `vendor`."""

    @property
    def reach(self) -> ModelPolicy:
        if self.place is None:
            host = urlsplit(self.base_url).hostname if self.base_url else None
            return ModelPolicy.OWN_HOUSE if host and is_private(host) else ModelPolicy.VENDOR
        return ModelPolicy(self.place)

    @property
    def needs_key(self) -> bool:
        return self.base_url is None
