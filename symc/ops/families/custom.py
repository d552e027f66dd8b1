"""Custom: an operator that the user wrote in Python, between compiled ones.

The block knows users' operators through the protocols below; `frontend/custom.py` fills `PROPERTIES` with those that
are registered, and hands the arrays over as NDArrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from symc.errors import MXNetError, ParameterError, did_you_mean
from symc.ir.graph import Graph, Node, Value
from symc.ir.types import DType, PartialShape, TensorType
from symc.ops.operator import Operator, Variadic, input_types, operator
from symc.ops.parameters import internal
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot

Arrays = Sequence[np.ndarray]
Fact = TypeVar("Fact", PartialShape | None, DType | None)
Facts = tuple[list[Fact], list[Fact], list[Fact]]      # of the arguments, the outputs, the states


class Instance(Protocol):
    """A user's operator made for the arrays of one executor.  It works on the arrays in place.

    MXNetError: the user's code raised; its exception is the cause.
    """

    def forward(self, is_train: bool, requests: Sequence[str], inputs: Arrays, outputs: Arrays,
                states: Arrays) -> None: ...

    def backward(self, requests: Sequence[str], output_gradients: Sequence[np.ndarray | None],
                 inputs: Sequence[np.ndarray | None], outputs: Sequence[np.ndarray | None], gradients: Arrays,
                 states: Arrays) -> None:
        """What the property does not depend on is None."""


class Property(Protocol):
    """What a user says of an operator, for the parameters of one node."""

    arguments: list[str]
    outputs: list[str]
    states: list[str]
    needs: frozenset[int]    # what backward reads: positions among output gradients, arguments and outputs

    def infer_shape(self, shapes: Sequence[PartialShape | None]) -> Facts[PartialShape | None]: ...

    def infer_type(self, dtypes: Sequence[DType | None]) -> Facts[DType | None]: ...

    def create(self, node: str, context: Any, types: Sequence[TensorType]) -> Instance:
        """For inputs, states last, of these types; node '': of no graph; context None: the current one."""


# op_type → the property for the parameters of a node; registered by users
PROPERTIES: dict[str, Callable[[Mapping[str, str]], Property]] = {}


def _hidden(default: Any) -> Any:
    """An internal field that does not tell operators apart."""
    return field(default=default, compare=False, repr=False, metadata={"internal": True})


@operator("Custom")
class Custom(Operator):
    """The operator registered as `op_type`, with the other parameters handed to its property as strings.

    Inputs, states and outputs are those that the property lists.  MXNet: Custom.
    """

    op_type: str
    arguments: tuple[tuple[str, str], ...] = internal(())
    is_train: bool = internal(True)
    prop: Any = _hidden(None)
    instance: Any = _hidden(None)
    inputs = (Variadic("data", count=""),)
    is_host = True
    is_users = True
    always_backward = True
    reads_types = True
    deviations = ("packages refuse it, for they hold no Python; in the body of a loop it runs on what the user "
                  "registered, where MXNet hands `__subgraph_name__` to the property, which ends the process",)

    @classmethod
    def read(cls, attrs: Mapping[str, str], where: str, allow_internal: bool = False) -> Operator:
        own = {key: text for key, text in attrs.items() if not (key.startswith("__") and key.endswith("__"))}
        if "op_type" not in own:
            raise ParameterError(f"{where}: required parameter op_type is missing", _registered())
        op_type = own.pop("op_type")
        if op_type not in PROPERTIES:
            raise ParameterError(f"{where}: there is no custom operator {op_type!r}", _registered(op_type))
        try:
            return cls(op_type, tuple(own.items()), prop=PROPERTIES[op_type](own))
        except MXNetError as problem:
            raise ParameterError(f"{where}: {problem.message}", problem.hint) from problem.__cause__

    @property
    def is_loss(self) -> bool:  # type: ignore[override]
        """Whether backward reads no gradient of an output."""
        return not any(position < len(self.prop.outputs) for position in self.prop.needs)

    def argument_names(self) -> list[str]:
        return list(self.prop.arguments)

    def auxiliary_names(self) -> list[str]:
        return list(self.prop.states)

    def output_names(self) -> list[str]:
        return list(self.prop.outputs)

    def printed(self) -> str:
        return " ".join(f"{key}={value!r}" for key, value in self.parameters().items())

    def parameters(self) -> dict[str, Any]:
        return {"op_type": self.op_type, **dict(self.arguments)}

    changed_parameters = parameters

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        shapes = [slot.shape for slot in s.inputs[:len(self.prop.arguments)]]
        known = all(shape is not None and None not in shape for shape in shapes)
        for slot, shape in zip(*_facts(self.prop.infer_shape, shapes, known, s), strict=True):
            slot.unify(shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        dtypes = [slot.dtype for slot in t.inputs[:len(self.prop.arguments)]]
        for slot, dtype in zip(*_facts(self.prop.infer_type, dtypes, None not in dtypes, t), strict=True):
            slot.unify(dtype)

    def inference(self, g: Any, *inputs: Value) -> list[Value]:
        return list(g.node(replace(self, is_train=False), inputs).outputs)

    def reference(self, *inputs: np.ndarray, types: Sequence[TensorType]) -> tuple[np.ndarray, ...]:
        outputs = tuple(np.zeros(type.dims, type.element.numpy) for type in types)
        self.host(inputs, outputs)
        return outputs

    def host(self, inputs: Arrays, outputs: Arrays) -> None:
        count = len(self.prop.arguments)
        _instance(self, inputs).forward(self.is_train, ["write"] * len(outputs), inputs[:count], outputs,
                                        inputs[count:])

    def gradient(self, g: Any, node: Node, *dy: Value | None) -> list[Value | None]:
        count = len(self.prop.arguments)
        offered = [*dy, *node.inputs[:count], *node.outputs]
        read = [g.zeros_like(node.outputs[position]) if offered[position] is None else offered[position]
                for position in sorted(self.prop.needs)]
        backward = CustomBackward(self.op_type, self.arguments, tuple(input_types(node)), ("write",) * count,
                                  prop=self.prop, instance=self.instance)
        gradients = g.node(backward, [*read, *node.inputs[count:]]).outputs
        return [*gradients, *[None] * len(self.prop.states)]


@operator("_backward_Custom", hidden=True)
class CustomBackward(Operator):
    """The gradients of a Custom: inputs are what its property depends on, its states, and then, for each result whose
    request is 'add', what it is to be added to.  A result whose request is 'null' holds anything."""

    op_type: str
    arguments: tuple[tuple[str, str], ...] = internal(())
    types: tuple[TensorType, ...] = internal(())            # of the inputs of the Custom
    requests: tuple[str, ...] = internal(())
    prop: Any = _hidden(None)
    instance: Any = _hidden(None)
    inputs = ()
    is_host = True

    def argument_names(self) -> list[str]:
        outputs = self.prop.outputs
        offered = [*(f"{name}_grad" for name in outputs), *self.prop.arguments, *(f"{name}_out" for name in outputs)]
        return [offered[position] for position in sorted(self.prop.needs)]

    def auxiliary_names(self) -> list[str]:
        return list(self.prop.states)

    def input_names(self) -> list[str]:
        return [*super().input_names(), *(f"{name}_before" for name, request
                                          in zip(self.prop.arguments, self.requests, strict=True) if request == "add")]

    def output_names(self) -> list[str]:
        return [f"{name}_grad" for name in self.prop.arguments]

    def printed(self) -> str:
        return f"op_type={self.op_type!r}"

    def parameters(self) -> dict[str, Any]:
        return {"op_type": self.op_type, **dict(self.arguments)}

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        for slot, type in zip(s.outputs, self.types, strict=False):
            slot.unify(type.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for slot, type in zip(t.outputs, self.types, strict=False):
            slot.unify(type.dtype)

    def reference(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        gradients = tuple(np.zeros(type.dims, type.element.numpy) for type in self.types[:len(self.prop.arguments)])
        self.host(inputs, gradients)
        return gradients

    def host(self, inputs: Arrays, outputs: Arrays) -> None:
        prop, read = self.prop, len(self.prop.needs)
        before = iter(inputs[read + len(prop.states):])
        for request, gradient in zip(self.requests, outputs, strict=True):
            if request == "add" and (old := next(before)) is not gradient:
                gradient[...] = old
        offered: list[np.ndarray | None] = [None] * (len(prop.arguments) + 2 * len(prop.outputs))
        for position, array in zip(sorted(prop.needs), inputs, strict=False):
            offered[position] = array
        first, second = len(prop.outputs), len(prop.outputs) + len(prop.arguments)
        _instance(self, None).backward(self.requests, offered[:first], offered[first:second], offered[second:],
                                       outputs, inputs[read:read + len(prop.states)])


def with_instances(graph: Graph, contexts: Mapping[Node, Any] | None = None) -> Graph:
    """A typed graph whose Custom nodes have their operators made, once for whatever is derived from it.

    contexts: of its nodes, where these are known.  Operators in the bodies of loops and branches are made anew for each
    call, so that no iteration sees what another kept.
    MXNetError: a property's create_operator raised, or made nothing.
    """
    originals = iter(graph.nodes)

    def visit(node: Node) -> Sequence[Value] | None:
        original = next(originals)
        if not isinstance(node.op, Custom):
            return None
        context = None if contexts is None else contexts[original]
        instance = node.op.prop.create(node.name, context, input_types(node))
        return replace(node, op=replace(node.op, instance=instance)).outputs
    return graph.rewrite(visit)


def _instance(op: Custom | CustomBackward, inputs: Arrays | None) -> Instance:
    """The operator's instance, or a new one for a run that is part of no executor."""
    if op.instance is not None:
        return op.instance  # type: ignore[no-any-return]
    types = ([TensorType(array.shape, DType.of(array.dtype)) for array in inputs] if inputs is not None
             else op.types)  # type: ignore[union-attr]
    return op.prop.create("", None, types)  # type: ignore[no-any-return]


def _facts(infer: Callable[[Any], Facts[Any]], given: Sequence[Any], known: bool,
           slots: Slots[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    """The slots that a property's inference speaks of, and what it says of each.

    While not all arguments are known it may fail, as MXNet's own examples do: it is asked again when they are.
    """
    try:
        found = infer(given)
    except MXNetError as problem:
        if known:
            raise Conflict(problem.message) from problem.__cause__
        return (), ()
    return (*slots.inputs, *slots.outputs), (*found[0], *found[2], *found[1])


def _registered(wanted: str = "") -> str:
    """What is registered, for a message."""
    guess = did_you_mean(wanted, PROPERTIES)
    known = f"registered are {', '.join(sorted(PROPERTIES))}" if PROPERTIES else "none is registered"
    return f"{guess} {known}; import the module that registers it first".strip()
