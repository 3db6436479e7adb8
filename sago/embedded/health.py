"""How each server and process of a stack does, told by asking all of them at once."""

from __future__ import annotations

import json
import time
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sago.config import Settings
from sago.domain.vitals import ServiceVitals, StackVitals
from sago.embedded.addresses import address_of, sections
from sago.embedded.places import listens
from sago.embedded.probes import probe_http
from sago.embedded.procfile import ready_file
from sago.embedded.record import Record, Service, read_record
from sago.embedded.servers import probe
from sago.errors import SagoError, TransientError
from sago.resilience.questions import Questions

STARTING = "still starting"
LIVE_PATHS = {"api": "/health/live", "flower": "/healthcheck"}
WITH_HEARTBEAT = ("bridge", "store", "extract", "outreach", "sources")
"""These touch their ready file every two seconds (workers/app.py, workers/pulse.py); beat does so once."""
SILENT_AFTER = 30.0
"""Seconds without a heartbeat; a worker whose Redis is away sends none until it is back."""
PATIENCE = 5.0
"""Seconds all probes together are given; each has a time-out of its own for every step it takes."""
_PROBES = Questions("probe")


@dataclass(frozen=True)
class Health:
    """One line of `sago status`: `reason` says why it is not healthy, `waits_for` what one that works waits for."""

    service: Service
    reason: str = ""
    waits_for: str = ""
    waits_since: float | None = None

    @property
    def healthy(self) -> bool:
        """Whether it runs and answers."""
        return not self.reason

    @property
    def memory(self) -> int:
        """Bytes; 0 where it is not ours, or ended."""
        return self.service.child.memory() if self.service.child else 0

    @property
    def since(self) -> datetime | None:
        """When the process that runs now was started; None where none of ours runs."""
        child = self.service.child
        return datetime.fromtimestamp(child.born, UTC) if child and child.alive() else None

    @property
    def down_since(self) -> datetime | None:
        """Since when the supervisor has it down; None while it is healthy, or where nobody looked before us."""
        return None if self.healthy else _moment(self.service.down_since)

    def vitals(self) -> ServiceVitals:
        """As the health of the API has it."""
        since = self.down_since if self.reason else _moment(self.waits_since)
        return ServiceVitals(up=self.healthy, since=since, reason=self.reason or self.waits_for or None)

    def as_json(self) -> dict[str, Any]:
        """As the contract says, and how it came to be so."""
        return {
            "healthy": self.healthy,
            "kind": self.service.kind,
            "address": self.service.address,
            "pid": self.service.child.pid if self.service.child else None,
            "memory": self.memory,
            "restarts": self.service.restarts,
            "since": _iso(self.since),
            "down_since": _iso(self.down_since),
            "reason": self.reason,
            "waits_for": self.waits_for,
        }


def check_stack(record: Record | None, settings: Settings) -> dict[str, Health]:
    """Name → health of everything on record; without a record, of the servers the settings name. In bounded time."""
    services = dict(record.services) if record else {}
    if record is None and settings.has_servers:
        services = {name: Service(name, "service", address_of(name, settings)) for name in sections(settings)}
    if not services:
        return {}
    if record and record.supervisor and record.supervisor.halted():
        services["supervisor"] = Service("supervisor", "process", child=record.supervisor)
    told = {name: health for name, service in services.items() if (health := _seen(service))}
    asked = {
        name: _PROBES.ask(
            (settings.state_dir, name, service.address, service.child), partial(_check, service, settings)
        )
        for name, service in services.items()
        if name not in told
    }
    wait(asked.values(), PATIENCE)
    return {name: told.get(name) or _heard(service, asked[name]) for name, service in services.items()}


def stack_vitals(found: dict[str, Health]) -> StackVitals:
    """The same in the words of the API's health."""
    told = {name: health.vitals() for name, health in found.items()}
    processes = {name for name, health in found.items() if health.service.kind == "process"}
    since = {name: _moment(health.service.down_since) for name, health in found.items()}
    return StackVitals(
        servers={name: each for name, each in told.items() if name not in processes},
        processes={name: each for name, each in told.items() if name in processes},
        silent_since={name: at for name, at in since.items() if at is not None},
    )


def stack_seen_by(name: str, settings: Settings) -> StackVitals:
    """The processes beside our own and what the supervisor noted of the servers; empty where no stack of ours runs.

    Raises ConfigError where the stack's file cannot be understood.
    """
    record = read_record(settings.state_dir)
    if record is None or record.supervisor is None:
        return StackVitals()
    others = {each.name: each for each in record.services.values() if each.kind == "process" and each.name != name}
    found = check_stack(replace(record, services=others), settings)
    since = {each.name: _moment(each.down_since) for each in record.services.values()}
    noted = {name: at for name, at in since.items() if at is not None}
    return StackVitals(processes=stack_vitals(found).processes, silent_since=noted)


def is_ready(service: Service, state_dir: Path) -> bool:
    """Whether a process takes connections where it serves people; of the others, whether it has said that it works."""
    return listens(service.address) if service.address else ready_file(state_dir, service.name).exists()


def _seen(service: Service) -> Health | None:
    """What is known without asking."""
    child = service.child
    if service.trouble:
        return Health(service, _trouble(service))
    if child is not None and not child.alive():
        return Health(service, "ended")
    if child is not None and child.halted():
        return Health(service, f"halted by a signal (pid {child.pid}): it does nothing until SIGCONT")
    return None


def _heard(service: Service, future: Future[Health]) -> Health:
    """What the probe found; it may have been sent in an earlier round, before the record changed."""
    if not future.done():
        return Health(service, f"no answer within {PATIENCE:g} s")
    try:
        return replace(future.result(), service=service)
    except Exception as error:  # noqa: BLE001 - a probe that stumbles must not end whoever looks after the stack
        return Health(service, f"{type(error).__name__}: {error}")


def _check(service: Service, settings: Settings) -> Health:
    if service.kind == "process":
        return _check_process(service, settings.state_dir)
    try:
        probe(service.name, sections(settings)[service.name])
    except SagoError as error:
        return Health(service, str(error))
    return Health(service)


def _check_process(service: Service, state_dir: Path) -> Health:
    """Whether a process that runs answers, or has given a sign of life; one that never gives any is believed."""
    try:
        if not is_ready(service, state_dir):
            return Health(service, STARTING)
        if service.address:
            probe_http(service.address + LIVE_PATHS.get(service.name, "/"))
        elif service.name in WITH_HEARTBEAT:
            return _heartbeat(service, ready_file(state_dir, service.name))
    except TransientError as error:
        return Health(service, str(error))
    except FileNotFoundError:
        return Health(service, STARTING)  # again, just now
    return Health(service)


def _heartbeat(service: Service, ready: Path) -> Health:
    age = time.time() - ready.stat().st_mtime
    if age > SILENT_AFTER:
        return Health(service, f"has said nothing for {age:.0f} s")
    text = ready.read_text(encoding="utf-8")
    told = json.loads(text) if text else {}
    return Health(service, waits_for=told.get("waits_for", ""), waits_since=told.get("since"))


def _trouble(service: Service) -> str:
    if service.again_at is None:
        return service.trouble
    return f"restarting in {max(0.0, service.again_at - time.time()):.0f} s: {service.trouble}"


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
