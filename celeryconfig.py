"""Every Celery setting, each with its reason. Addresses come from `sago.config`; nothing else is decided here."""

from sago.config import load
from workers.schedule import beat_schedule

_settings = load()

# Transport: Redis as broker and as result backend, a database each.
broker_url = _settings.redis.database(_settings.redis.broker_db)
result_backend = _settings.redis.database(_settings.redis.results_db)
broker_connection_retry_on_startup = True  # a worker may start before Redis answers
broker_transport_options = {
    "visibility_timeout": 900,  # above the longest hard time limit plus the longest countdown, or a task runs twice
    "unacked_restore_throttle": 1,
    "socket_timeout": 30,  # redis-py's own 5 s makes a blocking pop hang
    "socket_keepalive": True,
    "health_check_interval": 25,
    "global_keyprefix": "sago:",
}
result_backend_transport_options = {"global_keyprefix": "sago:", "socket_timeout": 30, "health_check_interval": 25}
result_expires = 3600  # the bridge reads a confirmation within seconds; the rest is for a person
result_chord_join_timeout = 30  # 3 s is too short for many headers
result_chord_expires = 3600  # no orphan chord keys
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
task_default_queue = "store"
task_routes = {
    "store.*": {"queue": "store"},
    "upkeep.*": {"queue": "upkeep"},
    "extract.*": {"queue": "extract"},
    "outreach.*": {"queue": "outreach"},
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

beat_schedule = beat_schedule(_settings)
