"""Known weights are rounded so that the errors of a sum cancel."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from symc.interpreter import run
from symc.ir.graph import Graph, Node, Value
from symc.ir.types import DType
from symc.ops.contraction import Contraction
from symc.ops.families.cast import Cast
from symc.ops.families.control_flow import ControlFlow
from symc.ops.math import NumPyMath
from symc.ops.operator import input_types, operation
from symc.ops.record import record
from symc.passes.base import Pass
from symc.passes.fold_constants import constant_nodes, constant_of
from symc.passes.frontier import replaced
from symc.passes.threads import map_in_threads

NARROW = (DType.float16, DType.bfloat16)
ELEMENTS_AT_ONCE = 1 << 18      # whose intermediate values stay in the second cache
Roles = tuple[tuple[int, ...], tuple[int, ...]]     # the dimensions of a weight to sum over, and which of them are taps


@record
class RoundWeights(Pass):
    """Needs a typed graph in which contractions read their weights as they are.  A conversion to 16 bits of what
    follows from constants, read by contractions alone as their second factor, becomes a constant.

        %w/bf16: bf16[64,64,3,3] = Cast(%w)        →    %w/bf16: bf16[64,64,3,3] = const
        %y: f32[..] = Convolution(%x/bf16, %w/bf16)

    Each element is one of the two numbers beside it: mostly the nearest; but a few of those near the middle, for which
    either is about as good, take the other one, such that the errors of all weights of an output sum up to almost
    nothing, and those of the taps of a window before them.  For what is summed has a mean, as behind relu, and pixels
    of a window are alike: by what they have in common errors of single weights would be multiplied again and again.
    Compare Nagel et al., Up or Down? Adaptive Rounding for Post-Training Quantization, arXiv:2004.10568, whose choice
    is by data, of which there is none here.
    """

    name = "round-weights"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        known = constant_nodes(graph)
        chosen = [(value, roles) for node in graph.nodes if node in known and _is_narrowing(node)
                  for value in node.outputs if (roles := _roles(graph, value)) is not None]
        if not chosen:
            return graph
        made = map_in_threads(lambda item: _rounded(*item), chosen)
        return replaced(graph, {value: constant for (value, _), constant in zip(chosen, made, strict=True)})


def _is_narrowing(node: Node) -> bool:
    return isinstance(node.op, Cast) and node.op.target in NARROW and node.inputs[0].type.dtype is DType.float32


def _roles(graph: Graph, value: Value) -> Roles | None:
    """What the dimensions of a weight are to all its readers; None where something else reads it."""
    found = {_roles_in(node, position) for node, position in _reads(graph, value)}
    return found.pop() if len(found) == 1 and value not in graph.roots else None


def _reads(graph: Graph, value: Value) -> Iterator[tuple[Node, int]]:
    """The nodes that read a value, in bodies too, and as which of their inputs."""
    for node in graph.readers.get(value, ()):
        for position in (i for i, read in enumerate(node.inputs) if read == value):
            if not isinstance(node.op, ControlFlow):
                yield node, position
                continue
            for body, names in zip(node.op.subgraphs, node.op.names_in_bodies(), strict=True):
                for variable in (inner for inner in body.variables if inner.name == names[position]):
                    yield from _reads(body, Value(variable))


def _roles_in(node: Node, position: int) -> Roles | None:
    describe = operation(node).contraction
    if describe is None or position != 1 or node.inputs[0] == node.inputs[1]:
        return None
    return roles_of_weight(describe(input_types(node)))


def roles_of_weight(spec: Contraction) -> Roles | None:
    """The dimensions of the second factor to sum over, and which of them walk a window; None: there are none."""
    windows = [index for index in spec.lhs if len(index.terms) > 1 and not spec.is_grouped(index)]
    taps = {name for index in windows for name, _ in index.terms}
    summed = [(dim, name) for dim, index in enumerate(spec.rhs) for name, _ in index.terms
              if len(index.terms) == 1 and name in spec.reduced]
    return (tuple(dim for dim, _ in summed), tuple(dim for dim, name in summed if name in taps)) if summed else None


def _rounded(value: Value, roles: Roles) -> Value:
    exact, = run(Graph(value.node.inputs), {}).heads
    return constant_of(value, rounded(exact, roles, value.type.element))


# ---- numbers ---------------------------------------------------------------------------------------------------


@np.errstate(all="ignore")      # infinities and NaN stay what they are
def rounded(exact: np.ndarray, roles: Roles, dtype: DType) -> np.ndarray:
    """A weight in float32 as `dtype`, bfloat16 in uint16; errors of taps cancel, and then of all that is summed."""
    summed, taps = roles
    kept = [dim for dim in range(exact.ndim) if dim not in summed]
    order = [*kept, *(dim for dim in summed if dim not in taps), *taps]
    moved = exact.transpose(order)
    window, length = (math.prod(exact.shape[dim] for dim in dims) for dims in (taps, summed))
    rows = moved.reshape(-1, length)
    made = np.empty(rows.shape, np.uint16)
    at_once = max(1, ELEMENTS_AT_ONCE // length)
    for begin in range(0, len(rows), at_once):
        made[begin:begin + at_once] = _rounded_rows(rows[begin:begin + at_once], window, dtype)
    return np.ascontiguousarray(made.reshape(moved.shape).transpose(np.argsort(order))).view(dtype.numpy)


def _rounded_rows(exact: np.ndarray, window: int, dtype: DType) -> np.ndarray:
    """The bits of rows that are summed; the taps of a window lie side by side."""
    bits = np.asarray(NumPyMath.cast(exact, dtype)).view(np.uint16)
    for length in dict.fromkeys((window, exact.shape[1])):
        if length > 1:
            _balance(exact.reshape(-1, length), bits.reshape(-1, length), dtype)
    return bits


def _balance(exact: np.ndarray, bits: np.ndarray, dtype: DType) -> None:
    """Change `bits` (rows, elements) so that the errors of each row sum up to almost nothing: of the elements whose
    error has the sign of the sum, the first few take the number on the other side, those first for which this adds the
    least to the squares of errors, by what it takes from the sum."""
    errors = _as_float(bits, dtype) - exact
    excess = errors.sum(1, dtype=np.float64)
    others = np.where((errors > 0) == (bits < 0x8000), bits - np.uint16(1), bits + np.uint16(1))
    steps = np.abs(_as_float(others, dtype) - _as_float(bits, dtype))
    useful = (errors * np.sign(excess)[:, None] > 0) & np.isfinite(steps)
    costs = np.where(useful, steps - 2 * np.abs(errors), np.inf)
    first = _least(costs)
    moved = np.cumsum(np.where(np.take_along_axis(useful, first, 1), np.take_along_axis(steps, first, 1), 0), 1)
    left = np.abs(np.abs(excess)[:, None] - np.pad(moved, ((0, 0), (1, 0))))
    taken = np.arange(first.shape[1]) < left.argmin(1)[:, None]
    changed = np.zeros(bits.shape, bool)
    np.put_along_axis(changed, first, taken, 1)
    np.copyto(bits, others, where=changed & useful)


def _least(costs: np.ndarray) -> np.ndarray:
    """The places of the least elements of each row in their order: as many as a sum of random errors may want."""
    count = min(costs.shape[1], 16 + 4 * math.isqrt(costs.shape[1]))
    places = np.argpartition(costs, count - 1, 1)[:, :count]
    order = np.argsort(np.take_along_axis(costs, places, 1), 1)
    return np.take_along_axis(places, order, 1)


def _as_float(bits: np.ndarray, dtype: DType) -> np.ndarray:
    return NumPyMath.cast(bits.view(dtype.numpy), DType.float32)
