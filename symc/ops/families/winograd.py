"""Winograd's form of a 3x3 convolution: fewer multiplications, on tiles of the image, or of each plane of a volume.

y = Aᵀ[(G·w·Gᵀ) ⊙ (Bᵀ·x·B)]A gives m x m pixels of a convolution from a tile of (m+2) x (m+2): for m = 2 by 16
multiplications instead of 36, for m = 3 by 25 instead of 81, for m = 4 by 36 instead of 144.  With channels, ⊙ becomes
a matrix product for each of the (m+2)² points of the transformed tiles.  Source: Lavin and Gray, Fast Algorithms for
Convolutional Neural Networks, arXiv:1509.09308.

The points at which polynomials are evaluated decide the errors.  Those of m = 3, ±1/2, ±3/2 and ∞, and of m = 4, 0,
±3/4, ±3/2 and ∞, have powers that float32 holds exactly, and about half the errors of the usual 0, ±1, ±2 and ∞
(without -2 for m = 3).  Why points matter: Barabasz, Anderson, Gregg and Soodhalter, Error Analysis and Improving the
Accuracy of Winograd Convolution, arXiv:1803.10986.

A convolution of volumes sums over the planes that it spans as over channels: its kernel is one of 3x3 for each of
them, and a plane is transformed once for all that read it.

An infinity or NaN reaches all pixels of the tiles that it lies in, as the sums cancel no more.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from symc.ir.types import Shape, TensorType
from symc.ops.contraction import Contraction, Index, axes, evaluate
from symc.ops.operator import Operator, Optional, operator
from symc.ops.parameters import Dims
from symc.ops.record import Record, record
from symc.ops.slots import ShapeSlot, Slots

KERNEL = 3
BLOCK = 16      # channels that lie side by side in memory
SUMS_OF_JOB = 80 << 10      # bytes of the stack, for each block of channels: 51 tiles of 25 points
Matrix = tuple[tuple[float, ...], ...]


@record
class Transforms(Record):
    """The matrices Bᵀ, G and Aᵀ for one size of tiles."""

    image: Matrix
    weight: Matrix
    output: Matrix

    @property
    def points(self) -> int:
        return len(self.image) ** 2

    @property
    def tiles_of_job(self) -> int:
        """The most tiles whose sums, for 16 channels and all points, have room; an odd number."""
        return (SUMS_OF_JOB // (self.points * BLOCK * 4) - 1) | 1


def _transforms(size: int, *points: float) -> Transforms:
    """For tiles of size² pixels: polynomials are multiplied by their values at the `points` and at infinity.

    Source: Toom and Cook, as transposed by Winograd; see Blahut, Fast Algorithms for Signal Processing, chapter 5.
    """
    image, weight = [], []
    for point in points:
        others = [other for other in points if other != point]
        share = math.prod(point - other for other in others)
        image.append((*_with_roots(others), 0.0))
        weight.append(tuple(point ** power / share for power in range(KERNEL)))
    output = [(*(point ** power for point in points), float(power == size - 1)) for power in range(size)]
    return Transforms((*image, _with_roots(points)), (*weight, (0.0, 0.0, 1.0)), tuple(output))


def _with_roots(roots: Sequence[float]) -> tuple[float, ...]:
    """Coefficients of Π (x - root), that of x⁰ first."""
    product = [1.0]
    for root in roots:
        product = [low - root * high for low, high in zip([0.0, *product], [*product, 0.0], strict=True)]
    return tuple(product)


TRANSFORMS = {2: _transforms(2, 0, 1, -1), 3: _transforms(3, 1 / 2, -1 / 2, 3 / 2, -3 / 2),
              4: _transforms(4, 0, 3 / 4, -3 / 4, 3 / 2, -3 / 2)}


@record
class Depth(Record):
    """How a convolution of volumes goes through their planes: how many go in and come out, and its window."""

    image: int
    output: int
    kernel: int
    stride: int
    pad: int


@record
class Tiles(Record):
    """How an output of (batch, height, width) is cut into tiles of `size`² pixels, `rows` rows of tiles to a chunk.

    Rows are counted through all images of the batch.  Images of volumes are their planes, and a chunk lies within one.
    Places of a chunk without a tile hold anything.
    """

    size: int
    batch: int
    height: int
    width: int
    rows: int

    @property
    def columns(self) -> int:
        return -(-self.width // self.size)

    @property
    def rows_of_image(self) -> int:
        return -(-self.height // self.size)

    @property
    def all_rows(self) -> int:
        return self.batch * self.rows_of_image

    @property
    def chunks(self) -> int:
        return -(-self.all_rows // self.rows)

    @property
    def chunks_of_image(self) -> int:
        """Of those that lie within one, where that is so."""
        return self.rows_of_image // self.rows

    @property
    def of_chunk(self) -> int:
        """Places for tiles in a chunk: an odd number, so that the points of a tile lie in different cache sets."""
        return self.rows * self.columns | 1

    @property
    def transforms(self) -> Transforms:
        return TRANSFORMS[self.size]


def combine(row: Sequence[float], values: Sequence[Any]) -> Any:
    """Σ factor·value without multiplications by 0, 1 and -1; values that are None count as 0, as does the result."""
    terms = [(factor, value) for factor, value in zip(row, values, strict=True) if factor and value is not None]
    total = None
    for factor, value in sorted(terms, key=lambda term: (abs(term[0]) != 1, term[0] < 0)):
        scaled = value if abs(factor) == 1 else value * abs(factor)
        if total is None:
            total = scaled if factor > 0 else -scaled
        else:
            total = total + scaled if factor > 0 else total - scaled
    return total


@functools.cache
def factors(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """(sums, parts): their product is `matrix`, and takes fewer operations.

    Rows that differ in signs alone become the sum and the difference of two parts; where columns do, the parts are sums
    and differences of what they multiply.
    """
    rows = np.array(matrix)
    mirrored = _mirrored(rows)
    pairs = mirrored or _mirrored(rows.T)
    halves, signs = np.array(rows if mirrored else rows.T), np.eye(len(rows if mirrored else rows.T))
    for one, other in pairs:
        halves[one], halves[other] = (halves[one] + halves[other]) / 2, (halves[one] - halves[other]) / 2
        unit = halves[other][halves[other] != 0][-1] if mirrored else 1     # so that one factor of the part is 1
        halves[other] /= unit
        signs[one, other], signs[other, (one, other)] = unit, (1, -unit)
    sums, parts = (signs, halves) if mirrored else (halves.T, signs.T)
    return _rows(sums), _rows(parts)


def _mirrored(rows: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of rows that differ in signs alone."""
    pairs = itertools.combinations(range(len(rows)), 2)
    return [(one, other) for one, other in pairs if np.array_equal(abs(rows[one]), abs(rows[other]))]


def _rows(matrix: np.ndarray) -> Matrix:
    return tuple(tuple(row) for row in matrix.tolist())


def times(matrix: Matrix, values: Sequence[Any]) -> list[Any]:
    """matrix · values, of anything that can be added and multiplied by numbers; see `combine` for None."""
    sums, parts = factors(matrix)
    made = [combine(row, values) for row in parts]
    return [combine(row, made) for row in sums]


def transformed(matrix: Matrix, tile: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """matrix · tile · matrixᵀ, of anything that can be added and multiplied by numbers."""
    by_columns = [times(matrix, column) for column in zip(*tile, strict=True)]
    return [times(matrix, line) for line in zip(*by_columns, strict=True)]


@functools.cache
def weight_matrices(size: int) -> np.ndarray:
    """(points, 3, 3): the factor of each tap of a kernel in each point of its transform, G ⊗ G."""
    matrix = np.array(TRANSFORMS[size].weight)
    return np.einsum("ik,jl->ijkl", matrix, matrix).reshape(-1, KERNEL, KERNEL).astype(np.float32)


@operator("_winograd_input", hidden=True)
class WinogradInput(Operator):
    """data (N, C, H, W), padded by `pad` zeros, in tiles, transformed: (chunks, points, tiles of a chunk, C).

    Of volumes (N, C, D, H, W), whose planes are padded: (N, D, chunks of a plane, points, tiles of a chunk, C).
    """

    tile: int
    pad: Dims
    rows: int
    has_kernel = True

    def tiles(self, data: TensorType) -> Tiles:
        batch, _, *planes, height, width = data.dims
        height, width = (extent + 2 * pad - KERNEL + 1 for extent, pad in zip((height, width), self.pad, strict=True))
        return Tiles(self.tile, batch * math.prod(planes), height, width, self.rows)

    def _chunks(self, data: Shape) -> Shape:
        """By what chunks are counted."""
        tiles = self.tiles(TensorType(data))
        return (tiles.chunks,) if len(data) == 4 else (data[0], data[2], tiles.chunks_of_image)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        tiles = self.tiles(TensorType(s.data.dims))
        s.output.unify((*self._chunks(s.data.dims), tiles.transforms.points, tiles.of_chunk, s.data[1]))

    def unspecified(self, data: TensorType) -> np.ndarray:
        """The places of chunks without a tile."""
        tiles = self.tiles(data)
        places = np.ones((tiles.chunks, 1, tiles.of_chunk, 1), bool)
        for row in range(tiles.all_rows):
            first = row % tiles.rows * tiles.columns
            places[row // tiles.rows, :, first:first + tiles.columns] = False
        return places.reshape(*self._chunks(data.dims), *places.shape[1:])

    def reference(self, data: np.ndarray) -> np.ndarray:
        chunks = self._chunks(data.shape)
        if data.ndim == 5:
            data = data.swapaxes(1, 2).reshape(-1, data.shape[1], *data.shape[3:])
        return self._of_images(data).reshape(*chunks, -1, self.tiles(TensorType(data.shape)).of_chunk, data.shape[1])

    def _of_images(self, data: np.ndarray) -> np.ndarray:
        tiles, (_, channels, height, width) = self.tiles(TensorType(data.shape)), data.shape
        reach = [count * self.tile + KERNEL - 1 for count in (tiles.rows_of_image, tiles.columns)]
        padded = np.zeros((tiles.batch, channels, *reach), data.dtype)
        inside = [slice(pad, min(pad + extent, end))
                  for pad, extent, end in zip(self.pad, (height, width), reach, strict=True)]
        padded[:, :, inside[0], inside[1]] = data[:, :, :inside[0].stop - self.pad[0], :inside[1].stop - self.pad[1]]
        side = self.tile + KERNEL - 1
        windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), (2, 3))[:, :, ::self.tile, ::self.tile]
        made = transformed(tiles.transforms.image, [[windows[..., i, j] for j in range(side)] for i in range(side)])
        points = np.stack([made[i][j] for i, j in np.ndindex(side, side)])         # (points, N, C, rows, columns)
        by_row = points.transpose(1, 3, 0, 4, 2).reshape(tiles.all_rows, len(points), tiles.columns, channels)
        filled = np.zeros((tiles.chunks, len(points), tiles.of_chunk, channels), data.dtype)
        for row, line in enumerate(by_row):
            chunk, first = row // tiles.rows, row % tiles.rows * tiles.columns
            filled[chunk, :, first:first + tiles.columns] = line
        return filled


@operator("_winograd_weight", hidden=True)
class WinogradWeight(Operator):
    """weight (O, C, 3, 3), transformed: (O, C, points); of volumes (O, C, D, 3, 3): (O, C, D, points).

    matrices: see `weight_matrices`.
    """

    inputs = ("weight", "matrices")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify((*s.weight.dims[:-2], s.matrices[0]))

    def contraction(self, inputs: list[TensorType]) -> Contraction:
        weight, (points, *_) = inputs[0].dims, inputs[1].dims
        kept = "oc" if len(weight) == 4 else "ocd"
        extents = (*zip(kept, weight, strict=False), ("p", points), *zip("ij", weight[-2:], strict=True))
        return Contraction(extents, axes(kept + "p"), axes(kept + "ij"), axes("pij"))

    def reference(self, weight: np.ndarray, matrices: np.ndarray) -> np.ndarray:
        return np.tensordot(weight, matrices, ((-2, -1), (1, 2)))


@operator("_winograd_product", hidden=True)
class WinogradProduct(Operator):
    """What a convolution gives, (N, O, height, width) = `shape`, from its transformed data and weight.

    data (chunks, points, tiles, C) of `_winograd_input`, weight (O, C, points) of `_winograd_weight`.
    Of volumes, (N, O, planes, height, width) = `shape`, from data (N, D, chunks, points, tiles, C) and weight
    (O, C, taps, points): `stride` and `pad` are those of the window over planes.
    """

    tile: int
    rows: int
    shape: Dims
    no_bias: bool = False
    stride: int = 1
    pad: int = 0
    inputs = ("data", "weight", Optional("bias", unless="no_bias"))

    @property
    def tiles(self) -> Tiles:
        batch, _, *planes, height, width = self.shape
        return Tiles(self.tile, batch * math.prod(planes), height, width, self.rows)

    def depth(self, data: TensorType, weight: TensorType) -> Depth | None:
        """None: of images."""
        if len(self.shape) == 4:
            return None
        return Depth(data.dims[1], self.shape[2], weight.dims[2], self.stride, self.pad)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(self.shape)
        if s.bias:
            s.bias.unify((self.shape[1],))

    def contraction(self, inputs: list[TensorType]) -> Contraction:
        """Of all points of all tiles; the sums are transformed before the epilogue."""
        (*_, chunks, points, tiles, channels), (filters, *_) = inputs[0].dims, inputs[1].dims
        extents = (("k", chunks), ("p", points), ("t", tiles), ("o", filters), ("c", channels))
        depth = self.depth(*inputs[:2])
        if depth is None:
            return Contraction(extents, axes("kpto"), axes("kptc"), axes("ocp"))
        plane = Index((("z", depth.stride), ("d", 1)), -depth.pad)
        outer = (("n", self.shape[0]), ("z", depth.output))
        return Contraction((*outer, *extents, ("d", depth.kernel)), axes("nzkpto"),
                           (*axes("n"), plane, *axes("kptc")), axes("ocdp"))

    def finish(self, F: Any, total: Any, *bias: Any) -> Any:
        return total + bias[0] if bias else total

    def finish_dims(self, rank: int) -> tuple[tuple[int, ...], ...]:
        return () if self.no_bias else ((1,),)

    def reference(self, data: np.ndarray, weight: np.ndarray, *bias: np.ndarray) -> np.ndarray:
        spec = self.contraction([TensorType(data.shape), TensorType(weight.shape)])
        sums = evaluate(spec, data, weight, tuple(spec.sizes[name] for name in spec.parallel))
        pixels = self._pixels(sums.reshape(-1, *sums.shape[-3:]))
        if len(self.shape) == 5:
            pixels = np.ascontiguousarray(pixels.reshape(-1, self.shape[2], *pixels.shape[1:]).swapaxes(1, 2))
        return pixels + bias[0].reshape(-1, *(1,) * (len(self.shape) - 2)) if bias else pixels

    def _pixels(self, sums: np.ndarray) -> np.ndarray:
        """Images, of the sums (chunks, points, tiles, O)."""
        tiles, filters, side = self.tiles, self.shape[1], self.tile + KERNEL - 1
        sums = sums[:, :, :tiles.rows * tiles.columns]
        rows = sums.reshape(tiles.chunks, side * side, tiles.rows, tiles.columns, filters)
        rows = rows.transpose(1, 0, 2, 3, 4).reshape(side, side, -1, tiles.columns, filters)[:, :, :tiles.all_rows]
        made = np.stack([np.stack(line) for line in transformed(tiles.transforms.output, [list(r) for r in rows])])
        images = made.reshape(self.tile, self.tile, tiles.batch, tiles.rows_of_image, tiles.columns, filters)
        whole = images.transpose(2, 5, 3, 0, 4, 1).reshape(
            tiles.batch, filters, tiles.rows_of_image * self.tile, tiles.columns * self.tile)
        return np.ascontiguousarray(whole[:, :, :tiles.height, :tiles.width])
