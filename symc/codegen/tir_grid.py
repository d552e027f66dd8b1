"""Groups to kernels for GPUs, as CUDA C++."""

from __future__ import annotations

import math

from symc.codegen.group_code import GroupCode, KernelCode
from symc.codegen.tir_cuda import cuda_text
from symc.codegen.tir_grid_contraction import contraction_kernel, is_tiled, only_contraction, sum_of_parts
from symc.codegen.tir_grid_injective import grid_injective_kernel
from symc.codegen.tir_grid_mma import factors_of
from symc.codegen.tir_grid_parts import part_of
from symc.codegen.tir_grid_reduce import FEW_ROWS, reduction_kernel
from symc.codegen.tir_grid_thin import Thin, parts_of_thin, thin_kernel, thin_of
from symc.codegen.tir_grid_tile import parts_for
from symc.codegen.tir_grid_window import is_windowed, window_kernel
from symc.codegen.tir_imperative import KernelBuilder
from symc.codegen.tir_machine import Grid, Launch
from symc.codegen.tir_module import TirKernel
from symc.codegen.tir_plan import Cluster, GroupPlan, in_two_steps
from symc.frontend.te import Reduced, Tensor
from symc.ir.graph import Graph
from symc.ops.operator import Operator


def lower_group(group: Graph, name: str) -> GroupCode:
    """Kernels named after `name`, one launch after the other; the object is their text (`tir_cuda.cuda_text`)."""
    plan = GridPlan(group, name, Grid())
    kernels = plan.kernels()
    return GroupCode(tuple(map(_code, kernels)), plan.scratch, cuda_text(kernels).encode())


def _code(kernel: TirKernel) -> KernelCode:
    assert isinstance(kernel.bounds, Launch)
    return KernelCode(kernel.symbol, tuple(parameter for parameter, _ in kernel.parameters), kernel.bounds.blocks,
                      threads=kernel.bounds.threads)


class GridPlan(GroupPlan):
    """The kernels of a group on a GPU."""

    def _is_imperative(self, op: Operator) -> bool:
        return op.imperative is not None and op.compute is None

    def _write(self, op: Operator, k: KernelBuilder, inputs: list[Tensor], outputs: list[Tensor]) -> None:
        (op.cooperative or op.imperative)(k, inputs, outputs)

    def _kernel(self, cluster: Cluster, symbol: str) -> TirKernel:
        if cluster.row is None:
            return grid_injective_kernel(self, cluster, symbol)
        if is_tiled(cluster):
            return contraction_kernel(self, cluster, symbol)
        if is_windowed(cluster):
            return window_kernel(self, cluster, symbol)
        thin = self._thin(only_contraction(cluster))
        if thin is not None:
            return thin_kernel(self, cluster, thin, symbol)
        return reduction_kernel(self, cluster, symbol)

    def _form(self, tensor: Reduced) -> Reduced:
        if tensor.product is not None:
            thin = self._thin(tensor)
            parts = parts_of_thin(thin) if thin is not None else parts_for(
                tensor.product.spec, factors_of(tensor.product) is not None)
            if parts is not None or thin is not None:
                return sum_of_parts(tensor, parts) if parts is not None else tensor
        part = part_of(self.emitter(), tensor)
        return tensor if part is None else in_two_steps(tensor, *part)

    def _thin(self, tensor: Reduced | None) -> Thin | None:
        return thin_of(self.emitter, tensor.product) if tensor is not None and tensor.product is not None else None

    def _keeps_few_busy(self, reduction: Reduced) -> bool:
        is_cut = reduction.product is None and self.stages[reduction].form is not reduction
        return is_cut or math.prod(reduction.shape) < FEW_ROWS
