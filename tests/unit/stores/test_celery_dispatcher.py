"""What became of a task, as its error says it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from celery import Celery
from celery.backends.base import Backend

from sago.errors import ConfigError
from sago.stores.celery_dispatcher import ended


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ConfigError("/drafts: cannot be written; set outreach.folder"),
            "/drafts: cannot be written; set outreach.folder",
        ),
        (KeyError("arr"), "KeyError: arr"),
    ],
)
def test_an_error_is_told_in_its_own_words(error: Exception, said: str) -> None:
    kept = {"status": "FAILURE", "result": Backend(app=Celery("test")).prepare_exception(error, "json")}
    found = {"bad": json.dumps(kept), "good": json.dumps({"status": "SUCCESS", "result": None}), "open": None}
    backend = SimpleNamespace(mget=lambda keys: [found[key] for key in keys], get_key_for_task=lambda name: name)
    app = cast("Any", SimpleNamespace(backend=backend))
    assert ended(app, list(found)) == {"bad": said, "good": ""}
