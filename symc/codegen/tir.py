"""TIR code generation: a group to kernels."""

from __future__ import annotations

from symc.codegen.group_code import GroupCode, KernelCode
from symc.codegen.llvm_compile import compile_object
from symc.codegen.tir_machine import Cpu
from symc.codegen.tir_module import TirKernel, llvm_text
from symc.codegen.tir_plan import GroupPlan
from symc.ir.graph import Graph


def lower_group(group: Graph, name: str, level: str) -> GroupCode:
    """Kernels named after `name`, run in order with a barrier between, and their object code for a CPU level.

    The variables of `group` are its inputs and its heads its outputs; all types are known.
    """
    kernels, scratch = lower_to_tir(group, name, level)
    code = tuple(KernelCode(kernel.symbol, tuple(parameter for parameter, _ in kernel.parameters), kernel.jobs)
                 for kernel in kernels)
    return GroupCode(code, scratch, compile_object(llvm_text(kernels, level), level, optimise=True))


def lower_to_tir(group: Graph, name: str, level: str) -> tuple[list[TirKernel], tuple[int, ...]]:
    """The kernels of a group in TIR, and the sizes of their scratch buffers in bytes."""
    plan = GroupPlan(group, name, Cpu(level))
    return plan.kernels(), plan.scratch
