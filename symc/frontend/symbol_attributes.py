"""Attributes of symbols as the Symbol API shows them.

On a node, attributes stand as the user wrote them, among the operator's parameters.  Where they differ from MXNet's
own spelling, they are read back under either: `mood` of an operator is saved as `__mood__` (the only form that MXNet
loads), `lr_mult` is kept as `__lr_mult__`.
"""

from __future__ import annotations

from collections.abc import Mapping

from symc.frontend.legacy import HIDDEN_KEYS
from symc.ir.graph import Graph, Node
from symc.ops.operator import operation


def shown(attrs: Mapping[str, str]) -> dict[str, str]:
    """Attributes, those like __lr_mult__ under their old names too."""
    return {**attrs, **{key: attrs[f"__{key}__"] for key in HIDDEN_KEYS if f"__{key}__" in attrs}}


def find(node: Node, key: str) -> str | None:
    """The attribute, in this spelling or the other one; None if the node has neither."""
    other = key[2:-2] if key.startswith("__") and key.endswith("__") else f"__{key}__"
    return node.attrs.get(key, users(node).get(other))


def users(node: Node) -> dict[str, str]:
    """The attributes of a node that are no parameters of its operator."""
    if node.op is None:
        return dict(node.attrs)
    parameters = operation(node).parameters()
    return {key: value for key, value in node.attrs.items() if key not in parameters}


def by_node(graph: Graph) -> dict[str, dict[str, str]]:
    """Attributes and parameters of all nodes that have some, by the nodes' names."""
    found: dict[str, dict[str, str]] = {}
    for node in graph.nodes:
        if node.attrs:
            found.setdefault(node.name, {}).update(shown(node.attrs))
    return found


def of_all_nodes(graph: Graph) -> dict[str, str]:
    """The users' attributes of all nodes, as name_key.  Those that an operator's variables took over from it count,
    its parameters that they took over do not."""
    own = {node: users(node) for node in graph.nodes}
    for node in graph.nodes:
        parameters = node.attrs.keys() - own[node].keys()
        for value in node.inputs:
            if value.node.is_variable and value.node.name.startswith(f"{node.name}_"):
                own[value.node] = {key: text for key, text in own[value.node].items()
                                   if key not in parameters or text != node.attrs[key]}
    return {f"{node.name}_{key}": text for node, attrs in own.items() for key, text in shown(attrs).items()}
