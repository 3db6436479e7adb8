"""Work beside a block, which cannot fail unseen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

Work = Callable[[threading.Event], None]
"""Ends soon after the event is set."""


@contextmanager
def beside(name: str, work: Work) -> Iterator[None]:
    """Work in a thread for the time of the block; what it raised, at any moment, is raised on leaving the block."""
    stop = threading.Event()
    with ThreadPoolExecutor(1, thread_name_prefix=name) as pool:
        done = pool.submit(work, stop)
        try:
            yield
        finally:
            stop.set()
    done.result()
