"""Contractions of few terms on a GPU, convolutions channel by channel above all.

A thread sums all terms of some results that lie one below the other, with every term written out: what their windows
share, and the weights, are read once and stay in registers.  Neighbouring threads have neighbouring columns.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from tvm import tirx

from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_grid_contraction import only_contraction, output_indices, results_of
from symc.codegen.tir_grid_reduce import stores_of, unravelled
from symc.codegen.tir_grid_tile import PROCESSORS
from symc.codegen.tir_machine import Grid, Launch
from symc.codegen.tir_module import TirKernel, kernel_of
from symc.codegen.tir_space import Loop
from symc.frontend.te import Computed, Product, Reduced, Tensor, TensorExpressions, operand
from symc.frontend.te_math import Scalar, cast, evaluating
from symc.ops.contraction import Contraction

if TYPE_CHECKING:
    from symc.codegen.tir_plan import Cluster, GroupPlan

MOST_TERMS = 32         # of a sum
EACH = (4, 2)           # results of a thread
THREADS_WANTED = PROCESSORS * 256   # with fewer, a thread has fewer results


def is_windowed(cluster: Cluster) -> bool:
    """Whether the cluster is one contraction of few terms, and results that follow element by element."""
    total = only_contraction(cluster)
    return total is not None and total.product is not None and math.prod(total.extents) <= MOST_TERMS


def window_kernel(plan: GroupPlan, cluster: Cluster, symbol: str) -> TirKernel:
    """One kernel for the contraction of a cluster and what follows from it."""
    total = only_contraction(cluster)
    assert total is not None and total.product is not None
    spec = total.product.spec
    axis, each = _below(spec)
    loops = [Loop(name, -(-extent // each) if name == axis else extent) for name, extent in spec.extents
             if name in spec.parallel]
    emitter = plan.emitter()
    with evaluating(emitter), Grid().jobs(emitter, math.prod(loop.extent for loop in loops)) as work:
        places = {loop.name: place for loop, place in unravelled(emitter, work.job, loops).items()}
        read = _write(emitter, cluster, total, places, axis, each)
    used = [*emitter.used, *(buffer for one in cluster.stages for buffer in one.buffers)]
    assert isinstance(work.bounds, Launch)
    return kernel_of(emitter, symbol, plan.parameters(used), work.bounds.blocks, work.bounds, read)


def _below(spec: Contraction) -> tuple[str | None, int]:
    """The axis along which a thread has several results, whose windows overlap, and how many it has."""
    sizes, last = spec.sizes, spec.parallel[-1] if spec.parallel else None
    shared = [name for index in spec.lhs for name, _ in index.terms if name in spec.parallel and name != last
              and any(other in spec.reduced and sizes[other] > 1 for other, _ in index.terms)]
    threads = math.prod(sizes[name] for name in spec.parallel)
    for each in EACH:
        if shared and sizes[shared[0]] >= each and threads // each >= THREADS_WANTED:
            return shared[0], each
    return None, 1


def _write(emitter: Emitter, cluster: Cluster, total: Reduced, places: dict[str, Any], axis: str | None,
           each: int) -> list[Any]:
    """Write the results of a thread; the buffers of its operands, which it does not write."""
    assert total.product is not None
    spec, points, sums = total.product.spec, [], []
    product = Product(spec, (simplified(emitter, total.product.inputs[0]),
                             simplified(emitter, total.product.inputs[1])))
    for number in range(each):
        at, exists = dict(places), None
        if axis is not None:
            at[axis] = emitter.simplify(places[axis] * each + number)
            exists = tirx.LT(at[axis], emitter.constant(spec.sizes[axis])) if spec.sizes[axis] % each else None
        points.append((at, exists))
        sums.append(_sum(product, at, exists, total))
    emitter.settle(sums)
    settled, read = [emitter.now(value) for value in sums], list(emitter.used)
    for (at, exists), value in zip(points, settled, strict=True):
        with emitter.all_hold([exists] if exists is not None else []), emitter.block():
            _store(emitter, cluster, total, value, at)
    return read


def simplified(emitter: Emitter, tensor: Tensor) -> Tensor:
    """The tensor, whose elements are told to be the same by their simplified indices."""
    return Computed(tensor.shape, tensor.dtype, lambda *indices: tensor[tuple(map(emitter.simplify, indices))])


def _sum(product: Product, at: dict[str, Any], exists: Any, total: Reduced) -> Scalar:
    te, spec, result = TensorExpressions(), product.spec, None
    for point in itertools.product(*(range(spec.sizes[name]) for name in spec.reduced)):
        here = at | dict(zip(spec.reduced, point, strict=True))
        left, right = (cast(operand(te, product, number, here), total.element_dtype) for number in (0, 1))
        left = te.select(exists, left, 0) if exists is not None else left
        result = left * right if result is None else result + left * right
    assert result is not None
    return result


def _store(emitter: Emitter, cluster: Cluster, total: Reduced, value: Scalar, at: dict[str, Any]) -> None:
    assert total.product is not None
    emitter.provide(total, lambda _: value)
    for stage, place, result in results_of(emitter, cluster, total, value, output_indices(total.product.spec, at)):
        emitter.settle([result])
        for buffer, index in stores_of(emitter, stage, place):
            emitter.store(buffer, index, result)
