"""One operator run at once on arrays, as MXNet's imperative mode does: what nd.X means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from symc import interpreter
from symc.ir.graph import Graph, Node, Source, Value, variable
from symc.ir.types import DType, TensorType
from symc.ops.operator import Operator
from symc.passes.inference_heads import UseInferenceForms
from symc.passes.overwrite_inputs import OverwriteInputs
from symc.passes.pipeline import typed
from symc.passes.seed_random import SEED, SeedRandom
from symc.runtime.random import next_seed

PASSES = (OverwriteInputs(), UseInferenceForms(), SeedRandom())


class Outcome(NamedTuple):
    """What an operator computes: its visible outputs, and what it writes to its inputs, by their positions."""

    outputs: tuple[np.ndarray, ...]
    written: dict[int, np.ndarray]


def invoke(op: Operator, name: str, arrays: Sequence[np.ndarray]) -> Outcome:
    """Run `op` on arrays of its inputs, in its meaning outside training, by its NumPy reference.

    InferenceError: the arrays' shapes or dtypes do not fit it, or the shape of its output does not follow from them.
    """
    names = [f"{name}:{key}" for key in op.input_names()]       # no two alike
    inputs = [Value(variable(key, TensorType(array.shape, DType.of(array.dtype))))
              for key, array in zip(names, arrays, strict=True)]
    node = Node(name, op, tuple(inputs), (TensorType(),) * op.output_count, sources=(Source(name),))
    graph = typed(Graph(node.outputs[:op.visible_count]))
    for run in PASSES:
        graph = run(graph)
    results = interpreter.run(graph, {SEED: np.array([next_seed()]), **dict(zip(names, arrays, strict=True))})
    return Outcome(results.heads, {names.index(key): value for key, value in results.updates.items()})
