"""Steps of plans that run in Python, between kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symc.codegen.assemble import host_name
from symc.codegen.bodies import names_with_bodies
from symc.errors import SymcError, raise_collected
from symc.ir.graph import Graph, Node
from symc.ops.operator import operation, run_reference


def refuse_host_steps(graph: Graph) -> None:
    """Raise for nodes that run in Python, which a package does not hold."""
    problems = [f"node '{node.name}' ({operation(node).name}: "
                + ", ".join(f"{key}={value}" for key, value in operation(node).parameters().items())
                + ") is computed in Python, which a package cannot hold"
                for node in graph.nodes if node.op is not None and operation(node).is_host]
    raise_collected(SymcError, "the package", problems, "compose the node of other operators, choose outputs in front "
                    "of it, or run the network in this process: symc.compile, or bind")


def host_functions(graph: Graph) -> dict[str, Callable[..., None]]:
    """The functions that the host steps of a plan call, one for each node: `host` of its operator, or its reference."""
    return {host_name(operation(node), name): _host_function(node) for node, name in names_with_bodies(graph).items()
            if node.op is not None and operation(node).is_host}


def _host_function(node: Node) -> Callable[..., None]:
    op = operation(node)
    shapes = [value.type.dims for value in node.inputs]

    def call(program: Any, attributes: Mapping[str, str], inputs: Sequence[np.ndarray],
             outputs: Sequence[np.ndarray]) -> None:
        given = [array.reshape(shape) for array, shape in zip(inputs, shapes, strict=True)]
        wanted = [array.reshape(type.dims) for array, type in zip(outputs, node.types, strict=True)]
        if op.host is not None:
            op.host(given, wanted)
            return
        for target, value in zip(wanted, run_reference(op, given, node.types), strict=True):
            target[...] = value
    return call
