"""Winograd's form of a 3x3 convolution: fewer multiplications, on tiles of the image.

y = Aᵀ[(G·w·Gᵀ) ⊙ (Bᵀ·x·B)]A gives m x m pixels of a convolution from a tile of (m+2) x (m+2): for m = 2 by 16
multiplications instead of 36.  With channels, ⊙ becomes a matrix product for each of the (m+2)² points of the
transformed tiles.  Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, arXiv:1509.09308.

An infinity or NaN reaches all pixels of the tiles that it lies in, as the sums cancel no more.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symc.ir.types import TensorType
from symc.ops.contraction import Contraction, axes
from symc.ops.operator import Operator, Optional, operator
from symc.ops.parameters import Dims
from symc.ops.slots import ShapeSlot, Slots

KERNEL = 3
BLOCK = 16      # channels that lie side by side in memory
SUMS_OF_JOB = 64 << 10      # bytes of the stack
Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Transforms:
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


TRANSFORMS = {
    2: Transforms(((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
                  ((1, 0, 0), (1 / 2, 1 / 2, 1 / 2), (1 / 2, -1 / 2, 1 / 2), (0, 0, 1)),
                  ((1, 1, 1, 0), (0, 1, -1, -1))),
}


@dataclass(frozen=True)
class Tiles:
    """How an output of (batch, height, width) is cut into tiles of `size`² pixels, `rows` rows of tiles to a chunk.

    Rows are counted through all images of the batch.  Places of a chunk without a tile hold anything.
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
    def of_chunk(self) -> int:
        """Places for tiles in a chunk: an odd number, so that the points of a tile lie in different cache sets."""
        return self.rows * self.columns | 1

    @property
    def transforms(self) -> Transforms:
        return TRANSFORMS[self.size]


def combine(factors: Sequence[float], values: Sequence[Any]) -> Any:
    """Σ factor·value without multiplications by 0, 1 and -1; values that are None count as 0, as does the result."""
    terms = [(factor, value) for factor, value in zip(factors, values, strict=True) if factor and value is not None]
    total = None
    for factor, value in sorted(terms, key=lambda term: term[0] < 0):
        scaled = value if abs(factor) == 1 else value * abs(factor)
        if total is None:
            total = scaled if factor > 0 else -scaled
        else:
            total = total + scaled if factor > 0 else total - scaled
    return total


def transformed(matrix: Matrix, tile: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """matrix · tile · matrixᵀ, of anything that can be added and multiplied by numbers."""
    by_rows = [[combine(row, column) for column in zip(*tile, strict=True)] for row in matrix]
    return [[combine(row, line) for row in matrix] for line in by_rows]


@functools.cache
def weight_matrices(size: int) -> np.ndarray:
    """(points, 3, 3): the factor of each tap of a kernel in each point of its transform, G ⊗ G."""
    matrix = np.array(TRANSFORMS[size].weight)
    return np.einsum("ik,jl->ijkl", matrix, matrix).reshape(-1, KERNEL, KERNEL).astype(np.float32)


@operator("_winograd_input", hidden=True)
class WinogradInput(Operator):
    """data (N, C, H, W), padded by `pad` zeros, in tiles, transformed: (chunks, points, tiles of a chunk, C)."""

    tile: int
    pad: Dims
    rows: int

    def tiles(self, data: TensorType) -> Tiles:
        batch, _, *image = data.dims
        height, width = (extent + 2 * pad - KERNEL + 1 for extent, pad in zip(image, self.pad, strict=True))
        return Tiles(self.tile, batch, height, width, self.rows)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        tiles = self.tiles(TensorType(s.data.dims))
        s.output.unify((tiles.chunks, tiles.transforms.points, tiles.of_chunk, s.data[1]))

    def reference(self, data: np.ndarray) -> np.ndarray:
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

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """A job is a row of tiles."""
        data, output = inputs[0], outputs[0]
        batch, channels, height, width = data.shape
        tiles = self.tiles(TensorType(data.shape))
        side = range(self.tile + KERNEL - 1)
        with k.jobs(tiles.all_rows) as row, k.loop(tiles.columns) as column:
            n, y = row // tiles.rows_of_image, row % tiles.rows_of_image * self.tile - self.pad[0]
            x, last = column * self.tile - self.pad[1], side[-1]
            place = row // tiles.rows, row % tiles.rows * tiles.columns + column
            inside = k.all(y >= 0, y + last < height, x >= 0, x + last < width)

            def write(lanes: Any, pixel: Any) -> None:
                made = transformed(tiles.transforms.image, [[pixel(lanes, i, j) for j in side] for i in side])
                for i, j in itertools.product(side, side):
                    k.store(output, (place[0], i * len(side) + j, place[1], lanes), made[i][j])

            def within(lanes: Any, i: int, j: int) -> Any:
                return data[n, lanes, y + i, x + j]

            def perhaps(lanes: Any, i: int, j: int) -> Any:
                at = [k.clamp(y + i, 0, height - 1), k.clamp(x + j, 0, width - 1)]
                valid = k.all(y + i >= 0, y + i < height, x + j >= 0, x + j < width)
                return k.F.where(valid, data[n, lanes, at[0], at[1]], 0)
            for chosen, pixel in ((inside, within), (~inside, perhaps)):
                with k.when(chosen), k.loop(-(-channels // BLOCK)) as block:
                    k.vectors(BLOCK, data.dtype, lambda lane, b=block, p=pixel: write(b * BLOCK + lane, p))


@operator("_winograd_weight", hidden=True)
class WinogradWeight(Operator):
    """weight (O, C, 3, 3), transformed: (O, C, points).  matrices: see `weight_matrices`."""

    inputs = ("weight", "matrices")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify((s.weight[0], s.weight[1], s.matrices[0]))

    def contraction(self, inputs: list[TensorType]) -> Contraction:
        (filters, channels, *kernel), (points, *_) = inputs[0].dims, inputs[1].dims
        extents = (("o", filters), ("c", channels), ("p", points), ("i", kernel[0]), ("j", kernel[1]))
        return Contraction(extents, axes("ocp"), axes("ocij"), axes("pij"))

    def reference(self, weight: np.ndarray, matrices: np.ndarray) -> np.ndarray:
        return np.tensordot(weight, matrices, ((2, 3), (1, 2)))


@operator("_winograd_product", hidden=True)
class WinogradProduct(Operator):
    """What a convolution gives, (N, O, height, width) = `shape`, from its transformed data and weight.

    data (chunks, points, tiles, C) of `_winograd_input`, weight (O, C, points) of `_winograd_weight`.
    """

    tile: int
    rows: int
    shape: Dims
    no_bias: bool = False
    inputs = ("data", "weight", Optional("bias", unless="no_bias"))

    @property
    def tiles(self) -> Tiles:
        batch, _, height, width = self.shape
        return Tiles(self.tile, batch, height, width, self.rows)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(self.shape)
        if s.bias:
            s.bias.unify((self.shape[1],))

    def contraction(self, inputs: list[TensorType]) -> Contraction:
        """Of all points of all tiles; the sums are transformed before the epilogue."""
        (chunks, points, tiles, channels), (filters, *_) = inputs[0].dims, inputs[1].dims
        extents = (("k", chunks), ("p", points), ("t", tiles), ("o", filters), ("c", channels))
        return Contraction(extents, axes("kpto"), axes("kptc"), axes("ocp"))

    def finish(self, F: Any, total: Any, *bias: Any) -> Any:
        return total + bias[0] if bias else total

    def finish_dims(self, rank: int) -> tuple[tuple[int, ...], ...]:
        return () if self.no_bias else ((1,),)

    def reference(self, data: np.ndarray, weight: np.ndarray, *bias: np.ndarray) -> np.ndarray:
        tiles, (batch, filters, height, width) = self.tiles, self.shape
        sums = data @ weight.transpose(2, 1, 0)                       # (chunks, points, tiles, O)
        side = self.tile + KERNEL - 1
        sums = sums[:, :, :tiles.rows * tiles.columns]
        rows = sums.reshape(tiles.chunks, side * side, tiles.rows, tiles.columns, filters)
        rows = rows.transpose(1, 0, 2, 3, 4).reshape(side, side, -1, tiles.columns, filters)[:, :, :tiles.all_rows]
        made = np.stack([np.stack(line) for line in transformed(tiles.transforms.output, [list(r) for r in rows])])
        images = made.reshape(self.tile, self.tile, batch, tiles.rows_of_image, tiles.columns, filters)
        whole = images.transpose(2, 5, 3, 0, 4, 1).reshape(
            batch, filters, tiles.rows_of_image * self.tile, tiles.columns * self.tile)
        result = np.ascontiguousarray(whole[:, :, :height, :width])
        return result + bias[0].reshape(-1, 1, 1) if bias else result
