"""`python -m training.cues [EVERYDAY.jsonl]`: the weights of sago/domain/cues.txt, learned from the seen companies and
from everyday talk that tells nothing; prints how well they tell on companies that were left out."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from sago.domain.cues import LONGEST, exempt, sentences

PROJECT = Path(__file__).resolve().parents[1]
LABELLED = PROJECT / "labelled"
TARGET = PROJECT / "sago" / "domain" / "cues.txt"
SENTENCE = re.compile(r"(?<=[.!?…])\s|\n|(?<=。)")
"""What stands between two sentences."""
LEAST_COMPANIES = 3
"""That use a word, or a pair."""
LEAST_SHARED = 12
"""Characters of a labelled quote that a sentence must hold to tell it, or most of a shorter sentence."""
MAY_LOSE = 1 / 200
"""Share of the seen events whose messages may all be taken for chatter, by weights learned without their company."""
MAY_FIRE = 1 / 100
"""Share of the seen messages without an event, and of everyday talk, that may count as urgent, likewise."""
LIGHTEST = 0.02
"""Pairs of words that weigh less in both columns are left out."""
EVERYDAY = "everyday"
Key = tuple[str, str]
"""Company and message."""


class Sentence(NamedTuple):
    """One sentence of a message, and whether it tells an event, and one of high severity."""

    key: Key
    cues: frozenset[str]
    tells: bool
    tells_high: bool


class Event(NamedTuple):
    """A labelled event: its messages."""

    keys: list[Key]
    is_high: bool


def main() -> None:
    """Learn, choose the thresholds, write the file, print what they cost."""
    texts, quotes, events = _companies()
    for path in map(Path, sys.argv[1:]):
        texts |= dict(_everyday(path))
    told = [each for key, text in texts.items() for each in _sentences(key, text, quotes.get(key, []))]
    learning = Learning(told)
    print(f"{len(told)} sentences, {len(events)} events, {len(learning.names)} words and pairs")  # noqa: T201
    tells, high = (np.array([getattr(each, name) for each in told]) for name in ("tells", "tells_high"))
    words = {name.encode() for name in learning.names if " " not in name}
    any_at = _threshold_to_keep(_best(told, learning.left_out(tells)), texts, words, events)
    high_at = _threshold_to_fire(_best(told, learning.left_out(high)), events)
    _write(learning.names, learning.fitted(tells), learning.fitted(high), any_at, high_at)


class Learning:
    """The sentences as rows of a matrix, with a column for each word and pair that enough companies use."""

    def __init__(self, told: list[Sentence]) -> None:
        users: dict[str, set[str]] = defaultdict(set)
        for each in told:
            for cue in each.cues:
                users[cue].add(each.key[0])
        known = {cue for cue, companies in users.items() if len(companies) >= LEAST_COMPANIES}
        vectorizer = DictVectorizer()
        self.rows = vectorizer.fit_transform([dict.fromkeys(sorted(each.cues & known), 1) for each in told])
        self.rows.indices, self.rows.indptr = (a.astype(np.int32) for a in (self.rows.indices, self.rows.indptr))
        self.names = vectorizer.get_feature_names_out()
        self.companies = np.array([each.key[0] for each in told])

    def fitted(self, told: Any) -> LogisticRegression:
        return _model().fit(self.rows, told)

    def left_out(self, told: Any) -> Any:
        """Log-odds of each sentence by weights learned from other companies."""
        odds = np.zeros(len(told))
        for learn, test in GroupKFold(8).split(self.rows, told, self.companies):
            odds[test] = _model().fit(self.rows[learn], told[learn]).decision_function(self.rows[test])
        return odds


def _model() -> LogisticRegression:
    return LogisticRegression(C=0.3, max_iter=3000, solver="liblinear", random_state=0)


def _companies() -> tuple[dict[Key, str], dict[Key, list[tuple[str, bool]]], list[Event]]:
    """Of the seen: each message's text, its labelled words and whether they tell of high severity, and the events."""
    unseen = (LABELLED / "unseen.txt").read_text(encoding="utf-8").split()
    texts: dict[Key, str] = {}
    quotes: dict[Key, list[tuple[str, bool]]] = defaultdict(list)
    events: list[Event] = []
    for name in sorted(path.parent.name for path in LABELLED.glob("*/gold.jsonl")):
        if name in unseen:
            continue
        for label in _jsonl(LABELLED / name / "gold.jsonl"):
            is_high = label["severity"] == "high"
            events.append(Event([(name, message_id) for message_id in label["message_ids"]], is_high))
            for words in label["evidence"]:
                quotes[name, words["message_id"]].append((words["quote"], is_high))
        with (LABELLED / name / "messages.csv").open(encoding="utf-8", newline="") as rows:
            texts |= {(name, row["id"]): row["content"] for row in csv.DictReader(rows)}
    return texts, quotes, events


def _everyday(path: Path) -> Iterator[tuple[Key, str]]:
    """A tenth of them at a time is left out, as a company is. Not what is quoted: by its words alone it tells."""
    for number, each in enumerate(_jsonl(path)):
        if not each["statement"].startswith(">"):
            yield (f"{EVERYDAY}-{number % 10}", str(number)), each["statement"]


def _sentences(key: Key, text: str, quotes: list[tuple[str, bool]]) -> Iterator[Sentence]:
    text = text[:LONGEST]
    spans = [(text.find(quote), text.find(quote) + len(quote), high) for quote, high in quotes if quote in text]
    start = 0
    for end in [*(match.end() for match in SENTENCE.finditer(text)), len(text)]:
        least = min(LEAST_SHARED, 0.6 * (end - start))
        told = [high for first, last, high in spans if min(end, last) - max(start, first) >= least]
        if cues := frozenset(_cues(text[start:end])):
            yield Sentence(key, cues, bool(told), any(told))
        start = end


def _cues(text: str) -> Iterator[str]:
    for words in sentences(text):
        yield from (word.decode() for word in words)
        yield from (f"{one.decode()} {next_.decode()}" for one, next_ in pairwise(words))


def _jsonl(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _best(told: list[Sentence], odds: Any) -> dict[Key, float]:
    """Of each message its most telling sentence."""
    best: dict[Key, float] = {}
    for each, log_odds in zip(told, odds, strict=True):
        best[each.key] = max(log_odds, best.get(each.key, log_odds))
    return best


def _threshold_to_keep(best: dict[Key, float], texts: dict[Key, str], words: set[bytes], events: list[Event]) -> float:
    judged = {key: np.inf if exempt(sentences(texts[key]), words) else odds for key, odds in best.items()}
    strongest = sorted(max(judged[key] for key in event.keys) for event in events)
    threshold = strongest[int(MAY_LOSE * len(strongest))]
    told = {key for event in events for key in event.keys}
    for kind, keys in _kinds(judged, told).items():
        print(f"kept of {kind}: {np.mean([judged[key] >= threshold for key in keys]):.3f}")  # noqa: T201
    print(f"events lost: {sum(each < threshold for each in strongest)}")  # noqa: T201
    return threshold


def _threshold_to_fire(best: dict[Key, float], events: list[Event]) -> float:
    kinds = _kinds(best, {key for event in events for key in event.keys})
    quiet = [sorted(best[key] for key in keys) for kind, keys in kinds.items() if kind != "labelled messages"]
    threshold = max(odds[-1 - int(MAY_FIRE * len(odds))] for odds in quiet)
    for kind, keys in kinds.items():
        print(f"urgent of {kind}: {np.mean([best[key] >= threshold for key in keys]):.4f}")  # noqa: T201
    fired = [[best[key] >= threshold for key in event.keys] for event in events if event.is_high]
    shares = np.mean([any(each) for each in fired]), np.mean([each[0] for each in fired])
    print(f"urgent of {len(fired)} high events: {shares[0]:.3f}, in their first message: {shares[1]:.3f}")  # noqa: T201
    return threshold


def _kinds(best: dict[Key, float], told: set[Key]) -> dict[str, list[Key]]:
    kinds: dict[str, list[Key]] = defaultdict(list)
    for key in best:
        quiet = "everyday talk" if key[0].startswith(EVERYDAY) else "other messages"
        kinds["labelled messages" if key in told else quiet].append(key)
    return kinds


def _write(names: Any, tells: LogisticRegression, high: LogisticRegression, any_at: float, high_at: float) -> None:
    """Light words stay: by them a text is known to be in a language that was learned."""
    rows = sorted(zip(names, tells.coef_[0], high.coef_[0], strict=True))
    lines = [f"{tells.intercept_[0] - any_at:.3f} {high.intercept_[0] - high_at:.3f}"]
    lines += [f"{a:.2f} {b:.2f} {name}" for name, a, b in rows if " " not in name or max(abs(a), abs(b)) >= LIGHTEST]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
