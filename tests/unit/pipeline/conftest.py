"""What the bridge says."""

from __future__ import annotations

import pytest
import structlog
from structlog.testing import LogCapture

from sago.pipeline import bridging


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> LogCapture:
    """What the bridge logs."""
    capture = LogCapture()
    monkeypatch.setattr(bridging, "log", structlog.wrap_logger(structlog.PrintLogger(), processors=[capture]))
    return capture
