"""The learned reader: how likely a statement in its context tells each type of event.

The lower six layers of multilingual-e5-small (Wang et al. 2024), fine-tuned on the labelled companies (`training/`), as
an ONNX graph with 8-bit weights. It runs in this process, on one thread, without a network.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sago.domain.events import EventType
from sago.errors import ConfigError
from sago.llm.providers.offline.inputs import Input, inputs
from sago.llm.providers.offline.reading import Reading, Voice
from sago.llm.providers.offline.weighing import Likely

_SLOW_FUSIONS = ["SkipLayerNormFusion"]
"""What onnxruntime joins and then computes ten times slower (1.31, x86-64): the whole takes a third less without it."""
_TYPES = tuple(EventType)


class Encoder:
    """A `SecondReader`. Weights are read at the first statement, some 110 MB, and kept."""

    def __init__(self) -> None:
        """Raises ConfigError where what it runs on is not installed."""
        if find_spec("onnxruntime") is None or find_spec("tokenizers") is None:
            raise ConfigError(
                "extraction.provider: offline reads with a small encoder that is not installed: "
                "run `pip install 'sago[encoder]'`, or choose the provider rules, which needs none and finds less"
            )

    def opinions(self, readings: Sequence[Reading], of: Collection[str]) -> dict[str, list[Likely]]:
        """By message id, one opinion a statement, for the messages `of` that somebody says in person. A statement is
        judged the same in the same context, whatever is read beside it."""
        return {
            reading.message.id: [self._likely(each) for each in given]
            for reading, given in zip(readings, inputs(readings), strict=True)
            if reading.message.id in of and reading.voice is not Voice.NOBODY
        }

    def _likely(self, given: Input) -> Likely:
        """One sequence a run: 8-bit activations share their scale, so that others in the run would change it. Several
        at once are hardly faster on one core."""
        from sago.llm.providers.offline.encoding import packed

        ids, types, mask = packed([self._encoding.tokens(given.statement, given.before)])
        (likely,) = self._session.run(None, {"ids": ids, "types": types, "mask": mask})
        return dict(zip(_TYPES, likely[0].tolist(), strict=True))

    @cached_property
    def _encoding(self) -> Any:
        from sago.llm.providers.offline.encoding import Encoding

        return Encoding(_file("encoder_tokenizer.json"))

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(
            _file("encoder.onnx"), options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOW_FUSIONS
        )


def _file(name: str) -> Path:
    return Path(str(files(__package__).joinpath(name)))
