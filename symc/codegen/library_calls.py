"""Which groups NVIDIA's libraries compute on GPUs, and what of them.

The rule, for cuBLASLt: contractions that are products of matrices (`matrix_products.py`) of float32, float16 or
bfloat16, with at least NARROWEST rows, columns and terms of a sum, and LEAST multiplications.  The library adds a bias
that has an element for each row of its result, takes the positive part as `Activation` does, and rounds to the factors'
dtype; where that is not all of the group, a kernel computes the rest from what the library wrote, and sums must have
DEEP terms, so that writing and reading them once more is a small part of the work.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from symc.codegen.group_code import Parameter
from symc.codegen.matrix_products import Matrices, matrices_of
from symc.ir.graph import Graph, Node, Value, variable
from symc.ir.types import DType, TensorType
from symc.ops.builder import GraphBuilder
from symc.ops.families.activation import relu_of_nan
from symc.ops.families.cast import Cast
from symc.ops.families.convolution import Convolving
from symc.ops.families.dense import FullyConnected
from symc.ops.families.tensor_float import TensorFloat
from symc.ops.group import Group
from symc.ops.operator import operation
from symc.runtime.libraries import CUBLASLT
from symc.runtime.plan import ProductCall

LEAST = 1 << 22
NARROWEST = 32
DEEP = 256
DTYPES = (DType.float32, DType.float16, DType.bfloat16)
SUMS: Parameter = ("sums", 0)       # memory for what the library writes, where that is no head of the group


@dataclass(frozen=True)
class LibraryCall:
    """What a library computes of a group.

    call: with no steps and buffers yet; `operands`: where these are, in its order.  result: the type of what it writes.
    rest: a group of what is left, None where that is nothing; where its inputs and heads are.
    """

    call: ProductCall
    operands: tuple[Parameter, ...]
    result: TensorType
    rest: Node | None
    rest_inputs: tuple[Parameter, ...]
    rest_heads: tuple[Parameter, ...]

    @property
    def needs_scratch(self) -> bool:
        return SUMS in self.operands

    def with_scratch(self, number: int) -> LibraryCall:
        """The same, with what the library writes in scratch buffer `number` of the group."""
        def placed(parameters: Sequence[Parameter]) -> tuple[Parameter, ...]:
            return tuple(("scratch", number) if one == SUMS else one for one in parameters)
        return replace(self, operands=placed(self.operands), rest_inputs=placed(self.rest_inputs))

    def of_rest(self, parameter: Parameter) -> Parameter:
        """Where a parameter of the rest's kernels is."""
        kind, position = parameter
        assert kind in ("input", "output"), "the rest of a group is elementwise"
        return (self.rest_inputs if kind == "input" else self.rest_heads)[position]


def library_calls(groups: Sequence[Node], libraries: Collection[str]) -> dict[Node, LibraryCall]:
    """What these libraries compute of group nodes, by the rule."""
    found = {node: _product_call(node) for node in groups} if CUBLASLT in libraries else {}
    return {node: call for node, call in found.items() if call is not None}


def _product_call(node: Node) -> LibraryCall | None:
    assert isinstance(node.op, Group)
    products = [inner for inner in node.op.graph.nodes if inner.op and operation(inner).contraction is not None]
    if len(products) != 1 or (factors := _factors(products[0])) is None:
        return None
    master, types = products[0], [value.type for value in products[0].inputs]
    shapes = [*(value.type.dims for value in factors), master.types[0].dims]
    matrices = matrices_of(operation(master).contraction(types), shapes)
    if matrices is None or not _is_large(matrices):
        return None
    call = _Taken(node.op.graph, master, factors, matrices).call(node)
    return call if call.rest is None or matrices.sizes[2] >= DEEP else None


def _factors(master: Node) -> list[Value] | None:
    """What a contraction multiplies, as it lies in memory; None: it does not, or not in what the library multiplies."""
    given = master.inputs[:2]
    rounded = [isinstance(value.node.op, TensorFloat) for value in given]
    factors = [value.node.inputs[0] if own else value for value, own in zip(given, rounded, strict=True)]
    types = [value.type for value in factors]
    fits = (len(set(rounded)) == 1 and all(value.node.is_variable for value in factors) and types[0].dtype in DTYPES
            and types[0].dtype is types[1].dtype and all(type.layout is None for type in (*types, *master.types)))
    return factors if fits else None


def _is_large(matrices: Matrices) -> bool:
    rows, columns, terms, _ = matrices.sizes
    return min(rows, columns, terms) >= NARROWEST and math.prod(matrices.sizes) >= LEAST


class _Taken:
    """How much of a group the library computes: `value`, and what of it by its epilogue."""

    def __init__(self, graph: Graph, master: Node, factors: Sequence[Value], matrices: Matrices) -> None:
        self.graph, self.master, self.factors, self.matrices = graph, master, factors, matrices
        self.value, self.epilogue = Value(master), list[str]()
        self.bias = next(iter(master.inputs[2:]), None)
        self.has_bias_left = self.bias is not None and not self._adds_bias()
        if self.has_bias_left:
            return
        if self.bias is not None:
            self.epilogue.append("bias")
        self._follow()

    def _adds_bias(self) -> bool:
        """Whether the bias is one for each row of the library's result, of its dtype."""
        op, bias = operation(self.master), self.bias
        assert bias is not None and isinstance(op, FullyConnected | Convolving), f"{op.name} ends otherwise"
        types = [value.type for value in self.master.inputs]
        (dim,), = op.finish_dims(len(self.value.type.dims))
        along = tuple(name for name, _ in op.contraction(types).output[dim].terms)
        return (self.matrices.rows == along and bias.node.is_variable and bias.type.dtype is self.value.type.dtype)

    def _follow(self) -> None:
        """Take what follows and the library computes too."""
        reader = self._only_reader()
        if reader is not None and isinstance(reader.op, relu_of_nan):
            self.value = Value(reader)
            self.epilogue.append("relu")
            reader = self._only_reader()
        narrow = self.factors[0].type.dtype
        if reader is not None and isinstance(reader.op, Cast) and reader.types[0].dtype is narrow \
                and "bias" not in self.epilogue:
            self.value = Value(reader)

    def _only_reader(self) -> Node | None:
        """What alone reads the value, which is no head."""
        readers = self.graph.readers.get(self.value, ())
        return readers[0] if len(readers) == 1 and self.value not in self.graph.heads else None

    # ---- as a call ---------------------------------------------------------------------------------------

    def call(self, group: Node) -> LibraryCall:
        """Where all of it is.  group: the node, whose name and sources the rest gets."""
        own = {Value(node): ("input", number) for number, node in enumerate(self.graph.variables)}
        heads = {head: ("output", number) for number, head in enumerate(self.graph.heads)}
        result = SUMS if self.has_bias_left else heads.pop(self.value, SUMS)
        sums = Value(variable("sums", self._result_type()))
        rest = self._rest(sums, list(heads))
        bias = [own[self.bias]] if "bias" in self.epilogue and self.bias is not None else []
        operands = (*(own[self.factors[side]] for side in self.matrices.factors), result, *bias)
        node = Node(f"{group.name}/rest", Group(master="injective", graphs=(rest,)), group.inputs,
                    tuple(head.type for head in rest.heads), sources=group.sources) if heads else None
        return LibraryCall(self._product(), operands, sums.type, node,
                           tuple(result if Value(one) == sums else own[Value(one)] for one in rest.variables),
                           tuple(heads.values()))

    def _product(self) -> ProductCall:
        found = self.matrices
        compute = "tf32" if self.factors[0] != self.master.inputs[0] else "float32"
        dtypes = self.factors[0].type.element.name, self._result_type().element.name
        return ProductCall(CUBLASLT, (0, 0), (), dtypes, found.sizes, found.leading, found.strides, found.begins,
                           found.transposed, compute, tuple(self.epilogue))

    def _result_type(self) -> TensorType:
        """Of what the library writes: in float32 where a bias is still to be added."""
        return replace(self.value.type, dtype=DType.float32) if self.has_bias_left else self.value.type

    def _rest(self, sums: Value, heads: Sequence[Value]) -> Graph:
        """What makes these heads of the group from what the library writes."""
        value = self._with_bias(sums) if self.has_bias_left else sums
        return Graph(tuple(heads)).rewrite(lambda node: (value,) if node is self.value.node else None)

    def _with_bias(self, sums: Value) -> Value:
        """The contraction's result from its bare sums."""
        g = GraphBuilder(self.master.name, self.master.sources)
        (dim,), = operation(self.master).finish_dims(len(sums.type.dims))
        assert self.bias is not None
        shape = [extent if axis == dim else 1 for axis, extent in enumerate(sums.type.dims)]
        total = g.broadcast_add(sums, g.reshape(_as(g, self.bias, DType.float32), shape))
        return _as(g, total, self.value.type.element)


def _as(g: GraphBuilder, value: Value, dtype: DType) -> Value:
    return value if value.type.dtype is dtype else g.Cast(value, dtype=dtype.name)
