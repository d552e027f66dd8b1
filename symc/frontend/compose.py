"""Making nodes as MXNet composes them: attributes, variables made for inputs that are not given, substitution."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from symc.errors import MXNetError
from symc.frontend.legacy import HIDDEN_KEYS, INITIALIZERS
from symc.frontend.reader import variable_type
from symc.ir.graph import Graph, Node, Source, Value, variable
from symc.ir.types import TensorType
from symc.ops.operator import Operator, from_attributes, operation


def attribute_text(value: Any) -> str:
    """A Python value as MXNet's frontend writes it into an attribute: its `str`, NumPy scalars as plain numbers."""
    if isinstance(value, np.generic):
        return str(value.item()) if not isinstance(value, np.floating) else str(value)
    if isinstance(value, tuple | list):
        items = ", ".join(repr(item) if isinstance(item, str) else attribute_text(item) for item in value)
        return f"[{items}]" if isinstance(value, list) else f"({items}{',' if len(value) == 1 else ''})"
    return str(value)


def hide_keys(attrs: Mapping[str, str]) -> dict[str, str]:
    """`attrs` with lr_mult as __lr_mult__, and so on.  MXNetError for weight_lr_mult, the form of old releases."""
    hidden = {}
    for key, value in attrs.items():
        suffix = next((name for name in HIDDEN_KEYS if key.endswith(name)), None)
        if suffix and key != suffix:
            raise MXNetError(f"setting variable attributes with {key} is deprecated",
                             f"make the variable yourself: w = Variable(..., {suffix}={value})")
        hidden[f"__{key}__" if suffix else key] = value
    return hidden


def make_variable(name: str, attrs: Mapping[str, str]) -> Node:
    """A variable; `__shape__` and `__dtype__` give its type."""
    return variable(name, variable_type(attrs, f"variable '{name}'"), attrs=dict(attrs))


def apply(block: type[Operator], name: str, attrs: Mapping[str, str], positional: Sequence[Value],
          named: Mapping[str, Value]) -> Node:
    """A node of `block`: inputs by position, then by name; one that is not given becomes a variable name_input.

    Such a variable takes over the node's attributes.  ParameterError: `attrs` are not the operator's.  MXNetError:
    too many inputs, or names that are none of its inputs.
    """
    own = hide_keys(attrs)
    op = from_attributes(block.name, own, name)
    names = op.input_names()
    if len(positional) > len(names):
        raise MXNetError(f"node '{name}' ({op.name}): takes {len(names)} inputs, {len(positional)} are given",
                         f"the inputs are {', '.join(names)}")
    _check_names(f"node '{name}' ({op.name})", named, names[len(positional):])
    inputs = [*positional, *(named[key] if key in named else Value(make_variable(f"{name}_{key}", own))
                             for key in names[len(positional):])]
    _set_initializers(op, inputs)
    return Node(name, op, tuple(inputs), (TensorType(),) * op.output_count, own, (Source(name),))


def _check_names(where: str, named: Mapping[str, Any], known: Sequence[str]) -> None:
    unknown = [key for key in named if key not in known]
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, 1)
        raise MXNetError(f"{where}: has no input {', '.join(map(repr, unknown))}",
                         f"did you mean {near[0]!r}?" if near else f"the inputs are {', '.join(known[:20])}")


def _set_initializers(op: Operator, inputs: Sequence[Value]) -> None:
    """The inputs' `__init__` where the operator wants another start than usual.  Variables of the user's get it too."""
    for position, initializer in INITIALIZERS.get(op.name, {}).items():
        if position < len(inputs) and inputs[position].node.is_variable:
            attributes_of(inputs[position].node).setdefault("__init__", initializer)


def attributes_of(node: Node) -> MutableMapping[str, str]:
    """The attributes of a symbol's node: all that may change of it, and then for every symbol that holds it."""
    return cast(MutableMapping[str, str], node.attrs)


def with_attributes(node: Node, attrs: Mapping[str, str]) -> Node:
    """`node` with other attributes, and the parameters or the type that they speak of."""
    if node.is_variable:
        return replace(node, attrs=dict(attrs), types=(variable_type(attrs, f"variable '{node.name}'"),))
    op = from_attributes(operation(node).name, attrs, node.name)
    if op.subgraphs != operation(node).subgraphs:
        op = replace(op, graphs=operation(node).subgraphs)  # type: ignore[type-var,call-arg]
    return replace(node, attrs=dict(attrs), op=op)


def copied(graph: Graph) -> Graph:
    """`graph` with nodes of its own, so that changes of attributes do not show in the original."""
    return graph.rewrite(lambda node: replace(node, attrs=dict(node.attrs)).outputs)


def substituted(graph: Graph, values: Mapping[str, Value]) -> Graph:
    """`graph` with its variables of these names replaced.  MXNetError: there is no such variable."""
    variables = [node.name for node in graph.variables]
    _check_names("the symbol", values, variables)
    return graph.rewrite(lambda node: (values[node.name],) if node.is_variable and node.name in values else None)


def renamed(graph: Graph, name: str) -> Graph:
    """`graph` with the node of its first head renamed."""
    head = graph.heads[0].node
    return graph.substitute({value: Value(replace(head, name=name, sources=(Source(name),)), value.index)
                             for value in head.outputs})
