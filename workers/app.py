"""The Celery app: `celery -A workers …`. Owns logging, the container of a worker process and its readiness."""

from __future__ import annotations

import gc
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from celery import Celery, signals
from celery.bin.base import CeleryOption

from sago import telemetry
from sago.config import load
from workers.base import SagoTask

if TYPE_CHECKING:
    from sago.bootstrap import Container

TASKS = ("store", "upkeep", "extract", "outreach", "sources")

app = Celery("sago", task_cls=SagoTask, include=[f"workers.tasks.{name}" for name in TASKS])
app.config_from_object("celeryconfig")


def _before_flower(context: Any, _option: Any, _value: Any) -> None:
    """Called for every command of Celery before it runs; `flower` gets its settings and its gate."""
    if context.info_name == "flower":
        from workers.flower import prepare

        prepare()


app.user_options["preload"].add(CeleryOption(["--settings-of-flower"], hidden=True, callback=_before_flower))


@cache
def container() -> Container:
    """The wiring of this process, made on first use: never shared over a fork."""
    from sago.bootstrap import build  # beat, which shares this module, needs none of it

    return build(load())


@signals.worker_init.connect
def _import_before_forking(**_: Any) -> None:
    """What the parent has imported its children share, for as long as nobody writes to it; a collection would."""
    container().prepare(app.amqp.queues.consume_from)
    gc.collect()
    gc.freeze()


@signals.setup_logging.connect
def _configure_logging(**_: Any) -> None:
    settings = load().logging
    telemetry.configure(settings.level, settings.format)


@signals.worker_process_init.connect
def _drop_inherited(**_: Any) -> None:
    container.cache_clear()


@signals.worker_process_shutdown.connect
def _close(**_: Any) -> None:
    if container.cache_info().currsize:
        container().close()


@signals.worker_ready.connect
@signals.beat_init.connect
def _tell_ready(**_: Any) -> None:
    if marker := os.environ.get("SAGO_READY_FILE"):
        Path(marker).touch()


@signals.heartbeat_sent.connect
def _tell_alive(**_: Any) -> None:
    """Each two seconds, of a worker started with `-E`: the file of one that hangs grows old."""
    marker = os.environ.get("SAGO_READY_FILE")
    if marker and Path(marker).exists():
        Path(marker).touch()
