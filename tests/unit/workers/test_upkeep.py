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
from sago.errors import TransientError
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
now = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
share = Share(firm_id="northgate", company_id="acme", created_at=now, until=now)
wired = Mock(settings=Settings(), clock=ManualClock(now), database=MemoryDatabase())
wired.revoking.end_due = lambda at: [share]
upkeep.container = workers.app.container = lambda: wired
answers = [upkeep.end_shares.run(tick=True), upkeep.end_shares.run(tick=True), upkeep.end_shares.run()]
wired.starting.forget.side_effect = TransientError("away")
try:
    upkeep.end_shares.run()
except TransientError:
    pass
forgotten = [call.args[0].days for call in wired.starting.forget.call_args_list]
print(json.dumps([*answers, [call.args[0] for call in wired.recovery.requeue.call_args_list], forgotten]))
"""


def test_the_end_of_shares_is_looked_for_once_an_hour_and_whenever_asked_before_tasks_are_forgotten() -> None:
    assert ask(END_SHARES) == [["northgate/acme"], "done before", ["northgate/acme"], ["acme"] * 3, [30] * 3]


COARSEN = """
import json
from unittest.mock import Mock
import workers.app
from sago.domain.companies import Granularity, Share
from sago.domain.events import Fold
from sago.outreach.shared_texts import Coarsening
from sago.outreach.sharing import VERSION
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from tests.unit.outreach.stories import ARR, NOW
from workers.tasks import upkeep
database = MemoryDatabase()
with database.begin() as tx:
    tx.companies.ensure(ARR.company_id, NOW)
    tx.events.replace(ARR.company_id, Fold([ARR], []), NOW)
    tx.shares.ensure_firm("northgate", "Northgate")
    in_bands = Share(firm_id="northgate", company_id=ARR.company_id, granularity=Granularity.BANDS, created_at=NOW)
    tx.shares.put(in_bands)
wired = Mock(coarsening=Coarsening(database, ManualClock(NOW)))
upkeep.container = lambda: wired
done = [upkeep.coarsen.run(), upkeep.coarsen.run()]
with database.begin() as tx:
    kept = tx.events.shared_texts(ARR.company_id, in_bands.kind, VERSION)
beat = [row["schedule"] for row in workers.app.app.conf.beat_schedule.values() if row["task"] == "upkeep.coarsen"]
print(json.dumps([done, [event_id == ARR.id for event_id in kept], beat]))
"""


def test_beat_has_texts_made_once_for_shares_in_bands() -> None:
    assert ask(COARSEN) == [[1, 0], [True], [120.0]]
