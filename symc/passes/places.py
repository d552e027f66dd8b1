"""Where a node is computed, as MXNet places the groups of nodes that `group2ctx` names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from symc.errors import MXNetError, counted, did_you_mean, raise_collected
from symc.ir.graph import Graph, Node

GROUP = "__ctx_group__"     # the attribute that names a node's group
P = TypeVar("P")            # a place, whatever that is


def places_of(graph: Graph, groups: Mapping[str, P], arrays: Mapping[str, P], default: P) -> dict[Node, P]:
    """The place of each node of a graph as the user wrote it.

    groups: places of groups by name; without any, all is at `default`.  arrays: where the arrays of variables lie.
    As in MXNet, a node of a group is where its group is; a variable of none is where its array lies, an operator where
    its first input is; an operator of no group without inputs is where it is read, or else at `default`.
    MXNetError: a node's group is not among `groups`.
    """
    if not groups:
        return dict.fromkeys(graph.nodes, default)
    _refuse_unknown(graph, groups)
    places: dict[Node, P] = {}
    for node in graph.nodes:
        if (group := node.attrs.get(GROUP)) is not None:
            places[node] = groups[group]
        elif node.is_variable:
            places[node] = arrays.get(node.name, default)
        elif first := [places[value.node] for value in node.inputs if value.node in places][:1]:
            places[node] = first[0]
    for node in reversed(graph.nodes):
        if node in places:
            for value in node.inputs:
                places.setdefault(value.node, places[node])
    return {node: places.get(node, default) for node in graph.nodes}


def _refuse_unknown(graph: Graph, groups: Mapping[str, object]) -> None:
    members: dict[str, list[str]] = {}
    for node in graph.nodes:
        if (group := node.attrs.get(GROUP)) is not None and group not in groups:
            members.setdefault(group, []).append(node.name)
    raise_collected(MXNetError, "group2ctx", [
        f"it has no context for the group '{group}' of '{first}'"
        + (f" and {counted(len(others), 'other node')}" if others else "") + did_you_mean(group, groups, "; ")
        for group, (first, *others) in members.items()],
        "give one to each ctx_group of the symbol, or leave group2ctx out")


def inherited(graph: Graph, before: Mapping[Node, P], default: P) -> dict[Node, P]:
    """The places of the nodes of a graph that passes have made, by those of the graph before.

    A node is where the first node is that it stands for: gradients follow what they are of.  What stands for none is
    where its first input is.
    """
    by_source = {source: place for node, place in before.items() for source in node.sources}
    places: dict[Node, P] = {}
    for node in (*graph.nodes, *graph.unread_variables):
        known = [by_source[source] for source in node.sources if source in by_source]
        known += [places[value.node] for value in node.inputs if value.node.op is not None]
        places[node] = known[0] if known else default
    return places
