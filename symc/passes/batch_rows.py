"""Whether inference computes the rows of a batch apart, and where each output has them.

Only then may a batch be cut into slabs.  This is proven, not tried: for each operator its own rules say which elements
of its inputs a row of its result is made of (`row_trace.py`; elementwise operators and contractions say so as data).
The proof is made for two sizes of the batch, large primes, of which no other extent is a multiple, and must be the same
for both: so nothing depends on the size itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from symc.errors import SymcError
from symc.ir.graph import Graph, Node, Value
from symc.ir.types import Shape, TensorType
from symc.ops.contraction import axis as plain_index
from symc.ops.families.control_flow import Branch, Scan
from symc.ops.operator import Operator, operation, run_reference
from symc.passes.row_trace import (
    GROWS,
    NUMBERED,
    SEVERAL,
    UNKNOWN,
    BatchAxis,
    Coupled,
    Trace,
    trace_compute,
    trace_imperative,
)

SIZES = (1009, 1013)
Batch = BatchAxis | None        # None: the value is the same for every batch
Finding = tuple[list[Batch], Any]   # of the outputs of a node, and what must be the same for both sizes

INSTEAD = "compile for fixed shapes, --shape once for each batch size; or choose outputs in front of it with --outputs"


def batch_rows(graphs: Sequence[Graph], inputs: Mapping[str, int], symbol: str) -> tuple[dict[str, BatchAxis],
                                                                                           list[Batch]]:
    """Where the variables and the heads have the batch; heads that do not depend on it have None.

    graphs: inference, legalised, typed for a batch of each of SIZES.  inputs: the axes that are the batch, of the
    variables that were said to have it; others have it where their shapes follow from these.
    SymcError: rows are not, or not known to be, computed apart; it names the first node where they are not.
    """
    proofs = [_Proof(size, inputs) for size in SIZES]
    for pair in zip(*(graph.nodes for graph in graphs), strict=False):
        findings = [_visited(proof, node, symbol) for proof, node in zip(proofs, pair, strict=True)]
        if not _same(findings[0], findings[1]):
            raise _refusal(pair[0], "depends on how many rows the batch has", symbol)
    if len({len(graph.nodes) for graph in graphs}) > 1:
        raise _refusal(graphs[0].nodes[-1], "is made of other operators for another batch", symbol)
    variables = {node.name: batch for node in graphs[0].variables if (batch := proofs[0].batches[Value(node)])}
    return variables, [proofs[0].batches[head] for head in graphs[0].heads]


def _visited(proof: _Proof, node: Node, symbol: str) -> Finding:
    try:
        return proof.visit(node)
    except Coupled as problem:
        raise _refusal(node, str(problem), symbol) from None


def _refusal(node: Node, problem: str, symbol: str) -> SymcError:
    name = node.sources[0].name if node.sources else node.name
    kind = f" ({operation(node).name})" if node.op is not None and not operation(node).hidden else ""
    return SymcError(f"the batch {symbol} cannot be cut into parts: node '{name}'{kind} {problem}", INSTEAD)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one is other or (one.shape == other.shape and one.dtype == other.dtype
                                and one.tobytes() == other.tobytes())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    is_same = type(one) is type(other) and one == other
    return is_same or (isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other))


class _Proof:
    """For a batch of one size."""

    def __init__(self, size: int, inputs: Mapping[str, int]) -> None:
        self.size, self.inputs = size, inputs
        self.batches: dict[Value, Batch] = {}

    def visit(self, node: Node) -> Finding:
        """Where the outputs of a node have the batch."""
        found, signature = self._variable(node) if node.is_variable else self._constant(node, node.value) \
            if node.value is not None else self._operator(node)
        for value, batch in zip(node.outputs, found, strict=True):
            self._check_extent(value.type, batch)
            self.batches[value] = batch
        return found, (operation(node).name if node.op is not None else "", signature)

    def _check_extent(self, type: TensorType, batch: Batch) -> None:
        grown = Trace(self.size).grown(type.dims)
        if grown != ([] if batch is None else [batch.axis]):
            raise Coupled(GROWS)
        assert batch is None or type.dims[batch.axis] == batch.outer * self.size * batch.inner

    def _variable(self, node: Node) -> Finding:
        """Shapes that follow from those of the inputs with the batch may have it too."""
        at = self.inputs.get(node.name, Trace(self.size).only_grown(node.types[0].dims))
        if at is None:
            return [None], node.types[0]
        if node.types[0].dims[at] != self.size:
            raise Coupled(f"has shape {self._shown(node.types[0].dims)}, in which the rows are not known")
        return [BatchAxis(at)], None

    def _shown(self, dims: Shape) -> str:
        return ",".join(f"{extent // self.size}·N" if extent and extent % self.size == 0 else str(extent)
                        for extent in dims)

    def _constant(self, node: Node, array: np.ndarray) -> Finding:
        """What no input decides; with the batch, all its rows must be equal."""
        at = Trace(self.size).only_grown(node.types[0].dims)
        if at is None:
            return [None], array
        row = array.take([0], at)
        if np.broadcast_to(row, array.shape).tobytes() != array.tobytes():
            raise Coupled(NUMBERED)
        return [BatchAxis(at, 1, array.shape[at] // self.size)], row

    def _operator(self, node: Node) -> Finding:
        op = operation(node)
        given = [self.batches[value] for value in node.inputs]
        if op.is_random:
            raise Coupled("draws random numbers, which rows do not share")
        if op.is_users or op.is_host:
            raise Coupled(UNKNOWN)
        if not node.inputs and op.subgraphs == ():
            arrays = run_reference(op, [], node.types)
            found = [self._constant(replace(node, types=(type,)), array)
                     for type, array in zip(node.types, arrays, strict=True)]
            return [batches[0] for batches, _ in found], [signature for _, signature in found]
        return self._by_rules(node, op, given)

    def _by_rules(self, node: Node, op: Operator, given: list[Batch]) -> Finding:
        """By the lowerings, in the order in which code generation prefers them."""
        if isinstance(op, Scan):
            return self._scan(node, op, given)
        if isinstance(op, Branch):
            return self._branch(node, op, given)
        if op.is_view:
            return [viewed(given[0], node.inputs[0].type.dims, node.types[0].dims, self.size)], None
        if op.expression is not None:
            return [_elementwise(node, given)] * len(node.types), op
        if op.contraction is not None:
            return [_contracted(node, op, given)], op
        trace = Trace(self.size)
        inputs = [(value.type, batch) for value, batch in zip(node.inputs, given, strict=True)]
        if op.imperative is not None and any(given):
            return trace_imperative(trace, op, inputs, node.types), trace.signature
        if op.compute is not None:
            return trace_compute(trace, op, inputs, node.types), trace.signature
        if any(given) or any(trace.grown(type.dims) for type in node.types):
            raise Coupled(UNKNOWN)
        return [None] * len(node.types), op

    # ---- loops and branches ---------------------------------------------------------------------------------

    def _scan(self, node: Node, op: Scan, given: list[Batch]) -> Finding:
        """The states of a loop must have the batch where their first values have it."""
        signature = [replace(op, graphs=())]
        inside: dict[str, Batch] = {}
        for name, batch in zip(op.body_names(), given, strict=True):
            sliced = name.startswith("x") and batch is not None
            if (sliced and batch is not None and batch.axis == 0) or (not name and batch is not None):
                raise Coupled("takes the rows of the batch one after the other")
            inside[name] = replace(batch, axis=batch.axis - 1) if sliced and batch is not None else batch
        heads = self._body(op.body, inside, signature)
        states = heads[op.stacked:]
        if states != [inside[f"s{i}"] for i in range(op.states)] or (op.conditional and states[-1] is not None):
            raise Coupled(SEVERAL)
        stacks = [batch and replace(batch, axis=batch.axis + 1) for batch in heads[:op.stacked]]
        return [*stacks, *states, *[None] * op.conditional], signature

    def _branch(self, node: Node, op: Branch, given: list[Batch]) -> Finding:
        signature = [replace(op, graphs=())]
        inside = dict(zip(op.body_names(), given, strict=True))
        one, other = (self._body(graph, inside, signature) for graph in op.graphs)
        if given[0] is not None or one != other:
            raise Coupled("decides by data of the whole batch what is computed")
        return one, signature

    def _body(self, graph: Graph, inside: Mapping[str, Batch], signature: list[Any]) -> list[Batch]:
        """Where the heads of a body have the batch; inside: where its variables have it."""
        for node in graph.nodes:
            if node.is_variable:
                self.batches[Value(node)] = inside[node.name]
                self._check_extent(node.types[0], inside[node.name])
            else:
                signature.append(self.visit(node))
        return [self.batches[head] for head in graph.heads]


# ---- what operators say as data ------------------------------------------------------------------------------------


def viewed(batch: Batch, before: Shape, after: Shape, size: int) -> Batch:
    """Where a view has the batch: elements keep their order, in which those of a row are every so many so many."""
    if batch is None:
        return None
    outer = math.prod(before[:batch.axis]) * batch.outer
    inner = batch.inner * math.prod(before[batch.axis + 1:])
    for axis in range(len(after)):
        above, below = math.prod(after[:axis]), math.prod(after[axis + 1:])
        if above and below and outer % above == 0 and inner % below == 0 and after[axis] % size == 0:
            return BatchAxis(axis, outer // above, inner // below)
    raise Coupled("takes rows of the batch apart and joins their parts")


def _elementwise(node: Node, given: Sequence[Batch]) -> Batch:
    """Where the result of inputs that broadcast by NumPy's rules has the batch."""
    rank = len(node.types[0].dims)
    found = {replace(batch, axis=batch.axis + rank - len(value.type.dims))
             for value, batch in zip(node.inputs, given, strict=True) if batch is not None}
    if len(found) > 1:
        raise Coupled(SEVERAL)
    if not found:
        return None
    batch = found.pop()
    for value, own in zip(node.inputs, given, strict=True):
        axis = batch.axis - rank + len(value.type.dims)
        if own is None and axis >= 0 and value.type.dims[axis] != 1:
            raise Coupled(NUMBERED)
    return batch


def _contracted(node: Node, op: Operator, given: Sequence[Batch]) -> Batch:
    """Where a contraction has the batch: the axis of the operands that have it must be one of the result."""
    if not any(given):
        return None
    spec = op.contraction([value.type for value in node.inputs])
    operands = list(zip((spec.lhs, spec.rhs), given[:2], strict=True))
    names = {index[batch.axis] for index, batch in operands if batch is not None}
    if len(names) != 1 or len(set(filter(None, given[:2]))) == 0:
        raise Coupled(SEVERAL if names else NUMBERED)
    index = names.pop()
    name = index.terms[0][0] if len(index.terms) == 1 else ""
    parts = {(batch.outer, batch.inner) for batch in given[:2] if batch is not None}
    if index != plain_index(name) or index not in spec.output or len(parts) != 1 or _mentions(operands, name):
        raise Coupled(SEVERAL)
    found = BatchAxis(spec.output.index(index), *parts.pop())
    dims = op.finish_dims(len(node.types[0].dims))
    for batch, along in zip(given[2:], dims, strict=True):
        if batch is None and found.axis in along:
            raise Coupled(NUMBERED)
        if batch is not None and replace(batch, axis=along[batch.axis]) != found:
            raise Coupled(SEVERAL)
    return found


def _mentions(operands: Sequence[tuple[Any, Batch]], name: str) -> bool:
    """Whether the axis of the rows also counts elsewhere than along the batch of the operands."""
    return any(name in dict(index.terms) for indices, batch in operands for axis, index in enumerate(indices)
               if batch is None or axis != batch.axis)
