"""`<state_dir>/stack.json`: what runs, where it answers and under which pid; rewritten whole at every change."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sago.config import STACK_FILE
from sago.embedded.processes import Child
from sago.errors import ConfigError


@dataclass(frozen=True)
class Service:
    """A server or a process of the stack; `child` is None for servers that are not ours."""

    name: str
    kind: str
    """`embedded` (a server of ours), `service` (a server of yours) or `process` (of the Procfile)."""
    address: str = field(default="", repr=False)
    child: Child | None = None

    def as_json(self) -> dict[str, Any]:
        """As it stands in the file."""
        child = self.child.record() if self.child else {}
        return {"kind": self.kind, "address": self.address, "pid": None, **child}

    @classmethod
    def from_json(cls, name: str, value: Mapping[str, Any]) -> Service:
        """The reverse; raises KeyError, TypeError or ValueError."""
        child = Child.from_record(value) if value["pid"] is not None else None
        return cls(name, value["kind"], value["address"], child)


@dataclass
class Record:
    """The stack of one state folder."""

    mode: str
    started_at: str
    owner: Child | None = None
    """The command that still holds the stack: it is starting it, or it stops it when it ends."""
    services: dict[str, Service] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict, repr=False)
    """Merged into the settings of every process; empty until all servers answer."""

    def children(self) -> list[Child]:
        """Everything we started, in the order it was started."""
        return [service.child for service in self.services.values() if service.child]

    def alive(self) -> list[Child]:
        """The children that still run."""
        return [child for child in self.children() if child.alive()]

    def held(self) -> bool:
        """Whether another living command holds the stack."""
        return self.owner is not None and self.owner.pid != os.getpid() and self.owner.alive()

    def write(self, state_dir: Path) -> None:
        """Atomically, readable by the owner alone: it holds passwords."""
        value = {
            "mode": self.mode,
            "started_at": self.started_at,
            "owner": self.owner.record() if self.owner else None,
            "services": {name: service.as_json() for name, service in self.services.items()},
            "settings": self.settings,
        }
        path = state_dir / STACK_FILE
        half = path.with_suffix(".half")
        half.touch(mode=0o600)
        half.write_text(json.dumps(value, indent=1), encoding="utf-8")
        half.replace(path)


def read_record(state_dir: Path) -> Record | None:
    """The record, or None where no stack was started; raises ConfigError when it cannot be understood."""
    path = state_dir / STACK_FILE
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return Record(
            mode=value["mode"],
            started_at=value["started_at"],
            owner=Child.from_record(value["owner"]) if value["owner"] else None,
            services={name: Service.from_json(name, each) for name, each in value["services"].items()},
            settings=value["settings"],
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path}: not a stack file ({error}); delete it, then `sago up`") from error


def remove_record(state_dir: Path) -> None:
    """Nothing runs any more."""
    (state_dir / STACK_FILE).unlink(missing_ok=True)
