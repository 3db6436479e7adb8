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
    """`embedded` (a server from a wheel), `local` (one from Maven), `service` (yours) or `process` (Procfile)."""
    address: str = field(default="", repr=False)
    child: Child | None = None
    restarts: int = 0
    trouble: str = ""
    """Why it does not run, as the supervisor saw it; empty while it runs."""
    again_at: float | None = None
    """Seconds since 1970 when it is started again; None where it runs, or stays as it is."""
    down_since: float | None = None
    """Seconds since 1970 when the supervisor saw it end, or first asked it in vain; None once it answered again."""

    def as_json(self) -> dict[str, Any]:
        """As it stands in the file."""
        child = self.child.record() if self.child else {}
        value = {"kind": self.kind, "address": self.address, "pid": None, "restarts": self.restarts, **child}
        trouble = {"trouble": self.trouble, "again_at": self.again_at} if self.trouble else {}
        return value | trouble | ({"down_since": self.down_since} if self.down_since else {})

    @classmethod
    def from_json(cls, name: str, value: Mapping[str, Any]) -> Service:
        """The reverse; raises KeyError, TypeError or ValueError."""
        child = Child.from_record(value) if value["pid"] is not None else None
        return cls(
            name,
            value["kind"],
            value["address"],
            child,
            value["restarts"],
            value.get("trouble", ""),
            value.get("again_at"),
            value.get("down_since"),
        )


@dataclass
class Record:
    """The stack of one state folder."""

    mode: str
    """`embedded` and `local` are the servers we start, `services` are yours."""
    started_at: str
    owner: Child | None = None
    """Who holds the stack and lets nobody else change it: it is being started or stopped, or lives with a command."""
    supervisor: Child | None = None
    """The parent of all children, which starts again what ends; None where they live with a command."""
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

    def abandoned(self) -> bool:
        """Whether whoever should look after the stack is gone: killed, or lost in a reboot."""
        keeper = self.owner or self.supervisor
        return keeper is None or not keeper.alive()

    def write(self, state_dir: Path) -> None:
        """Atomically, readable by the owner alone: it holds passwords."""
        value = {
            "mode": self.mode,
            "started_at": self.started_at,
            "owner": self.owner.record() if self.owner else None,
            "supervisor": self.supervisor.record() if self.supervisor else None,
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
            supervisor=Child.from_record(value["supervisor"]) if value["supervisor"] else None,
            services={name: Service.from_json(name, each) for name, each in value["services"].items()},
            settings=value["settings"],
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise ConfigError(
            f"{path}: is the stack of another user: be that user, or set state_dir (SAGO_STATE_DIR)"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path}: not a stack file ({error}); delete it, then `sago up`") from error


def remove_record(state_dir: Path) -> None:
    """Nothing runs any more."""
    (state_dir / STACK_FILE).unlink(missing_ok=True)
