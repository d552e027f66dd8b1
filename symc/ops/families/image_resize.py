"""image.resize: OpenCV's interpolations, as MXNet calls them.

Each is a table of taps along either axis (`resampling.Taps`).  Images of uint8 are interpolated in whole numbers, with
weights of 1/2048, as OpenCV does; the rest in floats.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symc.ir.graph import Value
from symc.ir.types import DType, TensorType
from symc.ops.families.resampling import Taps, along_axis, resample, taps_of
from symc.ops.operator import Operator, operator
from symc.ops.parameters import Dims
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show

NEAREST, LINEAR, CUBIC, AREA, LANCZOS = range(5)
ONE = 2048              # the weight 1 of whole numbers
REACH = {LINEAR: 1, CUBIC: 2, LANCZOS: 4}       # taps on either side


# ---- tables ------------------------------------------------------------------------------------------------------


def nearest_taps(source: int, target: int) -> Taps:
    scale = 1 / (target / source)
    return taps_of([[(min(math.floor(i * scale), source - 1), 1.0)] for i in range(target)])


def cubic_weights(x: np.float32) -> list[float]:
    """Of the pixels at -1, 0, 1 and 2 around a place (Keys 1981, a = -¾)."""
    a, one = np.float32(-0.75), np.float32(1)

    def far(t: np.float32) -> np.float32:
        return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a

    def near(t: np.float32) -> np.float32:
        return ((a + 2) * t - (a + 3)) * t * t + 1
    weights = [far(x + one), near(x), near(one - x)]
    return [*map(float, weights), float(one - weights[0] - weights[1] - weights[2])]


def lanczos_weights(x: np.float32) -> list[float]:
    """Of the eight pixels at -3 to 4 around a place, normalized."""
    if x < np.finfo(np.float32).eps:
        return [0.0, 0, 0, 1, 0, 0, 0, 0]
    distances = float(x) + 3 - np.arange(8)
    raw = np.sinc(distances) * np.sinc(distances / 4)
    return [*map(float, (raw / raw.sum()).astype(np.float32))]


def interpolating_taps(source: int, target: int, interp: int, across: bool) -> Taps:
    """Taps around each place, pixels beyond the edge being those of the edge.

    `across`, for columns, two taps on one pixel are one: rows keep both, which whole numbers round apart.
    """
    scale, found = 1 / (target / source), []
    for i in range(target):
        at = np.float32((i + 0.5) * scale - 0.5)
        first = math.floor(at)
        share = np.float32(at - np.float32(first))
        if interp == LINEAR:
            outside = across and (first < 0 or first >= source - 1)
            weights = [1.0, 0.0] if outside else [float(1 - share), float(share)]
        else:
            weights = cubic_weights(share) if interp == CUBIC else lanczos_weights(share)
        reach = REACH[interp]
        found.append([(min(max(first + step, 0), source - 1), weight)
                      for step, weight in zip(range(1 - reach, reach + 1), weights, strict=True)])
    return taps_of(found)


def enlarging_area_taps(source: int, target: int, across: bool) -> Taps:
    """Areas of an image that grows along one axis at least: neighbours by the part of them that a pixel covers.

    across: as in `interpolating_taps`.
    """
    inverse, found = target / source, []
    for i in range(target):
        first = math.floor(i / inverse)
        share = np.float32((i + 1) - (first + 1) * inverse)
        share = np.float32(0) if share <= 0 else share - np.floor(share)
        if first >= source - 1 and across:
            share = np.float32(0)
        found.append([(min(first + step, source - 1), float(weight)) for step, weight in ((0, 1 - share), (1, share))])
    return taps_of(found)


def shrinking_area_taps(source: int, target: int) -> Taps:
    """Each pixel the mean of the pixels that it covers, those at its borders in part."""
    scale, found = 1 / (target / source), []
    for i in range(target):
        start, end = i * scale, i * scale + scale
        width = min(scale, source - start)
        first, last = math.ceil(start), min(math.floor(end), source - 1)
        first = min(first, last)
        taps = [(first - 1, (first - start) / width)] if first - start > 1e-3 else []
        taps += [(j, 1 / width) for j in range(first, last)]
        if end - last > 1e-3:
            taps.append((last, min(min(end - last, 1.0), width) / width))
        found.append(taps)
    return taps_of(found)


def tables(source: Dims, target: Dims, interp: int) -> tuple[Taps, Taps, bool]:
    """Taps of rows and columns, and whether whole numbers are used for uint8."""
    scales = [1 / (b / a) for a, b in zip(source, target, strict=True)]
    if interp == LINEAR and scales == [2, 2]:
        interp = AREA
    shrinks = all(scale >= 1 for scale in scales)
    rows, columns = (taps_along(a, b, interp, shrinks, across)
                     for a, b, across in zip(source, target, (False, True), strict=True))
    return rows, columns, interp in REACH or (interp == AREA and not shrinks)


def taps_along(source: int, target: int, interp: int, shrinks: bool, across: bool) -> Taps:
    """The table of one axis."""
    if interp == NEAREST:
        return nearest_taps(source, target)
    if interp == AREA:
        return shrinking_area_taps(source, target) if shrinks else enlarging_area_taps(source, target, across)
    return interpolating_taps(source, target, interp, across)


def whole(taps: Taps) -> np.ndarray:
    """The weights of a table in parts of 2048."""
    return np.rint(taps.weights.astype(np.float32) * ONE).astype(np.int32)


def reduced(taps: Taps) -> Taps:
    """The table for sums that are in parts of 2048 already, its weights rounded to such."""
    return Taps(taps.places, whole(taps) / ONE**2)


def same_taps(extent: int) -> Taps:
    """Each place by itself."""
    return taps_of([[(i, 1.0)] for i in range(extent)])


# ---- operators ---------------------------------------------------------------------------------------------------


@operator("_image_resize")
class ResizeImage(Operator):
    """Images (H, W, C) or (N, H, W, C) resized to (width, height), to size × size, or their shorter side to size.

    interp: 0 nearest, 1 linear, 2 cubic, 3 area, 4 Lanczos, all as in OpenCV.  uint8, float32 and float64.
    MXNet: image.resize, which has no gradient.
    """

    size: Dims = ()
    keep_ratio: bool = False
    interp: int = 1

    def target(self, source: Dims) -> Dims:
        """Height and width of the result."""
        if len(self.size) not in (1, 2) or min(self.size) < 1:
            raise Conflict(f"size={self.size} must be one or two positive numbers: (size,) or (width, height)")
        if self.interp not in range(5):
            raise Conflict(f"interp={self.interp} must be 0 nearest, 1 linear, 2 cubic, 3 area or 4 Lanczos")
        height, width = source
        if not height * width:
            raise Conflict(f"an image of {height} x {width} pixels cannot be resized")
        if len(self.size) == 2:
            return self.size[::-1]
        (size,) = self.size
        if not self.keep_ratio:
            return size, size
        return (height * size // width, size) if height > width else (size, width * size // height)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank not in (None, 3, 4):
            raise Conflict(f"data {show(s.data.shape)} must be (H, W, C) or (N, H, W, C)")
        if s.data.known:
            *lead, height, width, channels = s.data.dims
            s.output.unify((*lead, *self.target((height, width)), channels))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.unify_all()
        if t.data.known and t.data.dtype not in (DType.uint8, DType.float32, DType.float64):
            raise Conflict(f"data is {t.data.dtype.name}; it must be uint8, float32 or float64")

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        source = data.type.dims[-3:-1]
        if self.target(source) == source:
            return [g._copy(data)]
        rows, columns, in_whole = tables(source, self.target(source), self.interp)
        if data.type.element is not DType.uint8:
            return [resample(g, data, rows, columns, channels_last=True)]
        if not in_whole:
            floats = resample(g, g.Cast(data, dtype="float32"), rows, columns, channels_last=True)
            return [self._bytes(g, floats)]
        return [self._in_whole_numbers(g, data, rows, columns)]

    def _in_whole_numbers(self, g: Any, data: Value, rows: Taps, columns: Taps) -> Value:
        *lead, height, width, channels = data.type.dims
        down, across = ([g.constant(value, DType.int32) for value in (taps.places, whole(taps))]
                        for taps in (rows, columns))
        lines = g.reshape(data, (math.prod(lead) * height, width, channels))
        sums = g.reshape(g._byte_sums(lines, *across), (math.prod(lead), height, len(columns.places) * channels))
        if rows.places.shape[1] == 2:
            made = g._byte_rows(sums, *down)
        else:
            floats = resample(g, g.Cast(sums, dtype="float32"), reduced(rows), same_taps(sums.type.dims[2]))
            made = self._bytes(g, floats)
        return g.reshape(made, (*lead, len(rows.places), len(columns.places), channels))  # type: ignore[no-any-return]

    def _bytes(self, g: Any, floats: Value) -> Value:
        return g.Cast(g.clip(g.rint(floats), a_min=0.0, a_max=255.0), dtype="uint8")  # type: ignore[no-any-return]

    def reference(self, data: np.ndarray) -> np.ndarray:
        source = data.shape[-3:-1]
        if self.target(source) == source:
            return data
        rows, columns, in_whole = tables(source, self.target(source), self.interp)
        if data.dtype != np.uint8 or not in_whole:
            floats = data if data.dtype != np.uint8 else data.astype(np.float32)
            lines = along_axis(floats, data.ndim - 3, rows.places, rows.weights)
            made = along_axis(lines, data.ndim - 2, columns.places, columns.weights)
            return made if data.dtype != np.uint8 else as_bytes(made)
        sums = along_axis(data.astype(np.int32), data.ndim - 2, columns.places, whole(columns))
        return rows_of_bytes(sums, data.ndim - 3, rows)


def rows_of_bytes(sums: np.ndarray, axis: int, rows: Taps) -> np.ndarray:
    """The second step of whole numbers, from sums in parts of 2048: that of two taps rounds as it goes, that of more is
    in floats."""
    if rows.places.shape[1] > 2:
        return as_bytes(along_axis(sums.astype(np.float32), axis, rows.places, reduced(rows).weights))
    parts = [along_axis(sums >> 4, axis, rows.places[:, t:t + 1], whole(rows)[:, t:t + 1]) >> 16 for t in range(2)]
    return np.clip(parts[0] + parts[1] + 2 >> 2, 0, 255).astype(np.uint8)


def as_bytes(floats: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(floats), 0, 255).astype(np.uint8)


class ByteStep(Operator):
    """Base of the two steps of resizing in whole numbers, both along the middle axis of three."""

    inputs = ("data", "places", "weights")
    pattern = "reduction"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify((s.data[0], s.places[0], s.data[2]))


@operator("_byte_sums", hidden=True)
class ByteSums(ByteStep):
    """int32[L, X, C]: sums of bytes (L, W, C), weighted in parts of 2048."""

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType.int32)

    def reference(self, data: np.ndarray, places: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return along_axis(data.astype(np.int32), 1, places, weights)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data, places, weights = inputs

        def element(n: Any, x: Any, c: Any) -> Any:
            return te.sum(places.shape[1:], lambda t: weights[x, t] * te.F.cast(data[n, te.index(places[x, t]), c],
                                                                                DType.int32))
        return [te.tensor(outputs[0].dims, element)]


@operator("_byte_rows", hidden=True)
class ByteRows(ByteStep):
    """uint8[N, Y, I] from the sums (N, H, I) of the first step, by two taps; see `rows_of_bytes`."""

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType.uint8)

    def reference(self, data: np.ndarray, places: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return rows_of_bytes(data, 1, Taps(places, weights / ONE))

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (data, places, weights), F = inputs, te.F

        def part(sum_: Any, divisor: int) -> Any:
            return F.divide_truncating(sum_, F.const(divisor, sum_))

        def element(n: Any, y: Any, i: Any) -> Any:
            def term(t: Any) -> Any:
                value = data[n, te.index(places[y, t]), i]
                return part(part(value, 16) * weights[y, t], 2**16)
            return te.sum(places.shape[1:], term)
        total = te.tensor(outputs[0].dims, element)

        def rounded(*at: Any) -> Any:
            value = part(total[at] + 2, 4)
            low = F.where(value < 0, F.const(0, value), value)
            return F.cast(F.where(low > 255, F.const(255, low), low), DType.uint8)
        return [te.tensor(outputs[0].dims, rounded)]
