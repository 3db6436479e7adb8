"""The learned reader: how likely a statement in its context tells each type of event.

MiniLM (Wang et al. 2020), six layers, fine-tuned on the labelled companies (`training/`), as an ONNX graph with 8-bit
weights. It runs in this process, on one thread, without a network.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sago.domain.events import EventType
from sago.errors import ConfigError
from sago.llm.providers.offline.inputs import inputs
from sago.llm.providers.offline.reading import Reading, Voice
from sago.llm.providers.offline.weighing import Likely

if TYPE_CHECKING:
    from sago.llm.providers.offline.encoding import Tokens

_TOKENS_A_RUN = 512
"""Of one run of the graph, padding included: more does not fit into a core's cache."""
_SLOW_FUSIONS = ["SkipLayerNormFusion"]
"""What onnxruntime joins and then computes ten times slower (1.31, x86-64): the whole takes a third less without it."""
_TYPES = tuple(EventType)


class Encoder:
    """A `SecondReader`. Weights are read at the first statement; 60 MB, then kept."""

    def __init__(self) -> None:
        """Raises ConfigError where what it runs on is not installed."""
        if find_spec("onnxruntime") is None or find_spec("tokenizers") is None:
            raise ConfigError(
                "extraction.provider: offline reads with a small encoder that is not installed: "
                "run `pip install 'sago[encoder]'`, or choose the provider rules, which needs none and finds less"
            )

    def opinions(self, readings: Sequence[Reading], of: Collection[str]) -> dict[str, list[Likely]]:
        """By message id, one opinion a statement, for the messages `of` that somebody says in person."""
        places: list[tuple[str, int]] = []
        sequences: list[Tokens] = []
        found: dict[str, list[Likely]] = {}
        for reading, given in zip(readings, inputs(readings), strict=True):
            if reading.message.id in of and reading.voice is not Voice.NOBODY:
                found[reading.message.id] = [{} for _ in given]
                places += [(reading.message.id, place) for place in range(len(given))]
                sequences += [self._encoding.tokens(each.statement, each.before) for each in given]
        for (message_id, place), likely in zip(places, self._likely(sequences), strict=True):
            found[message_id][place] = dict(zip(_TYPES, likely, strict=True))
        return found

    def _likely(self, sequences: Sequence[Tokens]) -> list[list[float]]:
        """One row a sequence, by the order of EventType; sequences of like length run together."""
        from sago.llm.providers.offline.encoding import packed

        found: list[list[float]] = [[] for _ in sequences]
        for places in _runs([len(each.ids) for each in sequences]):
            ids, types, mask = packed([sequences[place] for place in places])
            (likely,) = self._session.run(None, {"ids": ids, "types": types, "mask": mask})
            for place, row in zip(places, likely.tolist(), strict=True):
                found[place] = row
        return found

    @cached_property
    def _encoding(self) -> Any:
        from sago.llm.providers.offline.encoding import Encoding

        return Encoding(_file("encoder_vocabulary.txt"))

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(
            _file("encoder.onnx"), options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOW_FUSIONS
        )


def _runs(lengths: Sequence[int]) -> list[list[int]]:
    """Places of sequences that run together: by length, so that little is padding."""
    runs: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if not runs or (len(runs[-1]) + 1) * lengths[place] > _TOKENS_A_RUN:
            runs.append([])
        runs[-1].append(place)
    return runs


def _file(name: str) -> Path:
    return Path(str(files(__package__).joinpath(name)))
