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
