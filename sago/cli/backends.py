"""The part of `sago doctor` that asks servers: does each answer, is its schema there, and which setting to mend."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sago.bootstrap import build
from sago.config import Settings
from sago.embedded.health import Health, check_stack
from sago.embedded.leftovers import abandoned
from sago.embedded.record import Record, read_record
from sago.errors import ConfigError, SagoError, TransientError
from sago.pipeline.complaints import of_mails
from sago.pipeline.mail_vitals import outbox_of


class Check(NamedTuple):
    """One line of `sago doctor`: a check's name, what was found or how to mend it, and whether it passed."""

    name: str
    says: str
    ok: bool = True
    warns: bool = False
    """It passed, and a person should know something of it."""


class Origin(NamedTuple):
    """Where a server's settings can come from."""

    key: str
    variables: tuple[str, ...]
    password: str = ""


ORIGINS = {
    "kafka": Origin("kafka.bootstrap_servers", ("SAGO_KAFKA__BOOTSTRAP_SERVERS",), "SAGO_KAFKA__SECURITY__PASSWORD"),
    "redis": Origin("redis.url", ("SAGO_REDIS__URL",)),
    "postgres": Origin("postgres.host", ("SAGO_POSTGRES__HOST", "POSTGRES_HOST"), "POSTGRES_PASSWORD"),
    "cassandra": Origin("cassandra.contact_points", ("SAGO_CASSANDRA__CONTACT_POINTS",), "SAGO_CASSANDRA__PASSWORD"),
}


def check_backends(settings: Settings) -> Iterator[Check]:
    """One check for each server and process, then the schema of those that answer."""
    try:
        record = read_record(settings.state_dir)
        found = check_stack(record, settings)
    except ConfigError as error:
        yield Check("stack", str(error), ok=False)
        return
    if record is not None and record.abandoned():
        yield Check("stack", f"{abandoned(record)}: `sago up` starts anew, `sago down` clears away", ok=False)
        return
    if not found:
        yield Check("stack", "not running; `sago up` starts it, `sago run` needs none")
        yield from check_mailer(settings)
        return
    if record is not None and record.supervisor is not None:
        yield Check("supervisor", f"pid {record.supervisor.pid}, {_restarts(record)}")
    yield from (_check(health) for health in found.values())
    yield from _deeper(settings, found)
    yield from check_mailer(settings)


def attempt(name: str, find: Callable[[], str]) -> Check:
    """What `find` found, or the reason of the SagoError it raised."""
    try:
        return Check(name, find())
    except SagoError as error:
        return Check(name, str(error), ok=False)


def check_mailer(settings: Settings) -> Iterator[Check]:
    """Asks the mail server, and sends nothing."""
    yield attempt("mail", lambda: _ask_mailer(settings))
    outreach = settings.outreach
    if settings.smtp.host and not (outreach.unsubscribe_url or outreach.unsubscribe_mailto):
        yield Check(
            "unsubscribe",
            "letters go out by smtp.host and offer their readers no way to get no more (RFC 8058): set "
            "outreach.unsubscribe_url, or at least outreach.unsubscribe_mailto (docs/operations.md, Mail)",
            warns=True,
        )


def _ask_mailer(settings: Settings) -> str:
    try:
        return build(settings).mailer.check()
    except TransientError as error:
        mend = "does it run, and are smtp.host and smtp.port right? Mails wait meanwhile, and go by themselves then"
        raise TransientError(f"{error}: {mend}") from error


def check_outbox(settings: Settings) -> Check:
    """Looks at what waits on its way out."""
    container = build(settings)
    try:
        now, limits = container.clock.now(), container.limits
        with container.database.begin() as tx:
            outbox = outbox_of(tx, now, limits)
    except SagoError as error:
        return Check("outbox", str(error), ok=False)
    finally:
        container.close()
    lines = "; ".join(of_mails(outbox, limits.mail_server, now))
    waiting = f"{outbox.queued} queued" if outbox.queued else "nothing waits"
    return Check("outbox", lines or waiting, ok=not outbox.is_late, warns=bool(lines))


def schema_level_of(settings: Settings) -> str:
    """The migrations the schemas stand at; raises ConfigError when one is not the newest."""
    from sago.stores.postgres import schema_level

    level = schema_level(settings.postgres)
    levels = [_newest("Postgres", level.current, level.head)]
    if settings.raw_store.kind == "cassandra":
        from sago.stores.cassandra.migrate import schema_level as cassandra_level

        keyspace = cassandra_level(settings.cassandra)
        levels.append(_newest("Cassandra", keyspace.current, keyspace.head))
    return ", ".join(levels)


def _newest(store: str, current: str | None, head: str) -> str:
    if current != head:
        raise ConfigError(
            f"the schema of {store} is at {current or 'nothing'}, this checkout needs {head}: `sago migrate`"
        )
    return head if store == "Postgres" else f"{store} {head}"


def _restarts(record: Record) -> str:
    restarted = [f"{each.name} {each.restarts}" for each in record.services.values() if each.restarts]
    return (
        f"it started again: {', '.join(restarted)} (see `sago logs supervisor`)" if restarted else "nothing has ended"
    )


def _check(health: Health) -> Check:
    service = health.service
    if health.healthy:
        place = f" at {service.address}" if service.kind == "process" and service.address else ""
        return Check(service.name, f"{service.kind}{place}")
    return Check(service.name, f"{health.reason}{mend(health)}", ok=False)


def mend(health: Health) -> str:
    """What a person may do about one that is not healthy, to be put behind its reason."""
    service = health.service
    if service.kind == "service":
        return f" ({_where(service.name)})"
    if health.reason.startswith(f"stopped ({os.EX_CONFIG})"):
        return ": see `sago dlq list` and `sago logs bridge`, mend the cause, then `sago down` and `sago up`"
    if service.again_at is not None:
        return f": it is started again by itself; `sago logs {service.name}` says why it ended"
    if health.reason.startswith("halted") and service.child:
        return f": `kill -CONT {service.child.pid}` lets it go on"
    if health.reason == "still starting":
        return ": look again in a few seconds, or at `sago logs " + service.name + "`"
    if "refuses the password" in health.reason:
        folder = "its folder in the state folder"
        return f": it is our own server, so {folder} was changed while it ran: `sago down`, then `sago up`"
    return f": see `sago logs {service.name}`, then `sago down` and `sago up`"


def _where(name: str) -> str:
    """Which of the places a setting can come from gave this one, and whether a password was given at all."""
    origin = ORIGINS[name]
    variable = next((each for each in origin.variables if os.environ.get(each)), None)
    told = (
        f"its address is from {variable} in the environment"
        if variable
        else f"its address is {origin.key} in config.yaml"
    )
    if origin.password and not os.environ.get(origin.password):
        told += f"; {origin.password} is not set"
    return told


def _deeper(settings: Settings, found: dict[str, Health]) -> Iterator[Check]:
    if settings.kafka.security.protocol.startswith("SASL_") and found["kafka"].healthy:
        yield attempt("kafka login", lambda: _log_in(settings))
    needed = {"postgres"} | ({"cassandra"} if settings.raw_store.kind == "cassandra" else set())
    if all(name in found and found[name].healthy for name in needed):
        schema = attempt("schema", lambda: schema_level_of(settings))
        yield schema
        if schema.ok:
            yield check_outbox(settings)


def _log_in(settings: Settings) -> str:
    from sago.stores.kafka_access import reach

    reach(settings.kafka)
    return f"{settings.kafka.security.mechanism} as {settings.kafka.security.username}"
