"""A backtest: what a watch would have said on each past day, and what hindsight adds."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict

from sago.domain.messages import CompanyId
from sago.domain.watches import Condition


class SeenCondition(BaseModel):
    """One condition on one day, as known then; `true` is whether it held, as is known today."""

    model_config = ConfigDict(frozen=True)

    holds: bool
    true: bool
    value: float | None
    """The metric's figure, the change in percent, or the number of events."""
    unit: str | None


class ReplayedDay(BaseModel):
    """One day at its end, with each condition in the order of the backtest."""

    model_config = ConfigDict(frozen=True)

    day: date
    seen: tuple[SeenCondition, ...]

    @property
    def holds(self) -> bool:
        """Whether all conditions held, as known on the day."""
        return all(each.holds for each in self.seen)

    @property
    def true(self) -> bool:
        """Whether all of them held, as known today."""
        return all(each.true for each in self.seen)


class Stretch(BaseModel):
    """Days in a row, from the first to the last one looked at."""

    model_config = ConfigDict(frozen=True)

    first: date
    last: date
    because: str
    """What was so on its first day."""

    @property
    def days(self) -> int:
        """Its length, both ends counted."""
        return (self.last - self.first).days + 1


class Backtest(BaseModel):
    """Conditions replayed from `start` to `end`, one look every `step` days; nothing said later was known."""

    model_config = ConfigDict(frozen=True)

    company_id: CompanyId
    conditions: tuple[Condition, ...]
    met_on: date
    """Events are counted from then on, where a condition names no period."""
    start: date
    end: date
    step: int
    against: date
    """The day to which the lead time is counted."""
    days: tuple[ReplayedDay, ...]
    firings: tuple[Stretch, ...]
    """Days on which all conditions held, as known then."""
    misses: tuple[Stretch, ...]
    """Days on which they held, as is known today, but nobody had said so yet."""
    mistakes: tuple[Stretch, ...]
    """Days on which they seemed to hold, and did not, as is known today: corrected, denied or rejected since."""

    @property
    def lead_days(self) -> int | None:
        """Days from the first firing to `against`; below 0 where it came later, None where nothing fired."""
        return (self.against - self.firings[0].first).days if self.firings else None
