"""Operators at once on arrays that lie on a GPU: one kernel or a few, compiled when arrays like these are first met."""

from __future__ import annotations

import functools
import importlib.util
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from symc.errors import MXNetError
from symc.imperative import PREPARED, Invocation
from symc.ir.types import DType, TensorType
from symc.runtime.context import Context
from symc.runtime.device_memory import empty
from symc.runtime.devices import driver_of
from symc.runtime.ndarray import NDArray
from symc.runtime.plan import storage_dtype
from symc.runtime.program import Program
from symc.runtime.random import SEED, next_seed

VARIANTS = 8    # of an operator, in its parameters, that are compiled for arrays alike


def context_of(name: str, inputs: Sequence[NDArray]) -> Context:
    """Where all inputs lie.  MXNetError: they lie on several devices."""
    contexts = dict.fromkeys(item.context for item in inputs)
    if len(contexts) > 1:
        raise MXNetError(f"{name}: the arrays lie on {', '.join(map(str, contexts))}",
                         f"bring them together: array.as_in_context(symc.{next(iter(contexts))})")
    return inputs[0].context


def has_kernels(invocation: Invocation, inputs: Sequence[NDArray]) -> bool:
    """Whether an operator is computed on the GPU; others are on the host, from copies, and all where nothing compiles.

    Its parameters are constants of kernels.  One whose parameters are always others, as the rate of Adam's steps and
    where a window begins, is compiled VARIANTS times for arrays alike.
    """
    op = invocation.op
    if op.is_users or op.is_host or op.shape_inputs or not _compiles():
        return False
    key = _key(inputs)
    if key in invocation.programs:
        return True
    if len(_compiled) >= PREPARED:
        _compiled.clear()
    _compiled[op.name, key] += 1
    return _compiled[op.name, key] <= VARIANTS


@functools.cache
def _compiles() -> bool:
    """Whether what compiles is installed, which packages run without."""
    return all(importlib.util.find_spec(name) is not None for name in ("tvm", "llvmlite"))


_compiled: Counter[tuple[str, tuple[object, ...]]] = Counter()


def _key(inputs: Sequence[NDArray]) -> tuple[object, ...]:
    """Alike for arrays that the same program can take."""
    return (driver_of(inputs[0].context.device_id), *[(item.shape, item.memory.dtype) for item in inputs])


def run(invocation: Invocation, inputs: Sequence[NDArray], context: Context) -> list[NDArray]:
    """The outputs; what the operator writes to its inputs is written.  InferenceError: they do not fit the operator."""
    program = _program(invocation, inputs, context)
    plan = program.plan
    with program.lock:
        for number in (*plan.of_kind("input"), *plan.of_kind("state")):
            name = plan.buffers[number].name
            program.bind(number, np.array([next_seed(context)]) if name == SEED else inputs[int(name)].memory)
        outputs = []
        for number in plan.of_kind("output"):
            buffer = plan.buffers[number]
            made: Any = empty(buffer.shape, storage_dtype(buffer.dtype), context.device_id)
            program.bind(number, made)
            outputs.append(NDArray(made, context))
        program.run("infer")
    for number in plan.of_kind("state"):
        inputs[int(plan.buffers[number].name)].count_write()
    return outputs


def _program(invocation: Invocation, inputs: Sequence[NDArray], context: Context) -> Program:
    """The operator's program for arrays like these."""
    key = _key(inputs)
    program = invocation.programs.get(key)
    if program is None:
        from symc import bound  # which compiles

        types = [TensorType(item.shape, _element(item)) for item in inputs]
        if len(invocation.programs) >= PREPARED:
            invocation.programs.clear()
        invocation.programs[key] = program = bound.operator_program(invocation.op, invocation.name, types, context)
    return program


def _element(item: NDArray) -> DType:
    return DType.bfloat16 if item.is_bfloat16 else DType.of(item.memory.dtype)
