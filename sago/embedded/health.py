"""How each server and process of a stack does, told by asking it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sago.config import Settings
from sago.embedded.addresses import address_of, sections
from sago.embedded.places import listens
from sago.embedded.probes import probe_http
from sago.embedded.procfile import ready_file
from sago.embedded.record import Record, Service
from sago.embedded.servers import probe
from sago.errors import SagoError, TransientError

STARTING = "still starting"
LIVE_PATHS = {"api": "/health/live", "flower": "/healthcheck"}
WITH_HEARTBEAT = ("store", "extract", "outreach")
"""Celery's workers touch their ready file every two seconds (see workers/app.py); bridge and beat do so once."""
SILENT_AFTER = 60.0
"""Seconds without a heartbeat; a worker whose Redis is away sends none until it is back."""


@dataclass(frozen=True)
class Health:
    """One line of `sago status`; `memory` in bytes, 0 where it is not ours; `reason` says why it is not healthy."""

    service: Service
    reason: str = ""
    memory: int = 0

    @property
    def healthy(self) -> bool:
        """Whether it runs and answers."""
        return not self.reason

    @property
    def since(self) -> datetime | None:
        """When the process that runs now was started; None where none of ours runs."""
        child = self.service.child
        return datetime.fromtimestamp(child.born, UTC) if child and child.alive() else None

    def as_json(self) -> dict[str, Any]:
        """As the contract says, and how it came to be so."""
        return {
            "healthy": self.healthy,
            "kind": self.service.kind,
            "address": self.service.address,
            "pid": self.service.child.pid if self.service.child else None,
            "memory": self.memory,
            "restarts": self.service.restarts,
            "since": self.since.isoformat(timespec="seconds") if self.since else None,
            "reason": self.reason,
        }


def check_stack(record: Record | None, settings: Settings) -> dict[str, Health]:
    """Name → health of everything on record; without a record, of the servers the settings name."""
    services = dict(record.services) if record else {}
    if record is None and settings.has_servers:
        services = {name: Service(name, "service", address_of(name, settings)) for name in sections(settings)}
    return {name: _check(service, settings) for name, service in services.items()}


def is_ready(service: Service, state_dir: Path) -> bool:
    """Whether a process takes connections where it serves people; of the others, whether it has said that it works."""
    return listens(service.address) if service.address else ready_file(state_dir, service.name).exists()


def _why_silent(service: Service, state_dir: Path) -> str:
    """Why a process that runs may hang; empty where it answers, or has given a sign of life, or never gives any."""
    if not is_ready(service, state_dir):
        return STARTING
    try:
        if service.address:
            probe_http(service.address + LIVE_PATHS.get(service.name, "/"))
        elif service.name in WITH_HEARTBEAT:
            return _no_heartbeat(ready_file(state_dir, service.name))
    except TransientError as error:
        return str(error)
    except FileNotFoundError:
        return STARTING  # again, just now
    return ""


def _no_heartbeat(ready: Path) -> str:
    age = time.time() - ready.stat().st_mtime
    return f"has said nothing for {age:.0f} s" if age > SILENT_AFTER else ""


def _check(service: Service, settings: Settings) -> Health:
    child = service.child
    if service.trouble:
        return Health(service, _trouble(service), child.memory() if child else 0)
    if child is not None and not child.alive():
        return Health(service, "ended")
    memory = child.memory() if child else 0
    if service.kind == "process":
        return Health(service, _why_silent(service, settings.state_dir), memory)
    try:
        probe(service.name, sections(settings)[service.name])
    except SagoError as error:
        return Health(service, str(error), memory)
    return Health(service, "", memory)


def _trouble(service: Service) -> str:
    if service.again_at is None:
        return service.trouble
    return f"restarting in {max(0.0, service.again_at - time.time()):.0f} s: {service.trouble}"
