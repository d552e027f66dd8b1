"""Which entry of the plan computes a node."""

from __future__ import annotations

from collections.abc import Collection

from symc.ir.graph import Graph, Node
from symc.ops.operator import operation
from symc.passes.materialize import storage

PREPARE, FORWARD, BACKWARD = range(3)
PARAMETER_NAMES = frozenset({"weight", "bias", "gamma", "beta", "moving_mean", "moving_var", "mean", "var",
                             "parameters"})


def partition(graph: Graph, parameters: Collection[str]) -> dict[Node, int]:
    """PREPARE for nodes that depend on parameters and constants alone, FORWARD for what the heads need, else BACKWARD.

    parameters: names of the variables that change seldom (`parameter_variables` of the graph as the user wrote it).
    Prepared values are recomputed only when a parameter was written; heads are never prepared.  Without parameters
    nothing is: a package has no entry `prepare`.
    """
    prepared = stable_nodes(graph, parameters) if parameters else frozenset()
    forward = graph.forward_nodes
    return {node: PREPARE if node in prepared and node.op is not None else FORWARD if node in forward else BACKWARD
            for node in graph.nodes}


def stable_nodes(graph: Graph, parameters: Collection[str]) -> frozenset[Node]:
    """Constants, the variables named `parameters`, and what follows from them alone; no heads, nor what these view."""
    heads = {node for value in graph.roots for node in (value.node, storage(value).node)}
    stable: set[Node] = set()
    for node in graph.nodes:
        derived = node.op is not None and node not in heads and bool(node.inputs) and not operation(node).is_host
        if node.is_constant or (node.is_variable and node.name in parameters) or (
                derived and all(value.node in stable for value in node.inputs)):
            stable.add(node)
    return frozenset(stable)


def parameter_variables(graph: Graph) -> frozenset[str]:
    """Variables that operators read as weights, biases, scales or states, and none reads as data.

    A graph that writes gradients is being trained: its parameters change with every step, and nothing is prepared.
    """
    if graph.gradients:
        return frozenset()
    as_parameter: set[str] = set()
    as_data: set[str] = set()
    for node in graph.nodes:
        if node.op is None:
            continue
        for value, read_as_parameter in zip(node.inputs, _reads_as_parameters(node), strict=True):
            if value.node.is_variable:
                (as_parameter if read_as_parameter else as_data).add(value.node.name)
    return frozenset(as_parameter - as_data)


def _reads_as_parameters(node: Node) -> list[bool]:
    """For each input whether it is a parameter of the operator, or of all operators in its bodies that read it."""
    op = operation(node)
    if not op.subgraphs:
        return [name in PARAMETER_NAMES for name in op.input_names()]
    inside = list(zip(op.subgraphs, op.names_in_bodies(), strict=True))
    parameters = [parameter_variables(body) for body, _ in inside]
    read = [{variable.name for variable in body.variables} for body, _ in inside]
    return [bool(found) and all(found) for found in (
        [names[i] in parameters[k] for k, (_, names) in enumerate(inside) if names[i] in read[k]]
        for i in range(len(node.inputs)))]
