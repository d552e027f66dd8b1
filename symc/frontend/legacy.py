"""Bringing graphs of older MXNet releases up to 1.9.1, as src/nnvm/legacy_json_util.cc does on loading.

Each step takes a graph of any version below its own; `upgrade` runs those that apply, in MXNet's order.  Subgraphs
came with 1.3 and need none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from symc.frontend.symbol_json import CURRENT_VERSION, Entry, RawGraph, RawNode

# Keys of users' attributes that became `__key__` in 0.9 (kHiddenKeys in src/c_api/c_api_symbolic.cc).
HIDDEN_KEYS = ("ctx_group", "lr_mult", "wd_mult", "force_mirroring", "mirror_stage")

# Operator → input position → the `__init__` that composing gives a variable there (FSetInputVarAttrOnCompose).
ZERO, ONE = '["zero", {}]', '["one", {}]'
INITIALIZERS: Mapping[str, Mapping[int, str]] = {
    **dict.fromkeys(("BatchNorm", "BatchNorm_v1", "CuDNNBatchNorm", "_contrib_SyncBatchNorm",
                     "_contrib_BatchNormWithReLU"), {3: ZERO, 4: ONE}),
    "IdentityAttachKLSparseReg": {1: ZERO},
    "LeakyReLU": {1: '["Constant", {"value": 0.25}]'},
    "UpSampling": {1: '["bilinear", {}]'},
}


class Operators(Protocol):
    """What the steps need to know of operators."""

    def input_names(self, op: str, attrs: Mapping[str, str]) -> list[str]:
        """Names of the inputs, auxiliary states last; none when the operator or its attributes are not known."""
        ...


def upgrade(raw: RawGraph, operators: Operators) -> RawGraph:
    """`raw` as MXNet 1.9.1 would have written it; the same object when it is as new as that already.

    A graph of a newer release is taken as it is.
    """
    if raw.version >= CURRENT_VERSION:
        return raw
    graph = raw
    for version, step in STEPS:
        if raw.version < version:
            graph = step(graph, operators)
    return replace(graph, version=CURRENT_VERSION)


def hide_keys(graph: RawGraph, operators: Operators) -> RawGraph:
    """lr_mult → __lr_mult__, and the weight_lr_mult of an operator → __lr_mult__ of the variable that is its weight."""
    attrs = [dict(node.attrs) for node in graph.nodes]
    for position, node in enumerate(graph.nodes):
        for key, value in node.attrs.items():
            hidden = next((name for name in HIDDEN_KEYS if key.endswith(name)), None)
            owner = _owner(graph, position, key, hidden, operators) if hidden else None
            if owner is not None:
                del attrs[position][key]
                attrs[owner][f"__{hidden}__"] = value
    return _with_attributes(graph, attrs)


def _owner(graph: RawGraph, position: int, key: str, hidden: str, operators: Operators) -> int | None:
    """Position of the node that `key` of the node at `position` speaks of; None when it is no hidden key after all."""
    if key == hidden:
        return position
    node = graph.nodes[position]
    visible = {name: value for name, value in node.attrs.items() if not name.endswith(HIDDEN_KEYS)}
    argument = key.removesuffix(f"_{hidden}")
    names = [] if node.is_variable else operators.input_names(node.op, visible)[:len(node.inputs)]
    if argument not in names:
        return None
    owner = node.inputs[names.index(argument)].node
    return owner if graph.nodes[owner].is_variable else None


def add_missing_inputs(graph: RawGraph, operators: Operators) -> RawGraph:
    """Until 0.9 auxiliary states were not stored: each becomes a variable before its reader, with its attributes."""
    nodes: list[RawNode] = []
    moved: list[int] = []
    for node in graph.nodes:
        inputs = [entry._replace(node=moved[entry.node]) for entry in node.inputs]
        names = [] if node.is_variable else operators.input_names(node.op, node.attrs)
        for name in names[len(inputs):]:
            inputs.append(Entry(len(nodes)))
            nodes.append(RawNode("null", f"{node.name}_{name}" if node.name else name, node.attrs))
        moved.append(len(nodes))
        nodes.append(replace(node, inputs=tuple(inputs)))
    return replace(graph, nodes=tuple(nodes),
                   heads=tuple(entry._replace(node=moved[entry.node]) for entry in graph.heads))


def set_initializers(graph: RawGraph, operators: Operators) -> RawGraph:
    """Since 0.9.4 variables say how they start where their operator wants another start than usual."""
    attrs = [dict(node.attrs) for node in graph.nodes]
    for node in graph.nodes:
        for position, initializer in INITIALIZERS.get(node.op, {}).items():
            if position < len(node.inputs) and graph.nodes[node.inputs[position].node].is_variable:
                attrs[node.inputs[position].node].setdefault("__init__", initializer)
    return _with_attributes(graph, attrs)


def reduce_over_everything(graph: RawGraph, operators: Operators) -> RawGraph:
    """Until 0.9.5 axis=-1 of argmax and argmin meant all axes; now the absence of `axis` does."""
    attrs = [{key: value for key, value in node.attrs.items()
              if not (node.op in ("argmax", "argmin") and (key, value) == ("axis", "-1"))} for node in graph.nodes]
    return _with_attributes(graph, attrs)


def _with_attributes(graph: RawGraph, attrs: list[dict[str, str]]) -> RawGraph:
    return replace(graph, nodes=tuple(node if node.attrs == new else replace(node, attrs=new)
                                      for node, new in zip(graph.nodes, attrs, strict=True)))


STEPS: tuple[tuple[int, Callable[[RawGraph, Operators], RawGraph]], ...] = (
    (CURRENT_VERSION, hide_keys),
    (900, add_missing_inputs),
    (904, set_initializers),
    (905, reduce_over_everything),
)
