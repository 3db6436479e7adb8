"""BERT's forward pass in JAX (Devlin et al. 2018): parameters by their published names, post-norm.

Shapes: b sequences of t tokens, WIDTH features.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

HEADS, WIDTH = 12, 384
HEAD_SCALE = 30.0
"""The head's weights are kept this much smaller, so that one learning rate serves it and the encoder."""

Parameters = dict[str, jax.Array]


def with_head(encoder: Parameters, outputs: int, seed: int, bias: float) -> Parameters:
    """The encoder with a linear layer on top; `bias` is the logit of each output before anything is learned."""
    weight = np.random.default_rng(seed).normal(0, 0.02 / HEAD_SCALE, (outputs, WIDTH)).astype(np.float32)
    return encoder | {
        "head.weight": jnp.asarray(weight),
        "head.bias": jnp.full((outputs,), bias / HEAD_SCALE, jnp.float32),
    }


def layers(p: Mapping[str, object]) -> int:
    """How many layers the parameters are of."""
    return sum(name.endswith("intermediate.dense.bias") for name in p)


def logits(
    p: Parameters, ids: jax.Array, types: jax.Array, mask: jax.Array, key: jax.Array | None = None, dropout: float = 0.1
) -> jax.Array:
    """b × outputs: the mean over the tokens of type 0, the statement's own, through the head. With a key dropout is
    on."""
    features = encode(p, ids, types, mask, key, dropout)
    own = (mask * (types == 0))[..., None]
    mean = (features * own).sum(1) / jnp.maximum(own.sum(1), 1)
    return HEAD_SCALE * (mean @ p["head.weight"].T + p["head.bias"])


def encode(
    p: Parameters, ids: jax.Array, types: jax.Array, mask: jax.Array, key: jax.Array | None, dropout: float
) -> jax.Array:
    """b × t × WIDTH: each token in its context."""
    b, t = ids.shape
    keys = [None] * (2 * layers(p) + 1) if key is None else list(jax.random.split(key, 2 * layers(p) + 1))
    x = (
        p["embeddings.word_embeddings.weight"][ids]
        + p["embeddings.position_embeddings.weight"][:t]
        + p["embeddings.token_type_embeddings.weight"][types]
    )
    x = _dropped(_normed(x, p, "embeddings.LayerNorm"), keys[0], dropout)
    unseen = jnp.where(mask[:, None, None, :] > 0, 0.0, -1e9)
    for layer in range(layers(p)):
        name = f"encoder.layer.{layer}."
        query, keyed, value = (
            _dense(x, p, f"{name}attention.self.{part}").reshape(b, t, HEADS, WIDTH // HEADS).transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        weights = jax.nn.softmax(query @ keyed.transpose(0, 1, 3, 2) / math.sqrt(WIDTH // HEADS) + unseen, -1)
        mixed = (weights @ value).transpose(0, 2, 1, 3).reshape(b, t, WIDTH)
        mixed = _dropped(_dense(mixed, p, f"{name}attention.output.dense"), keys[2 * layer + 1], dropout)
        x = _normed(x + mixed, p, f"{name}attention.output.LayerNorm")
        wide = jax.nn.gelu(_dense(x, p, f"{name}intermediate.dense"), approximate=False)
        x = _normed(
            x + _dropped(_dense(wide, p, f"{name}output.dense"), keys[2 * layer + 2], dropout),
            p,
            f"{name}output.LayerNorm",
        )
    return x


def _dense(x: jax.Array, p: Parameters, name: str) -> jax.Array:
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def _normed(x: jax.Array, p: Parameters, name: str) -> jax.Array:
    centred = x - x.mean(-1, keepdims=True)
    variance = (centred**2).mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt(variance + 1e-12) * p[f"{name}.weight"] + p[f"{name}.bias"]


def _dropped(x: jax.Array, key: jax.Array | None, rate: float) -> jax.Array:
    return x if key is None else jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0)
