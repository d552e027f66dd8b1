"""_contrib_bipartite_matching: pairs of rows and columns, the best ones first."""

from __future__ import annotations

import math
from dataclasses import field
from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType
from symc.ops.families.boxes import single
from symc.ops.families.indexing import same_type
from symc.ops.operator import REAL, Operator, operator
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show

AT_ONCE = 1024      # pairs that a team looks at


@operator("_match_pairs", hidden=True)
class MatchPairs(Operator):
    """For each row the column, and for each column the row, that it is paired with, or -1, from scores (N, R, C).

    order (N, R·C): the pairs as they are tried; a pair whose row and column are free is taken if its score passes
    `threshold`, otherwise all is done.  So it is when more than `topk` are taken, if that is positive.
    """

    is_ascend: bool
    threshold: float
    topk: int
    inputs = ("data", "order")
    outputs = ("of_rows", "of_columns")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None:
            s.of_rows.unify(s.data.shape[:2])
            s.of_columns.unify((s.data[0], s.data[2]))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for output in t.outputs:
            same_type(output, t.data)

    def passes(self, score: Any) -> Any:
        return score < single(self.threshold) if self.is_ascend else score > single(self.threshold)

    def limit(self, rows: int, columns: int) -> int:
        """How many pairs there can be; MXNet stops behind the pair that is one too many."""
        return min(rows, columns, self.topk + 1 if self.topk > 0 else rows)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (data, order), (of_rows, of_columns) = inputs, outputs
        images, rows, columns = data.shape
        with k.jobs(images) as n:
            for marks in outputs:
                with k.loop(marks.shape[1]) as i:
                    k.store(marks, (n, i), -1)
            left = k.cell(order.dtype, self.limit(rows, columns))
            with k.loop(rows * columns) as i, k.when(left.get() > 0):
                place = k.index(order[n, i])
                row, column = place // columns, place % columns
                with k.when(k.all(of_rows[n, row] == -1, of_columns[n, column] == -1)):
                    self._match(k, data, outputs, (n, row, column), left)

    def cooperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """A team looks at many pairs at a time for the first one that is free."""
        (data, order), (of_rows, of_columns) = inputs, outputs
        images, rows, columns = data.shape
        pairs, some = rows * columns, min(AT_ONCE, rows * columns)
        with k.jobs(images, width=some) as n:
            for marks in outputs:
                with k.each(marks.shape[1]) as i:
                    k.store(marks, (n, i), -1)

            def is_free(i: Any) -> Any:
                place = k.index(order[n, k.clamp(i, 0, pairs - 1)])
                return k.all(i < pairs, of_rows[n, place // columns] == -1, of_columns[n, place % columns] == -1)
            begin, left = k.cell(DType.int32, 0), k.cell(DType.int32, self.limit(rows, columns))
            going = k.cell(DType.bool, left.get() > 0)
            with k.repeat(going, pairs):
                first = k.index(begin.get())
                found = k.reduce("min", DType.int32, some, lambda i: k.select(
                    is_free(first + i), k.value(i, DType.int32), some))
                begin.set(begin.get() + k.F.where(found < some, found + 1, some))
                with k.when(found < some):
                    place = k.index(order[n, k.clamp(first + k.index(found), 0, pairs - 1)])
                    self._match(k, data, outputs, (n, place // columns, place % columns), left)
                going.set(k.all(left.get() > 0, begin.get() < pairs))

    def _match(self, k: Any, data: Any, outputs: list[Any], at: tuple[Any, Any, Any], left: Any) -> None:
        """Take a pair that is free, if it passes; else none comes behind it."""
        (of_rows, of_columns), (n, row, column) = outputs, at
        passes = self.passes(data[at])
        left.set(k.F.where(passes, left.get() - 1, 0))
        with k.when(passes):
            k.store(of_rows, (n, row), k.value(column, of_rows.dtype))
            k.store(of_columns, (n, column), k.value(row, of_columns.dtype))

    def reference(self, data: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        images, rows, columns = data.shape
        of_rows, of_columns = np.full((images, rows), -1, data.dtype), np.full((images, columns), -1, data.dtype)
        for n in range(images):
            left = self.limit(rows, columns)
            for row, column in zip(*np.divmod(order[n], columns), strict=True):
                if left and of_rows[n, row] == of_columns[n, column] == -1:
                    if not self.passes(data[n, row, column]):
                        break
                    of_rows[n, row], of_columns[n, column], left = column, row, left - 1
        return of_rows, of_columns


@operator("_contrib_bipartite_matching")
class BipartiteMatching(Operator):
    """Pairs of rows and columns of scores (..., R, C), the largest ones (is_ascend: smallest) first: for each row its
    column (..., R), for each column its row (..., C), or -1.

    Pairs must be above `threshold` (is_ascend: below).  A positive `topk` allows topk + 1 of them, as MXNet does.
    MXNet: _contrib_bipartite_matching.
    """

    dtypes = REAL

    is_ascend: bool = False
    threshold: float = field(kw_only=True)
    topk: int = -1
    parameter_order = ("is_ascend", "threshold")
    outputs = ("output0", "output1")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is None:
            return
        if s.data.rank < 2:
            raise Conflict(f"data {show(s.data.shape)} must be (..., R, C)")
        s.output0.unify(s.data.shape[:-1])
        s.output1.unify((*s.data.shape[:-2], s.data[-1]))

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        shape = data.type.dims
        count = math.prod(shape[:-2])
        order = g._argsort(g.reshape(data, (count, shape[-2] * shape[-1])), is_ascend=self.is_ascend)
        pairs = g.node(MatchPairs(self.is_ascend, self.threshold, self.topk),
                       (g.reshape(data, (count, *shape[-2:])), order))
        return [g.reshape(pairs.outputs[0], shape[:-1]), g.reshape(pairs.outputs[1], (*shape[:-2], shape[-1]))]

    def reference(self, data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores = data.reshape(-1, *data.shape[-2:])
        lines = scores.reshape(len(scores), -1)
        order = np.argsort(lines if self.is_ascend else -lines, -1, kind="stable")
        of_rows, of_columns = MatchPairs(self.is_ascend, self.threshold, self.topk).reference(scores, order)
        return of_rows.reshape(data.shape[:-1]), of_columns.reshape(*data.shape[:-2], data.shape[-1])

    def gradient(self, g: Any, node: Node, *dy: Value | None) -> list[Value | None]:
        return [None]
