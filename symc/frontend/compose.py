"""Making nodes as MXNet composes them: attributes, variables made for inputs that are not given, substitution."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from symc.errors import MXNetError, did_you_mean
from symc.frontend.legacy import HIDDEN_KEYS, INITIALIZERS
from symc.frontend.reader import variable_type
from symc.frontend.util import is_np_shape
from symc.ir.graph import Graph, Node, Source, Value
from symc.ir.types import TensorType
from symc.ops.operator import Operator, from_attributes, operation
from symc.ops.parameters import parameters_of


def attribute_text(value: Any) -> str:
    """A Python value as MXNet's frontend writes it into an attribute: its `str`, NumPy scalars as plain numbers."""
    if isinstance(value, np.generic):
        return str(value.item()) if not isinstance(value, np.floating) else str(value)
    if isinstance(value, tuple | list):
        items = ", ".join(repr(item) if isinstance(item, str) else attribute_text(item) for item in value)
        return f"[{items}]" if isinstance(value, list) else f"({items}{',' if len(value) == 1 else ''})"
    return str(value)


def hide_keys(attrs: Mapping[str, str]) -> dict[str, str]:
    """`attrs` with lr_mult as __lr_mult__, and so on."""
    return {f"__{key}__" if key in HIDDEN_KEYS else key: value for key, value in attrs.items()}


def is_parameter(block: type[Operator], key: str) -> bool:
    """Whether an attribute of this name speaks to the operator; all others are the user's.

    As MXNet does, an operator without parameters looks at no attribute and keeps all as they are.
    """
    return key in parameters_of(block)  # type: ignore[arg-type]


def make_variable(name: str, attrs: Mapping[str, str]) -> Node:
    """A variable; `__shape__` and `__dtype__` give its type."""
    return Node(name, types=(variable_type(attrs, f"variable '{name}'", is_np_shape()),), attrs=dict(attrs),
                sources=(Source(name),))


def apply(block: type[Operator], name: str, attrs: Mapping[str, str], parameters: Mapping[str, str],
          positional: Sequence[Value], named: Mapping[str, Value]) -> Node:
    """A node of `block`: inputs by position, then by name; one that is not given becomes a variable name_input.

    attrs: the user's attributes, whatever their names; one that is called as a parameter is it.  parameters: of the
    operator; also attributes of the form __key__, those that MXNet knows (lr_mult), and theirs of one input
    (weight_lr_mult).  A variable that is made takes over the node's attributes.  ParameterError: `parameters` are not
    the operator's.  MXNetError: too many inputs, or names that are none of its inputs.
    """
    given = {**attrs, **parameters}
    owned = {key: value for key, value in given.items() if _hidden_suffix(key)}
    own = hide_keys({key: value for key, value in given.items() if key not in owned})
    op = from_attributes(block.name, _spoken_to(block, own, parameters), name)
    names = op.input_names()
    if len(positional) > len(names):
        raise MXNetError(f"node '{name}' ({op.name}): takes {len(names)} inputs, {len(positional)} are given",
                         f"the inputs are {', '.join(names)}")
    _check_names(f"node '{name}' ({op.name})", named, names[len(positional):])
    made = [key for key in names[len(positional):] if key not in named]
    attributes = _attributes_of_inputs(f"node '{name}' ({op.name})", made, own, owned)
    inputs = [*positional, *(named[key] if key in named else Value(make_variable(f"{name}_{key}", attributes[key]))
                             for key in names[len(positional):])]
    _refuse_computed_states(f"node '{name}' ({op.name})", op, inputs)
    _set_initializers(op, inputs)
    return Node(name, op, tuple(inputs), (TensorType(),) * op.output_count, own, (Source(name),))


def _refuse_computed_states(where: str, op: Operator, inputs: Sequence[Value]) -> None:
    """Auxiliary states are written, so they must be variables."""
    states = set(op.auxiliary_names())
    if not states:
        return
    for key, value in zip(op.input_names(), inputs, strict=True):
        if key in states and not value.node.is_variable:
            raise MXNetError(f"{where}: its auxiliary state {key} is the output of '{value.node.name}'",
                             f"{key} is written, so give a variable")


def _spoken_to(block: type[Operator], attrs: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Those of `attrs` that are parameters, and all that are given as such, so that misspelt ones are seen."""
    return {key: value for key, value in attrs.items() if is_parameter(block, key) or key in given}


def _hidden_suffix(key: str) -> str | None:
    """lr_mult of weight_lr_mult."""
    if not key.endswith(HIDDEN_KEYS):
        return None
    return next((name for name in HIDDEN_KEYS if key.endswith(f"_{name}")), None)


def _attributes_of_inputs(where: str, made: Sequence[str], common: Mapping[str, str],
                          owned: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The attributes of the variables `made`: the `common` ones, and weight_lr_mult as __lr_mult__ of the weight.

    MXNetError: there is no such input, or the user gives its variable.
    """
    attributes = {key: dict(common) for key in made}
    for key, value in owned.items():
        suffix = _hidden_suffix(key)
        owner = key.removesuffix(f"_{suffix}")
        if owner not in attributes:
            raise MXNetError(f"{where}: {key}={value!r} is for a variable {owner!r} that the node would make",
                             f"make the variable yourself: w = Variable(..., {suffix}={value}); the node makes "
                             f"{', '.join(made) or 'none'}")
        attributes[owner][f"__{suffix}__"] = value
    return attributes


def _check_names(where: str, named: Mapping[str, Any], known: Sequence[str]) -> None:
    unknown = [key for key in named if key not in known]
    if unknown:
        raise MXNetError(f"{where} has no input {', '.join(map(repr, unknown))}",
                         did_you_mean(unknown[0], known) or f"the inputs are {', '.join(known[:20])}")


def _set_initializers(op: Operator, inputs: Sequence[Value]) -> None:
    """The inputs' `__init__` where the operator wants another start than usual.  Variables of the user's get it too."""
    for position, initializer in INITIALIZERS.get(op.name, {}).items():
        if position < len(inputs) and inputs[position].node.is_variable:
            attributes_of(inputs[position].node).setdefault("__init__", initializer)


def attributes_of(node: Node) -> MutableMapping[str, str]:
    """The attributes of a symbol's node: all that may change of it, and then for every symbol that holds it."""
    return cast(MutableMapping[str, str], node.attrs)


def with_attributes(node: Node, added: Mapping[str, str]) -> Node:
    """`node` with further attributes, and the parameters or the type that they speak of.  ParameterError: they are
    not the operator's."""
    attrs = {**node.attrs, **added}
    if node.is_variable:
        return replace(node, attrs=attrs, types=(variable_type(attrs, f"variable '{node.name}'", is_np_shape()),))
    block = type(operation(node))
    op = from_attributes(block.name, _spoken_to(block, attrs, added), node.name)
    return replace(node, attrs=attrs, op=op.with_subgraphs(operation(node).subgraphs))


def atomic(node: Node) -> Node:
    """A node like `node` whose inputs are variables called after it."""
    inputs = tuple(Value(make_variable(f"{node.name}_{key}", {})) for key in operation(node).input_names())
    return replace(node, inputs=inputs, attrs=dict(node.attrs))


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
