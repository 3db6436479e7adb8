"""The buffer in Redis: queues that wait for 200, marks, counters and claims, changed by one Lua script.

Keys, braces literal, so that a company has one slot:
`messages:{company}:{source}:queue` LIST, `…:metadata` HASH, `…:processing` HASH of batch → its messages,
`…:processing:<batch>` the same once Postgres owns the batch (a key of its own, because a field cannot expire);
`messages:{company}:counted` ZSET of marks by time, `…:counter`, `…:sources` SET, `…:urgent`;
`messages:due` ZSET of company by oldest queued, an index outside the slot that `due` mends from the counters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from importlib import resources
from typing import Any
from uuid import uuid4

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sago.domain.batches import Added, Claim
from sago.domain.messages import CompactMessage, MessageKey
from sago.errors import ConfigError, TransientError
from sago.sections import CacheSettings

MARKS_FOR = timedelta(hours=48)
"""How long an id is remembered as counted."""
EPOCH, NEXT_EPOCH = "sago:epoch", "sago:epoch:next"
DUE = "messages:due"
SCRIPT = resources.files("sago.stores").joinpath("buffer.lua").read_text(encoding="utf-8")
_COMPANY = re.compile(r"^messages:\{([^}]+)\}:")


class RedisBuffer:
    """The Buffer port on one Redis database of its own; safe to share between threads, not across a fork.

    Each call waits at most `timeout` seconds for an answer, tries a broken connection once more, and then raises
    TransientError, as for whatever else Redis refuses, a write at its memory ceiling for one. A wrong password, or a
    user who may not do what we do, is a ConfigError.
    """

    def __init__(self, url: str, settings: CacheSettings, timeout: float = 5.0) -> None:
        self._settings = settings
        self._redis: redis.Redis = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            socket_keepalive=True,
            health_check_interval=25,
            retry=Retry(NoBackoff(), 1),
        )
        self._script: Callable[..., Any] = self._redis.register_script(SCRIPT)

    def known(self, company_id: str, keys: Sequence[MessageKey], now: datetime) -> set[MessageKey]:
        if not keys:
            return set()
        with _translated():
            scores: Any = self._redis.zmscore(_company(company_id, "counted"), [_mark(key) for key in keys])
        oldest = _ms(now - MARKS_FOR)
        return {key for key, score in zip(keys, scores, strict=True) if score is not None and score >= oldest}

    def add(
        self,
        company_id: str,
        messages: Sequence[CompactMessage],
        now: datetime,
        urgent: Collection[MessageKey] = (),
    ) -> Added:
        return self.add_all({company_id: messages}, now, {company_id: urgent})[company_id]

    def add_all(
        self,
        messages: Mapping[str, Sequence[CompactMessage]],
        now: datetime,
        urgent: Mapping[str, Collection[MessageKey]] | None = None,
    ) -> dict[str, Added]:
        return self._run(messages, now, "add", urgent or {})

    def claim(self, company_id: str, now: datetime) -> str | None:
        return self._run({company_id: ()}, now, "claim", {})[company_id].batch_id

    def claimed(self, company_id: str, batch_id: str) -> Claim | None:
        with _translated():
            sources = self._sources(company_id)
            if not sources:
                return None
            # Not a transaction: at its memory ceiling Redis refuses those even for reading. A take-over in between
            # leaves a part in both places or in the second alone, as it writes there before it deletes here.
            pipe = self._redis.pipeline(transaction=False)
            for source in sources:
                pipe.hget(_source(company_id, source, "processing"), batch_id)
                pipe.get(_taken(company_id, source, batch_id))
            found: list[str | None] = pipe.execute()
        parts = [open_ or taken for open_, taken in zip(found[::2], found[1::2], strict=True)]
        held = [_decode(body) for part in parts if part for body in json.loads(part)]
        if not held:
            return None
        return Claim(batch_id=batch_id, company_id=company_id, messages=tuple(sorted(held, key=_age)))

    def unopened(self) -> list[tuple[str, str]]:
        with _translated():
            found = {
                (_company_of(key), str(batch_id))
                for key in self._scan("messages:{*}:{*}:processing")
                for batch_id in self._fields(key)
            }
        return sorted(found)

    def taken_over(self, company_id: str, batch_id: str) -> None:
        with _translated():
            for source in self._sources(company_id):
                processing = _source(company_id, source, "processing")
                body: Any = self._redis.hget(processing, batch_id)
                if body is not None:
                    # At the memory ceiling the cache is given up: Postgres and the raw store have the batch.
                    with suppress(redis.exceptions.OutOfMemoryError):
                        self._redis.set(_taken(company_id, source, batch_id), body, ex=self._settings.ttl)
                    self._redis.hdel(processing, batch_id)

    def forget(self, company_id: str, keys: Sequence[MessageKey]) -> None:
        if keys:
            with _translated():
                self._redis.zrem(_company(company_id, "counted"), *[_mark(key) for key in keys])

    def due(self, now: datetime, older_than: timedelta) -> list[str]:
        with _translated():
            indexed: Any = self._redis.zrange(DUE, 0, -1, withscores=True)
            oldest = {str(company_id): int(score) for company_id, score in indexed}
            # Two processes may write the index in another order than the script ran: the queues are the truth.
            mended = {company_id: self._oldest(company_id) for company_id in oldest.keys() ^ self.counts().keys()}
            self._index(mended)
        waiting = {name: at for name, at in (oldest | mended).items() if 0 <= at <= _ms(now - older_than)}
        return sorted(waiting, key=lambda name: (waiting[name], name))

    def counts(self) -> dict[str, int]:
        with _translated():
            keys = sorted(self._scan("messages:{*}:counter"))
            values: Any = self._redis.mget(keys) if keys else []
        return {_company_of(key): int(value) for key, value in zip(keys, values, strict=True) if int(value or 0) > 0}

    def marks(self) -> int:
        with _translated():
            pipeline = self._redis.pipeline(transaction=False)
            for key in self._scan("messages:{*}:counted"):
                pipeline.zcard(key)
            return sum(pipeline.execute())

    def memory_share(self) -> float:
        with _translated():
            info: Any = self._redis.info("memory")
        ceiling = int(info.get("maxmemory", 0))
        return min(1.0, int(info["used_memory"]) / ceiling) if ceiling else 0.0

    def begin_epoch(self, now: datetime) -> bool:
        with _translated():
            pipeline = self._redis.pipeline()
            pipeline.exists(EPOCH, NEXT_EPOCH)
            pipeline.set(NEXT_EPOCH, _ms(now))
            return not pipeline.execute()[0]

    def set_epoch(self) -> None:
        with _translated():
            try:
                self._redis.rename(NEXT_EPOCH, EPOCH)
            except redis.exceptions.ResponseError as error:
                if "no such key" not in str(error):
                    raise

    def has_epoch(self) -> bool:
        with _translated():
            return bool(self._redis.exists(EPOCH))

    def clear(self, company_id: str | None = None) -> None:
        with _translated():
            if company_id is None:
                self._redis.flushdb()
                return

            def drop(pipe: Any) -> None:
                keys = list(self._scan(_company(company_id, "*")))
                pipe.multi()
                pipe.delete(*keys, _company(company_id, "counter"))

            # each add touches the counter: one that comes between the scan and the deletion has both done again
            self._redis.transaction(drop, _company(company_id, "counter"))
            self._redis.zrem(DUE, company_id)

    def words(self, company_id: str) -> int:
        with _translated():
            held = 0
            for key in self._scan(_company(company_id, "{*")):
                held += sum(bool(each["text"] or each["sender"]) for each in self._bodies(key))
            return held

    def _bodies(self, key: str) -> list[dict[str, Any]]:
        """The messages under a key of a source's queue or claims."""
        name = key.rpartition("}:")[2]
        if name == "queue":
            rows: Any = self._redis.lrange(key, 0, -1)
            return [json.loads(row) for row in rows]
        if name == "processing":
            claims: Any = self._redis.hvals(key)
            return [body for claim in claims for body in json.loads(claim)]
        taken: Any = self._redis.get(key) if name.startswith("processing:") else None
        return json.loads(taken) if taken else []

    def close(self) -> None:
        """Close the connections; further calls open new ones."""
        self._redis.close()

    def _run(
        self,
        messages: Mapping[str, Sequence[CompactMessage]],
        now: datetime,
        mode: str,
        urgent: Mapping[str, Collection[MessageKey]],
    ) -> dict[str, Added]:
        """The script for each company in one pipeline, then the index: `mode` is `add` or `claim`."""
        batch_ids = {name: (f"{name}:{uuid4()}", f"{name}:{uuid4()}") for name in messages}
        calls = [
            self._arguments(name, given, now, mode, batch_ids[name], urgent.get(name, ()))
            for name, given in messages.items()
        ]
        with _translated():
            try:
                found = self._call(calls)
            except redis.exceptions.NoScriptError:  # Redis was restarted after it had been given the script
                found = self._call(calls)
        answers = dict(zip(messages, found, strict=True))
        self._index({company_id: int(oldest) for company_id, (*_, oldest) in answers.items()})
        found_by_company: dict[str, Added] = {}
        for company_id, (counted, duplicates, claimed, again, epoch, _) in answers.items():
            batch_id, further_id = batch_ids[company_id]
            found_by_company[company_id] = Added(
                int(counted), int(duplicates), batch_id if claimed else None, not epoch, further_id if again else None
            )
        return found_by_company

    def _call(self, calls: Sequence[tuple[list[str], list[str | int]]]) -> list[Any]:
        """The script's answers; Redis is given the script where it has none."""
        pipe = self._redis.pipeline(transaction=False)
        for keys, arguments in calls:
            self._script(keys=keys, args=arguments, client=pipe)
        return pipe.execute()

    def _arguments(
        self,
        company_id: str,
        messages: Sequence[CompactMessage],
        now: datetime,
        mode: str,
        batch_ids: tuple[str, str],
        urgent: Collection[MessageKey],
    ) -> tuple[list[str], list[str | int]]:
        """KEYS and ARGV of the script."""
        keys = [EPOCH, *(_company(company_id, name) for name in ("counted", "counter", "sources", "urgent"))]
        limits = self._settings
        arguments: list[str | int] = [_company(company_id, ""), _ms(now), limits.cache_trigger_threshold]
        arguments += [limits.claim_limit, *batch_ids, mode, limits.urgent.every * 1000]
        arguments += [int(MARKS_FOR.total_seconds()) * 1000, limits.ttl]
        for message in messages:
            key = message.key
            arguments += [_mark(key), message.source, _encode(message, now), int(key in urgent)]
        return keys, arguments

    def _index(self, oldest: Mapping[str, int]) -> None:
        """What fails here must not undo the script's answer; `due` mends the index."""
        waiting = {company_id: at for company_id, at in oldest.items() if at >= 0}
        with suppress(redis.exceptions.RedisError):
            pipe = self._redis.pipeline(transaction=False)
            if waiting:
                pipe.zadd(DUE, waiting)
            if empty := oldest.keys() - waiting.keys():
                pipe.zrem(DUE, *sorted(empty))
            pipe.execute()

    def _oldest(self, company_id: str) -> int:
        heads: list[Any] = [
            self._redis.lindex(_source(company_id, source, "queue"), 0) for source in self._sources(company_id)
        ]
        return min((int(json.loads(head)["queued_at"]) for head in heads if head), default=-1)

    def _sources(self, company_id: str) -> list[str]:
        members: Any = self._redis.smembers(_company(company_id, "sources"))
        return sorted(members)

    def _scan(self, pattern: str) -> Iterator[str]:
        return self._redis.scan_iter(match=pattern, count=1000)

    def _fields(self, key: str) -> list[str]:
        fields: Any = self._redis.hkeys(key)
        return list(fields)


def _company(company_id: str, name: str) -> str:
    return f"messages:{{{company_id}}}:{name}"


def _source(company_id: str, source: str, name: str) -> str:
    return f"messages:{{{company_id}}}:{{{source}}}:{name}"


def _taken(company_id: str, source: str, batch_id: str) -> str:
    return _source(company_id, source, f"processing:{batch_id}")


def _company_of(key: str) -> str:
    match = _COMPANY.match(key)
    return match.group(1) if match else ""


def _mark(key: MessageKey) -> str:
    return f"{key.version}:{key.message_id}"


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _encode(message: CompactMessage, now: datetime) -> str:
    return f'{message.model_dump_json()[:-1]},"queued_at":{_ms(now)}}}'


def _decode(body: dict[str, Any]) -> CompactMessage:
    return CompactMessage.model_validate({key: value for key, value in body.items() if key != "queued_at"})


def _age(message: CompactMessage) -> tuple[datetime, str, int]:
    return message.sent_at, message.id, message.version


@contextmanager
def _translated() -> Iterator[None]:
    """Redis's errors as ours: what only a setting cures is a ConfigError, all else may pass."""
    try:
        yield
    except redis.exceptions.AuthenticationError as error:
        raise ConfigError(f"Redis refused the password: {error}; check redis.url") from error
    except redis.exceptions.NoPermissionError as error:
        raise ConfigError(f"Redis does not let us: {error}; mend the rights of the user in redis.url") from error
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
        raise TransientError(f"Redis does not answer: {error}") from error
    except redis.exceptions.RedisError as error:
        if "OOM command not allowed" in str(error):  # of a script, Redis 6 tells it within another error
            raise TransientError(
                "Redis is at its memory ceiling and takes no more until batches have drained"
            ) from error
        raise TransientError(f"Redis refuses for now: {error}") from error
