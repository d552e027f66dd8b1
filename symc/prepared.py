"""A network ready for kernels."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from symc.codegen.checksums import Checked
from symc.codegen.lowered import Lowered, Options
from symc.codegen.shared_weights import SharedWeights, weights_of_all
from symc.errors import SymcError
from symc.frontend.shape_sets import ShapeSets
from symc.ir.graph import Graph
from symc.ops.record import Record, record

if TYPE_CHECKING:
    from symc.codegen.build import Unit
    from symc.passes.batch_rows import BatchAxis
    from symc.runtime.batch import Batch, Place
    from symc.runtime.plan import Plan


@record
class Prepared(Record):
    """A network as it was given, and its graphs after all passes: one for each plan.

    lowered, grid: for CPUs, for GPUs; where it is not for these, none.  shapes: for which it is.  places: of the batch
    in inputs and outputs, if it may have any size.
    """

    network: Graph
    lowered: tuple[Lowered, ...]
    options: Options
    shapes: ShapeSets
    places: tuple[Mapping[str, BatchAxis], Sequence[BatchAxis | None]] | None = None
    grid: tuple[Lowered, ...] = ()

    @property
    def graphs(self) -> list[Graph]:
        """After all passes, of the plans that a package describes itself by."""
        return [one.graph for one in self.lowered or self.grid]

    def weights(self) -> tuple[SharedWeights, SharedWeights]:
        """The block of weights of all plans, and the part of it for GPUs."""
        return weights_of_all(self.lowered, self.grid)

    def batch(self, plans: Sequence[Plan]) -> Batch | None:
        """The batch of any size; plans: of the graphs."""
        if self.places is None:
            return None
        from symc.runtime.batch import Batch, nanoseconds_of  # most networks have none

        inputs, outputs = self.places
        names = {plans[0].buffers[number].name for number in plans[0].of_kind("input")}
        return Batch(self.shapes.symbol or "", {name: one.axis for name, one in inputs.items() if name in names},
                     tuple(map(_place, outputs)), self.options.slabs, tuple(map(nanoseconds_of, plans)))

    def save(self, path: str | os.PathLike[str], levels: Sequence[str] | None = None,
             architectures: Sequence[str] | None = None) -> list[Unit]:
        """Write the package `path` for these CPU levels and architectures of GPUs, whole or not at all.

        None: PACKAGE_LEVELS, `cuda_compile.DEFAULT_ARCHITECTURES`.
        """
        if not Path(path).parent.is_dir():
            raise SymcError(f"cannot write {path}: there is no folder {Path(path).parent}")
        block = self.weights()
        weights = Checked([piece.data for piece in block[0].pieces()])
        from symc.saving import save_package  # all that makes kernels, imported while weights are hashed

        return save_package(self, Path(path), levels, architectures, block, weights)


def _place(batch: BatchAxis | None) -> Place | None:
    return None if batch is None else (batch.axis, batch.outer, batch.inner)
