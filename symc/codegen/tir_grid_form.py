"""What all forms of elementwise kernels on a GPU share."""

from __future__ import annotations

from typing import Any

from symc.codegen.tir_index import unraveled
from symc.codegen.tir_injective import Injective
from symc.codegen.tir_machine import Launch, launched
from symc.codegen.tir_memory import Buffer
from symc.codegen.tir_module import TirKernel, kernel_of
from symc.codegen.tir_space import Loop, Places
from symc.frontend.te_math import Expr, Scalar, evaluating


class GridForm:
    """Writes a kernel for the only part of `whole`."""

    def __init__(self, whole: Injective) -> None:
        self.whole, (self.part,) = whole, whole.parts
        self.emitter = whole.plan.emitter()

    def kernel(self, symbol: str) -> TirKernel:
        emitter, launch = self.emitter, self.launch()
        with evaluating(emitter), launched(emitter, launch) as (block, thread):
            self.write(block, thread)
        used = [*emitter.used, *(buffer for _, buffer in self.whole.stores)]
        return kernel_of(emitter, symbol, self.whole.plan.parameters(used), launch.blocks, launch)

    def launch(self) -> Launch:
        raise NotImplementedError

    def write(self, block: Any, thread: Any) -> None:
        raise NotImplementedError

    def named(self, name: str, expr: Expr, extent: int) -> Any:
        return self.emitter.name_index(name, expr, extent)

    def values(self, places: Places) -> list[Scalar]:
        values = self.whole.values(self.emitter, self.part.indices(places))
        self.emitter.settle(values)
        return values

    def stores(self, places: Places) -> list[tuple[Buffer, Expr]]:
        return self.whole.places(self.emitter, self.part.indices(places))

    def unravelled(self, number: Any, loops: list[Loop], extents: list[int]) -> dict[Loop, Any]:
        """The place of each loop, which has `extents` steps, from the number of a step of them all."""
        places = unraveled(number, tuple(extents))
        return {loop: self.named(loop.name, place, extent)
                for loop, place, extent in zip(loops, places, extents, strict=True)}
