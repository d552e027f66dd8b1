"""Random graphs over all operators of the registry.

An operator is drawn, then a value or new variable for its first input, its parameters by their declarations and
`recipes`, and the other inputs as type inference wants them.  What the operator refuses is drawn again.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, Literal

import numpy as np

from symc.errors import SymcError
from symc.frontend.operator_table import visible_blocks
from symc.interpreter import run
from symc.ir.graph import Graph, Node, Source, Value, variable
from symc.ir.types import DType, TensorType
from symc.ops.elementwise import Elementwise
from symc.ops.inference import infer, infer_types_of
from symc.ops.operator import Operator, Optional, Variadic
from symc.ops.parameters import hints_of, inner_type, parameters_of
from symc.ops.slots import Conflict
from symc.passes.seed_random import SEED, SeedRandom
from tests.random_graphs import recipes
from tests.random_graphs.recipes import DEFAULT, EXCLUDED, EXTENTS, FIRST, INPUTS, OTHERS, PARAMETERS, Draw, Shape
from tests.random_graphs.values import NOISE, plain, value_of

DTYPES = {DType.float32: 24, DType.float64: 6, DType.float16: 5, DType.int32: 2, DType.int64: 2, DType.int8: 1,
          DType.uint8: 1, DType.bool: 1, DType.bfloat16: 1}
LARGEST, LARGEST_VALUE, LARGEST_INTEGER = 3000, 1e4, 1e6      # elements of a value, and magnitude of an element
FLOATS = (0.5, 1.0, 2.0, -1.0, 0.1, 3.0)
# modules whose operators take NaN and infinity as any other number
FOR_ALL_NUMBERS = {"unary", "binary", "scalar", "broadcast", "reduce", "movement", "shape", "slices", "activation"}
Refused = (SymcError, Conflict)


@functools.cache
def blocks() -> dict[str, type[Operator]]:
    """The operators that are drawn, by name."""
    return {block.name: block for block in visible_blocks() if block.name not in EXCLUDED}


def random_graph(seed: int, names: Sequence[str] = (), size: int = 8) -> Graph:
    """A typed graph of `size` operators, of these names or all, from variables with names that `values` knows."""
    random = Random(seed)
    grower = Grower(random, seed, tuple(names or blocks()))
    for _ in range(size):
        grower.grow()
    return grower.graph()


class Grower:
    """Grows a graph node by node, each evaluated at once, so that its values stay numbers worth comparing."""

    def __init__(self, random: Random, seed: int, names: Sequence[str], dtype: DType | None = None,
                 general: str = "") -> None:
        """dtype: of all values that are free, each input being a variable of its own; otherwise of most of them,
        drawn.  general: what most variables hold."""
        self.random, self.seed, self.names = random, seed, names
        self.only = dtype is not None
        self.dtype = dtype or random.choices(list(DTYPES), list(DTYPES.values()))[0]
        self.general = general or random.choices("xtz", (8, 2, 1))[0]
        self.arrays: dict[Value, np.ndarray] = {}
        self.states: set[Value] = set()
        self.made = 0

    def grow(self, attempts: int = 40) -> None:
        """One more operator, unless no attempt succeeds."""
        for _ in range(attempts):
            if self.attempt(self.random.choice(self.names)):
                return

    def attempt(self, name: str) -> bool:
        """Whether a node of this operator, drawn now, is one to have; it is in the graph then."""
        before = dict(self.arrays)
        try:
            node = self.drawn(blocks()[name])
            arrays = self.evaluated(node)
        except Refused:
            self.arrays = before
            return False
        if not self.is_good(node, arrays):
            self.arrays = before
            return False
        self.arrays |= dict(zip(node.outputs[:node.op.visible_count], arrays, strict=False))
        return True

    def graph(self) -> Graph:
        """All values that nothing reads, or but some of them, and perhaps one that something does, are its heads."""
        nodes = [value.node for value in self.arrays if value.node.op is not None]
        read = {value for node in nodes for value in node.inputs}
        computed = [value for value in self.arrays if value.node.op is not None]
        heads = [value for value in computed if value not in read] or [next(iter(self.arrays))]
        return Graph((*heads, *self.random.sample(computed, min(len(computed), self.random.choice((0, 0, 1))))))

    # ---- drawing -------------------------------------------------------------------------------------------------

    def drawn(self, block: type[Operator]) -> Node:
        """A node, with new variables where no value there is will do.  Refused: the parameters or types do not fit."""
        first = FIRST.get(block.name, DEFAULT)
        draw = Draw(self.random, block.name)
        if not block.inputs:
            return self.node(self.operator(block, draw), [])
        is_free = not self.kind(draw, _first_name(block)) and block.overwrites is None
        value = self.known(first.fits) if is_free else None
        draw.shape = value.type.dims if value else self.first_shape(first)
        op = self.operator(block, draw)
        names = op.input_names()
        dtype = value.type.dtype if value else self.drawn_dtype()
        inputs = [value or self.variable(TensorType(draw.shape, dtype), self.kind(draw, names[0]))]
        node = self.node(op, inputs + self.others(op, draw, inputs[0]))
        self.states.update(node.inputs if op.overwrites else [])
        return node

    def first_shape(self, first: recipes.First) -> Shape:
        """A shape for a first input, one in forty with an extent of 0."""
        shape = first.make(self.random)
        if shape and first is DEFAULT and self.random.random() < 0.025:
            shape = (*shape[:-1], 0)
        return shape

    def drawn_dtype(self) -> DType:
        """Mostly the dtype of the whole graph."""
        if self.only or self.random.random() < 0.85:
            return self.dtype
        return self.random.choices(list(DTYPES), list(DTYPES.values()))[0]

    def known(self, fits: Any) -> Value | None:
        """A value that there is, one of the last ones rather than others; None now and then, so that a variable is
        made."""
        values = [value for value in self.arrays if value not in self.states and fits(value.type.dims)]
        if not values or self.random.random() < 0.15:
            return None
        return self.random.choice([*values, *values[-3:], *values[-3:]])

    def operator(self, block: type[Operator], draw: Draw) -> Operator:
        """The operator with parameters drawn in the order of their declaration."""
        hints = hints_of(block)
        for name, field in parameters_of(block).items():
            if name not in draw.chosen:
                value = self.parameter(draw, name, hints[name], field)
                draw.chosen.setdefault(name, value)
        try:
            return block(**{name: draw.chosen[name] for name in parameters_of(block)})
        except (AssertionError, ValueError) as problem:
            raise Conflict(str(problem)) from problem

    def parameter(self, draw: Draw, name: str, hint: Any, field: dataclasses.Field) -> Any:
        rule = PARAMETERS.get(f"{draw.name}.{name}", PARAMETERS.get(name, self))
        if rule is not self:
            return rule(draw) if callable(rule) else rule
        inner, may_be_none = inner_type(hint)
        if may_be_none and self.random.random() < 0.5:
            return None
        if typing.get_origin(inner) is Literal:
            return self.random.choice(typing.get_args(inner))
        if inner is bool:
            return self.random.random() < 0.5
        if inner not in (int, float):
            raise Conflict(f"recipes know no values for {draw.name}.{name}")
        return self.number(inner, field)

    def number(self, kind: type, field: dataclasses.Field) -> Any:
        """The default or another number within the bounds."""
        low, high = field.metadata.get("bounds") or (None, None)
        choices = [kind(x) for x in FLOATS if (low is None or x >= low) and (high is None or x <= high)]
        if field.default is not dataclasses.MISSING and (not choices or self.random.random() < 0.5):
            return field.default
        return self.random.choice(choices)

    def others(self, op: Operator, draw: Draw, first: Value) -> list[Value]:
        """The inputs behind the first, one after the other, their types inferred as far as they follow."""
        inputs = [first]
        for name in op.input_names()[1:]:
            wanted = self.wanted(op, inputs)
            shape = self.completed(op, draw, name, wanted.shape)
            kind = self.kind(draw, name)
            dtype = wanted.dtype or self.free_dtype(kind, first.type.element)
            is_state = op.overwrites is not None or name in op.auxiliary_names()
            inputs.append(self.like(TensorType(shape, dtype), kind, is_state))
        return inputs[1:]

    def wanted(self, op: Operator, inputs: Sequence[Value]) -> TensorType:
        """What is known of the input behind these."""
        names = op.input_names()
        rest = [Value(variable(f"open{i}")) for i in range(len(inputs), len(names))]
        node = Node("y", op, (*inputs, *rest), (TensorType(),) * op.output_count)
        return infer(Graph(node.outputs))[rest[0]]

    def completed(self, op: Operator, draw: Draw, name: str, shape: Any) -> Shape:
        """A shape with its unknown parts drawn."""
        if shape is None:
            rule = OTHERS.get(f"{draw.name}.{name}", OTHERS.get(name))
            if "selfatt" in draw.name and name == "attention":
                rule = OTHERS["selfatt.attention"]
            shape = rule(draw) if rule else draw.shape
            if rule is None and isinstance(op, Elementwise) and op.broadcasts:
                shape = tuple(1 if self.random.random() < 0.3 else n for n in shape)[self.random.choice((0, 0, 1)):]
        return tuple(self.random.choice(EXTENTS[:5]) if extent is None else extent for extent in shape)

    def kind(self, draw: Draw, name: str) -> str:
        """What an input must hold, '' where anything will do."""
        rule = INPUTS.get(f"{draw.name}.{name}", INPUTS.get(name))
        return rule(draw) if rule else ""

    def free_dtype(self, kind: str, first: DType) -> DType:
        if kind[:1] in recipes.INDEX_KINDS and self.random.random() < 0.7:
            return self.random.choice(recipes.INDEX_TYPES)
        return first

    def like(self, type: TensorType, kind: str, is_state: bool) -> Value:
        """A value of this type: a new variable where it is a state, or must hold something of its own."""
        found = [] if is_state or kind[:1] in recipes.PARTICULAR else [
            value for value in self.arrays if value.type == type and value not in self.states]
        if found and not self.only and self.random.random() < 0.5:
            return self.random.choice(found)
        made = self.variable(type, kind)
        if is_state:
            self.states.add(made)
        return made

    # ---- making --------------------------------------------------------------------------------------------------

    def variable(self, type: TensorType, kind: str) -> Value:
        kind = kind or (self.general if self.random.random() < 0.8 else "x")
        node = variable(f"{kind}_{self.made}", type)
        self.made += 1
        if self.elements([type]) > LARGEST:
            raise Conflict("it is too large")
        self.arrays[Value(node)] = value_of(node, self.seed)
        return Value(node)

    def node(self, op: Operator, inputs: list[Value]) -> Node:
        name = f"n{self.made}"
        self.made += 1
        node = Node(name, op, tuple(inputs), infer_types_of(op, inputs), sources=(Source(name),))
        if not all(type.known for type in node.types) or self.elements(node.types) > LARGEST:
            raise Conflict("its outputs are unknown, or too large")
        return node

    def elements(self, types: Iterable[TensorType]) -> int:
        return max(int(np.prod(type.dims)) for type in types)

    def evaluated(self, node: Node) -> list[np.ndarray]:
        """The outputs that the Symbol API shows."""
        inputs = {f"in{i}": self.arrays[value] for i, value in enumerate(node.inputs)}
        given = [Value(variable(name, value.type)) for name, value in zip(inputs, node.inputs, strict=True)]
        alone = dataclasses.replace(node, inputs=tuple(given))
        graph = SeedRandom()(Graph(alone.outputs[:node.op.visible_count]))
        return list(run(graph, inputs | {SEED: np.array([self.seed])}).heads)

    def is_good(self, node: Node, arrays: Sequence[np.ndarray]) -> bool:
        """Whether the outputs hold numbers worth comparing, and the inputs such as the operator is for."""
        strange = any(not np.all(np.isfinite(plain(self.arrays[value]))) for value in node.inputs)
        if strange and _module(node.op) not in FOR_ALL_NUMBERS:
            return False
        floats = [plain(array) for array in arrays if array.size and array.dtype.str[1:] in NOISE]
        if any(array.dtype.kind == "i" and (strange or _largest(array) > LARGEST_INTEGER) for array in arrays):
            return False
        if any(np.abs(array[np.isfinite(array)]).max(initial=0) > LARGEST_VALUE for array in floats):
            return False
        return strange or all(np.isfinite(array).mean() > 0.5 for array in floats)


def _largest(array: np.ndarray) -> float:
    return float(np.abs(array.astype(np.float64)).max(initial=0))


def _module(op: Operator) -> str:
    return type(op).__module__.rpartition(".")[2]


def _first_name(block: type[Operator]) -> str:
    item = block.inputs[0]
    if isinstance(item, Variadic):
        return f"{item.name}0"
    return item.name if isinstance(item, Optional) else item
