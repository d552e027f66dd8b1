"""One operator run at once on arrays, as MXNet's imperative mode does: what nd.X means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from symc import interpreter
from symc.ir.graph import Graph, Node, Source, Value, variable
from symc.ir.types import Shape, TensorType
from symc.ops.elementwise import Elementwise
from symc.ops.math import NumPyMath, quietly
from symc.ops.operator import Operator, computes_in_float32, run_reference
from symc.ops.specialise import specialised
from symc.passes.inference_heads import UseInferenceForms
from symc.passes.overwrite_inputs import OverwriteInputs
from symc.passes.pipeline import typed
from symc.passes.seed_random import SEED, SeedRandom
from symc.runtime.random import next_seed

PASSES = (OverwriteInputs(), UseInferenceForms(), SeedRandom())
PREPARED = 256      # kinds of inputs that an invocation remembers


class Outcome(NamedTuple):
    """What an operator computes: its visible outputs, and what it writes to its inputs, by their positions.

    The arrays may share memory with the inputs and each other, and may be read-only.
    """

    outputs: tuple[np.ndarray, ...]
    written: dict[int, np.ndarray]


Arrays = Sequence[np.ndarray]
Run = Callable[[Arrays], Outcome]


class Prepared(NamedTuple):
    """How an operator is run on arrays of certain shapes and dtypes.

    function: of an operator of one output that writes nothing: what computes it, to be called by `math.quietly`.
    """

    run: Run
    function: Callable[..., Any] | None = None


class Invocation:
    """An operator to be run on arrays, in its meaning outside training, by its NumPy reference.

    What follows from the shapes and dtypes of the arrays is kept for the next call with the like.
    """

    def __init__(self, op: Operator, name: str) -> None:
        self.op, self.name = op, name
        self._prepared: dict[tuple[object, ...], Prepared] = {}
        self.programs: dict[tuple[object, ...], Any] = {}       # of GPUs: `frontend.nd_device`

    def __call__(self, arrays: Arrays) -> Outcome:
        """InferenceError: the shapes or dtypes do not fit the operator, or its output's shape does not follow."""
        return self.prepared(arrays).run(arrays)

    def prepared(self, arrays: Arrays) -> Prepared:
        """How it is run on arrays like these.  InferenceError as above."""
        kinds = tuple([(array.shape, array.dtype) for array in arrays])
        found = self._prepared.get(kinds)
        if found is None:
            found = _prepare(self.op, self.name, arrays)
            if len(self._prepared) >= PREPARED:
                self._prepared.clear()
            self._prepared[kinds] = found
        return found


def invoke(op: Operator, name: str, arrays: Arrays) -> Outcome:
    """Run `op` once; see `Invocation`."""
    return Invocation(op, name)(arrays)


def _prepare(op: Operator, name: str, arrays: Arrays) -> Prepared:
    names = [f"{name}:{key}" for key in op.input_names()]       # no two alike
    inputs = [Value(variable(key, TensorType(array.shape, NumPyMath.dtype(array))))
              for key, array in zip(names, arrays, strict=True)]
    node = Node(name, op, tuple(inputs), (TensorType(),) * op.output_count, sources=(Source(name),))
    graph = given = typed(Graph(node.outputs[:op.visible_count]))
    for run in PASSES:
        graph = run(graph)
    node = given.heads[0].node
    if graph.heads != given.heads or op.subgraphs or any(update.value.node is not node for update in graph.updates):
        return Prepared(_by_interpreter(graph, names))
    if graph.updates:
        return _by_reference(op, {names.index(update.variable.name): update.value.index for update in graph.updates})
    types = node.types
    if op.reads_types or op.is_host or computes_in_float32(op, [NumPyMath.dtype(array) for array in arrays]):
        visible = op.visible_count
        return Prepared(lambda arrays: Outcome(run_reference(op, arrays, types)[:visible], {}))
    if op.prepared:
        return _by_prepared(op, arrays)
    return _by_expression(op, arrays, types[0].dims) if is_expression(op) else _by_reference(op)


def _by_reference(op: Operator, written: Mapping[int, int] | None = None) -> Prepared:
    """The operator is what it was before the passes: nothing but its reference is to be run.

    written: of the inputs that are written, by position, the output that is their new value.
    """
    reference, visible, writes = op.reference, op.visible_count, tuple((written or {}).items())

    def run(arrays: Arrays) -> Outcome:
        result = quietly(reference, *arrays)
        if not isinstance(result, tuple):
            return Outcome((np.asarray(result),), {})
        return Outcome(result[:visible], {position: result[index] for position, index in writes})
    return Prepared(run, reference if op.output_count == 1 and not writes else None)


def _by_prepared(op: Operator, arrays: Arrays) -> Prepared:
    """As `_by_reference`, of an operator that prepares it for arrays like these."""
    function = op.prepared(*arrays)
    return Prepared(lambda arrays: Outcome((quietly(function, *arrays),), {}), function)


def is_expression(op: Operator) -> bool:
    """Whether an operator is what its expression says, broadcast as NumPy does."""
    return isinstance(op, Elementwise) and bool(op.function) and type(op).reference is Elementwise.reference


def _by_expression(op: Operator, arrays: Arrays, shape: Shape) -> Prepared:
    """As `_by_reference`, by the expression specialised for the dtypes where that gives all of the result."""
    function = specialised(op.expression, [array.dtype for array in arrays])
    sample = None if function is None else quietly(function, *arrays)
    if function is None or type(sample) is not np.ndarray or sample.shape != shape:
        return _by_reference(op)
    return Prepared(lambda arrays: Outcome((quietly(function, *arrays),), {}), function)


def _by_interpreter(graph: Graph, names: Sequence[str]) -> Run:
    def run(arrays: Arrays) -> Outcome:
        values = {SEED: np.array([next_seed()]), **dict(zip(names, arrays, strict=True))}
        results = interpreter.run(graph, values)
        return Outcome(results.heads, {names.index(key): value for key, value in results.updates.items()})
    return run
