"""Prompts as data: the files of `sago/prompts`, rendered in a sandbox, pure of any model."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Rendered(NamedTuple):
    """The two halves of what a model is sent: what it is told, and the data it is told it about."""

    system: str
    user: str


class Example(NamedTuple):
    """Messages that a prompt invents, and the findings it wants of them."""

    messages: list[dict[str, Any]]
    findings: list[dict[str, Any]]


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

    def examples(self) -> list[Example]:
        """Its examples of messages with their answer, in order: JSON lines of the file."""
        found: list[Example] = []
        messages: list[dict[str, Any]] = []
        for line in _text(self.version).splitlines():
            if line.startswith('{"n": '):
                messages.append(json.loads(line))
            elif line.startswith('{"findings": [{'):
                found.append(Example(messages, json.loads(line)["findings"]))
                messages = []
        return found


EXTRACTION = Prompt("extraction", 2)
LETTER = Prompt("letter", 3)
PROPOSAL = Prompt("proposal", 1)


@cache
def invented_names(prompt: Prompt) -> frozenset[str]:
    """Whom the examples of a prompt speak of, in small letters."""
    findings = [finding for example in prompt.examples() for finding in example.findings]
    names = [name for finding in findings for name in (finding["subject"], *finding["stakeholders"])]
    return frozenset(name.casefold() for name in names if name)


@cache
def _text(version: str) -> str:
    return files("sago.prompts").joinpath(f"{version}.txt").read_text(encoding="utf-8")


@cache
def _template(version: str) -> Template:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # read by a model, shown to no browser
    )
    return environment.from_string(_text(version))
