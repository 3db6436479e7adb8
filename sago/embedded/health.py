"""How each server and process of a stack does, told by asking it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sago.config import Settings
from sago.embedded.addresses import address_of, sections
from sago.embedded.procfile import ready_file
from sago.embedded.record import Record, Service
from sago.embedded.servers import probe
from sago.errors import SagoError


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

    def as_json(self) -> dict[str, Any]:
        """As the contract says, and the memory."""
        return {
            "healthy": self.healthy,
            "kind": self.service.kind,
            "address": self.service.address,
            "pid": self.service.child.pid if self.service.child else None,
            "memory": self.memory,
        }


def check_stack(record: Record | None, settings: Settings) -> dict[str, Health]:
    """Name → health of everything on record; without a record, of the servers the settings name."""
    services = dict(record.services) if record else {}
    if record is None and settings.has_servers:
        services = {name: Service(name, "service", address_of(name, settings)) for name in sections(settings)}
    return {name: _check(service, settings) for name, service in services.items()}


def _check(service: Service, settings: Settings) -> Health:
    child = service.child
    if child is not None and not child.alive():
        return Health(service, "ended")
    memory = child.memory() if child else 0
    if service.kind == "process":
        ready = ready_file(settings.state_dir, service.name).exists()
        return Health(service, "" if ready else "still starting", memory)
    try:
        probe(service.name, sections(settings)[service.name])
    except SagoError as error:
        return Health(service, str(error), memory)
    return Health(service, "", memory)
