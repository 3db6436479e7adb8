"""What the minutely run asks first."""

from __future__ import annotations

from tests.unit.workers.test_routes import ask

REAP = """
from unittest.mock import Mock
import workers.app
from workers.tasks import upkeep
from sago.errors import TransientError
wired = Mock()
wired.buffer.has_epoch.return_value = False
wired.reaper.reap.side_effect = TransientError("away")
upkeep.container = lambda: wired
try:
    upkeep.reap.run()
except TransientError:
    wired.dispatcher.recover.assert_called_once_with()
    print('"recovered"')
"""


def test_a_lost_buffer_is_recovered_even_where_the_reaper_fails() -> None:
    assert ask(REAP) == "recovered"


END_SHARES = """
from datetime import UTC, datetime
from unittest.mock import Mock
import json
import workers.app
from workers.tasks import upkeep
from sago.config import Settings
from sago.domain.companies import Share
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
now = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
share = Share(firm_id="northgate", company_id="acme", created_at=now, until=now)
wired = Mock(settings=Settings(), clock=ManualClock(now), database=MemoryDatabase())
wired.revoking.end_due = lambda at: [share]
upkeep.container = workers.app.container = lambda: wired
answers = [upkeep.end_shares.run(tick=True), upkeep.end_shares.run(tick=True), upkeep.end_shares.run()]
print(json.dumps([*answers, [call.args[0] for call in wired.recovery.requeue.call_args_list]]))
"""


def test_the_end_of_shares_is_looked_for_once_an_hour_and_whenever_it_is_asked_for() -> None:
    assert ask(END_SHARES) == [["northgate/acme"], "done before", ["northgate/acme"], ["acme", "acme"]]
