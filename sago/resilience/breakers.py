"""The `Breakers` port: pybreaker's states over a shelf that all processes share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pybreaker import STATE_CLOSED, STATE_HALF_OPEN, STATE_OPEN, CircuitBreaker, CircuitBreakerListener
from pybreaker import CircuitBreakerStorage as Storage

from sago.domain.breakers import OpenBreaker
from sago.errors import HeldBackError, TooDearError, TooLateError, TransientError, UnusableAnswerError
from sago.ports import Clock
from sago.resilience.shelf import Shelf
from sago.sections import BreakerSettings

T = TypeVar("T")
LONGEST = timedelta(days=1)
"""No breaker is open for longer, whatever the other side asks for."""
TOLD_FOR = timedelta(hours=1)
"""How long after its time an open breaker that nobody tried is still told of."""


@dataclass(frozen=True)
class SharedBreakers:
    """The port over a shelf; `trial_within` is the time after which whoever tries an open breaker counts as dead."""

    shelf: Shelf
    clock: Clock
    settings: BreakerSettings
    trial_within: timedelta

    def call(self, name: str, ask: Callable[[], T]) -> T:
        if _state(self.shelf.read(name)) == STATE_CLOSED:
            return self._asked(name, STATE_CLOSED, ask)
        with self.shelf.trial(name, self.trial_within) as is_ours:
            fields = self.shelf.read(name)  # anew: a trial that has just ended may have failed
            wait = _until(fields) - self.clock.now()
            if is_ours and wait <= timedelta():
                return self._asked(name, _state(fields), ask)
        reason = fields.get("reason", "").removeprefix(f"{name} ")
        again = wait if wait > timedelta() else timedelta(seconds=self.settings.open_for)
        raise TransientError(f"{name} is not asked for now: {reason}", retry_after=again)

    def _asked(self, name: str, state: str, ask: Callable[[], T]) -> T:
        circuit = _Circuit(name, state, self.shelf, self.clock, timedelta(seconds=self.settings.open_for))
        breaker = CircuitBreaker(
            self.settings.fail_max,
            exclude=[_is_answered],
            listeners=[_Listener(circuit)],
            state_storage=circuit,
            throw_new_error_on_trip=False,
        )
        try:
            return breaker.call(lambda: circuit.asked(ask))
        except TransientError as error:
            fields = self.shelf.read(name)
            if _state(fields) == STATE_OPEN and not _is_answered(error):
                error.retry_after = max(error.retry_after or timedelta(), _until(fields) - self.clock.now())
            raise

    def open(self) -> list[OpenBreaker]:
        now = self.clock.now()
        held = {name: self.shelf.read(name) for name in self.shelf.names()}
        return [
            OpenBreaker(name, _moment(fields["since"]), _until(fields), fields.get("reason", ""))
            for name, fields in held.items()
            if _state(fields) != STATE_CLOSED and now < _until(fields) + TOLD_FOR
        ]

    def close(self) -> None:
        """Let go of the shelf's connections."""
        self.shelf.disconnect()


class _Circuit(Storage):
    """What pybreaker knows of one breaker during one call: the state in which the call was let through, and what
    became of it. When it half-opens we decide, by our clock and for all processes; so its own time is always over."""

    def __init__(self, name: str, state: str, shelf: Shelf, clock: Clock, open_for: timedelta) -> None:
        super().__init__(name)
        self._state = state
        self._shelf = shelf
        self._clock = clock
        self._is_asked = True
        self.reason = ""
        self.wait = open_for

    def asked(self, ask: Callable[[], T]) -> T:
        """What `ask` returns or raises. Where we held it back ourselves, it was neither answered nor out."""
        try:
            return ask()
        except (HeldBackError, TooDearError):
            self._is_asked = False
            raise

    @property
    def state(self) -> str:
        return self._state

    @state.setter
    def state(self, state: str) -> None:
        self._state = state
        if not self._is_asked:
            return
        if state == STATE_OPEN:
            now = self._clock.now()
            self._shelf.open(self.name, self.reason, now, now + min(self.wait, LONGEST))
        elif state == STATE_HALF_OPEN:
            self._shelf.half_open(self.name)
        else:
            self._shelf.close(self.name)

    @property
    def opened_at(self) -> datetime | None:
        return None

    @opened_at.setter
    def opened_at(self, _: datetime) -> None:
        """Told by the state."""

    @property
    def success_counter(self) -> int:
        """One success closes."""
        return 1

    @property
    def counter(self) -> int:
        return int(self._shelf.read(self.name).get("failures", 0))

    def increment_counter(self) -> None:
        self._shelf.fail(self.name)

    def reset_counter(self) -> None:
        if self._is_asked:
            self._shelf.recover(self.name)


class _Listener(CircuitBreakerListener):
    """Tells the storage of a failure; one that says when to ask again opens the breaker at once, until then."""

    def __init__(self, circuit: _Circuit) -> None:
        self._circuit = circuit

    def failure(self, cb: CircuitBreaker, exc: BaseException) -> None:
        circuit, open_for = self._circuit, self._circuit.wait
        circuit.reason = str(exc)
        if isinstance(exc, TransientError) and exc.retry_after:
            circuit.wait = exc.retry_after
            cb.open()
            circuit.wait = max(exc.retry_after, open_for)


def _is_answered(error: BaseException) -> bool:
    """Whether the other side is there, whatever it said, or was not asked: no outage, so nothing to wait for."""
    if isinstance(error, HeldBackError):
        return True
    if isinstance(error, TransientError):
        return isinstance(error, UnusableAnswerError) and not isinstance(error, TooLateError)
    return isinstance(error, Exception)


def _state(fields: dict[str, str]) -> str:
    return fields.get("state", STATE_CLOSED)


def _until(fields: dict[str, str]) -> datetime:
    return _moment(fields.get("until", "0"))


def _moment(seconds: str) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)
