"""Pooling in one, two and three dimensions.

`Pooling` settles MXNet's conventions and becomes `_pool`, which knows only windows.  The gradient of each kind is a
gather: an element's gradient is a sum over the windows that cover it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.math import NumPyMath
from symc.ops.operator import REAL, Operator, operator
from symc.ops.parameters import Dims, internal, may_be_unset
from symc.ops.record import record
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show
from symc.ops.spatial import (
    channels_first_axes,
    channels_last_axes,
    has_channels_last,
    per_dimension,
    permuted,
    transpose,
)

LAYOUTS = {1: ("NCW", "NWC"), 2: ("NCHW", "NHWC"), 3: ("NCDHW", "NDHWC")}     # by number of spatial dimensions
LARGEST_POWER = 3   # lp pooling knows the powers 1, 2 and 3


def lowest(dtype: DType) -> float:
    """The smallest finite value: what MXNet's max pooling starts from, so that NaN and -inf never win."""
    return float(np.finfo(dtype.numpy).min) if dtype.is_float else int(np.iinfo(dtype.numpy).min)


@operator("Pooling")
class Pooling(Operator):
    """The maximum, average, sum or lp norm (of the values, not their magnitudes) over windows.  MXNet: Pooling.

    data (N, C, spatial...).  valid rounds the number of windows down, full up, and same is ⌈x/stride⌉ windows without
    padding in front (1-D only).  avg divides by the taps inside the padded image, or with count_include_pad=False
    inside the image.  max starts from the lowest finite value: it passes over NaN.
    """

    dtypes = REAL

    kernel: Dims = may_be_unset()
    pool_type: Literal["avg", "lp", "max", "sum"] = "max"
    global_pool: bool = False
    cudnn_off: bool = False
    pooling_convention: Literal["full", "same", "valid"] = "valid"
    stride: Dims = ()
    pad: Dims = ()
    p_value: int | None = None
    count_include_pad: bool | None = None
    layout: Literal["NCDHW", "NCHW", "NCW", "NDHWC", "NHWC", "NWC"] | None = None

    deviations = ("the gradient of averages with pooling_convention='full' divides by the taps that the average counts,"
                  " as MXNet does in float64; its oneDNN kernel, which serves float32, divides by all taps",
                  "in inference tanh and other functions that rise, read by a maximum alone, are computed behind it: a"
                  " window of nothing but NaN gives their value of the lowest finite number")

    def output_names(self) -> list[str]:
        """The maximum has a workspace for its gradient: the index of the first maximum in each window."""
        has_workspace = self.pool_type == "max" and not self.global_pool
        return ["output", "workspace"] if has_workspace else ["output"]

    @property
    def visible_count(self) -> int:
        return 1

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is None:
            return
        self._check(s.data.rank - 2)
        last = has_channels_last(self.layout)
        first, back = channels_first_axes(s.data.rank), channels_last_axes(s.data.rank)
        shape = permuted(s.data, first).shape if last else s.data.shape
        spatial = [None if x is None else self.window_count(dim, x) for dim, x in enumerate(shape[2:])]
        windows = ShapeSlot("output", (*shape[:2], *spatial))
        s.output.unify(permuted(windows, back).shape if last else windows.shape)
        s.data.unify_axis(0, s.output[0])
        s.data.unify_axis(-1 if last else 1, s.output[-1 if last else 1])
        for workspace in s.outputs[1:]:
            workspace.unify(s.output.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.data.unify(t.output.dtype)
        t.output.unify(t.data.dtype)
        for workspace in t.outputs[1:]:
            workspace.unify(DType.int32)

    def _check(self, rank: int) -> None:
        """Conflict when the parameters do not fit each other or data of `rank` spatial dimensions."""
        if not 1 <= rank <= 3 or (len(self.kernel) != rank and not (self.global_pool and not self.kernel)):
            raise Conflict(f"data has {rank} spatial dimensions, the kernel {len(self.kernel)} (1 to 3 are supported)")
        if self.layout is not None and self.layout not in LAYOUTS[rank]:
            raise Conflict(f"layout {self.layout} is not one of {', '.join(LAYOUTS[rank])}, those of data with {rank} "
                           "spatial dimensions")
        if self.pool_type == "lp" and self.p_value not in range(1, LARGEST_POWER + 1):
            raise Conflict(f"lp pooling needs p_value 1 to {LARGEST_POWER}, it is {self.p_value}")
        if self.global_pool:
            return
        if self.pooling_convention == "same" and (rank != 1 or any(self.pad)):
            raise Conflict("pooling_convention='same' is for one spatial dimension without pad")
        if min((*self.kernel, *self._strides)) < 1:
            raise Conflict("kernel and stride are at least 1")
        for pad, kernel in zip(self._pads, self.kernel, strict=True):
            if not 0 <= pad < kernel:
                raise Conflict(f"pad {pad} must be smaller than the kernel {kernel}")

    @property
    def _strides(self) -> Dims:
        return per_dimension(self.stride, len(self.kernel), 1, "stride")

    @property
    def _pads(self) -> Dims:
        if self.pooling_convention == "same":
            return (0,) * len(self.kernel)
        return per_dimension(self.pad, len(self.kernel), 0, "pad")

    def window_count(self, dim: int, extent: int) -> int:
        """Windows along one spatial dimension."""
        if self.global_pool:
            return 1
        kernel, stride, pad = self.kernel[dim], self._strides[dim], self._pads[dim]
        if self.pooling_convention == "same":
            return -(-extent // stride)
        room = extent + 2 * pad - kernel
        if room < 0:
            raise Conflict(f"the kernel spans {kernel} elements, data has {extent} and pad {pad} "
                           f"in spatial dimension {dim}")
        return -(-room // stride) + 1 if self.pooling_convention == "full" else room // stride + 1

    def geometry(self, image: Sequence[int]) -> dict[str, Dims]:
        """kernel, stride and pad of the windows over `image`; a global window does not move."""
        if self.global_pool:
            return {"kernel": tuple(image), "stride": tuple(image), "pad": (0,) * len(image)}
        return {"kernel": self.kernel, "stride": self._strides, "pad": self._pads}

    def pool(self, image: Sequence[int]) -> Pool:
        """The windows of channels-first data with the spatial extents `image`."""
        extent = tuple(self.window_count(dim, x) for dim, x in enumerate(image))
        return Pool(**self.geometry(image), extent=extent, pool_type=self.pool_type,
                    include_pad=self.count_include_pad is not False, power=self.power)

    @property
    def power(self) -> int:
        return self.p_value or 1 if self.pool_type == "lp" else 1

    def index(self, image: Sequence[int]) -> PoolingIndex:
        pool = self.pool(image)
        return PoolingIndex(pool.kernel, pool.stride, pool.pad, pool.extent)

    def channels_first(self, g: Any, value: Value) -> Value:
        last = has_channels_last(self.layout)
        return transpose(g, value, channels_first_axes(len(value.type.dims))) if last else value

    def in_layout(self, g: Any, value: Value) -> Value:
        """The inverse of `channels_first`."""
        last = has_channels_last(self.layout)
        return transpose(g, value, channels_last_axes(len(value.type.dims))) if last else value

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        x = self.channels_first(g, data)
        made = [Value(g.node(self.pool(x.type.dims[2:]), (x,)))]
        if self.output_count > 1:
            made.append(Value(g.node(self.index(x.type.dims[2:]), (x,))))
        return [self.in_layout(g, value) for value in made]

    def reference(self, data: np.ndarray) -> tuple[np.ndarray, ...]:
        last = has_channels_last(self.layout)
        x = data.transpose(channels_first_axes(data.ndim)) if last else data
        made = [self.pool(x.shape[2:]).reference(x)]
        if self.output_count > 1:
            made.append(self.index(x.shape[2:]).reference(x))
        return tuple(y.transpose(channels_last_axes(data.ndim)) if last else y for y in made)

    def gradient(self, g: Any, node: Node, dy: Value, *_: Value | None) -> list[Value | None]:
        x, d = self.channels_first(g, node.inputs[0]), self.channels_first(g, dy)
        image = x.type.dims[2:]
        shared = {**self.geometry(image), "extent": image}
        if self.pool_type == "max":
            index = (self.channels_first(g, Value(node, 1)) if self.output_count > 1
                     else Value(g.node(self.index(image), (x,))))
            dx = g._backward_pool_max(index, d, **shared)
        elif self.pool_type == "avg":
            dx = g._backward_pool_avg(d, **shared, include_pad=self.count_include_pad is not False)
        elif self.pool_type == "sum":
            dx = g._backward_pool_sum(d, **shared)
        else:
            dx = g._backward_pool_lp(x, self.channels_first(g, Value(node)), d, **shared, power=self.power)
        return [self.in_layout(g, dx)]


@operator("Pooling_v1")
class PoolingV1(Pooling):
    """Pooling as MXNet 0.8 had it: padding is zeros, which a maximum may be and an average counts, as it does the taps
    beyond the padding; all elements equal to the maximum get the gradient.  MXNet: Pooling_v1."""

    cudnn_off: bool = internal(False)
    p_value: int | None = internal(None)
    count_include_pad: bool | None = internal(None)
    layout: Literal["NCDHW", "NCHW", "NCW", "NDHWC", "NHWC", "NWC"] | None = internal(None)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank == 3:
            raise Conflict(f"data {show(s.data.shape)} must be (N, C, height, width) or (N, C, depth, height, width)")
        super().infer_shape(s)

    def output_names(self) -> list[str]:
        return ["output"]

    @property
    def unpadded(self) -> PoolingV1:
        return dataclasses.replace(self, pad=())

    @property
    def share(self) -> float:
        """What sums are multiplied with."""
        return 1 / math.prod(self.kernel) if self.pool_type == "avg" and not self.global_pool else 1.0

    def pool(self, image: Sequence[int]) -> Pool:
        made = super().pool(image)
        is_sum = self.pool_type == "avg" and not self.global_pool
        return dataclasses.replace(made, pool_type="sum") if is_sum else made

    def margins(self, rank: int) -> Dims:
        """The padding of `rank` spatial dimensions."""
        return (0,) * rank if self.global_pool else self._pads

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        margins = self.margins(len(data.type.dims) - 2)
        if any(margins):
            width = [0, 0, 0, 0, *(p for pad in margins for p in (pad, pad))]
            padded = g.Pad(data, mode="constant", pad_width=tuple(width))
            return [Value(g.node(self.unpadded, (padded,)))]
        made = Value(g.node(self.pool(data.type.dims[2:]), (data,)))
        return [made if self.share == 1 else g._mul_scalar(made, scalar=self.share)]

    def reference(self, data: np.ndarray) -> tuple[np.ndarray, ...]:
        padded = np.pad(data, [(0, 0), (0, 0), *((p, p) for p in self.margins(data.ndim - 2))])
        made = self.unpadded.pool(padded.shape[2:]).reference(padded)
        return (made if self.share == 1 else (made * self.share).astype(data.dtype),)

    def gradient(self, g: Any, node: Node, dy: Value, *_: Value | None) -> list[Value | None]:
        """By the parts it is rewritten to, but for the maximum without padding."""
        data = node.inputs[0]
        if any(self.margins(len(data.type.dims) - 2)):
            padded = self.rewrite(g, data)[0].node
            (dx,) = self.unpadded.gradient(g, padded, dy)
            return padded.inputs[0].node.op.gradient(g, padded.inputs[0].node, dx)  # type: ignore[union-attr]
        image = data.type.dims[2:]
        shared = {**self.geometry(image), "extent": image}
        if self.pool_type == "max":
            return [g._backward_pool_equal(data, Value(node), dy, **shared)]
        if self.pool_type == "avg" and self.global_pool:
            return [g._backward_pool_avg(dy, **shared)]
        return [g._backward_pool_sum(dy if self.share == 1 else g._mul_scalar(dy, scalar=self.share), **shared)]


# ---- windows ---------------------------------------------------------------------------------------------------


@record
class Windowed(Operator):
    """Base of the operators over windows: window y of a spatial dimension holds elements stride·y - pad + tap for
    taps in [0, kernel); those outside the image count as nothing.  Data is (N, C, spatial...)."""

    kernel: Dims
    stride: Dims
    pad: Dims
    extent: Dims                # spatial extents of the output
    pattern = "window"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        first = s.inputs[0]
        if first.rank is not None:
            s.output.unify((*first.shape[:2], *self.extent))

    def has_outside(self, image: Sequence[int], windows: Sequence[int]) -> bool:
        """Whether some window reaches beyond the image."""
        return any(p > 0 or (y - 1) * s - p + k > x for x, y, k, s, p
                   in zip(image, windows, self.kernel, self.stride, self.pad, strict=True))

    def windows(self, data: np.ndarray, fill: float, extent: Sequence[int]) -> np.ndarray:
        """`data` as a view (N, C, windows..., taps...), `fill` where a window leaves it."""
        spatial = data.shape[2:]
        behind = [max((y - 1) * s - p + k - x, 0) for x, y, k, s, p
                  in zip(spatial, extent, self.kernel, self.stride, self.pad, strict=True)]
        padded = np.pad(data, [(0, 0), (0, 0), *zip(self.pad, behind, strict=True)], constant_values=fill)
        steps = padded.strides[2:]
        strides = (*padded.strides[:2], *(step * s for step, s in zip(steps, self.stride, strict=True)), *steps)
        return np.lib.stride_tricks.as_strided(padded, (*data.shape[:2], *extent, *self.kernel), strides,
                                               writeable=False)

    def element(self, te: Any, data: Any, lead: Sequence[Any], window: Sequence[Any], tap: Sequence[Any],
                outside: Any) -> Any:
        """The element of `data` at a tap of a window, `outside` beyond the image."""
        at = [y * s + k - p for y, s, k, p in zip(window, self.stride, tap, self.pad, strict=True)]
        image = data.shape[2:]
        if not self.has_outside(image, self.extent):
            return data[(*lead, *at)]
        inside = te.all(*(part for x, bound in zip(at, image, strict=True) for part in (x >= 0, x < bound)))
        return te.select(inside, data[(*lead, *at)], outside)


@operator("_pool", hidden=True)
class Pool(Windowed):
    """The maximum, sum, average or lp norm of each window.

    avg: divided by the number of taps inside the image, or (include_pad) inside the padded image.
    lp: (Σ x^power)^(1/power), x by its sign.
    """

    pool_type: Literal["max", "sum", "avg", "lp"]
    include_pad: bool = True
    power: int = 1

    def counts_all(self, image: Sequence[int]) -> bool:
        """Whether every window counts all its taps: none leaves the image, or the padded one if that counts."""
        if not self.include_pad:
            return not self.has_outside(image, self.extent)
        return all((y - 1) * s + k <= x + 2 * p for x, y, k, s, p
                   in zip(image, self.extent, self.kernel, self.stride, self.pad, strict=True))

    def counts(self, dim: int, windows: Any, clamp: Any, image: int) -> Any:
        """Taps that an average counts along one dimension; windows: their numbers."""
        pad = self.pad[dim] if self.include_pad else 0
        start = windows * self.stride[dim] - self.pad[dim]
        return clamp(start + self.kernel[dim], -pad, image + pad) - clamp(start, -pad, image + pad)

    def reference(self, data: np.ndarray) -> np.ndarray:
        taps = tuple(range(-len(self.kernel), 0))
        if self.pool_type == "max":
            bottom = lowest(DType.of(data.dtype))
            return self.windows(np.where(data > bottom, data, bottom).astype(data.dtype), bottom, self.extent).max(taps)
        wide = np.float32 if data.dtype == np.float16 else data.dtype
        powers = data.astype(wide) ** self.power
        total = self.windows(powers, 0, self.extent).sum(taps, dtype=wide)
        if self.pool_type == "avg":
            total = total / self.count_array(data.shape[2:]).astype(wide)
        elif self.pool_type == "lp":
            total = self.root(NumPyMath, total)
        return total.astype(data.dtype)

    def count_array(self, image: Sequence[int]) -> np.ndarray:
        """Number of taps that the average of each window counts, over the spatial extents."""
        counts = np.ones((), np.int64)
        for dim, extent in enumerate(self.extent):
            counts = counts[..., None] * self.counts(dim, np.arange(extent), np.clip, image[dim])
        return np.maximum(counts, 1)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data, shape, F = inputs[0], outputs[0].dims, te.F
        wide = DType.float32 if data.dtype is DType.float16 else data.dtype

        def largest(*i: Any) -> Any:
            def tap(*k: Any) -> Any:
                x = self.element(te, data, i[:2], i[2:], k, lowest(data.dtype))
                return F.where(x > lowest(data.dtype), x, F.const(lowest(data.dtype), x))
            return te.max(self.kernel, tap)

        def total(*i: Any) -> Any:
            def tap(*k: Any) -> Any:
                x = self.element(te, data, i[:2], i[2:], k, 0)
                return math.prod([F.cast(x, wide) if wide is not data.dtype else x] * self.power)
            return te.sum(self.kernel, tap)

        if self.pool_type == "max":
            return [te.tensor(shape, largest)]
        sums = te.tensor(shape, total)
        return [sums if self.pool_type == "sum" and wide is data.dtype else
                te.tensor(shape, lambda *i: F.cast(self.finished(te, sums[i], i[2:], data.shape[2:]), data.dtype))]

    def root(self, F: Any, x: Any) -> Any:
        return x if self.power == 1 else F.sqrt(x) if self.power == 2 else F.cbrt(x)

    def finished(self, te: Any, total: Any, window: Sequence[Any], image: Sequence[int]) -> Any:
        """What becomes of the sum of a window's powers."""
        if self.pool_type == "lp":
            return self.root(te.F, total)
        return total / self.count(te, window, image, te.F.dtype(total)) if self.pool_type == "avg" else total

    def count(self, te: Any, window: Sequence[Any], image: Sequence[int], dtype: DType) -> Any:
        """The number of taps that the average of `window` counts, as a value."""
        taps = math.prod(self.kernel)
        if self.counts_all(image):
            return te.value(taps, dtype)
        along = [self.counts(dim, y, te.clamp, image[dim]) for dim, y in enumerate(window)]
        return te.value(te.clamp(math.prod(along), 1, taps), dtype)


@operator("_pooling_index", hidden=True)
class PoolingIndex(Windowed):
    """The tap, counted in row-major order, of the first maximum of each window, int32.

    NaN never wins; where nothing does, it is tap 0.
    """

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType.int32)

    def reference(self, data: np.ndarray) -> np.ndarray:
        bottom = lowest(DType.of(data.dtype))
        windows = self.windows(np.where(data > bottom, data, bottom), bottom, self.extent)
        taps = windows.reshape(*data.shape[:2], *self.extent, math.prod(self.kernel))
        return taps.argmax(-1).astype(np.int32)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data, shape, F = inputs[0], outputs[0].dims, te.F

        def first(*i: Any) -> Any:
            def value(r: Any) -> Any:
                tap = [r // math.prod(self.kernel[d + 1:]) % k for d, k in enumerate(self.kernel)]
                x = self.element(te, data, i[:2], i[2:], tap, lowest(data.dtype))
                return F.where(x > lowest(data.dtype), x, F.const(lowest(data.dtype), x))
            return te.argmax(math.prod(self.kernel), value)
        return [te.tensor(shape, first, DType.int32)]


# ---- gradients -------------------------------------------------------------------------------------------------


@record
class BackwardWindowed(Windowed):
    """Base of the gradients: `extent` is the image, inputs are over windows, the output is over the image."""

    def windows_per_element(self) -> list[int]:
        return [-(-k // s) for k, s in zip(self.kernel, self.stride, strict=True)]

    def gather(self, te: Any, shape: Sequence[int], windows: Sequence[int], part: Any) -> Any:
        """Over the image, the sum of part(lead, element, window, tap) over the windows that cover an element."""
        def total(*i: Any) -> Any:
            lead, at = i[:2], i[2:]

            def term(*r: Any) -> Any:
                y = [(x + p) // s - j for x, p, s, j in zip(at, self.pad, self.stride, r, strict=True)]
                tap = [x + p - w * s for x, p, s, w in zip(at, self.pad, self.stride, y, strict=True)]
                covers = te.all(*(c for w, t, count, k in zip(y, tap, windows, self.kernel, strict=True)
                                  for c in (w >= 0, w < count, t < k)))
                return te.select(covers, part(lead, at, y, tap), 0)
            return te.sum(self.windows_per_element(), term)
        return te.tensor(shape, total)

    def scatter(self, lead: Sequence[int], windows: Sequence[int], dtype: np.dtype, part: Any) -> np.ndarray:
        """The same in NumPy: adds part(tap) (N, C, windows...) to the elements at that tap of the windows."""
        reach = [max((y - 1) * s + k, p + x) for y, s, k, p, x
                 in zip(windows, self.stride, self.kernel, self.pad, self.extent, strict=True)]
        total = np.zeros((*lead, *reach), dtype)
        whole = (slice(None), slice(None))
        for tap in np.ndindex(*self.kernel):
            where = (slice(t, t + (y - 1) * s + 1, s) for t, y, s in zip(tap, windows, self.stride, strict=True))
            total[(*whole, *where)] += part(tap)
        return total[(*whole, *(slice(p, p + x) for p, x in zip(self.pad, self.extent, strict=True)))]


@operator("_backward_pool_max", hidden=True)
class BackwardPoolMax(BackwardWindowed):
    """Gradient of max pooling: each window's goes to the tap that `index` (`_pooling_index`) names."""

    inputs = ("index", "dy")

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.index.unify(DType.int32)
        t.output.unify(t.dy.dtype)

    def reference(self, index: np.ndarray, dy: np.ndarray) -> np.ndarray:
        def part(tap: Sequence[int]) -> np.ndarray:
            return np.where(index == np.ravel_multi_index(tap, self.kernel), dy, 0)  # type: ignore[arg-type]
        return self.scatter(dy.shape[:2], dy.shape[2:], dy.dtype, part)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        index, dy = inputs

        def part(lead: Any, at: Any, y: Any, tap: Any) -> Any:
            number = sum(t * math.prod(self.kernel[d + 1:]) for d, t in enumerate(tap))
            chosen = index[(*lead, *y)] == te.value(number, DType.int32)
            return te.F.where(chosen, dy[(*lead, *y)], te.F.const(0, dy[(*lead, *y)]))
        return [self.gather(te, outputs[0].dims, dy.shape[2:], part)]


@operator("_backward_pool_sum", hidden=True)
class BackwardPoolSum(BackwardWindowed):
    """Gradient of sum pooling: the sum of dy over the windows that cover an element."""

    inputs = ("dy",)

    def reference(self, dy: np.ndarray) -> np.ndarray:
        return self.scatter(dy.shape[:2], dy.shape[2:], dy.dtype, lambda tap: dy)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        dy = inputs[0]
        return [self.gather(te, outputs[0].dims, dy.shape[2:], lambda lead, at, y, tap: dy[(*lead, *y)])]


@operator("_backward_pool_avg", hidden=True)
class BackwardPoolAverage(BackwardWindowed):
    """Gradient of average pooling: the sum of dy / count over the windows that cover an element."""

    include_pad: bool = True
    inputs = ("dy",)

    def forward(self, windows: Sequence[int]) -> Pool:
        return Pool(self.kernel, self.stride, self.pad, tuple(windows), "avg", self.include_pad)

    def reference(self, dy: np.ndarray) -> np.ndarray:
        shares = dy / self.forward(dy.shape[2:]).count_array(self.extent).astype(dy.dtype)
        return self.scatter(dy.shape[:2], dy.shape[2:], dy.dtype, lambda tap: shares)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        dy = inputs[0]
        pool = self.forward(dy.shape[2:])

        def part(lead: Any, at: Any, y: Any, tap: Any) -> Any:
            return dy[(*lead, *y)] / pool.count(te, y, self.extent, dy.dtype)
        return [self.gather(te, outputs[0].dims, dy.shape[2:], part)]


@operator("_backward_pool_lp", hidden=True)
class BackwardPoolLp(BackwardWindowed):
    """Gradient of lp pooling: the sum of dy · (x / y)^(power - 1) over the windows that cover an element x; a window
    whose norm is 0 adds nothing."""

    power: int = 2
    inputs = ("data", "y", "dy")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.data.shape)

    def reference(self, data: np.ndarray, y: np.ndarray, dy: np.ndarray) -> np.ndarray:
        elements = self.windows(data, 0, dy.shape[2:])

        def part(tap: Sequence[int]) -> np.ndarray:
            x = elements[(slice(None),) * dy.ndim + tuple(tap)]
            return dy * np.where(y == 0, 0, x / y).astype(dy.dtype) ** (self.power - 1)
        return self.scatter(dy.shape[:2], dy.shape[2:], dy.dtype, part)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data, y, dy = inputs

        def part(lead: Any, at: Any, window: Any, tap: Any) -> Any:
            norm = y[(*lead, *window)]
            ratio = te.F.where(norm == 0, te.F.const(0, norm), data[(*lead, *at)] / norm)
            return math.prod([ratio] * (self.power - 1), start=dy[(*lead, *window)])
        return [self.gather(te, outputs[0].dims, dy.shape[2:], part)]


@operator("_backward_pool_equal", hidden=True)
class BackwardPoolEqual(BackwardWindowed):
    """The sum of dy over the windows that cover an element and have its value."""

    inputs = ("data", "y", "dy")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.data.shape)

    def reference(self, data: np.ndarray, y: np.ndarray, dy: np.ndarray) -> np.ndarray:
        elements = self.windows(data, 0, dy.shape[2:])

        def part(tap: Sequence[int]) -> np.ndarray:
            return np.where(elements[(slice(None),) * dy.ndim + tuple(tap)] == y, dy, 0)
        return self.scatter(dy.shape[:2], dy.shape[2:], dy.dtype, part)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data, y, dy = inputs

        def part(lead: Any, at: Any, window: Any, tap: Any) -> Any:
            return te.F.where(data[(*lead, *at)] == y[(*lead, *window)], dy[(*lead, *window)], 0)
        return [self.gather(te, outputs[0].dims, dy.shape[2:], part)]
