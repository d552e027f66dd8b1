"""Transpositions: a tile of values that memory has along one loop, turned in registers and stored along another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tvm import tirx

from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_memory import Buffer
from symc.codegen.tir_schedule import Tile, counts, ramp, vectors, walked
from symc.codegen.tir_space import Analysis, Loop, Places
from symc.frontend.te_math import Expr, Scalar, widened
from symc.ir.types import DType

NARROW, WIDE, AREA = 32, 64, 2048       # least sides of a job's tile along the source and the result, its least area


@dataclass(frozen=True, slots=True)
class Turn:
    """The loop along which the sources are contiguous, and that along which the results are."""

    across: Loop
    inner: Loop

    def tiles(self, walk: Sequence[Loop]) -> list[Tile]:
        """The tiles of a job: one place of all other loops."""
        rows, columns = max(self.across.extent, 1), max(self.inner.extent, 1)
        narrow = min(max(NARROW, AREA // min(WIDE, columns)), rows)
        wide = min(max(WIDE, AREA // narrow), columns)
        sizes = {self.across: narrow, self.inner: wide}
        return [Tile(loop, sizes.get(loop, 1)) for loop in walk]


def loop_across(walk: Sequence[Loop], found: Analysis) -> Loop | None:
    """The loop along which a source is contiguous, when it is not the innermost."""
    against = [access for access in found.accesses
               if not access.is_store and access.steps.get(walk[-1], 0) not in (0, 1, None)]
    return next((loop for access in against for loop in walk[:-1] if access.steps[loop] == 1), None)


def turn_of(walk: Sequence[Loop], found: Analysis) -> Turn | None:
    """How a nest turns what it reads; None where all is read along the innermost loop, or some along neither."""
    inner, across = walk[-1], loop_across(walk, found)
    if across is None:
        return None
    loads = [access for access in found.accesses if not access.is_store]
    plain = not any(loop.limit or loop in found.pinned for loop in (inner, across))
    along = all(access.steps.get(across, 0) in (0, 1) for access in loads) and all(
        access.steps[inner] == 1 for access in found.accesses if access.is_store)
    numbers = all(access.buffer.type.element is not DType.bool for access in found.accesses)
    return Turn(across, inner) if plain and along and numbers else None


@dataclass(frozen=True)
class Turning:
    """Writes the code of a nest that turns.  values, stores: those at a place of the loops."""

    emitter: Emitter
    turn: Turn
    lanes: int
    values: Callable[[Places], list[Scalar]]
    stores: Callable[[Places], list[tuple[Buffer, Expr]]]

    def write(self, cut: Sequence[Tile], start: Places) -> None:
        """A job: its tile in squares, and what is left of it at the sides along the results."""
        sides = {tile.loop: tile for tile in cut if tile.loop in (self.turn.across, self.turn.inner)}
        across, inner = sides[self.turn.across], sides[self.turn.inner]
        with walked(self.emitter, [tile for tile in cut if tile.loop not in sides], start) as places:
            for rows in counts(self.emitter, across, start[across.loop], places):
                for columns in counts(self.emitter, inner, start[inner.loop], places):
                    self._tile(places, rows, columns)

    def _tile(self, start: Places, rows: int, columns: int) -> None:
        across, inner = self.turn.across, self.turn.inner
        whole_rows, whole_columns = (count // self.lanes * self.lanes for count in (rows, columns))
        if whole_rows and whole_columns:
            with self.emitter.loop("c", whole_columns // self.lanes) as c, \
                    self.emitter.loop("r", whole_rows // self.lanes) as r:
                self._square({**start, across: start[across] + r * self.lanes, inner: start[inner] + c * self.lanes})
        self._strips(start, (0, whole_rows), (whole_columns, columns))
        self._strips(start, (whole_rows, rows), (0, columns))

    def _square(self, start: Places) -> None:
        across, inner = self.turn.across, self.turn.inner
        along = {**start, across: ramp(self.emitter, start[across], self.lanes)}
        read = [self._settled({**along, inner: self.emitter.simplify(start[inner] + i)}) for i in range(self.lanes)]
        turned = [self._turned(list(values)) for values in zip(*read, strict=True)]
        along = {**start, inner: ramp(self.emitter, start[inner], self.lanes)}
        for i in range(self.lanes):
            stores = self.stores({**along, across: self.emitter.simplify(start[across] + i)})
            for (buffer, index), values in zip(stores, turned, strict=True):
                self.emitter.store(buffer, index, values[i])

    def _settled(self, places: Places) -> list[Scalar]:
        values = self.values(places)
        self.emitter.settle(values)
        return values

    def _turned(self, rows: list[Scalar]) -> list[Scalar]:
        """The columns of a square of values, in log₂ steps: each swaps the off-diagonal halves of larger squares."""
        dtype, places = rows[0].dtype, range(self.lanes)
        rows = [Scalar(widened(row.expr, self.lanes), dtype) for row in rows]
        step = 1
        while step < self.lanes:
            low = [self.lanes + k - step if k & step else k for k in places]
            high = [self.lanes + k if k & step else k + step for k in places]
            rows = [self._shuffled(rows[i & ~step], rows[i | step], high if i & step else low) for i in places]
            step *= 2
        return rows

    def _shuffled(self, a: Scalar, b: Scalar, lanes: Sequence[int]) -> Scalar:
        chosen = [tirx.const(lane, "int32") for lane in lanes]
        return self.emitter.now(Scalar(tirx.Shuffle([a.expr, b.expr], chosen), a.dtype))

    def _strips(self, start: Places, rows: tuple[int, int], columns: tuple[int, int]) -> None:
        across, inner = self.turn.across, self.turn.inner
        if rows[0] == rows[1] or columns[0] == columns[1]:
            return
        with self.emitter.loop("r", rows[1] - rows[0]) as r:
            place = {**start, across: self.emitter.simplify(start[across] + rows[0] + r)}

            def body(at: Any) -> None:
                values = self._settled({**place, inner: at})
                for (buffer, index), value in zip(self.stores({**place, inner: at}), values, strict=True):
                    self.emitter.store(buffer, index, value)
            vectors(self.emitter, start[inner] + columns[0], columns[1] - columns[0], self.lanes, body)
