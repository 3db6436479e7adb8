"""What `sago run` and `sago demo` share: rows in, everything read and merged, letters composed, the report written."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from rich.markup import escape
from rich.progress import Progress

from sago.bootstrap import Container
from sago.domain.batches import BatchState
from sago.domain.messages import Message
from sago.domain.model_calls import CallTotals
from sago.errors import ConfigError, TransientError
from sago.llm.registry import longest_call
from sago.outreach.scheduling import verdicts
from sago.pipeline.ingest import Account, BadRow
from sago.report import ReportData, gather, write_all
from sago.stores.eml_drafts import EmlDrafts

MERGED_WITHIN = 120.0
"""Seconds without a further merged batch after which waiting for events is given up."""
VENDOR_WITHIN = 600.0
"""The same, also without a further call, where a vendor reads: what fails there is tried again after minutes."""
LETTERS_WITHIN = 120.0
LETTER_CALLS = 2
"""A letter that says what no event says is asked for once more."""


@dataclass
class Run:
    """One pass of the pipeline over one input; the figures of its last line."""

    container: Container
    note: Callable[[str], None] = lambda _line: None
    """Takes a line for a person: what is waited for, and why."""
    account: Account = field(default_factory=Account)
    seconds: float = 0.0
    batches: int = 0
    unfinished: bool = False
    letters_refused: list[str] = field(default_factory=list)
    spent: CallTotals = field(default_factory=CallTotals)
    """What a vendor's model was asked for this run; nothing where the provider reads on this machine."""
    ignored: Counter[str] = field(default_factory=Counter)
    """What the file held and was left out on purpose, by the reason; no part of `read`."""
    _merged_before: int = 0
    _has_told: bool = False

    def __post_init__(self) -> None:
        self._started = self.container.clock.now()
        self._at_vendor = longest_call(self.container.settings) > 0

    def feed(self, rows: Iterable[Message | BadRow], total: int | None, bars: Progress) -> None:
        """Publish the rows and wait until each is stored or refused."""
        started = time.monotonic()
        self._merged_before = self._merged()
        bar = bars.add_task("messages stored", total=total)

        def step(account: Account) -> None:
            done = account.stored + account.duplicates + account.dead_lettered
            bars.update(bar, completed=done, total=max(total or 0, account.read))

        self.container.ingest().feed(rows, self.account, step)
        self.seconds += time.monotonic() - started

    def extract(self, bars: Progress) -> None:
        """Flush what is fewer than a batch, and wait until every batch of these companies is merged.

        Raises ConfigError as soon as a vendor refuses our key or model: waiting would not help.
        """
        started = time.monotonic()
        bar = bars.add_task("batches merged", total=None)
        self.container.dispatcher.flush()
        seen, since = (-1, -1), started
        while True:
            # In the order a message moves, so that what moves on meanwhile is seen further down.
            queued = self.container.buffer.counts()
            unopened = self.container.buffer.unopened()
            with self.container.database.begin() as tx:
                open_batches, merged = tx.batches.progress(list(self.account.companies))
            waiting = [company for company in self.account.companies if queued.get(company)]
            bars.update(bar, completed=merged, total=merged + open_batches or None)
            if not open_batches and not waiting and not unopened:
                break
            self._ask_ledger()
            self._tell_failure()
            if self.spent.refusal:
                raise ConfigError(self.spent.refusal)
            if (merged, self.spent.calls) != seen:
                seen, since = (merged, self.spent.calls), time.monotonic()
            if time.monotonic() - since > (VENDOR_WITHIN if self._at_vendor else MERGED_WITHIN):
                raise TransientError(self._stuck())
            time.sleep(0.05)
        self.batches = self._merged() - self._merged_before
        self.seconds += time.monotonic() - started

    def write_letters(self, bars: Progress) -> None:
        """Compose the letter of each watch of these companies, as of the newest message."""
        started = time.monotonic()
        with self.container.database.begin() as tx:
            watches = [w.id for company in self.account.companies for w in tx.outreach.watches(company)]
        bar = bars.add_task("letters composed", total=len(watches))
        if watches:
            call = longest_call(self.container.settings)
            within = LETTERS_WITHIN + LETTER_CALLS * call * len(watches)
            self.letters_refused = self.container.dispatcher.compose_and_wait(watches, self.as_of, within)
        bars.update(bar, completed=len(watches))
        self._ask_ledger()
        self.seconds += time.monotonic() - started

    def _ask_ledger(self) -> None:
        if self._at_vendor:
            self.spent = self.container.calls.totals(list(self.account.companies), self._started)

    def _tell_failure(self) -> None:
        """Once a run: without a word a wait for a vendor looks like a hang."""
        if self._has_told or not self._at_vendor or self.spent.refusal:
            return
        if failure := self._failure():
            self._has_told = True
            until = (self.container.clock.now() + timedelta(seconds=VENDOR_WITHIN)).astimezone()
            self.note(
                f"[yellow]waiting:[/] {escape(failure)}; tried again by itself "
                f"until {until:%H:%M} at least; Ctrl-C stops waiting and loses nothing"
            )

    def _failure(self) -> str | None:
        """Why the last call failed, or why a batch waits for which none was made: a budget, a rate."""
        if self.spent.failure or not self._at_vendor:
            return self.spent.failure
        with self.container.database.begin() as tx:
            waiting = tx.batches.oldest().get(BatchState.FAILED)
        return waiting.error if waiting and waiting.company_id in self.account.companies else None

    def _stuck(self) -> str:
        failure = self._failure()
        return f"batches are not merged{f': {failure}' if failure else ''}; see `sago status` and `sago logs extract`"

    def _merged(self) -> int:
        with self.container.database.begin() as tx:
            return tx.batches.counts().get(BatchState.MERGED, 0)

    @property
    def as_of(self) -> datetime:
        """The run's now: the newest message's time."""
        return max(self.account.companies.values(), default=self.container.clock.now())

    def report(self, out: Path) -> ReportData:
        """Gather the report's data, write its files into `out` and lay out the live letters beside them."""
        container, companies = self.container, sorted(self.account.companies)
        outreach = container.settings.outreach
        scale, now = outreach.significance.scale, container.clock.now()
        judged = verdicts(container.database, self.as_of, outreach.setback_days, scale, now=now)
        data = gather(container.database, container.raw, companies, judged, self.as_of, self.figures(), self.refused())
        out.mkdir(parents=True, exist_ok=True)
        write_all(data, out)
        drafts = EmlDrafts(out / "outreach")
        for letter in data.letters:
            drafts.put(letter)
        return data

    def figures(self) -> dict[str, float]:
        """The plumbing in figures, in the order they are shown."""
        account = self.account
        return {
            "read": account.read,
            "stored": account.stored,
            "dead_lettered": account.dead_lettered,
            "duplicates": account.duplicates,
            "batches": self.batches,
            "seconds": round(self.seconds, 2),
        }

    def costs(self) -> dict[str, float]:
        """What a vendor's model was asked for; empty where none was."""
        if not self.spent.calls:
            return {}
        tokens = self.spent.input_tokens + self.spent.output_tokens
        return {"model_calls": self.spent.calls, "model_tokens": tokens, "model_usd": round(self.spent.cost_usd, 6)}

    def left_out(self) -> dict[str, dict[str, int]]:
        """What was left out on purpose, for the last line; empty where nothing was."""
        return {"ignored": dict(sorted(self.ignored.items()))} if self.ignored else {}

    def refused(self) -> list[str]:
        """One line for each refused row."""
        return [f"{where}: {why}" for where, why in self.account.refused]
