"""What a stack consists of, and where its state lies; handed to the supervisor on its command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sago.config import PROJECT, Settings, load


@dataclass(frozen=True)
class Plan:
    """One stack. Its settings are those of the environment, where SAGO_STATE_DIR must name `state_dir`."""

    state_dir: Path
    config: Path | None = None
    procfile: Path = PROJECT / "Procfile"
    servers: str = "embedded"
    """`embedded` or `local`: the servers to start where the settings name none."""
    later: frozenset[str] = frozenset()
    """Processes that are not waited for and leave the processor to the others while they start."""

    def settings(self) -> Settings:
        """Read anew; raises ConfigError."""
        return load(self.config)

    def arguments(self) -> list[str]:
        """What `from_arguments` reads."""
        words = ["--state-dir", str(self.state_dir), "--procfile", str(self.procfile), "--servers", self.servers]
        if self.config is not None:
            words += ["--config", str(self.config)]
        return [*words, *(word for name in sorted(self.later) for word in ("--later", name))]

    @classmethod
    def from_arguments(cls, words: Sequence[str]) -> Plan:
        """The plan somebody else made."""
        parser = argparse.ArgumentParser(prog="sago.embedded.supervisor")
        parser.add_argument("--state-dir", type=Path, required=True)
        parser.add_argument("--procfile", type=Path, required=True)
        parser.add_argument("--servers", choices=["embedded", "local"], required=True)
        parser.add_argument("--config", type=Path)
        parser.add_argument("--later", action="append", default=[])
        found = parser.parse_args(words)
        return cls(found.state_dir, found.config, found.procfile, found.servers, frozenset(found.later))
