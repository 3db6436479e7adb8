"""Every Celery setting, each with its reason. Addresses come from `sago.config`; nothing else is decided here."""

from celery.schedules import crontab
from kombu import Exchange, Queue

from sago.config import load

_settings = load()

# Transport: Redis as broker and as result backend, a database each.
broker_url = _settings.redis.database(_settings.redis.broker_db)
result_backend = _settings.redis.database(_settings.redis.results_db)
broker_connection_retry_on_startup = True  # a worker may start before Redis answers
broker_transport_options = {
    # above the longest hard time limit plus the longest countdown, or a task runs twice at once
    "visibility_timeout": _settings.redis.visibility_timeout,
    "unacked_restore_throttle": 1,
    "queue_order_strategy": "priority",  # as -Q names them: by turns, a claim waits behind as many store tasks
    "socket_timeout": 30,  # redis-py's own 5 s makes a blocking pop hang
    "socket_keepalive": True,
    "health_check_interval": 25,
    "global_keyprefix": "sago:",
}
result_backend_transport_options = {"global_keyprefix": "sago:", "socket_timeout": 30, "health_check_interval": 25}
result_expires = 3600  # the bridge reads a confirmation within seconds; the rest is for a person
result_chord_join_timeout = 30  # 3 s is too short for many headers
result_chord_expires = 3 * 86_400  # a chord that waits for longer loses its body: an import queues for hours
redis_socket_timeout = 30.0
redis_socket_keepalive = True

# Messages: JSON only, nothing that could run code.
accept_content = ["json"]
task_serializer = "json"
result_serializer = "json"
enable_utc = True
timezone = "UTC"

# Delivery: at least once, each effect idempotent by a key its data carries.
task_acks_late = True
task_reject_on_worker_lost = False  # on Redis it loops for ever
task_retry_on_worker_lost = True  # a few times, then failed
task_acks_on_failure = True  # failures have their own place: chunks, attempts, dead letters
task_acks_on_timeout = True
task_track_started = True  # Flower and the bridge see what runs
task_send_sent_event = True
worker_send_task_events = True

# Queues: declared by name; a misspelt one is an error, not a new queue nobody reads.
task_create_missing_queues = False
task_queues = [
    Queue(name, Exchange(name), routing_key=name)
    for name in ("store", "upkeep", "merge", "extract", "mail", "outreach", "sources")
]
task_default_queue = "store"
task_routes = {
    "store.*": {"queue": "store"},
    "upkeep.*": {"queue": "upkeep"},
    "extract.start": {"queue": "upkeep"},  # short: a claim must not wait behind the chunks of others
    "extract.merge": {"queue": "merge"},  # taken first: a batch that is read must not wait behind the chunks of others
    "extract.*": {"queue": "extract"},
    "outreach.schedule": {"queue": "upkeep"},  # short: a planned run must not wait behind letters
    "outreach.digest": {"queue": "upkeep"},  # short too
    "outreach.deliver": {"queue": "mail"},  # taken first: approved letters must not wait behind those being written
    "outreach.*": {"queue": "outreach"},
    "sources.poll": {"queue": "upkeep"},  # short: what is due must not wait behind what is being read
    "sources.*": {"queue": "sources"},
}

# Time: soft limits raise inside the task, hard ones kill the child; both below the visibility timeout.
task_soft_time_limit = 240
task_time_limit = 300

# Workers.
worker_prefetch_multiplier = 1  # a long chunk must not hold others back
worker_max_tasks_per_child = 2000
worker_max_memory_per_child = 400_000  # kB
worker_eta_task_limit = 1000  # nothing waits in a worker's memory for long
worker_hijack_root_logger = False  # sago.telemetry owns logging
worker_soft_shutdown_timeout = 20  # a rolling deploy finishes what runs
worker_cancel_long_running_tasks_on_connection_loss = True  # acked late: it will be delivered again


# Beat: `expires` keeps a stopped worker from running the same job many times over when it comes back.
# Jobs rarer than five minutes carry `tick`: a row per planned run makes two beats do the work once, and
# `upkeep.catch_up` sends again what has no row although its time has come.
def _expires(period: float) -> dict[str, float]:
    """Not sooner than a busy worker gets to it: a short period would otherwise starve what mends."""
    return {"expires": max(period, 60.0)}


beat_schedule = {
    "flush what has waited too long": {
        "task": "upkeep.flush_idle",
        "schedule": float(_settings.cache.poll_interval),
        "options": _expires(_settings.cache.poll_interval),
    },
    "take up unfinished batches": {
        "task": "upkeep.reap",
        "schedule": _settings.upkeep.reap_every,
        "options": _expires(_settings.upkeep.reap_every),
    },
    "send again what was missed": {
        "task": "upkeep.catch_up",
        "schedule": _settings.upkeep.reap_every,
        "options": _expires(_settings.upkeep.reap_every),
    },
    "make shared texts": {
        "task": "upkeep.coarsen",
        "schedule": _settings.upkeep.coarsen_every,
        "options": _expires(_settings.upkeep.coarsen_every),
    },
    "queue again what Redis has lost": {
        "task": "upkeep.recover",
        "schedule": crontab.from_string(_settings.upkeep.recover),
        "kwargs": {"tick": True},
        "options": {"expires": 3600.0},
    },
    "erase what came of ended shares": {
        "task": "upkeep.end_shares",
        "schedule": crontab.from_string(_settings.upkeep.end_shares),
        "kwargs": {"tick": True},
        "options": {"expires": 3600.0},
    },
    "judge every watch": {
        "task": "outreach.significance",
        "schedule": crontab.from_string(_settings.outreach.significance.nightly),
        "kwargs": {"tick": True},
        "options": {"expires": 3600.0},
    },
    "send approved letters": {
        "task": "outreach.deliver",
        "schedule": _settings.outreach.deliver_every,
        "options": _expires(_settings.outreach.deliver_every),
    },
    "read what is due": {
        "task": "sources.poll",
        "schedule": _settings.sources.poll_every,
        "options": _expires(_settings.sources.poll_every),
    },
    "compose letters": {
        "task": "outreach.schedule",
        "schedule": crontab.from_string(_settings.outreach.schedule),
        "kwargs": {"tick": True},
        "options": {"expires": 3600.0},
    },
    "tell people what is new": {
        "task": "outreach.digest",
        "schedule": crontab.from_string(_settings.outreach.digest),
        "kwargs": {"tick": True},
        "options": {"expires": 3600.0},
    },
}
