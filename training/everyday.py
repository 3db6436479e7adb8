"""`python -m training.everyday`: the words that many companies use, for sago/domain/everyday_words.txt.

Those of four letters or more that at least three of the seen companies write in small letters.
"""

from __future__ import annotations

import re
import textwrap

from bench.extraction.sets import LABELLED, held_out, read_set
from sago.config import PROJECT

TARGET = PROJECT / "sago" / "domain" / "everyday_words.txt"
WORD = re.compile(r"[^\W\d_][\w'’-]{3,}")
LEAST = 3


def main() -> None:
    """Write the file anew."""
    used: dict[str, set[str]] = {}
    for folder in LABELLED.iterdir():
        if (folder / "gold.jsonl").exists() and folder.name not in held_out():
            for message in read_set(folder)[0][folder.name]:
                for word in WORD.findall(message.text):
                    if word[0].islower():
                        used.setdefault(re.sub(r"['’]s$", "", word.lower()), set()).add(folder.name)
    words = sorted(word for word, companies in used.items() if len(companies) >= LEAST)
    lines = textwrap.wrap(" ".join(words), 118, break_long_words=False, break_on_hyphens=False)
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
