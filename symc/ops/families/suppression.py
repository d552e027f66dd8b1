"""Non-maximum suppression: boxes in order of preference, each of which suppresses those behind it that overlap it.

`_argsort` finds the order, a `Suppression` what is kept, `_compact` where that lies, `_take_rows` the result.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, Shape, TensorType
from symc.ops.families.boxes import Box, Format, overlap, single
from symc.ops.families.indexing import same_type
from symc.ops.families.sorting import first_places
from symc.ops.math import NumPyMath
from symc.ops.operator import REAL, Operator, operator
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show

SETTLED = 1024      # boxes that a team of threads compares with each other


class Suppression(Operator):
    """Base of the rules by which boxes are kept (1) or not (0), as int32 (N, M).

    planes (N, W, M): M boxes in order of preference, their corners in the planes from `coord_start` on, their classes
    in the plane `id_index`; a negative one: all are of one class.  keys (N, M): NaN for what is no candidate.
    """

    coord_start: int
    id_index: int
    inputs = ("planes", "keys")
    outputs = ("kept",)

    def overlaps(self, F: Any, first: Box, second: Box) -> Any:
        """Whether the first box suppresses the second one, if they are of one class."""
        raise NotImplementedError

    def kind(self, F: Any, number: Any) -> Any:
        """What of the number of a class must be equal."""
        return number

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.kept.unify(s.keys.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.planes, t.keys)
        t.kept.unify(DType.int32)

    def numbers(self, planes: Any, n: Any, m: Any) -> list[Any]:
        """What decides of a box: its corners, and its class if that counts."""
        rows = [*range(self.coord_start, self.coord_start + 4), *[self.id_index] * (self.id_index >= 0)]
        return [planes[n, row, m] for row in rows]

    def falls(self, k: Any, first: list[Any], second: list[Any]) -> Any:
        """Whether the second box falls to the first one."""
        over = self.overlaps(k.F, first[:4], second[:4])
        return k.all(over, *(self.kind(k.F, a) == self.kind(k.F, b)
                             for a, b in zip(first[4:], second[4:], strict=True)))

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """The inner loop has no branch: it is a vector's."""
        (planes, keys), (kept,) = inputs, outputs
        count, extent = keys.shape
        with k.jobs(count) as n:
            with k.loop(extent) as m:
                k.store(kept, (n, m), k.F.cast(keys[n, m] == keys[n, m], DType.int32))
            with k.loop(extent) as m, k.when(kept[n, m] > 0):
                first = self.numbers(planes, n, m)
                with k.loop((m + 1, extent)) as other:
                    falls = self.falls(k, first, self.numbers(planes, n, other))
                    k.store(kept, (n, other), k.F.where(falls, 0, kept[n, other]))

    def cooperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """A team settles some boxes in its own memory, then all threads compare the others with those that are left."""
        (planes, keys), (kept,) = inputs, outputs
        count, extent = keys.shape
        with k.jobs(count * extent) as job:
            n, m = job // extent, job % extent
            k.store(kept, (n, m), k.F.cast(keys[n, m] == keys[n, m], DType.int32))
        for begin, end in itertools.pairwise([*range(0, extent, SETTLED), extent]):
            self._settle(k, planes, kept, begin, end - begin)
            behind = extent - end
            if behind:
                with k.jobs(count * behind) as job:
                    self._compare(k, planes, kept, (job // behind, end + job % behind), (begin, end))

    def _settle(self, k: Any, planes: Any, kept: Any, begin: int, size: int) -> None:
        """Which of the boxes from `begin` on, of those that are left, fall to each other."""
        with k.jobs(kept.shape[0], width=size) as n:
            arrays = [k.shared(planes.dtype, size) for _ in range(5 if self.id_index >= 0 else 4)]
            left = k.shared(DType.int32, size)
            with k.each(size) as m:
                left.put(m, kept[n, begin + m])
                for array, number in zip(arrays, self.numbers(planes, n, begin + m), strict=True):
                    array.put(m, number)
            with k.loop(size) as m, k.when(left.get(m) > 0):
                first = [array.get(m) for array in arrays]
                with k.each((m + 1, size)) as other:
                    falls = self.falls(k, first, [array.get(other) for array in arrays])
                    left.put(other, k.F.where(falls, 0, left.get(other)))
            with k.each(size) as m:
                k.store(kept, (n, begin + m), left.get(m))

    def _compare(self, k: Any, planes: Any, kept: Any, at: tuple[Any, Any], settled: tuple[int, int]) -> None:
        """Whether a box that is left falls to one of those settled."""
        (n, other), (begin, end) = at, settled
        own, stands = self.numbers(planes, n, other), k.cell(DType.bool, kept[n, other] > 0)
        with k.repeat(stands, end - begin) as step, k.when(kept[n, begin + step] > 0):
            stands.set(k.F.logical_not(self.falls(k, self.numbers(planes, n, begin + step), own)))
        k.store(kept, (n, other), k.F.cast(stands.get(), DType.int32))

    def reference(self, planes: np.ndarray, keys: np.ndarray) -> np.ndarray:
        kept = keys == keys
        for n, m in np.ndindex(keys.shape):
            if kept[n, m]:
                box = planes[n, self.coord_start:self.coord_start + 4]
                falls = np.asarray(self.overlaps(NumPyMath, box[:, m], box[:, m + 1:]))
                if self.id_index >= 0:
                    kinds = self.kind(NumPyMath, planes[n, self.id_index, m:])
                    falls = falls & (kinds[0] == kinds[1:])
                kept[n, m + 1:] &= ~falls
        return kept.astype(np.int32)


@operator("_compact", hidden=True)
class Compact(Operator):
    """The elements of order (N, M) that are kept (N, M), in front: int32 (N, count); behind them -1.

    cyclic: behind them the same again and again, as long as there are any.
    """

    count: int
    cyclic: bool = False
    inputs = ("order", "kept")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.order.rank is not None:
            s.output.unify((s.order[0], self.count))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.unify_all()

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (order, kept), (places,) = inputs, outputs
        extent = order.shape[1]

        def is_kept(m: Any) -> Any:
            return k.F.cast(kept[n, m] > 0, DType.int32)
        with k.jobs(order.shape[0], width=extent) as n:
            with (k.running(DType.int32, extent, is_kept) as (m, found),
                  k.when(k.all(kept[n, m] > 0, found <= self.count))):
                k.store(places, (n, k.index(found - 1)), order[n, m])
            total = k.clamp(k.index(k.reduce("sum", DType.int32, extent, is_kept)), 0, self.count)
            with k.each((total, self.count)) as m:
                period = k.value(k.clamp(total, 1, self.count), DType.int32)
                again = k.clamp(k.index(k.F.modulo(k.value(m, DType.int32), period)), 0, self.count - 1)
                k.store(places, (n, m), k.select(total > 0, places[n, again], -1) if self.cyclic else -1)

    def reference(self, order: np.ndarray, kept: np.ndarray) -> np.ndarray:
        places = np.full((len(order), self.count), -1, order.dtype)
        for row, line, chosen in zip(places, order, kept, strict=True):
            found = line[chosen > 0][:self.count]
            row[:len(found)] = found
            if self.cyclic and len(found):
                row[:] = np.resize(found, self.count)
        return places


@operator("_take_rows", hidden=True)
class TakeRows(Operator):
    """data[n, places[n, m], :]: rows of data (N, M, W), of -1 where a place is negative."""

    inputs = ("data", "places")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None and s.places.rank is not None:
            s.output.unify((*s.places.shape, s.data[2]))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.output, t.data)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data, places = inputs

        def element(n: Any, m: Any, c: Any) -> Any:
            place = te.index(places[n, m])
            return te.select(place >= 0, data[n, te.clamp(place, 0, data.shape[1] - 1), c], -1)
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, data: np.ndarray, places: np.ndarray) -> np.ndarray:
        rows = np.take_along_axis(data, np.maximum(places, 0)[..., None], 1)
        return np.where(places[..., None] >= 0, rows, data.dtype.type(-1))


@operator("_put_rows", hidden=True)
class PutRows(Operator):
    """Zeros (N, extent, W) with the rows of data (N, M, W) at places (N, M), less those whose place is negative.

    No place occurs twice.
    """

    extent: int
    inputs = ("data", "places")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None:
            s.output.unify((s.data[0], self.extent, s.data[2]))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.output, t.data)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (data, places), (result,) = inputs, outputs
        count, rows, width = data.shape
        with k.jobs(count, width=rows) as n:
            with k.each(self.extent) as row, k.loop(width) as column:
                k.store(result, (n, row, column), 0)
            with k.each(rows) as row, k.when(places[n, row] >= 0):
                place = k.index(places[n, row])
                with k.loop(width) as column:
                    k.store(result, (n, place, column), data[n, row, column])

    def reference(self, data: np.ndarray, places: np.ndarray) -> np.ndarray:
        result = np.zeros((data.shape[0], self.extent, data.shape[2]), data.dtype)
        n, m = np.nonzero(places >= 0)
        result[n, places[n, m]] = data[n, m]
        return result


@operator("_box_nms_keys", hidden=True)
class BoxNmsKeys(Operator):
    """The scores (N, M) of the boxes in data (N, M, W), NaN for those that take no part."""

    score_index: int
    valid_thresh: float
    id_index: int
    background_id: int

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None:
            s.output.unify(s.data.shape[:2])

    def expression_of(self, F: Any, score: Any, kind: Any) -> Any:
        valid = score > single(self.valid_thresh)
        if kind is not None:
            valid = F.logical_and(valid, kind != self.background_id)
        return F.where(valid, score, math.nan)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data = inputs[0]
        return [te.tensor(outputs[0].dims, lambda n, m: self.expression_of(
            te.F, data[n, m, self.score_index], data[n, m, self.id_index] if self.id_index >= 0 else None))]

    def reference(self, data: np.ndarray) -> np.ndarray:
        kind = data[..., self.id_index] if self.id_index >= 0 else None
        return self.expression_of(NumPyMath, data[..., self.score_index], kind)  # type: ignore[no-any-return]


@operator("_box_nms_kept", hidden=True)
class BoxNmsKept(Suppression):
    """Boxes fall whose intersection over union is above `threshold`; classes are compared as whole numbers."""

    coord_start: int
    id_index: int
    threshold: float
    format: Format = "corner"

    def overlaps(self, F: Any, first: Box, second: Box) -> Any:
        return overlap(F, first, second, self.format) > single(self.threshold)

    def kind(self, F: Any, number: Any) -> Any:
        return F.trunc(number)


@operator("_box_nms_rows", hidden=True)
class BoxNmsRows(Operator):
    """Rows (N, M, W) with the boxes from `coord_start` on in the other format, except where their first number is
    negative."""

    coord_start: int
    to: Format

    def box(self, F: Any, box: Box, c: int) -> Any:
        """One number of a box in the format `to`."""
        axis, other = c % 2, c % 2 + 2
        if self.to == "center":
            return (box[axis] + box[other]) * 0.5 if c < 2 else box[other] - box[axis]
        half = box[other] * 0.5
        return box[axis] - half if c < 2 else box[axis] + half

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data, start = inputs[0], self.coord_start

        def element(n: Any, m: Any, c: Any) -> Any:
            box = [data[n, m, start + i] for i in range(4)]
            result = data[n, m, c]
            for i in range(4):
                changes = te.all(c == start + i, te.F.logical_not(box[0] < 0))
                result = te.F.where(changes, self.box(te.F, box, i), result)
            return result
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, data: np.ndarray) -> np.ndarray:
        place = slice(self.coord_start, self.coord_start + 4)
        box, result = np.moveaxis(data[..., place], -1, 0), data.copy()
        changed = np.stack([self.box(NumPyMath, box, i) for i in range(4)], -1)
        result[..., place] = np.where(box[0][..., None] < 0, data[..., place], changed)
        return result


@operator("_contrib_box_nms", aliases=("_contrib_box_non_maximum_suppression",))
class BoxNms(Operator):
    """The boxes (..., M, W) that survive, in descending order of score, and rows of -1 behind them.

    A row holds score, class (id_index >= 0) and box; rows of a score not above valid_thresh or of the class
    background_id take no part, nor those behind the first `topk`.  The hidden output has the rows' places.
    MXNet: _contrib_box_nms.
    """

    dtypes = REAL

    overlap_thresh: float = 0.5
    valid_thresh: float = 0.0
    topk: int = -1
    coord_start: int = 2
    score_index: int = 1
    id_index: int = -1
    background_id: int = -1
    force_suppress: bool = False
    in_format: Format = "corner"
    out_format: Format = "corner"
    outputs = ("output0", "output1")
    visible_count = 1

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is None:
            s.data.unify(s.output0.shape)
            return
        if s.data.rank < 2:
            raise Conflict(f"data {show(s.data.shape)} must be (..., M, W)")
        if s.data[-1] is not None:
            self._check_width(s.data[-1])
        s.output0.unify(s.data.shape)
        s.output1.unify((*s.data.shape[:-1], 1))

    def _check_width(self, width: int) -> None:
        """Conflict when a row of `width` numbers does not hold what the parameters say."""
        places = [*range(self.coord_start, self.coord_start + 4), self.score_index]
        places += [self.id_index] if self.id_index >= 0 else []
        if len({*places}) < len(places) or not all(0 <= place < width for place in places):
            raise Conflict(f"score_index {self.score_index}, coord_start {self.coord_start} (and three more) and "
                           f"id_index {self.id_index} must be different places in rows of {width} numbers")

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.output0, t.data)
        t.output1.unify(DType.int32)

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        shape = data.type.dims
        rows = g.reshape(data, (math.prod(shape[:-2]), *shape[-2:]))
        places = self._places(g, rows)
        result = rows if self.topk == 0 else g._take_rows(rows, places)
        if self.topk and self.in_format != self.out_format:
            result = g._box_nms_rows(result, coord_start=self.coord_start, to=self.out_format)
        return [g.reshape(result, shape), g.reshape(places, (*shape[:-1], 1))]

    def _places(self, g: Any, rows: Value) -> Value:
        """For each row of the result which row of the data it is, or -1."""
        count, extent, _ = rows.type.dims
        if self.topk == 0:
            return numbered(g, (count, extent))
        keys = g._box_nms_keys(rows, score_index=self.score_index, valid_thresh=self.valid_thresh,
                               id_index=self.id_index, background_id=self.background_id)
        order = first_places(g, keys, self.topk)
        planes = g.transpose(g._take_rows(rows, order), axes=(0, 2, 1))
        kept = g._box_nms_kept(planes, g._take_along_rows(keys, order), coord_start=self.coord_start,
                               id_index=-1 if self.force_suppress else self.id_index,
                               threshold=self.overlap_thresh, format=self.in_format)
        return g._compact(order, kept, count=extent)  # type: ignore[no-any-return]

    def reference(self, data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = data.reshape(-1, *data.shape[-2:])
        places = np.stack([self._survivors(image) for image in rows]) if len(rows) else np.empty((0, data.shape[-2]))
        places = places.astype(np.int32)
        result = rows if self.topk == 0 else TakeRows().reference(rows, places)
        if self.topk and self.in_format != self.out_format:
            result = BoxNmsRows(self.coord_start, self.out_format).reference(result)
        return result.reshape(data.shape), places.reshape(*data.shape[:-1], 1)

    def _survivors(self, rows: np.ndarray) -> np.ndarray:
        """The places of the rows of one image that survive, filled up with -1."""
        if self.topk == 0:
            return np.arange(len(rows))
        valid = rows[:, self.score_index] > single(self.valid_thresh)
        if self.id_index >= 0:
            valid &= rows[:, self.id_index] != self.background_id
        order = np.flatnonzero(valid)
        order = order[np.argsort(-rows[order, self.score_index], kind="stable")]
        survivors: list[int] = []
        for place in order if self.topk < 0 else order[:self.topk]:
            if not any(self._suppresses(rows[kept], rows[place]) for kept in survivors):
                survivors.append(place)
        return np.array(survivors + [-1] * (len(rows) - len(survivors)))

    def _suppresses(self, first: np.ndarray, second: np.ndarray) -> bool:
        if self.id_index >= 0 and not self.force_suppress and int(first[self.id_index]) != int(second[self.id_index]):
            return False
        a, b = (row[self.coord_start:self.coord_start + 4] for row in (first, second))
        return bool(overlap(NumPyMath, a, b, self.in_format) > single(self.overlap_thresh))

    def gradient(self, g: Any, node: Node, dy: Value, *_: Value | None) -> list[Value | None]:
        shape = node.types[0].dims
        rows, places = (math.prod(shape[:-2]), *shape[-2:]), (math.prod(shape[:-2]), shape[-2])
        moved = g._put_rows(g.reshape(dy, rows), g.reshape(Value(node, 1), places), extent=shape[-2])
        return [g.reshape(moved, shape)]


def numbered(g: Any, shape: Shape) -> Value:
    """A matrix of `shape` with the numbers of the columns, int32."""
    return g.broadcast_to(g.constant(np.arange(shape[1])[None], DType.int32), shape=shape)  # type: ignore[no-any-return]
