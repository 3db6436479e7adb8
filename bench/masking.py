"""`python -m bench.masking`: how long hiding persons takes for twenty messages of logs, by size."""

from __future__ import annotations

import sys
from time import perf_counter

from sago.llm.masking import Masking

LINE = "2026-01-02 12:00:00.123 +0000 10.0.0.1 GET /a/123456789 200 4411 0.123 555-123-4567 id=99-88-77-66\n"
MESSAGES = 20


def main() -> None:
    """Prints a line for each size."""
    for size in (1_000, 10_000):
        texts = [(LINE * (size // len(LINE) + 1))[:size]] * MESSAGES
        begun = perf_counter()
        masking = Masking(["kim@acme.de"] * MESSAGES, texts)
        for text in texts:
            masking.mask(text)
        sys.stdout.write(f"{MESSAGES} messages of {size // 1000} kB: {perf_counter() - begun:.2f} s\n")


if __name__ == "__main__":
    main()
