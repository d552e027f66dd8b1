"""The lowerings of operators that move, index, order and reduce: compiled, against their references."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from symc.ir.graph import Graph, Value
from symc.ops.operator import make
from symc.passes.legalize import Legalize
from tests.derivatives import node_of

X = np.random.default_rng(0).uniform(-2, 2, (3, 4, 18)).astype(np.float32)
IMAGE = X.reshape(1, 6, 6, 6)
NAN_AND_TIES = np.round(X[:, 0]) * np.where(np.round(X[:, 1]) == 2, np.float32("nan"), 1)
WIDE = np.array([[2, -3, 9], [0, 17, 1]], np.float32)     # indices, some of them outside
INSIDE = np.array([[2, -3, 1], [0, 3, 1]], np.float32)
LENGTHS = np.array([3, 1, 0, 2], np.float32)

MOVED = [
    make("transpose", axes=(2, 0, 1)), make("reverse", axis=(0, 2)), make("tile", reps=(2, 1, 3)),
    make("slice", begin=(1, None, -1), end=(None, 2, 0), step=(1, 1, -3)), make("repeat", repeats=3, axis=1),
    make("_backward_slice", shape=(5, 4, 40), begin=(1, 0, 38), step=(1, 1, -2)),
    make("SliceChannel", num_outputs=3, axis=2), make("_split_v2", indices=(0, 1, 3), axis=1),
    make("_slice_assign_scalar", begin=(1,), end=(3,), scalar=2.5), make("diag", k=-1, axis1=2, axis2=0),
    make("_cumulative_sum", backwards=True), make("_contrib_index_array", axes=(0, 2)),
]
IMAGES = [
    make("Pad", mode="constant", pad_width=(0, 0, 0, 0, 1, 2, 2, 1), constant_value=1.5),
    make("Pad", mode="edge", pad_width=(0, 0, 0, 0, 1, 2, 2, 1)),
    make("Pad", mode="reflect", pad_width=(0, 0, 0, 0, 1, 5, 2, 1)),
    make("UpSampling", scale=3, sample_type="nearest", num_args=1), make("space_to_depth", block_size=3),
    make("im2col", kernel=(3, 2), stride=(2, 1), pad=(1, 0), dilate=(1, 2)),
]
REDUCED = [make(name, axis=(0, 2)) for name in ("sum", "mean", "prod", "norm")] + [make("sum"), make("norm", ord=1)]
CHOSEN = [
    (make("take", axis=1, mode="wrap"), X, WIDE), (make("gather_nd"), X, INSIDE),
    (make("pick", axis=1, keepdims=True), X, np.full((3, 1, 18), 2, np.int32)),
    (make("_backward_take", extent=5), X, LENGTHS),
    (make("_scatter_points", shape=(3, 4, 18), add=True), X[:, 0], np.stack([WIDE[0], WIDE[0]])),
    (make("_backward_pick", axis=1, extent=7, mode="clip"), X[:, :1], WIDE[0].reshape(3, 1, 1).repeat(18, 2)),
    (make("one_hot", depth=5, on_value=2.0), WIDE), (make("_unravel_index", shape=(3, 7)), WIDE[0]),
    (make("_contrib_index_copy"), X[0], np.array([1, 1], np.int32), X[1, :2]),
    (make("Concat", num_args=3), X, X[:, :1], X[:, 1:3]), (make("where"), np.array([1, 0, 2]), X, -X),
    (make("SequenceMask", use_sequence_length=True, axis=1, value=3.0), X.transpose(1, 0, 2), LENGTHS),
    (make("SequenceLast", use_sequence_length=True), X, LENGTHS),
    (make("SequenceReverse", use_sequence_length=True), X, LENGTHS),
    (make("_put_along_rows", extent=6), X[0, :2, :2], np.array([[0, 5], [3, 1]], np.int32)),
]
ORDERED = [make("_argsort"), make("_argsort", is_ascend=False), make("_argsort", count=1),
           make("_argsort", count=3, is_ascend=False)]
EXTREMES = [make("max", axis=(1,)), make("min", axis=(1,)), make("argmax", axis=1), make("argmin"),
            make("nansum", axis=(1,)), make("nanprod", axis=(1,))]
CASES = [*((op, X) for op in MOVED), *((op, IMAGE) for op in IMAGES), *((op, X) for op in REDUCED), *CHOSEN,
         *((op, NAN_AND_TIES) for op in (*ORDERED, *EXTREMES))]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].name)
def test_compiled(case: tuple, groups: SimpleNamespace) -> None:
    op, *inputs = case
    node = node_of(op, inputs)
    heads = node.outputs[:1] if op.name == "_argsort" else node.outputs     # its other outputs are scratch
    graph = Legalize()(Graph(heads))
    groups.check(graph, [inputs[int(variable.name[1:])] for variable in graph.variables])


@pytest.mark.parametrize("dtype", ["float16", "float64", "int32", "uint8"])
@pytest.mark.parametrize("name", ["sum", "mean", "max", "argmax"])
def test_reductions_of_other_types(name: str, dtype: str, groups: SimpleNamespace) -> None:
    op = make(name, axis=1 if name == "argmax" else (1,))
    node = node_of(op, [np.abs(X * 20).astype(dtype)])
    groups.check(Graph((Value(node),)), [np.abs(X * 20).astype(dtype)])
