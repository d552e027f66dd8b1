"""Contractions on a GPU: tiles of the output in registers, tiles of the operands in shared memory.

A block of threads computes a tile of m and n (`tir_grid_tile.py`) for one b:

    first tiles: memory → registers → shared memory;  barrier
    for tiles of k:  next tiles: memory → registers;  multiply;  registers → the other half of shared memory;  barrier

Products are multiply-adds of threads (`tir_grid_fma.py`) or matrix instructions of warps (`tir_grid_mma.py`).  What
follows the sums elementwise is computed from registers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tvm import tirx

from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_grid_fma import UNROLLED, MultiplyAdds
from symc.codegen.tir_grid_load import load_of, walks
from symc.codegen.tir_grid_merge import synchronise
from symc.codegen.tir_grid_mma import WarpProducts, factors_of
from symc.codegen.tir_grid_reduce import stores_of, unravelled
from symc.codegen.tir_grid_tile import Parts, Sides, Tile, parted, tile_for
from symc.codegen.tir_machine import THREADS, Launch, launched
from symc.codegen.tir_memory import Buffer
from symc.codegen.tir_module import TirKernel, kernel_of
from symc.codegen.tir_space import Loop, Places
from symc.frontend.te import NARROW, Product, Reduced, Reduction, TensorExpressions, contraction_total
from symc.frontend.te_math import Expr, Indices, Scalar, evaluating
from symc.ir.types import DType
from symc.ops.contraction import Contraction

if TYPE_CHECKING:
    from symc.codegen.tir_plan import Cluster, GroupPlan, Stage


def is_tiled(cluster: Cluster) -> bool:
    """Whether the cluster is one contraction of some size, and results that follow element by element."""
    total = only_contraction(cluster)
    return total is not None and total.product is not None and Sides.of(total.product.spec).is_tiled


def only_contraction(cluster: Cluster) -> Reduced | None:
    """The contraction of a cluster that has one, and besides what follows element by element; None: of others."""
    sums = [stage.form for stage in cluster.stages if isinstance(stage.form, Reduced)]
    if len(sums) != 1 or sums[0].product is None:
        return None
    wide = [sum(extent != 1 for extent in stage.tensor.shape) for stage in cluster.stages]
    follows = all(len(stage.rows) == count for stage, count in zip(cluster.stages, wide, strict=True))
    return sums[0] if follows else None


def output_indices(spec: Contraction, at: dict[str, Any]) -> Indices:
    """The indices of the output at a point of the axes."""
    return tuple(sum((at[name] * c for name, c in index.terms), index.offset) for index in spec.output)


def results_of(emitter: Emitter, cluster: Cluster, total: Reduced, value: Scalar,
               indices: Indices) -> Iterator[tuple[Stage, Indices, Scalar]]:
    """What a cluster stores once the sum at these indices is known: for each stage where, and its value."""
    wide = [index for index, extent in zip(indices, total.shape, strict=True) if extent != 1]
    for stage in cluster.stages:
        place = _at(stage, wide)
        yield stage, place, value if stage.form is total else emitter.compute(stage.tensor, place)


def contraction_kernel(plan: GroupPlan, cluster: Cluster, symbol: str) -> TirKernel:
    """One kernel for the contraction of a cluster and what follows from it."""
    stage = next(stage for stage in cluster.stages if isinstance(stage.form, Reduced))
    assert isinstance(stage.form, Reduced) and stage.form.product is not None
    sides = Sides.of(stage.form.product.spec)
    tile = tile_for(sides, factors_of(stage.form.product) is not None, stage.form.element_dtype.itemsize)
    blocks = tile.blocks(sides)
    launch = Launch(math.prod(blocks), THREADS)
    emitter = plan.emitter()
    with evaluating(emitter), launched(emitter, launch) as (block, thread):
        loops = [Loop(name, extent) for name, extent in zip("bmn", blocks, strict=True)]
        writer = _Writer(plan, cluster, emitter, stage.form, tile, unravelled(emitter, block, loops), thread)
        read = writer.write()
    used = [*emitter.used, *(buffer for one in cluster.stages for buffer in one.buffers)]
    return kernel_of(emitter, symbol, plan.parameters(used), launch.blocks, launch, read)


def sum_of_parts(tensor: Reduced, parts: Parts) -> Reduced:
    """A contraction as the sum of parts of it, which a kernel before computes as one contraction."""
    assert tensor.product is not None
    spec = parted(tensor.product.spec, parts)
    dtype = tensor.element_dtype
    wide = DType.float32 if dtype in NARROW else dtype
    first = contraction_total(TensorExpressions(), spec, tensor.product.inputs, (parts.count, *tensor.shape), wide)

    def element(*indices: Any) -> Scalar:
        value = first[indices]
        return Scalar(value.expr, dtype, value.uses)        # 16 bits are computed in float32, and not rounded yet
    return Reduced(tensor.shape, dtype, lambda *indices: Reduction(
        "sum", (parts.count,), lambda part: element(part, *indices)), "sum", (parts.count,))


class _Writer:
    def __init__(self, plan: GroupPlan, cluster: Cluster, emitter: Emitter, total: Reduced, tile: Tile,
                 block: Places, thread: Any) -> None:
        assert total.product is not None
        self.plan, self.cluster, self.emitter, self.total, self.tile = plan, cluster, emitter, total, tile
        self.product: Product = total.product
        self.spec, self.thread = self.product.spec, thread
        self.sides = Sides.of(self.spec)
        places = {loop.name: place for loop, place in block.items()}
        self.batch = self._batch(places["b"])
        self.first = {"m": places["m"] * tile.rows, "n": places["n"] * tile.columns}

    def _batch(self, number: Any) -> dict[str, Any]:
        loops = [Loop(name, extent) for name, extent in self.sides.axes["b"]]
        return {loop.name: place for loop, place in unravelled(self.emitter, number, loops).items()}

    def write(self) -> list[Buffer]:
        """Write the kernel; the buffers of its operands, which it does not write."""
        emitter, found = self.emitter, self._walks_of_results()
        self.walk, along = found
        sums = self._sums(along)
        loads = [load_of(emitter, self.plan.emitter, self.product, number, self.sides, sums, self.tile.extent(side),
                         self.batch) for number, side in enumerate("mn")]
        for load in loads:
            load.begin(self.thread, self.first[load.side])
        self._sum(sums, loads)
        read = list(emitter.used)
        self._store(sums)
        return read

    def _sums(self, along: str) -> MultiplyAdds | WarpProducts:
        dtype, kind = self.total.element_dtype, factors_of(self.product)
        if kind is not None:
            return WarpProducts(self.emitter, self.tile, kind, dtype, self.thread)
        return MultiplyAdds(self.emitter, self.tile, self.sides, dtype, self.thread, along)

    def _sum(self, sums: Any, loads: Sequence[Any]) -> None:
        emitter, steps = self.emitter, -(-self.sides.size("k") // sums.depth)
        for load in loads:
            load.fetch(emitter.constant(0))
        for load in loads:
            load.share(0)
        synchronise(emitter)
        with emitter.loop("step", steps) as step:
            goes_on = tirx.LT(step + 1, emitter.constant(steps))
            with emitter.when(goes_on):
                for load in loads:
                    load.fetch((step + 1) * sums.depth)
            sums.multiply(loads, emitter.simplify(step % 2))
            with emitter.when(goes_on):
                for load in loads:
                    load.share((step + 1) % 2)
                synchronise(emitter)

    # ---- results -----------------------------------------------------------------------------------------

    def _store(self, sums: Any) -> None:
        """What follows from each of a thread's sums."""
        emitter, counts = self.emitter, sums.counts
        with emitter.loop("i", counts[0], kind=UNROLLED) as i, emitter.loop("j", counts[1], kind=UNROLLED) as j:
            at, guards = dict(self.batch), []
            for side, number in (("m", i), ("n", j)):
                size, extent = self.sides.size(side), self.tile.extent(side)
                place = emitter.simplify(self.first[side] + sums.row(side, number))
                whole = -(-size // extent) * extent
                joined = emitter.name_index(side, place, whole)
                if size % extent:
                    guards.append(tirx.LT(joined, emitter.constant(size)))
                at |= self.walk[side].axes(emitter, joined, whole)
            value = emitter.read(sums.sums, sums.place(i, j), 1)
            with emitter.all_hold(guards):
                self._store_results(emitter, value, tuple(map(emitter.simplify, output_indices(self.spec, at))))

    def _store_results(self, emitter: Emitter, total: Scalar, indices: Indices) -> None:
        emitter.provide(self.total, lambda _: total)
        for stage, place, value in results_of(emitter, self.cluster, self.total, total, indices):
            emitter.settle([value])
            for buffer, index in stores_of(emitter, stage, place):
                emitter.store(buffer, index, value)

    def _walks_of_results(self) -> tuple[dict[str, Any], str]:
        """How results are walked along each side, and the side along which they lie in memory."""
        def body(emitter: Emitter, at: dict[str, Any]) -> tuple[list[Scalar], list[tuple[Buffer, Expr]]]:
            emitter.provide(self.total, lambda _: emitter.unknown(self.total.dtype, ()))
            unknown = emitter.unknown(self.total.dtype, ())
            results = list(results_of(emitter, self.cluster, self.total, unknown, output_indices(self.spec, at)))
            return ([value for _, _, value in results],
                    [store for stage, place, _ in results for store in stores_of(emitter, stage, place)])
        found, loops, walk = walks(self.plan.emitter, self.sides, body)
        stored = next(access for access in found.accesses if access.is_store)
        along_m = any(stored.steps[loops[name]] == 1 for name, extent in self.sides.axes["m"] if extent > 1)
        return walk, "m" if along_m else "n"


def _at(stage: Stage, wide: Sequence[Any]) -> Indices:
    """The indices of a stage at the indices of the sums' axes that are wider than 1."""
    indices: list[Any] = [0] * len(stage.tensor.shape)
    for axis, index in zip(stage.rows, wide, strict=True):
        indices[axis] = index
    return tuple(indices)
