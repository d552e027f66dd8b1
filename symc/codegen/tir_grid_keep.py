"""Rows of a reduction on a GPU that stay in registers: what several passes over a row read is loaded before them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tvm import tirx
from tvm_ffi import StructuralKey, structural_map

from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_index import free_variables
from symc.codegen.tir_memory import Buffer, Cells
from symc.frontend.te_math import Expr, Scalar, evaluating

if TYPE_CHECKING:
    from symc.codegen.tir_plan import GroupPlan

MOST_TURNS = 32         # of a lane over a row
MOST_REGISTERS = 64     # that hold elements of rows

Load = tuple[Buffer, Expr]      # at a flat index


class KeepingEmitter(Emitter):
    """Reads what is kept of a row from registers.

    While `places` says which variables stand where in a row, a load that was kept, from the same place, is the register
    of this `turn`.
    """

    def __init__(self, index_dtype: str) -> None:
        super().__init__(index_dtype)
        self.kept: dict[tuple[Buffer, Any], Cells] = {}
        self.places: Mapping[Any, Any] = {}
        self.turn: Expr = None

    def load_flat(self, buffer: Buffer, index: Expr, depth: int = 0) -> Scalar:
        if self.kept and self.places:
            cells = self.kept.get(key_of(self, buffer, index, self.places))
            if cells is not None:
                return self.read(cells, self.turn, 1)
        return super().load_flat(buffer, index, depth)


def key_of(emitter: Emitter, buffer: Buffer, index: Expr, places: Mapping[Any, Any]) -> tuple[Buffer, Any]:
    """A load, its index by the variables of a row that `places` gives for others."""
    return buffer, StructuralKey(emitter.simplify(replaced(index, places)))


def replaced(expr: Expr, places: Mapping[Any, Any]) -> Expr:
    return structural_map(expr, [(tirx.Var, lambda var: places.get(var, var))])


def loads_of(plan: GroupPlan, known: Mapping[Any, int], within: Sequence[Any],
             values: Callable[[Emitter], Sequence[Scalar]]) -> dict[tuple[Buffer, Any], Load]:
    """What `values` read at places that depend on the variables `within` a row, and that are always inside.

    known: all variables of the indices, and their extents.
    """
    emitter = plan.emitter()
    for var, extent in known.items():
        emitter.known(var, extent)
    with evaluating(emitter):
        pending = emitter.pending(values(emitter))
    found: dict[tuple[Buffer, Any], Load] = {}
    for definition in pending:
        buffer, index = definition.buffer, definition.index
        if buffer is not None and not definition.uses and _is_inside(emitter, buffer, index) \
                and set(within) & set(free_variables(index)):
            found[key_of(emitter, buffer, index, {})] = buffer, index
    return found


def _is_inside(emitter: Emitter, buffer: Buffer, index: Expr) -> bool:
    bound = emitter.analyzer.const_int_bound(index)
    return bool(bound.min_value >= 0 and bound.max_value < buffer.count)


def worth_keeping(passes: Sequence[Mapping[tuple[Buffer, Any], Load]], turns: int) -> dict[tuple[Buffer, Any], Load]:
    """The loads that more than one pass needs, those of most passes first, as far as registers reach."""
    if turns > MOST_TURNS:
        return {}
    count = Counter(key for loads in passes for key in loads)
    often = [key for key, times in count.most_common() if times > 1][:MOST_REGISTERS // turns]
    loads = {key: load for found in passes for key, load in found.items()}
    return {key: loads[key] for key in often}

