"""Which groups NVIDIA's libraries compute on GPUs, and what of them.

The rule: contractions of at least LEAST multiplications, with at least NARROWEST rows, columns and terms of a sum.
cuDNN computes convolutions of two dimensions of float32 or float16 (not those that say cudnn_off), whose rows are the
channels of a group and whose columns are pixels; with the bias and the positive part, as `Activation` takes it, if both
follow.  cuBLASLt computes what else is a product of matrices (`matrix_products.py`) of float32, float16 or bfloat16,
convolutions of single pixels among it; it adds a bias that has an element for each row of its result, takes the
positive part, and rounds to the factors' dtype.  Where that is not all of the group, a kernel computes the rest from
what the library wrote, and sums must have DEEP terms, so that writing and reading them once more is a small part of
the work.
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
from symc.ops.families.convolution import Convolution, Convolving
from symc.ops.families.dense import FullyConnected
from symc.ops.families.tensor_float import TensorFloat
from symc.ops.group import Group
from symc.ops.operator import Operator, operation
from symc.runtime.calls import Call, ConvolutionCall, ProductCall
from symc.runtime.libraries import CUBLASLT, CUDNN

LEAST = 1 << 22
NARROWEST = 32
DEEP = 256
DTYPES = {CUBLASLT: (DType.float32, DType.float16, DType.bfloat16), CUDNN: (DType.float32, DType.float16)}
SUMS: Parameter = ("sums", 0)       # memory for what the library writes, where that is no head of the group


@dataclass(frozen=True)
class LibraryCall:
    """What a library computes of a group.

    call: with no steps and buffers yet; `operands`: where these are, in its order.  result: the type of what it writes.
    rest: a group of what is left, None where that is nothing; where its inputs and heads are.
    """

    call: Call
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
    found = {node: _call_of(node, libraries) for node in groups}
    return {node: call for node, call in found.items() if call is not None}


def _call_of(node: Node, libraries: Collection[str]) -> LibraryCall | None:
    assert isinstance(node.op, Group)
    products = [inner for inner in node.op.graph.nodes if inner.op and operation(inner).contraction is not None]
    if len(products) != 1 or (factors := _factors(products[0])) is None:
        return None
    taken = next((part for library, kind in ((CUDNN, _Convolution), (CUBLASLT, _Product)) if library in libraries
                  and factors[0].type.dtype in DTYPES[library]
                  and (part := kind.of(node.op.graph, products[0], factors)) is not None), None)
    if taken is None or min(taken.sizes[:3]) < NARROWEST or math.prod(taken.sizes) < LEAST:
        return None
    call = taken.call(node)
    return call if call.rest is None or taken.sizes[2] >= DEEP else None


def _factors(master: Node) -> list[Value] | None:
    """What a contraction multiplies, as it lies in memory; None: it does not, or differs in dtype."""
    given = master.inputs[:2]
    rounded = [isinstance(value.node.op, TensorFloat) for value in given]
    factors = [value.node.inputs[0] if own else value for value, own in zip(given, rounded, strict=True)]
    types = [value.type for value in factors]
    fits = (len(set(rounded)) == 1 and all(value.node.is_variable for value in factors)
            and types[0].dtype is types[1].dtype and all(type.layout is None for type in (*types, *master.types)))
    return factors if fits else None


class _Part:
    """How much of a group a library computes: `value`, and what of it by its epilogue.

    sizes: rows and columns of its result, terms of a sum, and how many such products there are.
    """

    def __init__(self, graph: Graph, master: Node, factors: Sequence[Value], sizes: tuple[int, int, int, int]) -> None:
        self.graph, self.master, self.factors, self.sizes = graph, master, factors, sizes
        self.value, self.epilogue = Value(master), list[str]()
        self.bias = next(iter(master.inputs[2:]), None)
        assert self.bias is None or isinstance(master.op, FullyConnected | Convolving), f"{master} ends otherwise"
        self.has_bias_left = self.bias is not None and not self._adds_bias(self.bias)
        if not self.has_bias_left:
            self.epilogue += ["bias"] * (self.bias is not None)
            self._follow()

    def _adds_bias(self, bias: Value) -> bool:
        """Whether the library adds the bias."""
        raise NotImplementedError

    def _follow(self) -> None:
        """Take what follows and the library computes too."""
        raise NotImplementedError

    def _result_dtype(self) -> DType:
        """Of what the library writes."""
        raise NotImplementedError

    def _bare_call(self) -> Call:
        """With no steps and buffers yet."""
        raise NotImplementedError

    def _order(self) -> tuple[int, int]:
        """The factors in the order of the call's buffers."""
        return 0, 1

    @property
    def compute(self) -> str:
        return "tf32" if self.factors[0] != self.master.inputs[0] else "float32"

    def _only_reader(self, kind: type[Operator]) -> Node | None:
        """What alone reads the value, which is no head, if it is of this kind."""
        readers = self.graph.readers.get(self.value, ())
        if len(readers) != 1 or self.value in self.graph.heads or not isinstance(readers[0].op, kind):
            return None
        return readers[0]

    def _takes_relu(self) -> bool:
        reader = self._only_reader(relu_of_nan)
        if reader is not None:
            self.value = Value(reader)
            self.epilogue.append("relu")
        return reader is not None

    def _takes_cast(self) -> None:
        """Take a rounding to the factors' dtype."""
        reader = self._only_reader(Cast)
        if reader is not None and reader.types[0].dtype is self.factors[0].type.dtype:
            self.value = Value(reader)

    # ---- as a call ---------------------------------------------------------------------------------------

    def call(self, group: Node) -> LibraryCall:
        """Where all of it is.  group: the node, whose name and sources the rest gets."""
        own = {Value(node): ("input", number) for number, node in enumerate(self.graph.variables)}
        heads = {head: ("output", number) for number, head in enumerate(self.graph.heads)}
        sums = Value(variable("sums", replace(self.value.type, dtype=self._result_dtype())))
        is_whole = not self.has_bias_left and sums.type == self.value.type
        result = heads.pop(self.value, SUMS) if is_whole else SUMS
        rest = self._rest(sums, list(heads))
        bias = [own[self.bias]] if "bias" in self.epilogue and self.bias is not None else []
        operands = (*(own[self.factors[side]] for side in self._order()), result, *bias)
        node = Node(f"{group.name}/rest", Group(master="injective", graphs=(rest,)), group.inputs,
                    tuple(head.type for head in rest.heads), sources=group.sources) if heads else None
        return LibraryCall(self._bare_call(), operands, sums.type, node,
                           tuple(result if Value(one) == sums else own[Value(one)] for one in rest.variables),
                           tuple(heads.values()))

    def _rest(self, sums: Value, heads: Sequence[Value]) -> Graph:
        """What makes these heads of the group from what the library writes."""
        g = GraphBuilder(self.master.name, self.master.sources)
        total = self._with_bias(g, sums) if self.has_bias_left else sums
        value = _as(g, total, self.value.type.element)
        return Graph(tuple(heads)).rewrite(lambda node: (value,) if node is self.value.node else None)

    def _with_bias(self, g: GraphBuilder, sums: Value) -> Value:
        """The contraction's result from its bare sums, in float32."""
        (dim,), = operation(self.master).finish_dims(len(sums.type.dims))
        assert self.bias is not None
        shape = [extent if axis == dim else 1 for axis, extent in enumerate(sums.type.dims)]
        wide = [_as(g, value, DType.float32) for value in (sums, self.bias)]
        return g.broadcast_add(wide[0], g.reshape(wide[1], shape))


class _Product(_Part):
    """By cuBLASLt."""

    def __init__(self, graph: Graph, master: Node, factors: Sequence[Value], matrices: Matrices) -> None:
        self.matrices = matrices
        super().__init__(graph, master, factors, matrices.sizes)

    @classmethod
    def of(cls, graph: Graph, master: Node, factors: Sequence[Value]) -> _Product | None:
        """None: the contraction is no product of matrices."""
        spec = operation(master).contraction([value.type for value in master.inputs])
        matrices = matrices_of(spec, [*(value.type.dims for value in factors), master.types[0].dims])
        return None if matrices is None else cls(graph, master, factors, matrices)

    def _adds_bias(self, bias: Value) -> bool:
        """One for each row of the result, of its dtype."""
        op = operation(self.master)
        (dim,), = op.finish_dims(len(self.value.type.dims))
        spec = op.contraction([value.type for value in self.master.inputs])
        return (self.matrices.rows == tuple(name for name, _ in spec.output[dim].terms) and bias.node.is_variable
                and bias.type.dtype is self.value.type.dtype)

    def _follow(self) -> None:
        self._takes_relu()
        if "bias" not in self.epilogue:
            self._takes_cast()

    def _result_dtype(self) -> DType:
        """float32 where a bias is still to be added."""
        return DType.float32 if self.has_bias_left else self.value.type.element

    def _order(self) -> tuple[int, int]:
        return self.matrices.factors

    def _bare_call(self) -> ProductCall:
        found, dtypes = self.matrices, (self.factors[0].type.element.name, self._result_dtype().name)
        return ProductCall(CUBLASLT, (0, 0), (), dtypes, found.sizes, found.leading, found.strides, found.begins,
                           found.transposed, self.compute, tuple(self.epilogue))


class _Convolution(_Part):
    """By cuDNN, whose results have the factors' dtype."""

    @classmethod
    def of(cls, graph: Graph, master: Node, factors: Sequence[Value]) -> _Convolution | None:
        """None: it is no convolution of two dimensions, or not for cuDNN."""
        op = master.op
        if not isinstance(op, Convolution) or op.rank != 2 or op.cudnn_off:
            return None
        (images, *_), (channels, *kernel), pixels = factors[0].type.dims, factors[1].type.dims, master.types[0].dims[2:]
        sizes = channels // op.num_group, images * math.prod(pixels), math.prod(kernel), op.num_group
        return cls(graph, master, factors, sizes)

    def _adds_bias(self, bias: Value) -> bool:
        """With the positive part alone, and of the factors' dtype."""
        return (bias.node.is_variable and self._only_reader(relu_of_nan) is not None
                and {bias.type.dtype, self.value.type.dtype} == {self.factors[0].type.dtype})

    def _follow(self) -> None:
        if self.bias is not None:
            self._takes_relu()
        else:
            self._takes_cast()

    def _result_dtype(self) -> DType:
        return self.factors[0].type.element

    def _bare_call(self) -> ConvolutionCall:
        op = self.master.op
        assert isinstance(op, Convolution)
        image, weight, result = (value.type.dims for value in (*self.factors, Value(self.master)))
        return ConvolutionCall(CUDNN, (0, 0), (), self._result_dtype().name, image, weight, result, op.padding,
                               op.strides, op.dilations, op.num_group, self.compute, tuple(self.epilogue))


def _as(g: GraphBuilder, value: Value, dtype: DType) -> Value:
    return value if value.type.dtype is dtype else g.Cast(value, dtype=dtype.name)
