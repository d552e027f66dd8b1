"""Distributions of numbers that networks are verified on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from symc.ir.types import Shape

Draws = np.random.Generator


class Distribution(Protocol):
    """What the values of an input are drawn from; `str` of it is for people."""

    def draw(self, draws: Draws, shape: Shape) -> np.ndarray:
        """float64, or int64 for whole numbers."""


@dataclass(frozen=True)
class Normal:
    """Around 0."""

    deviation: float = 1.0

    def draw(self, draws: Draws, shape: Shape) -> np.ndarray:
        return self.deviation * draws.standard_normal(shape)

    def __str__(self) -> str:
        return f"normal, standard deviation {self.deviation:.3g}"


@dataclass(frozen=True)
class Uniform:
    """In [low, high)."""

    low: float
    high: float

    def draw(self, draws: Draws, shape: Shape) -> np.ndarray:
        return draws.uniform(self.low, self.high, shape)

    def __str__(self) -> str:
        return f"uniform in [{self.low:g}, {self.high:g})"


@dataclass(frozen=True)
class Integers:
    """Whole numbers in [low, high)."""

    low: int
    high: int

    def draw(self, draws: Draws, shape: Shape) -> np.ndarray:
        return draws.integers(self.low, max(self.high, self.low + 1), shape)

    def __str__(self) -> str:
        return f"whole numbers in [{self.low}, {max(self.high, self.low + 1)})"


@dataclass(frozen=True)
class Points:
    """Coordinates of points within `extents` along the first axis."""

    extents: Shape

    def draw(self, draws: Draws, shape: Shape) -> np.ndarray:
        return np.stack([draws.integers(0, max(extent, 1), shape[1:]) for extent in self.extents[:shape[0]]])

    def __str__(self) -> str:
        return f"points within {self.extents}"


@dataclass(frozen=True)
class Places:
    """Whole numbers below `extent` that differ from each other: rows that are written once."""

    extent: int

    def draw(self, draws: Draws, shape: Shape) -> np.ndarray:
        count = int(np.prod(shape))
        return draws.permutation(max(self.extent, count))[:count].reshape(shape)

    def __str__(self) -> str:
        return f"different whole numbers below {self.extent}"


@dataclass(frozen=True)
class Boxes:
    """Rows (first columns, xmin, ymin, xmax, ymax) within `width` by `height`; first: each column's numbers."""

    first: tuple[Distribution, ...]
    width: float = 1.0
    height: float = 1.0

    def draw(self, draws: Draws, shape: Shape) -> np.ndarray:
        rows = draws.uniform(0, 1, shape)
        count, size = len(self.first), np.array([self.width, self.height])
        for column, distribution in enumerate(self.first):
            rows[..., column] = distribution.draw(draws, shape[:-1])
        low = draws.uniform(0, 0.6, (*shape[:-1], 2))
        rows[..., count:count + 2] = low * size
        rows[..., count + 2:count + 4] = (low + draws.uniform(0.1, 0.4, low.shape)) * size
        return rows

    def __str__(self) -> str:
        lead = "".join(f"{column}; " for column in self.first)
        return f"rows of {lead}corners of boxes within {self.width:g} x {self.height:g}"


@dataclass(frozen=True)
class Sizes:
    """Rows (height, width, scale) of images."""

    height: int
    width: int

    def draw(self, draws: Draws, shape: Shape) -> np.ndarray:
        return np.broadcast_to([self.height, self.width, 1.0], shape).copy()

    def __str__(self) -> str:
        return f"rows of {self.height}, {self.width}, 1"


@dataclass(frozen=True)
class Definite:
    """Symmetric matrices, positive definite, which are lower triangles with a large diagonal if `triangle`."""

    triangle: bool = False

    def draw(self, draws: Draws, shape: Shape) -> np.ndarray:
        extent = shape[-1]
        factor = np.tril(draws.standard_normal(shape) / max(extent, 1)) + 2 * np.eye(extent)
        return factor if self.triangle else factor @ np.swapaxes(factor, -1, -2)

    def __str__(self) -> str:
        return "lower triangles" if self.triangle else "positive definite matrices"
