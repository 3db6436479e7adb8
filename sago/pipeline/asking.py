"""Questions to servers, all at once, answered in bounded time whoever is silent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from datetime import datetime
from typing import Any

from sago.errors import SagoError, TransientError
from sago.ports import Clock
from sago.resilience.questions import Questions

PATIENCE = 5.0
"""Seconds a server is given; a call that takes longer goes on to its own time-out, and later askers hear it."""
Question = Callable[[], object]
Answers = Mapping[str, Any]
"""Name → answer, or the SagoError that came instead of it."""


class Asker:
    """Asks each question in a thread of its own, and remembers since when a server has not answered. Thread-safe."""

    def __init__(self, clock: Clock, patience: float = PATIENCE) -> None:
        self.patience = patience
        self._clock = clock
        self._questions = Questions("asker")
        self._silent_since: dict[str, datetime] = {}

    def ask(self, questions: Mapping[str, Question], silent: Answers | None = None) -> dict[str, Any]:
        """The answers; who has not answered within `patience` gives a TransientError.

        `silent` holds errors of those who have just been asked something else in vain: they are not asked.
        """
        began = self._clock.now()
        answers: dict[str, Any] = dict(silent or {})
        wanted = {name: question for name, question in questions.items() if name not in answers}
        asked = {name: self._questions.ask(question, question) for name, question in wanted.items()}
        wait(asked.values(), self.patience)
        answers |= {name: self._answer(future) for name, future in asked.items()}
        for name, answer in answers.items():
            self._remember(name, began, isinstance(answer, SagoError))
        return answers

    def silent_since(self, name: str) -> datetime | None:
        """When it was first asked in vain; None where its last answer was one."""
        return self._silent_since.get(name)

    def _remember(self, name: str, at: datetime, is_silent: bool) -> None:
        if is_silent:
            self._silent_since.setdefault(name, at)
        else:
            self._silent_since.pop(name, None)

    def _answer(self, future: Future[Any]) -> Any:
        if not future.done():
            return TransientError(f"no answer within {self.patience:g} s")
        try:
            return future.result()
        except SagoError as error:
            return error
        except Exception as error:  # noqa: BLE001 - none of ours, and no answer all the same
            return TransientError(f"{type(error).__name__}: {error}")


def known(answers: Answers, name: str) -> Any:
    """The answer, or None where there is none."""
    answer = answers.get(name)
    return None if isinstance(answer, SagoError) else answer
