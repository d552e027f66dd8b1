"""Values of the variables of random graphs: the first letters of a variable's name say what it holds."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

import numpy as np

from symc.ir.graph import Graph, Node
from symc.ir.text import parse_graph
from symc.ir.types import DType
from symc.ops.inference import infer, with_types
from symc.ops.math import NumPyMath
from symc.ops.operator import from_text

Shape = tuple[int, ...]
Draws = np.random.Generator
NOISE = {"f2": 4e-3, "f4": 2e-6, "f8": 1e-14, "u2": 2e-2}       # relative, of a step; u2 holds bfloat16
SPECIAL = (np.nan, np.inf, -np.inf, -0.0, 0.0, 1.0, -1.0, 0.5, 1e-7, 300.0)


def parse(text: str) -> Graph:
    """The typed graph of a text."""
    graph = parse_graph(text, from_text)
    return with_types(graph, infer(graph))


def values_of(graph: Graph, seed: int) -> dict[str, np.ndarray]:
    """Values of the variables; that of each depends on the seed, its name and its type alone."""
    return {node.name: value_of(node, seed) for node in graph.variables}


def value_of(node: Node, seed: int) -> np.ndarray:
    """An array for a variable whose name is KIND, a number for some kinds, '_' and anything; see KINDS."""
    match = re.match(r"([a-z]+?)(\d*)_", node.name)
    kind, number = (match[1], int(match[2] or 0)) if match else ("x", 0)
    draws = np.random.default_rng([seed, zlib.crc32(node.name.encode())])
    type = node.types[0]
    if kind == "x" and not type.element.is_float:
        kind = "i"
    return of_dtype(np.asarray(KINDS[kind](draws, type.dims, number)), type.element)


def of_dtype(value: np.ndarray, dtype: DType) -> np.ndarray:
    """`value` as it is held in memory; numbers that an unsigned type lacks are made positive."""
    if dtype in (DType.uint8, DType.bool):
        value = np.abs(value)
    if dtype is DType.bool:
        value = value >= 1
    with np.errstate(invalid="ignore"):     # infinities become the least integer
        return NumPyMath.cast(value if dtype is not DType.bfloat16 else value.astype(np.float32), dtype)


def plain(array: np.ndarray) -> np.ndarray:
    """As float64."""
    if array.dtype == np.uint16:
        array = NumPyMath.cast(array, DType.float32)
    return np.asarray(array, np.float64)


# ---- kinds ---------------------------------------------------------------------------------------------------------


def _boxes(draws: Draws, shape: Shape, _: int) -> np.ndarray:
    """Corners (xmin, ymin, xmax, ymax) within the unit square."""
    low = draws.uniform(0, 0.7, (*shape[:-1], 2))
    return np.concatenate([low, low + draws.uniform(0.05, 0.3, low.shape)], -1)


def _scored_boxes(draws: Draws, shape: Shape, _: int) -> np.ndarray:
    """(class, score, corners, anything) with some scores alike."""
    kinds = draws.integers(-1, 3, (*shape[:-1], 1))
    scores = draws.integers(0, 8, (*shape[:-1], 1)) / 8
    rest = draws.uniform(0, 1, (*shape[:-1], max(shape[-1] - 6, 0)))
    return np.concatenate([kinds, scores, _boxes(draws, (*shape[:-1], 4), 0), rest], -1)[..., :shape[-1]]


def _labels(draws: Draws, shape: Shape, _: int) -> np.ndarray:
    """(class, corners) of the objects in each image, -1 behind the last."""
    found = np.concatenate([draws.integers(0, 2, (*shape[:-1], 1)), _boxes(draws, (*shape[:-1], 4), 0)], -1)
    found[:, draws.integers(1, shape[1] + 1):] = -1
    return found


def _regions(draws: Draws, shape: Shape, images: int) -> np.ndarray:
    """(image, corners in pixels), or (image, center, extents, degrees) for rotated ones."""
    image = draws.integers(0, max(images, 1), (*shape[:-1], 1))
    low = draws.uniform(0, 5, (*shape[:-1], 2))
    corners = [low, low + draws.uniform(0.5, 6, low.shape), draws.uniform(-90, 90, (*shape[:-1], 1))]
    return np.concatenate([image, *corners], -1)[..., :shape[-1]]


def _positive_definite(draws: Draws, shape: Shape, _: int) -> np.ndarray:
    root = draws.uniform(-1, 1, shape)
    return root @ np.swapaxes(root, -1, -2) + 2 * np.eye(shape[-1])


def _triangular(draws: Draws, shape: Shape, _: int) -> np.ndarray:
    """A lower triangle with a large diagonal, and small numbers above it."""
    return draws.uniform(-0.5, 0.5, shape) + 2 * np.eye(shape[-1])


def _special(draws: Draws, shape: Shape, _: int) -> np.ndarray:
    return np.where(draws.uniform(0, 1, shape) < 0.3, draws.choice(SPECIAL, shape), draws.uniform(-2, 2, shape))


KINDS: dict[str, Callable[[Draws, Shape, int], np.ndarray]] = {
    "x": lambda draws, shape, _: draws.uniform(-1, 1, shape),
    "w": lambda draws, shape, _: draws.uniform(-1, 1, shape),
    "u": lambda draws, shape, _: draws.uniform(-1, 1, shape),
    "m": lambda draws, shape, _: draws.uniform(-1, 1, shape),
    "i": lambda draws, shape, _: draws.integers(-4, 5, shape),
    "t": lambda draws, shape, _: draws.integers(-5, 6, shape) / 2,          # ties
    "v": lambda draws, shape, _: draws.uniform(0.5, 1.5, shape),
    "e": lambda draws, shape, _: draws.uniform(8, 12, shape),
    "p": lambda draws, shape, _: draws.uniform(0.05, 0.95, shape),
    "c": lambda draws, shape, _: draws.integers(0, 2, shape),
    "k": lambda draws, shape, limit: draws.integers(0, max(limit, 1), shape),
    "n": lambda draws, shape, limit: draws.integers(1, max(limit, 1) + 1, shape),
    "o": lambda draws, shape, limit: np.arange(np.prod(shape)).reshape(shape),
    "z": _special, "b": _boxes, "d": _scored_boxes, "l": _labels, "r": _regions, "s": _positive_definite,
    "g": _triangular,
}
