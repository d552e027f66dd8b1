"""Operator blocks and their registry.

A block declares, together: name and aliases, inputs, auxiliary states, outputs, parameters (annotated fields with
MXNet's defaults), shape and type rules, a NumPy reference, a lowering and a gradient.  Everything else (`sym.X`,
`nd.X`, `symc check`, docs, argument errors) is derived from it.

    @operator("FullyConnected")
    class FullyConnected(Operator):
        '''y = x·Wᵀ + b ...'''
        num_hidden: int
        no_bias: bool = False
        inputs = ("data", "weight", Optional("bias", unless="no_bias"))
        def infer_shape(self, s): ...
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, TypeVar, dataclass_transform

import numpy as np

from symc.errors import ParameterError, UnsupportedOperatorError
from symc.ir.graph import Graph, Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.math import NumPyMath, quietly
from symc.ops.parameters import format_value, parameters_of, parse_parameters
from symc.ops.record import Record, record
from symc.ops.registry import REGISTRY
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show

Array = np.ndarray
REAL = frozenset(dtype for dtype in DType if dtype.is_float)
NUMBERS = frozenset(DType) - {DType.bool}
HALVES_AND_BOOL = frozenset({DType.bfloat16, DType.bool})
HAS_GRADIENT = "has a gradient, that of the operators it is defined by; MXNet has none"    # a deviation


@record
class Optional(Record):
    """An input that is absent when the flag parameter `unless` is true, or unless `when(op)` holds."""

    name: str
    unless: str = ""
    when: Callable[[Any], bool] | None = None

    def present(self, op: Operator) -> bool:
        return self.when(op) if self.when else not getattr(op, self.unless)


@record
class Variadic(Record):
    """Any number of inputs name0, name1, ...; their number is the parameter `count`, '' where the block names them."""

    name: str
    count: str = "num_args"


@record
class Operator(Record):
    """Base of all blocks.  Instances are frozen: the parsed parameters of one node.

    Exactly one lowering is given, or for GPUs another one beside `imperative`, which is `compute` or `cooperative`:
      expression(F, *inputs)        an expression over `ops.math`, inputs broadcast to the output (NumPy's rules);
      compute(te, inputs, outputs)  TE tensors over logical indices, `te` being `frontend.te`'s namespace;
      contraction(inputs)           a `Contraction` of the first two inputs; `finish` is its epilogue;
      imperative(k, inputs, outputs)  an imperative kernel (sort, scatter, time loops);
      cooperative(k, inputs, outputs)  the same with work for more threads than it has jobs, at more operations;
      has_kernel = True             codegen writes a kernel for this operator alone;
      rewrite(g, *inputs)           other operators, put in its place before anything else;
      is_view = True                the output is the input's memory under another shape;
      is_placement = True           a value is part of another one's memory (`families/placement.py`);
      is_host = True                called by the runtime between kernels: `host`, or the reference.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    inputs: ClassVar[tuple[str | Optional | Variadic, ...]] = ("data",)
    auxiliary: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[tuple[str, ...]] = ("output",)
    parameter_order: ClassVar[tuple[str, ...]] = ()     # of calls by position, where it is not that of the fields
    is_view: ClassVar[bool] = False
    is_placement: ClassVar[bool] = False     # its inputs lie in its output's memory, or its output in its input's
    is_host: ClassVar[bool] = False
    has_kernel: ClassVar[bool] = False
    is_random: ClassVar[bool] = False
    is_loss: ClassVar[bool] = False          # a loss head: its gradient ignores the head gradient
    always_backward: ClassVar[bool] = False  # its backward runs even where no gradient arrives
    shape_inputs: ClassVar[tuple[int, ...]] = ()   # inputs on whose data the outputs' shapes depend
    is_users: ClassVar[bool] = False         # computed by users' code, which may be another at the next call
    failure: ClassVar[Any] = ""              # what is wrong with data that the kernel refuses by `k.fail_when`, if any
    dtypes: ClassVar[frozenset[DType]] = frozenset(DType)   # that its first input may have
    widened: ClassVar[frozenset[DType]] = frozenset({DType.bfloat16})   # those that it computes in float32
    takes_empty: ClassVar[bool] = False      # it makes elements of inputs that have none: sums, products, shapes
    hidden: ClassVar[bool] = False           # made by passes; not in MXNet's tables
    deviations: ClassVar[tuple[str, ...]] = ()   # where it differs from MXNet 1.9.1, and why; for the docs
    pattern: ClassVar[str] = "injective"     # of `compute`: injective (each output element reads few), or reduction

    # reference(*inputs): the outputs in NumPy, hidden ones included: the meaning of the operator; it is also told
    # types=[output types] by operators that have reads_types; those that hold graphs get first a function that runs
    # one: (graph, arrays by variable name) → its heads
    reference: ClassVar[Any] = None
    unspecified: ClassVar[Any] = None        # unspecified(*input types): where its output holds anything, a mask
    reads_types: ClassVar[bool] = False
    prepared: ClassVar[Any] = None           # prepared(*inputs): the reference for arrays of their shapes and dtypes
    # lowerings and gradient, absent unless a block defines them
    expression: ClassVar[Any] = None
    compute: ClassVar[Any] = None
    contraction: ClassVar[Any] = None
    imperative: ClassVar[Any] = None
    cooperative: ClassVar[Any] = None
    rewrite: ClassVar[Any] = None
    inference: ClassVar[Any] = None          # inference(g, *inputs): its form outside training, None for itself
    seeded: ClassVar[Any] = None             # seeded(g, seed, salt, *inputs): a random operator as a pure one
    gradient: ClassVar[Any] = None           # gradient(g, node, *dy) → one value or None for each input
    # updates(g, node, inputs) → {input position: new value of the state}, in backward; inputs are those of the node,
    # with states as backward of the nodes behind it has left them
    updates: ClassVar[Any] = None
    settled: ClassVar[Any] = None            # settled(*arrays of shape_inputs): the operator for shapes such as theirs
    host: ClassVar[Any] = None               # host(inputs, outputs): fills the output arrays in place
    overwrites: ClassVar[Any] = None         # overwrites(g, node) → {input position: what forward writes to it}

    @classmethod
    def read(cls, attrs: Mapping[str, str], where: str, allow_internal: bool = False) -> Operator:
        """A node's operator from strings; `allow_internal` those of the text form.  ParameterError says `where`."""
        return cls(**parse_parameters(cls, attrs, where, allow_internal))

    # ---- inputs and outputs ------------------------------------------------------------------------------

    def argument_names(self) -> list[str]:
        """Names of the inputs that are arguments, in order, optional ones only if present."""
        names: list[str] = []
        for item in self.inputs:
            if isinstance(item, Variadic):
                names += [f"{item.name}{i}" for i in range(getattr(self, item.count))]
            elif isinstance(item, str) or item.present(self):
                names.append(item if isinstance(item, str) else item.name)
        return names

    def auxiliary_names(self) -> list[str]:
        return list(self.auxiliary)

    def input_names(self) -> list[str]:
        """All inputs of a node, auxiliary states last."""
        return self.argument_names() + self.auxiliary_names()

    def output_names(self) -> list[str]:
        """All outputs, hidden ones included."""
        return list(self.outputs)

    @property
    def output_count(self) -> int:
        return len(self.output_names())

    @property
    def visible_count(self) -> int:
        """Outputs that the Symbol API shows; hidden ones come after them."""
        return self.output_count

    @property
    def subgraphs(self) -> tuple[Graph, ...]:
        """The graphs of an operator that holds some: it has them in the internal field `graphs`."""
        return getattr(self, "graphs", ())

    def with_subgraphs(self, graphs: Sequence[Graph]) -> Operator:
        """The operator with other graphs; itself without any."""
        return dataclasses.replace(self, graphs=tuple(graphs)) if graphs else self  # type: ignore[call-arg]

    def names_in_bodies(self) -> list[list[str]]:
        """Of an operator that holds graphs: for each graph, and each input, the variable that stands for the input,
        or ''."""
        return [self.input_names() for _ in self.subgraphs]

    def printed(self) -> str:
        """Parameters that differ from their defaults, for the text form, which shows graphs by themselves."""
        shown = [(f.name, getattr(self, f.name)) for f in dataclasses.fields(self)  # type: ignore[arg-type]
                 if f.name != "graphs" and getattr(self, f.name) != f.default]
        return " ".join(f"{name}={_quoted(format_value(value).replace(', ', ','))}" for name, value in shown)

    def changed_parameters(self) -> dict[str, Any]:
        """MXNet's parameters that differ from their defaults, and their values."""
        known = parameters_of(type(self))  # type: ignore[arg-type]
        return {name: getattr(self, name) for name, f in known.items() if getattr(self, name) != f.default}

    def parameters(self) -> dict[str, Any]:
        """MXNet's parameters and their values."""
        return {name: getattr(self, name) for name in parameters_of(type(self))}  # type: ignore[arg-type]

    # ---- inference ---------------------------------------------------------------------------------------

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        """Unify the slots' shapes in both directions.  Default: all alike."""
        s.unify_all()

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        """Unify the slots' dtypes.  Default: all alike."""
        t.unify_all()

    def check_dtype(self, t: Slots[TypeSlot]) -> None:
        """Conflict: the dtype of the first input is known, and none of `dtypes`."""
        slot = t.inputs[0] if t.inputs else None
        if slot is not None and slot.dtype is not None and slot.dtype not in self.dtypes:
            allowed = [dtype.name for dtype in DType if dtype in self.dtypes]
            raise Conflict(f"{slot.name} is {slot.dtype.name}; it must be {', '.join(allowed[:-1])} or {allowed[-1]}")

    def check_elements(self, s: Slots[ShapeSlot]) -> None:
        """Conflict: an output has elements and an input none, of which the operator can make nothing."""
        if self.hidden or self.takes_empty or self.is_users or self.subgraphs or self.contraction is not None:
            return
        empty = next((slot for slot in s.inputs if slot.known and 0 in slot.dims), None)
        if empty is not None and any(slot.known and 0 not in slot.dims for slot in s.outputs):
            raise Conflict(f"{empty.name} {show(empty.shape)} has no elements")

    # ---- epilogue of a contraction -----------------------------------------------------------------------

    def finish(self, F: Any, total: Any, *others: Any) -> Any:
        """Epilogue of a contraction: its sum and the inputs behind the first two, each of which varies along the
        output dimensions that `finish_dims` names."""
        return total

    def finish_dims(self, rank: int) -> tuple[tuple[int, ...], ...]:
        """For each input behind the first two of a contraction, the output dimensions its own dimensions are."""
        return ()


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text or not text or "{" in text else text


B = TypeVar("B", bound=type[Operator])


@dataclass_transform(frozen_default=True)
def operator(name: str, *, aliases: Iterable[str] = (), hidden: bool = False) -> Callable[[B], B]:
    """Register a block under MXNet's name and aliases; its annotated fields become the parameters."""
    def register(block: B) -> B:
        is_record = "field_defaults" in vars(block) or not vars(block).get("__annotations__")  # the base's
        made = block if is_record else record(block)
        made.name, made.aliases, made.hidden = name, tuple(aliases), hidden
        for key in (name, *made.aliases):
            REGISTRY.add(key, made)
        return made  # type: ignore[return-value]
    return register


def find(name: str) -> type[Operator]:
    """The block of an MXNet name or alias.  UnsupportedOperatorError when there is none."""
    if name not in REGISTRY:
        from symc.ops.refused import reason_in_words, refusal

        raise UnsupportedOperatorError(f"operator {name} is not supported{reason_in_words(name)}",
                                       refusal(name).instead)
    return REGISTRY[name]


def make(name: str, **parameters: Any) -> Operator:
    """A node's operator from Python values."""
    return find(name)(**parameters)


def from_attributes(name: str, attrs: Mapping[str, str], node: str) -> Operator:
    """A node's operator from MXNet's strings, one object for nodes that are alike.  ParameterError names the node."""
    block: Any = find(name)
    if not block.is_users:
        with suppress(ParameterError):      # which is raised below, with the name of the node
            return _read_once(block, tuple(attrs.items()))
    return block.read(attrs, f"node {node!r} ({name})")


@functools.lru_cache(maxsize=1 << 12)
def _read_once(block: Any, attrs: tuple[tuple[str, str], ...]) -> Operator:
    return block.read(dict(attrs), block.name)


def from_text(name: str, parameters: Mapping[str, str], subgraphs: Sequence[Graph] = ()) -> Operator:
    """A node's operator from the text form of a graph, fields set by passes included."""
    return find(name).read(parameters, name, allow_internal=True).with_subgraphs(subgraphs)


def operation(node: Node) -> Operator:
    """The operator of a node that is no variable and no constant."""
    assert isinstance(node.op, Operator), f"{node} is not an operator"
    return node.op


def is_view(node: Node) -> bool:
    """Whether the node's output is its input's memory under another shape."""
    return node.op is not None and operation(node).is_view


def is_placement(node: Node) -> bool:
    """Whether the node computes nothing, but says of which memory its values are parts."""
    return node.op is not None and operation(node).is_placement


def auxiliary_states(node: Node) -> list[Node]:
    """The auxiliary states of a node; most operators have them last, some optimizers in the middle."""
    names = operation(node).auxiliary_names() if node.op is not None else []
    if not names:
        return []
    return [value.node for name, value in zip(operation(node).input_names(), node.inputs, strict=True) if name in names]


def states_of(graph: Graph) -> list[Node]:
    """The variables that operators take as auxiliary states, in the graph's order."""
    states = {state for node in graph.nodes for state in auxiliary_states(node)}
    return [node for node in graph.variables if node in states]


def output_name(value: Value) -> str:
    """MXNet's name of a value: 'fc1_output', 'bn_mean', or the variable's own."""
    node = value.node
    return node.name if node.op is None else f"{node.name}_{operation(node).output_names()[value.index]}"


def input_types(node: Node) -> list[TensorType]:
    return [value.type for value in node.inputs]


def computes_in_float32(op: Operator, inputs: Iterable[DType]) -> bool:
    """Whether inputs of these dtypes must be converted to float32, and outputs back, as the operator has no rules for
    some of them."""
    is_free = op.is_view or op.is_users or bool(op.subgraphs)
    return not is_free and not op.widened.isdisjoint(inputs)


def computes_nothing(op: Operator, types: Sequence[TensorType]) -> bool:
    """Whether an operator with outputs of these types has no element to compute."""
    return bool(types) and not op.is_users and all(type.known and 0 in type.dims for type in types)


def reads_nothing(op: Operator, inputs: Sequence[TensorType]) -> bool:
    """Whether no input, of which there are some, has an element: what the operator makes is then always the same."""
    return bool(inputs) and not op.is_users and not op.subgraphs and all(0 in type.dims for type in inputs)


def run_reference(op: Operator, inputs: Sequence[Any], types: Sequence[TensorType] = ()) -> tuple[Array, ...]:
    """Outputs of `op` by its reference, as a tuple; IEEE special values are no error.

    types: those of the outputs, which operators need that read them, or compute in float32.
    """
    if computes_nothing(op, types):
        return tuple(np.empty(type.dims, type.element.numpy) for type in types)
    if op.widened and computes_in_float32(op, [NumPyMath.dtype(x) for x in inputs if isinstance(x, Array)]):
        return _run_in_float32(op, inputs, types)
    if op.reads_types or op.is_host or op.subgraphs:
        with np.errstate(all="ignore"):
            result = op.reference(*inputs, types=list(types)) if op.reads_types else op.reference(*inputs)
    else:
        result = quietly(op.reference, *inputs)
    return result if isinstance(result, tuple) else (np.asarray(result),)


def _run_in_float32(op: Operator, inputs: Sequence[Array], types: Sequence[TensorType]) -> tuple[Array, ...]:
    wide = [NumPyMath.cast(x, DType.float32) if NumPyMath.dtype(x) in op.widened else x for x in inputs]
    made = run_reference(op, wide, [dataclasses.replace(type, dtype=DType.float32) if type.dtype in op.widened else type
                                    for type in types])
    return tuple(NumPyMath.cast(y, type.element) if type.dtype in op.widened else y
                 for y, type in zip(made, types, strict=True))

