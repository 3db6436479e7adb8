"""`python -m training.export WEIGHTS.npz MODEL.onnx`: the learned encoder as an ONNX graph with 8-bit weights.

Inputs `ids`, `types`, `mask` (b × t, int64); output `likely` (b × 14). The matrices are quantised per channel, the
word embeddings too; activations are quantised as they come (dynamic quantisation).
"""

from __future__ import annotations

import math
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from training.bert import HEAD_SCALE, HEADS, WIDTH, layers

OPSET = 20


class Graph:
    """Nodes and constants as they are added; each step gives the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        """A weight, by its name."""
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def __call__(self, operator: str, *inputs: str, **attributes: object) -> str:
        """One operator on earlier results."""
        result = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [result], **attributes))
        return result


def graph(p: dict[str, np.ndarray]) -> onnx.ModelProto:
    """The forward pass of `training.bert.logits`, and a sigmoid."""
    g = Graph()
    axis, last = g.constant("axis_1", np.array([1])), g.constant("axis_2", np.array([2]))

    def weight(name: str, value: np.ndarray | None = None) -> str:
        return g.constant(name, np.ascontiguousarray(p[name] if value is None else value, np.float32))

    def normed(x: str, name: str) -> str:
        scale, shift = weight(f"{name}.weight"), weight(f"{name}.bias")
        return g("LayerNormalization", x, scale, shift, axis=-1, epsilon=1e-12)

    def dense(x: str, name: str) -> str:
        return g("Add", g("MatMul", x, weight(f"{name}.weight", p[f"{name}.weight"].T)), weight(f"{name}.bias"))

    words = g("Gather", weight("embeddings.word_embeddings.weight"), "ids")
    kinds = g("Gather", weight("embeddings.token_type_embeddings.weight"), "types")
    length = g("Slice", g("Shape", "ids"), axis, last)
    steps = g("Range", g.constant("zero", np.array(0)), g("Squeeze", length), g.constant("one", np.array(1)))
    places = g("Gather", weight("embeddings.position_embeddings.weight"), steps)
    x = normed(g("Add", g("Add", words, kinds), places), "embeddings.LayerNorm")
    mask = g("Cast", "mask", to=TensorProto.FLOAT)
    wide = g("Unsqueeze", mask, g.constant("axes_1_2", np.array([1, 2])))
    far = g.constant("far", np.array(-1e9, np.float32))
    hidden = g("Mul", g("Sub", g.constant("whole", np.array(1, np.float32)), wide), far)
    heads = g.constant("heads", np.array([0, 0, HEADS, WIDTH // HEADS]))
    joined = g.constant("joined", np.array([0, 0, WIDTH]))
    scale = g.constant("scale", np.array(1 / math.sqrt(WIDTH // HEADS), np.float32))
    first = g("Cast", g("Equal", "types", g.constant("own", np.array(0))), to=TensorProto.FLOAT)
    own = g("Unsqueeze", g("Mul", mask, first), last)
    nothing = g.constant("axis_0", np.array([0]))
    count = g("ReduceMax", g("ReduceSum", own, axis, keepdims=0), keepdims=0)
    most = g("Cast", g("Unsqueeze", count, nothing), to=TensorProto.INT64)
    for layer in range(layers(p)):
        name = f"encoder.layer.{layer}."
        whole = x
        if layer == layers(p) - 1:  # only the statement's own tokens are pooled, and they stand first
            x, own = g("Slice", x, nothing, most, axis), g("Slice", own, nothing, most, axis)
        query, key, value = (
            g("Reshape", dense(x if part == "query" else whole, f"{name}attention.self.{part}"), heads)
            for part in ("query", "key", "value")
        )
        query, value = (g("Transpose", each, perm=[0, 2, 1, 3]) for each in (query, value))
        near = g("MatMul", query, g("Transpose", key, perm=[0, 2, 3, 1]))
        weights = g("Softmax", g("Add", g("Mul", near, scale), hidden), axis=-1)
        mixed = g("Reshape", g("Transpose", g("MatMul", weights, value), perm=[0, 2, 1, 3]), joined)
        x = normed(g("Add", x, dense(mixed, f"{name}attention.output.dense")), f"{name}attention.output.LayerNorm")
        inner = g("Gelu", dense(x, f"{name}intermediate.dense"))
        x = normed(g("Add", x, dense(inner, f"{name}output.dense")), f"{name}output.LayerNorm")
    mean = g("Div", g("ReduceSum", g("Mul", x, own), axis, keepdims=0), g("ReduceSum", own, axis, keepdims=0))
    head = weight("head.weight", HEAD_SCALE * p["head.weight"].T)
    logits = g("Add", g("MatMul", mean, head), weight("head.bias", HEAD_SCALE * p["head.bias"]))
    g.nodes.append(helper.make_node("Sigmoid", [logits], ["likely"]))
    given = [helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "t"]) for name in ("ids", "types", "mask")]
    told = helper.make_tensor_value_info("likely", TensorProto.FLOAT, ["b", len(p["head.bias"])])
    built = helper.make_graph(g.nodes, "encoder", given, [told], g.constants)
    model = helper.make_model(built, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    onnx.checker.check_model(model)
    return model


def main() -> None:
    """Read the weights, write the 8-bit model."""
    weights, target = Path(sys.argv[1]), Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.onnx"
        onnx.save(graph(dict(np.load(weights))), whole)
        quantize_dynamic(whole, target, weight_type=QuantType.QInt8, per_channel=True)
    sys.stdout.write(f"{target}: {target.stat().st_size / 2**20:.1f} MB\n")


if __name__ == "__main__":
    main()
