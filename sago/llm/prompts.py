"""Prompts as data: the files of `sago/prompts`, rendered in a sandbox, pure of any model."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Rendered(NamedTuple):
    """The two halves of what a model is sent: what it is told, and the data it is told it about."""

    system: str
    user: str


class Prompt(NamedTuple):
    """One file of `sago/prompts`, with a block `system` and a block `user`. Text that changes gets a new number."""

    name: str
    number: int

    @property
    def version(self) -> str:
        """As observations and the ledger of calls name it."""
        return f"{self.name}-{self.number}"

    def render(self, **values: object) -> Rendered:
        """Both blocks with these values; raises jinja2's UndefinedError where one is missing."""
        template = _template(self.version)
        halves = ("".join(template.blocks[half](template.new_context(values))) for half in ("system", "user"))
        return Rendered(*(half.strip() for half in halves))


EXTRACTION = Prompt("extraction", 1)
LETTER = Prompt("letter", 1)


@cache
def _template(version: str) -> Template:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # read by a model, shown to no browser
    )
    return environment.from_string(files("sago.prompts").joinpath(f"{version}.txt").read_text(encoding="utf-8"))
