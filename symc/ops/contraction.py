"""Contractions as plain data: sums of products over affine indices.

    output[o(axes)] = Σ over the reduced axes of lhs[l(axes)] · rhs[r(axes)]

Matrix products, convolutions of any stride, dilation, padding and grouping, and all their gradients are of this
form.  NumPy (below), TE (`frontend/te.py`) and LLVM (`codegen/llvm_contraction.py`) print the same data.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from symc.ir.types import Shape
from symc.ops.record import Record, record

Product = Callable[[np.ndarray, np.ndarray], np.ndarray]
Rearrangement = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class Index:
    """Position along one logical dimension: (Σ coefficient·axis + offset) / divisor.

    Where the division leaves a remainder, or the position falls outside the dimension, the operand counts as 0:
    that is padding, and the holes of a strided convolution's gradient.
    """

    terms: tuple[tuple[str, int], ...]
    offset: int = 0
    divisor: int = 1

    def __str__(self) -> str:
        text = "+".join(axis if c == 1 else f"{c}*{axis}" for axis, c in self.terms).replace("+-", "-")
        text += f"{self.offset:+d}" if self.offset else ""
        return f"({text})/{self.divisor}" if self.divisor > 1 else text


def axis(name: str) -> Index:
    return Index(((name, 1),))


def axes(names: str) -> tuple[Index, ...]:
    """One plain index for each letter: axes('mk') indexes a matrix by m and k."""
    return tuple(axis(name) for name in names)


@dataclass(frozen=True, slots=True)
class Contraction:
    """Extents of all axes by name (output axes first), and one `Index` per logical dimension of each operand."""

    extents: tuple[tuple[str, int], ...]
    output: tuple[Index, ...]
    lhs: tuple[Index, ...]
    rhs: tuple[Index, ...]

    @property
    def sizes(self) -> dict[str, int]:
        return dict(self.extents)

    @property
    def parallel(self) -> tuple[str, ...]:
        """Names of the axes of the output."""
        used = {name for index in self.output for name, _ in index.terms}
        return tuple(name for name, _ in self.extents if name in used)

    @property
    def reduced(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.extents if name not in self.parallel)

    @property
    def flops(self) -> int:
        """Nominal: two for each point, padded points included.  A divided index is whole at one in `divisor` points."""
        divisors = (index.divisor for index in (*self.output, *self.lhs, *self.rhs))
        return 2 * math.prod(extent for _, extent in self.extents) // math.prod(divisors)

    def is_grouped(self, index: Index) -> bool:
        """Whether it is g·C + c over whole ranges: channel c of the C channels of group g."""
        return (len(index.terms) == 2 and index.offset == 0 and index.divisor == 1 and index.terms[1][1] == 1
                and index.terms[0][1] == self.sizes[index.terms[1][0]])

    def fits_blocks(self, index: Index, block: int) -> bool:
        """Groups of channels must fill blocks, or blocks hold whole groups."""
        if not self.is_grouped(index):
            return True
        channels = index.terms[0][1]
        return channels % block == 0 or block % channels == 0

    def __str__(self) -> str:
        part = [",".join(map(str, operand)) for operand in (self.lhs, self.rhs, self.output)]
        return f"[{part[0]}]·[{part[1]}]->[{part[2]}] " + " ".join(f"{n}={e}" for n, e in self.extents)


@functools.lru_cache(4096)
def matrix_product(batch: int | None, m: int, n: int, k: int, transpose_a: bool, transpose_b: bool) -> Contraction:
    """a (m,k) or (k,m) times b (k,n) or (n,k), with a leading batch axis unless `batch` is None."""
    lead = "b" if batch is not None else ""
    extents = ((("b", batch),) if batch is not None else ()) + (("m", m), ("n", n), ("k", k))
    return Contraction(extents, axes(lead + "mn"), axes(lead + ("km" if transpose_a else "mk")),
                       axes(lead + ("nk" if transpose_b else "kn")))


@record
class Window(Record):
    """Geometry of a convolution over `len(kernel)` spatial dimensions; all extents in elements."""

    batch: int
    groups: int
    in_channels: int       # of one group
    out_channels: int      # of one group
    image: tuple[int, ...]
    output: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilate: tuple[int, ...]
    pad: tuple[int, ...]

    def _extents(self, first: str) -> tuple[tuple[str, int], ...]:
        sizes = {"n": self.batch, "g": self.groups, "c": self.in_channels, "o": self.out_channels}
        for i in range(len(self.kernel)):
            sizes[f"y{i}"], sizes[f"x{i}"], sizes[f"k{i}"] = self.output[i], self.image[i], self.kernel[i]
        return tuple((name, sizes[name]) for name in self._names(first))

    def _names(self, pattern: str) -> list[str]:
        """'ngoy|ck' → n g o y0 y1 c k0 k1."""
        spatial = range(len(self.kernel))
        return [name for c in pattern if c != "|" for name in ([f"{c}{i}" for i in spatial] if c in "yxk" else [c])]

    def _channels(self, name: str, size: int) -> Index:
        return Index((("g", size), (name, 1))) if self.groups > 1 else axis(name)

    def _spatial(self, name: str) -> tuple[Index, ...]:
        return tuple(axis(f"{name}{i}") for i in range(len(self.kernel)))

    def _image_index(self) -> tuple[Index, ...]:
        return tuple(Index(((f"y{i}", s), (f"k{i}", d)), -p)
                     for i, (s, d, p) in enumerate(zip(self.stride, self.dilate, self.pad, strict=True)))

    def _output_index(self) -> tuple[Index, ...]:
        return tuple(Index(((f"x{i}", 1), (f"k{i}", -d)), p, s)
                     for i, (s, d, p) in enumerate(zip(self.stride, self.dilate, self.pad, strict=True)))

    def _weight(self) -> tuple[Index, ...]:
        return (self._channels("o", self.out_channels), axis("c"), *self._spatial("k"))

    def _pattern(self, pattern: str) -> str:
        return pattern if self.groups > 1 else pattern.replace("g", "")

    def forward(self) -> Contraction:
        """lhs image (n, g·c, x..), rhs weight (g·o, c, k..) → (n, g·o, y..).  MXNet: Convolution."""
        return Contraction(self._extents(self._pattern("ngoy|ck")),
                           (axis("n"), self._channels("o", self.out_channels), *self._spatial("y")),
                           (axis("n"), self._channels("c", self.in_channels), *self._image_index()), self._weight())

    def image_gradient(self) -> Contraction:
        """lhs output gradient (n, g·o, y..), rhs weight → image gradient (n, g·c, x..).  MXNet: Deconvolution."""
        return Contraction(self._extents(self._pattern("ngcx|ok")),
                           (axis("n"), self._channels("c", self.in_channels), *self._spatial("x")),
                           (axis("n"), self._channels("o", self.out_channels), *self._output_index()), self._weight())

    def weight_gradient(self) -> Contraction:
        """lhs image, rhs output gradient → weight gradient (g·o, c, k..)."""
        return Contraction(self._extents(self._pattern("goc") + "k|ny"), self._weight(),
                           (axis("n"), self._channels("c", self.in_channels), *self._image_index()),
                           (axis("n"), self._channels("o", self.out_channels), *self._spatial("y")))


LARGEST_UNFOLDED = 1 << 24  # elements of an operand repeated for every point that reads it (im2col)


def evaluate(spec: Contraction, lhs: np.ndarray, rhs: np.ndarray, shape: Shape) -> np.ndarray:
    """The contraction's meaning in NumPy; float16 is summed in float32, as MXNet does.

    lhs, rhs: arrays of the spec's ranks; shape: of the result.  Both operands become views over all their axes, and the
    sum one matrix product.
    """
    return evaluator(spec)(lhs, rhs, shape)


@functools.lru_cache(1024)
def evaluator(spec: Contraction) -> Callable[[np.ndarray, np.ndarray, Shape], np.ndarray]:
    """`evaluate` of one spec."""
    product = _plain(spec) or functools.partial(_windowed, spec)

    def evaluated(lhs: np.ndarray, rhs: np.ndarray, shape: Shape) -> np.ndarray:
        if lhs.dtype.char == "e":
            return evaluated(lhs.astype(np.float32), rhs.astype(np.float32), shape).astype(np.float16)
        result = product(lhs, rhs)
        return result if result.shape == shape else result.reshape(shape)
    return evaluated


def _plain(spec: Contraction) -> Product | None:
    """The matrix product that a contraction is whose dimensions have an axis each."""
    if any(len(index.terms) != 1 or index != axis(index.terms[0][0])
           for index in (*spec.lhs, *spec.rhs, *spec.output)):
        return None
    left, right, output = ([index.terms[0][0] for index in part] for part in (spec.lhs, spec.rhs, spec.output))
    return _matrix_product(left, right, output, spec.sizes)


def _windowed(spec: Contraction, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """By strided views.  Where those matrices would be too large, of axes that share an affine index (a kernel tap and
    an output position) the shorter one is walked in Python."""
    sizes, walked = spec.sizes, _walked(spec)
    left, left_axes = _view(left, spec.lhs, sizes, walked)
    right, right_axes = _view(right, spec.rhs, sizes, walked)
    result = np.zeros(tuple(sizes[name] for name in spec.parallel), left.dtype)
    unwalked = [[name for name in names if name not in walked] for names in (left_axes, right_axes, spec.parallel)]
    product = _matrix_product(unwalked[0], unwalked[1], unwalked[2], sizes)
    for point in itertools.product(*(range(sizes[name]) for name in walked)):
        fixed = dict(zip(walked, point, strict=True))
        where = tuple(fixed.get(name, slice(None)) for name in spec.parallel)
        result[where] += product(_at(left, left_axes, fixed), _at(right, right_axes, fixed))
    return _join(result, spec)


def _walked(spec: Contraction) -> list[str]:
    """Nothing for small operands, else all but the longest axis of every affine index over several axes."""
    sizes, walked = spec.sizes, list[str]()
    unfolded = (math.prod(sizes[name] for name in {name for index in operand for name, _ in index.terms})
                for operand in (spec.lhs, spec.rhs))
    if max(unfolded) <= LARGEST_UNFOLDED:
        return walked
    for index in (*spec.lhs, *spec.rhs):
        if not _is_channel_group(index, sizes):
            walked += sorted((name for name, _ in index.terms), key=lambda name: sizes[name])[:-1]
    return list(dict.fromkeys(walked))


def _is_channel_group(index: Index, sizes: dict[str, int]) -> bool:
    """g·C + c over whole ranges is a reshape, not a window."""
    return (len(index.terms) == 2 and index.terms[1][1] == 1 and index.terms[0][1] == sizes[index.terms[1][0]]
            and index.offset == 0 and index.divisor == 1)


def _view(array: np.ndarray, indices: tuple[Index, ...], sizes: dict[str, int],
          walked: list[str]) -> tuple[np.ndarray, list[str]]:
    """`array` as a view with one dimension for each axis that indexes it, the walked ones first, and their names.

    Holes of a divisor and positions outside are zeros put in beforehand.
    """
    start, strides = [], dict[str, int]()
    for dim, index in enumerate(indices):
        array = _with_holes(array, dim, index.divisor)
        reach = [c * (sizes[name] - 1) for name, c in index.terms]
        low = index.offset + sum(min(r, 0) for r in reach)
        high = index.offset + sum(max(r, 0) for r in reach)
        before, after = max(-low, 0), max(high + 1 - array.shape[dim], 0)
        if before or after:
            array = np.pad(array, [(before, after) if i == dim else (0, 0) for i in range(array.ndim)])
        start.append(index.offset + before)
    for dim, index in enumerate(indices):
        for name, c in index.terms:
            strides[name] = strides.get(name, 0) + c * array.strides[dim]
    names = sorted(strides, key=lambda name: walked.index(name) if name in walked else len(walked))
    shape = [sizes[name] for name in names]
    if 0 in shape:
        return np.zeros(shape, array.dtype), names
    origin = array[tuple(slice(at, None) for at in start)]
    return np.lib.stride_tricks.as_strided(origin, shape, [strides[name] for name in names], writeable=False), names


def _with_holes(array: np.ndarray, dim: int, step: int) -> np.ndarray:
    """`array` with step - 1 zeros between the elements along `dim`."""
    if step == 1 or array.shape[dim] == 0:
        return array
    holes = np.zeros((*array.shape[:dim], (array.shape[dim] - 1) * step + 1, *array.shape[dim + 1:]), array.dtype)
    holes[(slice(None),) * dim + (slice(None, None, step),)] = array
    return holes


def _at(operand: np.ndarray, names: list[str], fixed: dict[str, int]) -> np.ndarray:
    """`operand` with its walked axes, which come first, at one point."""
    return operand[tuple(fixed[name] for name in names if name in fixed)]


def _matrix_product(left: list[str], right: list[str], output: list[str], sizes: dict[str, int]) -> Product:
    """Σ left·right over the axes that `output` lacks, for operands with these axes, as one (batched) product."""
    batch = [name for name in output if name in left and name in right]
    summed = [name for name in left if name in right and name not in output]
    rows = [name for name in left if name not in right]
    columns = [name for name in right if name not in left]
    made = batch + rows + columns
    shape, order = [sizes[name] for name in made], [made.index(name) for name in output]

    def matrix(names: list[str], *groups: list[str]) -> Rearrangement | None:
        order = [names.index(name) for group in groups for name in group]
        return _rearrangement([sizes[name] for name in names], order,
                              [math.prod(sizes[name] for name in group) for group in groups[not batch:]])
    left_matrix, right_matrix = matrix(left, batch, rows, summed), matrix(right, batch, summed, columns)
    is_result = len(made) == 2 + bool(batch) and made == output

    def product(lhs: np.ndarray, rhs: np.ndarray) -> np.ndarray:
        value = np.matmul(lhs if left_matrix is None else left_matrix(lhs),
                          rhs if right_matrix is None else right_matrix(rhs))
        return value if is_result else value.reshape(shape).transpose(order)
    return product


def _rearrangement(extents: list[int], order: list[int], shape: list[int]) -> Rearrangement | None:
    """Arrays of these extents with their axes in this order, as another shape; None: as they are."""
    if order == sorted(order):
        return None if shape == extents else lambda array: array.reshape(shape)
    return lambda array: array.transpose(order).reshape(shape)


def _join(result: np.ndarray, spec: Contraction) -> np.ndarray:
    """The array over the parallel axes with its axes as the output's dimensions have them (groups beside channels)."""
    return result.transpose([spec.parallel.index(name) for index in spec.output for name, _ in index.terms])
