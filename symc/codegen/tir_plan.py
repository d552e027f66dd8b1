"""From a group to kernels: which results are computed together, and what lies in memory between.

A stage is a result that must exist as a whole: a head of the group, or a reduction.  Stages whose elements belong
together go in one kernel: results of one shape, or reductions over the rest of the same rows, with what is computed
from them row by row.  Reductions that other kernels read get a scratch buffer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tvm import tirx

from symc.codegen.group_code import Parameter
from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_imperative import InOrder, KernelBuilder
from symc.codegen.tir_index import LARGE
from symc.codegen.tir_injective import injective_kernel
from symc.codegen.tir_machine import Machine
from symc.codegen.tir_memory import INDEX, Buffer
from symc.codegen.tir_module import TirKernel, kernel_of
from symc.codegen.tir_reduce import reduction_kernel
from symc.codegen.tir_space import BLOCK, step_along
from symc.frontend.te import Computed, Placeholder, Reduced, Reduction, Tensor, Viewed, node_to_te
from symc.frontend.te_math import Indices, evaluating, literal
from symc.ir.graph import Graph, Node, Value
from symc.ir.types import DType, Shape, TensorType
from symc.ops.math import NumPyMath
from symc.ops.operator import Operator, operation

E = TypeVar("E", bound=Emitter)

FEW = 8             # with fewer jobs than this, a reduction of more than a few PARTs is done in two steps
PART = 32768        # elements
MOST_PARTS = 64


@dataclass(eq=False)
class Stage:
    """A result: stored in `buffers`, or kept in its kernel when there are none.

    form: how it is computed: the tensor itself, or for a reduction done in two steps, the second.
    rows: for each axis of the kernel's rows that is wider than 1, the axis of this result that it is.
    """

    tensor: Tensor
    form: Tensor
    buffers: list[Buffer] = field(default_factory=list)
    rows: tuple[int, ...] = ()


@dataclass(eq=False)
class Cluster:
    """The stages of one kernel.  row: the shape of the reductions it computes; None where there is none."""

    stages: list[Stage]
    row: Shape | None


@dataclass(eq=False)
class Imperative:
    """An imperative operator, which reads and writes memory."""

    op: Operator
    inputs: list[Tensor]
    outputs: dict[Tensor, Buffer]


class GroupPlan:
    """The kernels of one group, and the memory they share."""

    def __init__(self, group: Graph, name: str, machine: Machine) -> None:
        self.name, self.machine = name, machine
        self.parameter_of: dict[Buffer, Parameter] = {}
        self.placed: dict[Tensor, Buffer] = {}
        self.stages: dict[Tensor, Stage] = {}
        self.clusters: list[Cluster | Imperative] = []
        self.writer: dict[Buffer, int] = {}      # of buffers that imperative operators write: their cluster
        self.cluster_of: dict[Tensor, int] = {}
        self.scratch_sizes: list[int] = []
        self.index_dtype = "int64" if any(t.bytes >= LARGE for n in group.nodes for t in n.types) else INDEX
        self.status = self._buffer(TensorType((1,), DType.int32), ("status", 0))
        self.heads = [(head, self._buffer(head.type, ("output", n))) for n, head in enumerate(group.heads)]
        values = self._tensors(group)
        for head, buffer in self.heads:
            if buffer not in self.writer:
                self._stage(values[head]).buffers.append(buffer)

    @property
    def scratch(self) -> tuple[int, ...]:
        return tuple(self.scratch_sizes)

    # ---- tensors -----------------------------------------------------------------------------------------

    def _tensors(self, group: Graph) -> dict[Value, Tensor]:
        values: dict[Value, Tensor] = {}
        count = 0
        for node in group.nodes:
            if node.is_variable:
                tensor = Placeholder(node.types[0])
                self.placed[tensor] = self._buffer(node.types[0], ("input", count))
                values[Value(node)] = tensor
                count += 1
            elif node.is_constant:
                values[Value(node)] = constant_tensor(node)
            elif self._is_imperative(operation(node)):
                outputs = self._imperative(node, [values[value] for value in node.inputs])
                values.update(zip(node.outputs, outputs, strict=True))
            else:
                outputs = node_to_te(node, [values[value] for value in node.inputs])
                values.update(zip(node.outputs, outputs, strict=True))
        return values

    def _is_imperative(self, op: Operator) -> bool:
        return op.imperative is not None

    def _imperative(self, node: Node, inputs: list[Tensor]) -> list[Tensor]:
        """Give an imperative operator a kernel of its own, after those of its inputs."""
        for tensor in inputs:
            if not self._in_memory(tensor):
                stage = self._stage(tensor)
                if not stage.buffers:
                    self._spill(stage)
        outputs: dict[Tensor, Buffer] = {}
        for value in node.outputs:
            buffer = next((b for head, b in self.heads if head == value), None) or self._scratch(value.type)
            tensor = Placeholder(value.type)
            self.placed[tensor] = outputs[tensor] = buffer
            self.writer[buffer] = len(self.clusters)
        self.clusters.append(Imperative(operation(node), inputs, outputs))
        return list(outputs)

    def _in_memory(self, tensor: Tensor) -> bool:
        while isinstance(tensor, Viewed):
            tensor = tensor.source
        return tensor in self.placed

    def _buffer(self, type: TensorType, parameter: Parameter) -> Buffer:
        buffer = Buffer(type, f"{parameter[0]}{parameter[1]}", self.index_dtype)
        self.parameter_of[buffer] = parameter
        return buffer

    def emitter(self) -> Emitter:
        """A fresh emitter that knows what lies in memory."""
        return self.informed(Emitter(self.index_dtype))

    def informed(self, emitter: E) -> E:
        """The emitter, told what lies in memory."""
        for tensor, buffer in self.placed.items():
            emitter.place(tensor, buffer)
        return emitter

    # ---- stages and clusters -----------------------------------------------------------------------------

    def _stage(self, tensor: Tensor) -> Stage:
        """The stage of `tensor`, after those of the reductions it needs."""
        if tensor in self.stages:
            return self.stages[tensor]
        form = self._form(tensor) if isinstance(tensor, Reduced) else tensor
        demands, read = demands_of(self.emitter(), form)
        for needed in dict.fromkeys(demand.tensor for demand in demands):
            self._stage(needed)
        stage = self.stages[tensor] = Stage(tensor, form)
        written = [self.writer[buffer] + 1 for buffer in read if buffer in self.writer]
        self._assign(stage, demands, max(written, default=0))
        return stage

    def _form(self, tensor: Reduced) -> Reduced:
        """How a reduction is computed."""
        return in_two_steps(tensor, *parts_of_longest(tensor)) if self._has_few_rows(tensor) else tensor

    def _has_few_rows(self, tensor: Reduced) -> bool:
        """Whether its rows are too few to share the work among threads; parts are not parted again."""
        total = math.prod(tensor.shape) * math.prod(tensor.extents)
        whole = tensor.total is not None or tensor.kind.startswith("arg")
        if whole or total < 4 * PART or math.prod(tensor.shape) >= 16 * FEW:
            return False
        return row_jobs(self.emitter(), tensor) < FEW

    def _assign(self, stage: Stage, demands: list[Demand], earliest: int) -> None:
        """Join the last cluster, from `earliest` on, that has room for the stage, or open one."""
        earliest = max([earliest, *(self.cluster_of[demand.tensor] for demand in demands)])
        for number in range(len(self.clusters) - 1, earliest - 1, -1):
            rows = self._rows_in(number, stage.tensor, [d for d in demands if self.cluster_of[d.tensor] == number])
            if rows is not None:
                self._join(number, stage, rows, demands)
                return
        row = stage.tensor.shape if isinstance(stage.tensor, Reduced) else None
        self.clusters.append(Cluster([], row))
        self._join(len(self.clusters) - 1, stage, wide_axes(stage.tensor.shape) if row is not None else (), demands)

    def _join(self, number: int, stage: Stage, rows: tuple[int, ...], demands: list[Demand]) -> None:
        stage.rows = rows
        cluster = self.clusters[number]
        assert isinstance(cluster, Cluster)
        cluster.stages.append(stage)
        self.cluster_of[stage.tensor] = number
        for demand in demands:
            other = self.stages[demand.tensor]
            if self.cluster_of[demand.tensor] != number and not other.buffers:
                self._spill(other)

    def _rows_in(self, number: int, tensor: Tensor, demands: list[Demand]) -> tuple[int, ...] | None:
        """The axes of `tensor` that are the rows of the cluster; None when it does not belong there."""
        cluster = self.clusters[number]
        if isinstance(cluster, Imperative):
            return None
        if cluster.row is None:
            return () if not isinstance(tensor, Reduced) and cluster.stages[0].tensor.shape == tensor.shape else None
        if isinstance(tensor, Reduced):
            own = wide_axes(tensor.shape)
            same = wide(tensor.shape) == wide(cluster.row)
            return own if same and all(demand.rows == own for demand in demands) else None
        found = {demand.rows for demand in demands}
        if len(found) != 1 or None in found:
            return None
        reduction = cluster.stages[0].tensor
        assert isinstance(reduction, Reduced)
        few = math.prod(tensor.shape) > PART and self._keeps_few_busy(reduction)
        return None if few else found.pop()

    def _keeps_few_busy(self, reduction: Reduced) -> bool:
        """Whether too few threads would work on results that are computed along with a reduction."""
        return row_jobs(self.emitter(), reduction) < FEW

    def _spill(self, stage: Stage) -> None:
        """Give a stage that other kernels read memory of its own."""
        stage.buffers.append(self._scratch(TensorType(stage.tensor.shape, stage.tensor.dtype)))

    def _scratch(self, type: TensorType) -> Buffer:
        self.scratch_sizes.append(type.bytes)
        return self._buffer(type, ("scratch", len(self.scratch_sizes) - 1))

    # ---- kernels -----------------------------------------------------------------------------------------

    def kernels(self) -> list[TirKernel]:
        result: list[TirKernel] = []
        for number, cluster in enumerate(self.clusters):
            symbol = f"{self.name}_{number}"
            if isinstance(cluster, Imperative):
                result += self._imperative_kernels(cluster, symbol)
                continue
            result.append(self._kernel(cluster, symbol))
            for stage in cluster.stages:
                if stage.buffers:
                    self.placed[stage.tensor] = stage.buffers[0]
        return result

    def _kernel(self, cluster: Cluster, symbol: str) -> TirKernel:
        make = injective_kernel if cluster.row is None else reduction_kernel
        return make(self, cluster, symbol)

    def _imperative_kernels(self, cluster: Imperative, symbol: str) -> list[TirKernel]:
        if not any(buffer.count for buffer in cluster.outputs.values()):
            return []

        def emitter() -> InOrder:
            return self.informed(InOrder(self.index_dtype, self.status))

        def finish(number: int, emitter: InOrder, count: int, bounds: Any) -> TirKernel:
            used = [*emitter.used, *cluster.outputs.values()]
            return kernel_of(emitter, f"{symbol}_{number}", self.parameters(used), count, bounds)

        def scratch(type: TensorType) -> tuple[Tensor, Buffer]:
            tensor = Placeholder(type)
            self.placed[tensor] = buffer = self._scratch(type)
            return tensor, buffer
        builder = KernelBuilder(emitter, cluster.outputs, finish, self.machine, scratch)
        self._write(cluster.op, builder, cluster.inputs, list(cluster.outputs))
        return builder.kernels

    def _write(self, op: Operator, k: KernelBuilder, inputs: list[Tensor], outputs: list[Tensor]) -> None:
        op.imperative(k, inputs, outputs)

    def parameters(self, used: Sequence[Buffer]) -> list[tuple[Parameter, Buffer]]:
        """The used buffers, in the order inputs, outputs, scratch, status."""
        order = {"input": 0, "output": 1, "scratch": 2, "status": 3}
        pairs = [(self.parameter_of[buffer], buffer) for buffer in dict.fromkeys(used)]
        return sorted(pairs, key=lambda pair: (order[pair[0][0]], pair[0][1]))


def constant_tensor(node: Node) -> Tensor:
    """A constant of one element, folded into the code that reads it."""
    assert node.value is not None and node.value.size == 1, f"constant {node.name} belongs in memory"
    type = node.types[0]
    number = (NumPyMath.cast(node.value, DType.float32) if type.dtype is DType.bfloat16 else node.value).item()
    return Computed(type.dims, type.element, lambda *_: literal(number, type.element))


@dataclass(frozen=True)
class Demand:
    """A reduction that a result reads.  rows: the axes of the result by which it is indexed, when it is so plainly."""

    tensor: Reduced
    rows: tuple[int, ...] | None


def demands_of(emitter: Emitter, tensor: Tensor) -> tuple[list[Demand], list[Buffer]]:
    """The reductions, and the buffers, that an element of `tensor` reads."""
    axes = [emitter.variable(f"i{n}", extent) for n, extent in enumerate(tensor.shape)]
    with evaluating(emitter):
        if isinstance(tensor, Reduced):
            reduced = [emitter.variable(f"r{n}", extent) for n, extent in enumerate(tensor.extents)]
            values = [tensor.body(*axes).element(*reduced)]
        else:
            values = [emitter.element(tensor, tuple(axes))]
    number = {var: axis for axis, var in enumerate(axes)}
    demands = [Demand(found, plain_rows(found, indices, number)) for found, indices in emitter.demands]
    return demands, [d.buffer for d in emitter.pending(values) if d.buffer is not None]


def row_jobs(emitter: Emitter, tensor: Reduced) -> int:
    """How many jobs a reduction's rows give: rows are taken by vectors unless memory runs along what is reduced."""
    axes = [emitter.variable(f"i{n}", extent) for n, extent in enumerate(tensor.shape)]
    reduced = [emitter.variable(f"r{n}", extent) for n, extent in enumerate(tensor.extents)]
    with evaluating(emitter):
        value = tensor.body(*axes).element(*reduced)
    indices = [d.index for d in emitter.pending([value]) if d.buffer is not None]
    along = any(step_along(index, var) == 1 for index in indices for var in reduced)
    return math.prod(tensor.shape) // (1 if along else BLOCK)


def parts_of_longest(tensor: Reduced) -> tuple[int, int]:
    """The longest axis, and how much of it is a part."""
    axis = max(range(len(tensor.extents)), key=lambda n: tensor.extents[n])
    extent, total = tensor.extents[axis], math.prod(tensor.shape) * math.prod(tensor.extents)
    chunk = -(-extent // min(MOST_PARTS, total // PART))
    return axis, -(-chunk // (4 * BLOCK)) * 4 * BLOCK if chunk > 4 * BLOCK else chunk


def in_two_steps(tensor: Reduced, axis: int, chunk: int) -> Reduced:
    """The reduction of parts of an axis, `chunk` elements each, as one over the parts."""
    extent = tensor.extents[axis]
    parts = -(-extent // chunk)
    extents = (*tensor.extents[:axis], chunk, *tensor.extents[axis + 1:])

    def part(number: Any, *indices: Any) -> Reduction:
        whole = tensor.body(*indices)
        return Reduction(tensor.kind, extents,
                         lambda *r: whole.element(*r[:axis], number * chunk + r[axis], *r[axis + 1:]))
    first = Reduced((parts, *tensor.shape), tensor.element_dtype, part, tensor.kind, extents,
                    (axis, extent) if extent % chunk else None)
    return Reduced(tensor.shape, tensor.element_dtype,
                   lambda *indices: Reduction(tensor.kind, (parts,), lambda number: first[(number, *indices)]),
                   tensor.kind, (parts,))


def plain_rows(tensor: Tensor, indices: Indices, number: dict[Any, int]) -> tuple[int, ...] | None:
    rows = []
    for axis in wide_axes(tensor.shape):
        index = indices[axis]
        if not isinstance(index, tirx.Var) or index not in number or number[index] in rows:
            return None
        rows.append(number[index])
    return tuple(rows)


def wide_axes(shape: Shape) -> tuple[int, ...]:
    return tuple(axis for axis, extent in enumerate(shape) if extent != 1)


def wide(shape: Shape) -> Shape:
    return tuple(extent for extent in shape if extent != 1)
