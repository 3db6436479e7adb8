"""What may be kept as a watch."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sago.errors import UsageError
from sago.outreach.watching import keep_watch
from sago.stores.memory.database import MemoryDatabase
from tests.unit.outreach.stories import NOW, watch


@pytest.mark.parametrize(("ahead", "is_kept"), [(-30, True), (0, True), (1, True), (2, False), (400, False)])
def test_a_meeting_of_the_future_is_refused_and_a_day_ahead_of_utc_is_none(ahead: int, is_kept: bool) -> None:
    database = MemoryDatabase()
    met = watch("arr >= 2M").model_copy(update={"met_on": NOW.date() + timedelta(days=ahead), "created_at": NOW})
    with database.begin() as tx:
        if is_kept:
            assert keep_watch(met, tx).is_new
        else:
            with pytest.raises(UsageError, match=rf"--met {met.met_on}: lies in the future; give the day on which"):
                keep_watch(met, tx)
        assert len(tx.outreach.watches()) == is_kept
