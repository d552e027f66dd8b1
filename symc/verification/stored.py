"""The graph that a package stores, with the constants that lie in its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from symc.codegen.bodies import names_with_bodies
from symc.errors import PackageError
from symc.ir.graph import Graph, Node, Value
from symc.ir.text import parse_graph
from symc.ops.families.control_flow import ControlFlow
from symc.ops.operator import from_text
from symc.runtime.manifest import graph_member
from symc.runtime.package import Package
from symc.runtime.plan import Buffer, storage_dtype


def stored_graph(package: Package, number: int = 0) -> Graph:
    """The graph after all passes, that plan `number` was assembled from.  PackageError: the package has none, or it is
    of a version of symc whose operators were others."""
    values, member = stored_constants(package, number), graph_member(number)
    try:
        graph = parse_graph(package.text(member), from_text, values)
    except (AssertionError, KeyError, TypeError, ValueError) as problem:
        raise PackageError(f"the {member} of package {package.path} cannot be read: {problem}",
                           "it was written by another version of symc; compile the network again") from problem
    names = names_with_bodies(graph)
    return _with_constants(graph, {node: values[name] for node, name in names.items() if name in values})


def stored_constants(package: Package, number: int) -> dict[str, np.ndarray]:
    """The weights of a plan by the names of its graph, in their physical shapes."""
    block = package.weights()
    return {buffer.name: array_in(block, buffer) for buffer in package.read_plan(number).buffers
            if buffer.kind == "weight" and buffer.offset is not None}


def array_in(block: np.ndarray, buffer: Buffer) -> np.ndarray:
    """What a buffer holds in the block of weights; a view."""
    assert buffer.offset is not None, f"'{buffer.name}' does not lie in the weights"
    raw = block[buffer.offset:buffer.offset + buffer.bytes]
    return raw.view(storage_dtype(buffer.dtype)).reshape(buffer.shape)


def _with_constants(graph: Graph, values: Mapping[Node, np.ndarray]) -> Graph:
    """`graph` with these constants, in the bodies of its loops and branches too."""
    def visit(node: Node) -> Sequence[Value] | None:
        if node in values:
            return replace(node, value=values[node]).outputs
        if not isinstance(node.op, ControlFlow):
            return None
        bodies = tuple(_with_constants(body, values) for body in node.op.graphs)
        return replace(node, op=replace(node.op, graphs=bodies)).outputs
    return graph.rewrite(visit)
