"""Imperative operators, and large expressions, as TIR functions that TVM does not look into.

Their loops over jobs run from the first to the last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import tvm
from tvm import s_tir, tirx

from symc.codegen.relax_math import PortableDraws, PortableMath, as_meant
from symc.codegen.relax_te import relax_dtype
from symc.codegen.tir_divide import without_floor_division
from symc.codegen.tir_emit import sequence
from symc.codegen.tir_imperative import InOrder, KernelBuilder
from symc.codegen.tir_index import LARGE, unraveled
from symc.codegen.tir_machine import Cpu
from symc.codegen.tir_memory import INDEX, Buffer
from symc.frontend.te import Placeholder, Tensor, node_to_te
from symc.frontend.te_math import Scalar, condition
from symc.ir.graph import Node
from symc.ir.types import DType, TensorType
from symc.ops.operator import operation

OPAQUE = 8      # TVM's OpPatternKind: never fused
NO_STATUS = Buffer(TensorType((1,), DType.int32), "status")     # failures are told otherwise


class Portable(Cpu):
    """Any of TVM's targets: one element at a time."""

    def lanes(self, dtypes: Sequence[DType]) -> int:
        return 1


class PortableKernelBuilder(KernelBuilder):
    """The builder `k` for any of TVM's targets; failures are assertions."""

    F = PortableMath

    def __init__(self, emitter: Callable[[], InOrder], buffers: dict[Tensor, Buffer], finish: Callable[..., Any],
                 failure: str) -> None:
        super().__init__(emitter, buffers, finish, Portable("x86-64"))
        self._failure = failure

    def fail_when(self, chosen: Any) -> None:
        kind, message = (tvm.ir.expr.StringImm(text) for text in ("ValueError", self._failure))
        holds = tirx.Not(condition(chosen).expr)
        self.emitter.add(tirx.AssertStmt(holds, kind, [message]))   # TVM 0.27 hands them on in this order

    def draws(self, seed: Scalar, salt: int, element: Any) -> PortableDraws:
        return PortableDraws(seed, salt, element, self._state_after)


@dataclass
class _Memory:
    """The buffers of a function: flat views, by which kernels know them, of its parameters."""

    index_dtype: str
    parameters: list[Any] = field(default_factory=list)
    views: list[Any] = field(default_factory=list)
    buffers: dict[Tensor, Buffer] = field(default_factory=dict)

    def add(self, name: str, type: TensorType) -> Tensor:
        """A tensor in memory that a new parameter is."""
        buffer = Buffer(type, f"{name}_flat", self.index_dtype)
        shape = [tirx.const(extent, "int64") for extent in type.dims]
        self.parameters.append(tirx.decl_buffer(shape, relax_dtype(type.element), name))
        self.views.append(tirx.DeclBuffer(buffer.var, data=self.parameters[-1].data))
        tensor = Placeholder(type)
        self.buffers[tensor] = buffer
        return tensor

    def emitter(self) -> InOrder:
        made = InOrder(self.index_dtype, status=NO_STATUS)
        for tensor, buffer in self.buffers.items():
            made.place(tensor, buffer)
        return made


def kernel_function(node: Node) -> tirx.PrimFunc:
    """The function of a node's inputs and outputs, all in memory."""
    types = [*(value.type for value in node.inputs), *node.types]
    memory = _Memory("int64" if any(type.bytes >= LARGE for type in types) else INDEX)
    inputs = [memory.add(f"input{n}", value.type) for n, value in enumerate(node.inputs)]
    outputs = [memory.add(f"output{n}", type) for n, type in enumerate(node.types)]
    loops: list[Any] = []

    def finish(number: int, emitter: InOrder, count: int, bounds: Any) -> Any:
        (loop,) = emitter.levels[0].statements
        body = as_meant(without_floor_division(loop.body, emitter.analyzer))
        loops.append(_jobs(memory, len(inputs), loop.loop_var, count, body))
    builder = PortableKernelBuilder(memory.emitter, {tensor: memory.buffers[tensor] for tensor in outputs}, finish,
                                    f"{node.name}: {operation(node).failure}")
    if operation(node).imperative is not None:
        operation(node).imperative(builder, inputs, outputs)
    else:
        _write_elements(builder, node, inputs, outputs)
    return _function(memory, loops)


def _write_elements(k: KernelBuilder, node: Node, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
    """Outputs whose elements come one by one from few of the inputs'."""
    for made, target in zip(node_to_te(node, inputs, k), outputs, strict=True):
        with k.jobs(math.prod(made.shape)) as element:
            places = tuple(unraveled(element, made.shape))
            k.store(target, places, made[places])


def _jobs(memory: _Memory, input_count: int, job: Any, count: int, body: Any) -> Any:
    """The loop over jobs: each is a block, which reads all inputs and writes all outputs as far as TVM knows."""
    regions = [_whole(parameter) for parameter in memory.parameters]
    zero, extent = tirx.const(0, "int64"), tirx.const(count, "int64")
    number = tirx.IterVar(tvm.ir.Range(zero, extent), job, tirx.IterVar.DataPar)
    block = s_tir.SBlock([number], regions[:input_count], regions[input_count:], "job",
                         sequence([*memory.views, body]))
    step = tirx.Var("j", "int64")
    return tirx.For(step, zero, extent, tirx.ForKind.SERIAL, s_tir.SBlockRealize([step], True, block))


def _function(memory: _Memory, loops: Sequence[Any]) -> tirx.PrimFunc:
    root = s_tir.SBlock([], [], [], "root", sequence(loops))
    return tirx.PrimFunc(memory.parameters, s_tir.SBlockRealize([], True, root)).with_attrs({
        "tirx.noalias": True, "s_tir": True, "op_pattern": OPAQUE})


def _whole(buffer: Any) -> Any:
    return tirx.BufferRegion(buffer, [tvm.ir.Range(tirx.const(0, "int64"), extent) for extent in buffer.shape])
