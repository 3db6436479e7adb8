"""`python -m training.encoder EXAMPLES --out WEIGHTS.npz [--test COMPANY …]`: an encoder learns what a statement tells.

The companies of `labelled/unseen.txt` are left out always. With `--test` those companies are left out too, and their
probabilities are written beside the weights, as JSON lines.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from sago.llm.providers.offline.encoding import Encoding, Tokens, packed
from training import bert

TYPES = 14
SINGLE = frozenset({"everyday", "told"})
"""The companies of single statements."""
RARE = -3.6
"""The logit that a type has before anything is learned: one statement in forty tells it."""
ROUND_UP = 16
"""Lengths are padded to a multiple of this, so that few shapes are compiled."""
ROOT = Path(__file__).resolve().parent.parent


class Row(NamedTuple):
    """A statement and its context as tokens, and what it tells."""

    tokens: Tokens
    told: Sequence[int]


def varied(example: dict[str, Any], chance: random.Random) -> tuple[str, str]:
    """The example in other letters, figures and punctuation, now and then without its context: what it tells stays."""
    statement, before = example["statement"], example["before"]
    if chance.random() < 0.3:
        statement = statement.lower()
    if chance.random() < 0.2:
        statement = re.sub(r"[.,;:!]+", " ", statement)
    if chance.random() < 0.5:
        statement = re.sub(r"\d", lambda d: d[0] if chance.random() < 0.5 else str(chance.randint(1, 9)), statement)
    if chance.random() < 0.25:
        statement = " ".join(word for word in statement.split() if chance.random() > 0.08) or statement
    return statement, before.split(" | ")[0] if chance.random() < 0.3 else before


def batches(rows: list[Row], size: int, chance: random.Random) -> Iterator[list[Row]]:
    """All rows in batches of nearly equal length, in a new order each time."""
    chance.shuffle(rows)
    found: list[list[Row]] = []
    for start in range(0, len(rows), 40 * size):
        part = sorted(rows[start : start + 40 * size], key=lambda row: len(row.tokens.ids) + 6 * chance.random())
        found += [part[at : at + size] for at in range(0, len(part), size)]
    chance.shuffle(found)
    return iter(found)


def padded(rows: Sequence[Row], size: int) -> tuple[np.ndarray, ...]:
    """ids, token types, mask, told and weight of `size` sequences; those missing weigh nothing."""
    missing = [Row(Tokens([], []), [0] * TYPES)] * (size - len(rows))
    ids, types, mask = packed([row.tokens for row in (*rows, *missing)], ROUND_UP)
    told = np.array([row.told for row in (*rows, *missing)], np.float32)
    weight = np.array([1.0] * len(rows) + [0.0] * len(missing), np.float32)
    return ids, types, mask, told, weight


def learn(train: Sequence[dict[str, Any]], encoding: Encoding, args: argparse.Namespace) -> bert.Parameters:
    """The parameters after all epochs."""
    chance = random.Random(args.seed)  # noqa: S311 - an order of examples, no secret
    p = {name: jnp.asarray(value) for name, value in np.load(args.start).items()}
    if "head.weight" not in p:
        p = bert.with_head(p, TYPES, args.seed, RARE)
    telling = sum(_is_always_taken(each) for each in train)
    steps = args.epochs * int((telling + args.silent * (len(train) - telling)) / args.batch)
    rate = optax.warmup_cosine_decay_schedule(0, args.rate, steps // 10, steps, args.rate / 20)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, weight_decay=0.01))
    state = optimiser.init(p)

    def loss(p: Any, ids: Any, types: Any, mask: Any, told: Any, weight: Any, key: Any) -> Any:
        off = optax.sigmoid_binary_cross_entropy(bert.logits(p, ids, types, mask, key), told * 0.98 + 0.002)
        return (off.sum(-1) * weight).sum() / weight.sum()

    @jax.jit
    def step(p: Any, state: Any, key: Any, *batch: Any) -> Any:
        value, gradient = jax.value_and_grad(loss)(p, *batch, key)
        change, state = optimiser.update(gradient, state, p)
        return optax.apply_updates(p, change), state, value

    key, began = jax.random.PRNGKey(args.seed), time.monotonic()
    for epoch in range(args.epochs):
        taken = [each for each in train if _is_always_taken(each) or chance.random() < args.silent]
        rows = [Row(encoding.tokens(*varied(each, chance)), each["types"]) for each in taken]
        values = []
        for batch in batches(rows, args.batch, chance):
            key, own = jax.random.split(key)
            p, state, value = step(p, state, own, *padded(batch, args.batch))
            values.append(float(value))
        took = time.monotonic() - began
        sys.stderr.write(f"epoch {epoch + 1} of {args.epochs}: loss {np.mean(values):.3f}, {took:.0f} s\n")
    return p


def _is_always_taken(example: dict[str, Any]) -> bool:
    """Whether it tells something, or was written to be learned from."""
    return any(example["types"]) or example["company"] in SINGLE


def likely(p: bert.Parameters, rows: Sequence[Row], size: int) -> np.ndarray:
    """Probabilities, rows × TYPES."""
    infer = jax.jit(lambda p, ids, types, mask: jax.nn.sigmoid(bert.logits(p, ids, types, mask)))
    order = sorted(range(len(rows)), key=lambda n: len(rows[n].tokens.ids))
    found = np.zeros((len(rows), TYPES), np.float32)
    for start in range(0, len(order), size):
        places = order[start : start + size]
        ids, types, mask, _, _ = padded([rows[n] for n in places], size)
        found[places] = np.asarray(infer(p, ids, types, mask))[: len(places)]
    return found


def main() -> None:
    """Learn, keep the weights, and tell how likely the statements of the companies left out are."""
    parser = argparse.ArgumentParser(prog="training.encoder", description=__doc__)
    parser.add_argument("examples", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--test", nargs="*", default=[], help="companies to leave out and to measure")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--rate", type=float, default=3e-4, help="the highest learning rate")
    parser.add_argument(
        "--silent", type=float, default=0.5, help="share of a company's statements that tell nothing, an epoch"
    )
    parser.add_argument("--start", type=Path, required=True, help="weights to go on from")
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    unseen = set((ROOT / "labelled" / "unseen.txt").read_text(encoding="utf-8").split())
    if shown := unseen & set(args.test):
        parser.error(f"{', '.join(sorted(shown))}: nothing is chosen by companies that are kept unseen")
    everything = [json.loads(line) for line in args.examples.read_text(encoding="utf-8").splitlines()]
    train = [each for each in everything if each["company"] not in unseen | set(args.test)]
    encoding = Encoding(args.tokenizer)
    p = learn(train, encoding, args)
    np.savez(args.out, **{name: np.asarray(value) for name, value in p.items()})
    test = [each for each in everything if each["company"] in args.test]
    if test:
        found = likely(
            p, [Row(encoding.tokens(each["statement"], each["before"]), each["types"]) for each in test], args.batch
        )
        with args.out.with_suffix(".likely.jsonl").open("w", encoding="utf-8") as file:
            for example, row in zip(test, found, strict=True):
                likelihoods = [round(float(value), 4) for value in row]
                told = {"message_id": example["message_id"], "start": example["start"], "likely": likelihoods}
                file.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
