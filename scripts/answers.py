"""The health check of a container that serves HTTP: `answers.py URL`, exit status 0 where it answers 200.

Flower is asked with its password, from the environment it runs with.
"""

from __future__ import annotations

import os
import sys
import urllib.request
from base64 import b64encode

WITHIN = 5.0
"""Seconds it may take to answer."""


def main(url: str) -> None:
    """Ends the process with status 1 and one line where there is no answer, or an error."""
    request = urllib.request.Request(url)  # noqa: S310 - an address of this container
    if password := os.environ.get("SAGO_FLOWER__PASSWORD"):
        login = f"{os.environ.get('SAGO_FLOWER__USER', 'sago')}:{password}"
        request.add_header("Authorization", f"Basic {b64encode(login.encode()).decode()}")
    try:
        urllib.request.urlopen(request, timeout=WITHIN).close()  # noqa: S310
    except OSError as error:
        sys.exit(f"{url}: {error}")


if __name__ == "__main__":
    main(sys.argv[1])
