"""Parameters that Gluon's `save_parameters` named by their place in the tree of blocks (features.4.0.body.1.gamma),
found in a graph that has no such tree.

A layer is what has parameters: in the file a path, in the graph an operator.  Layers correspond if they have the same
kinds of parameters in the same shapes.  Gluon's containers number their children in the order in which they run, so
what lies below child 4 comes in the graph before all that lies below child 5.  Where this leaves one assignment, it is
the right one; elsewhere nothing is assigned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np

from symc.ir.graph import Graph, Node
from symc.ops.operator import operation

if TYPE_CHECKING:
    from symc.frontend.parameter_names import Renaming, Wanted

SAME_ROLES = {"running_mean": "moving_mean", "running_var": "moving_var"}   # in Gluon: in MXNet's operators

Path = tuple[str, ...]
Signature = tuple[tuple[str, tuple[int | None, ...]], ...]      # role and shape of each parameter, by role


@dataclass
class Layer:
    """Something with parameters: their names by role, and what identifies its kind."""

    parameters: dict[str, str]
    signature: Signature = ()


def by_structure(wanted: Wanted, spare: Mapping[str, np.ndarray]) -> Renaming:
    """Names of the file for those of the graph; nothing unless exactly one assignment of all layers exists."""
    ours = _layers_of_graph(wanted)
    theirs = _layers_of_file(spare)
    if not theirs or len(ours) != len(theirs) or any(None in shape for layer in ours.values()
                                                      for _, shape in layer.signature):
        return {}
    nodes, paths = list(ours), list(theirs)
    domains = [_mask(i for i, node in enumerate(nodes) if ours[node].signature == theirs[path].signature)
               for path in paths]
    _narrow(domains, _ordered_pairs(paths), _ancestors(wanted.graph, nodes))
    if any(domain.bit_count() != 1 for domain in domains) or len(set(domains)) != len(domains):
        return {}
    chosen = {path: ours[nodes[domain.bit_length() - 1]] for path, domain in zip(paths, domains, strict=True)}
    return {layer.parameters[role]: name for path, layer in chosen.items()
            for role, name in theirs[path].parameters.items()}


def _layers_of_file(spare: Mapping[str, np.ndarray]) -> dict[Path, Layer]:
    """Layers by their paths; none if some name has no path and could be anything."""
    layers: dict[Path, Layer] = {}
    for name in spare:
        *path, role = name.split(".")
        if not path:
            return {}
        layers.setdefault(tuple(path), Layer({})).parameters[SAME_ROLES.get(role, role)] = name
    for layer in layers.values():
        layer.signature = tuple(sorted((role, spare[name].shape) for role, name in layer.parameters.items()))
    return layers


def _layers_of_graph(wanted: Wanted) -> dict[Node, Layer]:
    """Operators that read what is missing; the first of those that share a parameter."""
    layers: dict[Node, Layer] = {}
    seen: set[str] = set()
    for node in wanted.graph.nodes:
        if node.op is None:
            continue
        for role, value in zip(operation(node).input_names(), node.inputs, strict=True):
            name = value.node.name
            if value.node.is_variable and name in wanted.shapes and name not in seen:
                seen.add(name)
                layers.setdefault(node, Layer({})).parameters[role] = name
    for layer in layers.values():
        layer.signature = tuple(sorted((role, wanted.shapes[name] or (None,))
                                       for role, name in layer.parameters.items()))
    return layers


def _ordered_pairs(paths: list[Path]) -> list[tuple[int, int]]:
    """Pairs of layers of which the first runs before the second: those below adjacent children of a container."""
    below: dict[Path, dict[int, list[int]]] = {}
    for position, path in enumerate(paths):
        for depth, step in enumerate(path):
            if step.isascii() and step.isdigit():
                below.setdefault(path[:depth], {}).setdefault(int(step), []).append(position)
    return [pair for children in below.values() for first, second in pairwise(sorted(children))
            for pair in product(children[first], children[second])]


def _ancestors(graph: Graph, nodes: list[Node]) -> list[int]:
    """For each layer the mask of the layers that it depends on."""
    own = {node: 1 << i for i, node in enumerate(nodes)}
    before: dict[Node, int] = {}
    for node in graph.nodes:
        mask = 0
        for value in node.inputs:
            mask |= before[value.node] | own.get(value.node, 0)
        before[node] = mask
    return [before[node] for node in nodes]


def _narrow(domains: list[int], pairs: list[tuple[int, int]], ancestors: list[int]) -> None:
    """Take from the masks of candidates what no assignment can have, until nothing changes.

    Only the impossible is taken: where one candidate is left everywhere, there is no other assignment.
    """
    before: list[int] = []
    while before != domains:
        before = list(domains)
        for first, second in pairs:
            domains[second] = _mask(i for i in _bits(domains[second]) if ancestors[i] & domains[first])
            earlier = 0
            for i in _bits(domains[second]):
                earlier |= ancestors[i]
            domains[first] &= earlier
        for position, domain in enumerate(domains):
            if domain.bit_count() == 1:
                for other in range(len(domains)):
                    if other != position:
                        domains[other] &= ~domain


def _mask(bits: Iterator[int]) -> int:
    return sum(1 << bit for bit in bits)


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
