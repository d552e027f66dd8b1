"""Values for the variables of a graph."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from symc.ir.graph import Graph
from symc.ir.types import DType
from symc.ops.math import NumPyMath
from symc.passes.materialize import ACCUMULATED
from symc.passes.seed_random import SEED
from symc.verification.roles import distribution_of


@dataclass(frozen=True)
class Inputs:
    """Arrays by the names of variables, and in words what those that were drawn were drawn from."""

    arrays: Mapping[str, np.ndarray]
    drawn: Mapping[str, str] = field(default_factory=dict)


def draw_inputs(roles: Graph, graph: Graph, seed: int, given: Mapping[str, np.ndarray]) -> Inputs:
    """Values for the variables of `graph`: those given, the others drawn.

    roles: the network as its user wrote it, typed; variables that it lacks are drawn by their dtype.  The values of a
    variable depend on the seed, its name and its type alone.
    """
    known = {node.name: node for node in roles.variables}
    arrays, drawn = dict(given), {}
    for node in graph.variables:
        if node.name in given:
            continue
        type = node.types[0]
        if node.name == SEED:
            arrays[SEED] = np.full(type.dims, seed, np.int64)
            continue
        if node.name.startswith(ACCUMULATED):
            arrays[node.name] = np.zeros(type.dims, type.element.numpy)
            continue
        distribution = distribution_of(roles, known.get(node.name, node), type.element)
        draws = np.random.default_rng([seed, zlib.crc32(node.name.encode())])
        arrays[node.name] = held(distribution.draw(draws, type.dims), type.element)
        drawn[node.name] = str(distribution)
    return Inputs(arrays, drawn)


def held(array: np.ndarray, dtype: DType) -> np.ndarray:
    """An array as memory of this dtype, which for bfloat16 is uint16."""
    if dtype is DType.bfloat16:
        array = np.asarray(array, np.float32)
    return np.ascontiguousarray(NumPyMath.cast(array, dtype))
