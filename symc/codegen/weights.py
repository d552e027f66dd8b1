"""The block of weights that a plan begins with: first values of variables, and constants, piece behind piece.

It follows from the graph alone, so that a package's weights can be written while its kernels are compiled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from symc.codegen.bodies import all_bodies
from symc.ir.graph import Graph, Node, Value
from symc.ops.record import Record, record
from symc.passes.plan_memory import rounded


@record
class Weights(Record):
    """places: where in the block each piece begins, by the name of a variable or by a constant.  contents: the same
    places and the values that lie there, in order.  bytes: of the block."""

    places: Mapping[str | Value, int]
    contents: tuple[tuple[int, np.ndarray], ...]
    bytes: int


def weights_of(graph: Graph, initial: Mapping[str, np.ndarray]) -> Weights:
    """First values of variables, as far as `initial` has them, then the constants, those in bodies behind others."""
    variables = (*graph.variables, *graph.unread_variables)
    pieces: list[tuple[str | Value, Node, np.ndarray]] = [(node.name, node, initial[node.name]) for node in variables
                                                          if node.name in initial]
    for one in (graph, *(body.graph for body in all_bodies(graph))):
        pieces += [(Value(node), node, node.value) for node in one.nodes if node.value is not None]
    places, contents, end = {}, [], 0
    for key, node, value in pieces:
        assert value.nbytes == node.types[0].bytes, f"{node} has {value.nbytes} bytes"
        places[key] = end
        contents.append((end, value))
        end += rounded(value.nbytes)
    return Weights(places, tuple(contents), end)


def in_pieces(contents: Iterable[tuple[int, np.ndarray]], size: int) -> Iterator[np.ndarray]:
    """A block of `size` bytes, as pieces of uint8 that nobody has copied: contents, and zeros between them."""
    end = 0
    for place, array in contents:
        if place > end:
            yield np.zeros(place - end, np.uint8)
        yield bytes_of(array)
        end = place + array.nbytes
    if size > end:
        yield np.zeros(size - end, np.uint8)


def bytes_of(array: np.ndarray) -> np.ndarray:
    """An array as it lies in memory, in row-major order."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)
