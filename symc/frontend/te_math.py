"""Values of tensor expressions: one element (or a vector of elements) as a TIR expression, and `F` over them.

`TensorMath` prints the math namespace of `ops.math` as TIR.  Transcendental functions stay LLVM intrinsics where LLVM
has them (codegen puts vector bodies in their place), the others are calls of libm.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, Protocol

from tvm import tirx

from symc.ir.types import DType
from symc.ops.math import number

Expr = Any  # a TIR expression (tvm.ir.Expr)
Indices = tuple[Any, ...]

MEMORY = {DType.bool: "uint8", DType.bfloat16: "uint16"}
LARGEST = 12        # operations in an unnamed expression
COMPUTED = {DType.float16: "float32", DType.bfloat16: "float32"}


def memory_dtype(dtype: DType) -> str:
    """TIR's name of the elements of a buffer."""
    return MEMORY.get(dtype, dtype.name)


def computed_dtype(dtype: DType) -> str:
    """TIR's name of the type values are computed in: float32 for the 16-bit floats."""
    return COMPUTED.get(dtype, dtype.name)


def lanes_of(expr: Expr) -> int:
    return int(expr.ty.dtype.lanes) if not isinstance(expr, int) else 1


def widened(expr: Expr, lanes: int) -> Expr:
    """`expr` with `lanes` lanes; a scalar is broadcast."""
    return expr if lanes_of(expr) == lanes else tirx.Broadcast(expr, lanes)


def vector_dtype(name: str, lanes: int) -> str:
    return name if lanes == 1 else f"{name}x{lanes}"


class Scalar:
    """A data value of one element (or of a vector of them): an expression and the dtype it stands for.

    Operators follow the language of `ops.math`: a Python number takes the dtype of the other operand.  The nodes are
    made without TVM's folding, which takes x * 0 for 0.
    """

    __slots__ = ("dtype", "expr", "uses", "weight")

    def __init__(self, expr: Expr, dtype: DType, uses: frozenset[Any] = frozenset(), weight: int = 1) -> None:
        self.expr = expr
        self.dtype = dtype
        self.uses = uses
        self.weight = weight

    @property
    def lanes(self) -> int:
        return lanes_of(self.expr)

    def __add__(self, other: Any) -> Scalar:
        return binary(tirx.Add, self, other)

    def __radd__(self, other: Any) -> Scalar:
        return binary(tirx.Add, other, self)

    def __sub__(self, other: Any) -> Scalar:
        return binary(tirx.Sub, self, other)

    def __rsub__(self, other: Any) -> Scalar:
        return binary(tirx.Sub, other, self)

    def __mul__(self, other: Any) -> Scalar:
        return binary(tirx.Mul, self, other)

    def __rmul__(self, other: Any) -> Scalar:
        return binary(tirx.Mul, other, self)

    def __truediv__(self, other: Any) -> Scalar:
        return binary(tirx.Div, self, other)

    def __rtruediv__(self, other: Any) -> Scalar:
        return binary(tirx.Div, other, self)

    def __neg__(self) -> Scalar:
        return binary(tirx.Mul, self, -1) if self.dtype.is_float else binary(tirx.Sub, 0, self)

    def __lt__(self, other: Any) -> Scalar:
        return binary(tirx.LT, self, other, DType.bool)

    def __le__(self, other: Any) -> Scalar:
        return binary(tirx.LE, self, other, DType.bool)

    def __gt__(self, other: Any) -> Scalar:
        return binary(tirx.GT, self, other, DType.bool)

    def __ge__(self, other: Any) -> Scalar:
        return binary(tirx.GE, self, other, DType.bool)

    def __eq__(self, other: Any) -> Scalar:  # type: ignore[override]
        return binary(tirx.EQ, self, other, DType.bool)

    def __ne__(self, other: Any) -> Scalar:  # type: ignore[override]
        return binary(not_equal, self, other, DType.bool)

    def __and__(self, other: Any) -> Scalar:
        return logical(tirx.And, self, other)

    def __or__(self, other: Any) -> Scalar:
        return logical(tirx.Or, self, other)

    def __invert__(self) -> Scalar:
        return Scalar(tirx.Not(condition(self).expr), DType.bool, self.uses)

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise AssertionError("a tensor element has no truth value: use F.where or te.select")


def not_equal(a: Expr, b: Expr) -> Expr:
    """True for NaN, unlike TVM's comparison of floats."""
    return tirx.Not(tirx.EQ(a, b))


def literal(value: float, dtype: DType, lanes: int = 1) -> Scalar:
    """A Python number in `dtype`; toward zero for integers, which wrap."""
    name = computed_dtype(dtype)
    if dtype.is_float:
        expr = tirx.FloatImm(name, float(value))
    else:
        expr = tirx.const(number(value, dtype.numpy).item(), name)
    return Scalar(widened(expr, lanes), dtype, weight=0)


def paired(a: Any, b: Any) -> tuple[Scalar, Scalar]:
    """Both operands with one dtype and one number of lanes."""
    known = a if isinstance(a, Scalar) else b
    assert isinstance(known, Scalar), "an operation on two Python numbers needs no tensor expression"
    a, b = (x if isinstance(x, Scalar) else literal(x, known.dtype) for x in (a, b))
    assert a.dtype is b.dtype, f"operands have dtypes {a.dtype.name} and {b.dtype.name}; cast one of them"
    lanes = max(a.lanes, b.lanes)
    return (Scalar(widened(a.expr, lanes), a.dtype, a.uses, a.weight),
            Scalar(widened(b.expr, lanes), b.dtype, b.uses, b.weight))


def binary(make: Callable[..., Expr], a: Any, b: Any, dtype: DType | None = None) -> Scalar:
    left, right = paired(a, b)
    if left.dtype is DType.bool and dtype is None:
        left, right = cast(left, DType.uint8), cast(right, DType.uint8)
    elif left.dtype is DType.bool:
        left, right = cast(left, DType.int8), cast(right, DType.int8)
    return combined(make(left.expr, right.expr), dtype or left.dtype, left, right)


def combined(expr: Expr, dtype: DType, *operands: Scalar) -> Scalar:
    """A value made of `operands`; a large one gets a name, so that an expression stays a tree of bounded size."""
    uses = frozenset().union(*(operand.uses for operand in operands))
    weight = 1 + sum(operand.weight for operand in operands)
    made = Scalar(expr, dtype, uses, weight)
    return made if weight <= LARGEST else evaluator().shared(made)


def condition(value: Any) -> Scalar:
    """A condition from a comparison of values, of indices, or a Python bool; other values are compared with 0."""
    if isinstance(value, bool):
        return literal(value, DType.bool)
    if not isinstance(value, Scalar):
        return Scalar(as_expr(value), DType.bool, evaluator().uses_of_index(value), weight=0)
    return value if value.dtype is DType.bool else value != 0


def as_expr(value: Any) -> Expr:
    """An index or index condition as an expression (comparisons of indices by == are deferred in TVM)."""
    return value.asobject() if hasattr(value, "asobject") else value


def logical(make: Callable[..., Expr], a: Any, b: Any) -> Scalar:
    left, right = paired(condition(a), condition(b))
    return combined(make(left.expr, right.expr), DType.bool, left, right)


def cast(x: Scalar, dtype: DType) -> Scalar:
    """C's conversion; floats go to narrow integers through int32, as NumPy's do on x86."""
    if x.dtype is dtype:
        return x
    if dtype is DType.bool:
        return condition(x)
    source, target = computed_dtype(x.dtype), computed_dtype(dtype)
    expr = x.expr
    if x.dtype is DType.bool:
        one, zero = (widened(tirx.const(v, "int8"), x.lanes) for v in (1, 0))
        expr, source = tirx.Select(expr, one, zero), "int8"
    if x.dtype.is_float and dtype in (DType.uint8, DType.int8):
        expr, source = tirx.Cast(vector_dtype("int32", x.lanes), expr), "int32"
    rounded = expr if source == target else tirx.Cast(vector_dtype(target, x.lanes), expr)
    result = Scalar(rounded, dtype, x.uses, x.weight + 1)
    return round_to(result) if dtype in COMPUTED else result


def round_to(x: Scalar) -> Scalar:
    """A value computed in float32 rounded to its 16-bit type, still held in float32."""
    if x.dtype is DType.float16:
        half = tirx.Cast(vector_dtype("float16", x.lanes), x.expr)
        return Scalar(tirx.Cast(vector_dtype("float32", x.lanes), half), x.dtype, x.uses)
    return Scalar(load_conversion(store_conversion(x), DType.bfloat16), x.dtype, x.uses)


def load_conversion(expr: Expr, dtype: DType) -> Expr:
    """The computed value of an element as it lies in memory."""
    lanes = lanes_of(expr)
    if dtype is DType.bool:
        return tirx.NE(expr, widened(tirx.const(0, "uint8"), lanes))
    if dtype is DType.float16:
        return tirx.Cast(vector_dtype("float32", lanes), expr)
    if dtype is DType.bfloat16:
        wide = tirx.Cast(vector_dtype("uint32", lanes), expr)
        shifted = tirx.Mul(wide, widened(tirx.const(65536, "uint32"), lanes))
        return tirx.reinterpret(vector_dtype("float32", lanes), shifted)
    return expr


def store_conversion(x: Scalar) -> Expr:
    """The element in memory of a computed value; bfloat16 is rounded to nearest, ties to even."""
    if x.dtype is DType.bool:
        return cast(x, DType.uint8).expr
    if x.dtype is DType.float16:
        return tirx.Cast(vector_dtype("float16", x.lanes), x.expr)
    if x.dtype is not DType.bfloat16:
        return x.expr
    name = vector_dtype("uint32", x.lanes)

    def number(value: int) -> Expr:
        return widened(tirx.const(value, "uint32"), x.lanes)
    bits = tirx.reinterpret(name, x.expr)
    upper = tirx.Div(bits, number(65536))
    odd = tirx.Mod(upper, number(2))
    rounded = tirx.Div(tirx.Add(bits, tirx.Add(odd, number(0x7FFF))), number(65536))
    chosen = tirx.Select(not_equal(x.expr, x.expr), number(0x7FC0), rounded)
    return tirx.Cast(vector_dtype("uint16", x.lanes), chosen)


# ---- evaluation --------------------------------------------------------------------------------------------------

class Evaluator(Protocol):
    """Gives elements of tensors their expressions while code is written."""

    def element(self, tensor: Any, indices: Indices) -> Scalar: ...

    def shared(self, value: Scalar) -> Scalar:
        """`value` under a name, computed once however often it is used."""

    def select(self, chosen: Scalar, a: Scalar, b: Scalar) -> Scalar:
        """`a` or `b`, of which the untaken one reads no memory."""

    def index_of(self, value: Scalar) -> Expr: ...

    def uses_of_index(self, index: Expr) -> frozenset[Any]:
        """What an index made of data values depends on."""


class Typing:
    """Evaluates one level of a body, to learn its dtype."""

    def element(self, tensor: Any, indices: Indices) -> Scalar:
        return Scalar(tirx.Var("x", computed_dtype(tensor.dtype)), tensor.dtype)

    def shared(self, value: Scalar) -> Scalar:
        return value

    def select(self, chosen: Scalar, a: Scalar, b: Scalar) -> Scalar:
        return a

    def index_of(self, value: Scalar) -> Expr:
        return tirx.Var("i", "int32")

    def uses_of_index(self, index: Expr) -> frozenset[Any]:
        return frozenset()


_current: ContextVar[Evaluator] = ContextVar("evaluator")


@contextlib.contextmanager
def evaluating(evaluator: Evaluator) -> Iterator[None]:
    token = _current.set(evaluator)
    try:
        yield
    finally:
        _current.reset(token)


def evaluator() -> Evaluator:
    """The evaluator at work."""
    return _current.get()


# ---- the math namespace ------------------------------------------------------------------------------------------

def intrinsic(name: str) -> Callable[[Scalar], Scalar]:
    """A function LLVM has as the intrinsic llvm.`name`, over floats."""
    def call(x: Scalar) -> Scalar:
        expr = tirx.call_llvm_pure_intrin(vector_dtype(computed_dtype(x.dtype), x.lanes), f"llvm.{name}", x.expr)
        return evaluator().shared(Scalar(expr, x.dtype, x.uses))
    return staticmethod(call)  # type: ignore[return-value]


def libm(name: str, has_body: bool = False) -> Callable[..., Scalar]:
    """A function of libm, called lane by lane; `name` is that of the double version.

    has_body: codegen has code of its own for vectors of float32, known as symc.NAME.vNf32.
    """
    def call(*operands: Scalar) -> Scalar:
        x = operands[0]
        if has_body and x.lanes > 1 and computed_dtype(x.dtype) == "float32":
            expr = tirx.call_pure_extern(vector_dtype("float32", x.lanes), f"symc.{name}.v{x.lanes}f32", x.expr)
            return evaluator().shared(Scalar(expr, x.dtype, x.uses))
        for other in operands[1:]:
            x = paired(x, other)[0]
        values = [paired(x, value)[1] for value in operands]
        scalar = computed_dtype(x.dtype)
        function = name + ("f" if scalar == "float32" else "")
        lanes = [tirx.call_pure_extern(scalar, function, *(lane(value.expr, k) for value in values))
                 for k in range(x.lanes)]
        uses = frozenset().union(*(value.uses for value in values))
        return evaluator().shared(Scalar(joined(lanes), x.dtype, uses))
    return staticmethod(call)  # type: ignore[return-value]


def lane(expr: Expr, position: int) -> Expr:
    return expr if lanes_of(expr) == 1 else tirx.Shuffle([expr], [position])


def joined(lanes: list[Expr]) -> Expr:
    """A vector of scalars."""
    return lanes[0] if len(lanes) == 1 else tirx.Shuffle(lanes, list(range(len(lanes))))


class TensorMath:
    """F over tensor elements; see `ops.math.NumPyMath` for the meaning of each."""

    pi = math.pi

    exp = intrinsic("exp")
    log = intrinsic("log")
    log2 = intrinsic("log2")
    log10 = intrinsic("log10")
    sin = intrinsic("sin")
    cos = intrinsic("cos")
    tan = intrinsic("tan")
    arcsin = intrinsic("asin")
    arccos = intrinsic("acos")
    arctan = intrinsic("atan")
    sinh = intrinsic("sinh")
    cosh = intrinsic("cosh")
    tanh = intrinsic("tanh")
    sqrt = intrinsic("sqrt")
    _fabs = intrinsic("fabs")
    _floor = intrinsic("floor")
    _ceil = intrinsic("ceil")
    _trunc = intrinsic("trunc")
    expm1 = libm("expm1", has_body=True)
    log1p = libm("log1p", has_body=True)
    cbrt = libm("cbrt")
    arcsinh = libm("asinh")
    arccosh = libm("acosh")
    arctanh = libm("atanh")
    hypot = libm("hypot")
    erf = libm("erf", has_body=True)
    tgamma = libm("tgamma")
    lgamma = libm("lgamma")
    cast = staticmethod(cast)

    @staticmethod
    def abs(x: Scalar) -> Scalar:
        return TensorMath._fabs(x) if x.dtype.is_float else TensorMath.where(x < 0, -x, x)

    @staticmethod
    def floor(x: Scalar) -> Scalar:
        return TensorMath._floor(x) if x.dtype.is_float else x

    @staticmethod
    def ceil(x: Scalar) -> Scalar:
        return TensorMath._ceil(x) if x.dtype.is_float else x

    @staticmethod
    def trunc(x: Scalar) -> Scalar:
        return TensorMath._trunc(x) if x.dtype.is_float else x

    @staticmethod
    def rsqrt(x: Scalar) -> Scalar:
        return 1 / TensorMath.sqrt(x)

    @staticmethod
    def sigmoid(x: Scalar) -> Scalar:
        return 1 / (1 + TensorMath.exp(-x))

    @staticmethod
    def power(x: Any, y: Any) -> Scalar:
        """Integers are raised in float64."""
        a, b = paired(x, y)
        if not a.dtype.is_float:
            wide = TensorMath.power(cast(a, DType.float64), cast(b, DType.float64))
            return cast(wide, a.dtype)
        name = vector_dtype(computed_dtype(a.dtype), a.lanes)
        expr = tirx.call_llvm_pure_intrin(name, "llvm.pow", a.expr, b.expr)
        return evaluator().shared(Scalar(expr, a.dtype, a.uses | b.uses))

    @staticmethod
    def modulo(x: Any, y: Any) -> Scalar:
        a, b = paired(x, y)
        where, both, either = TensorMath.where, TensorMath.logical_and, TensorMath.logical_or
        remainder = _truncated_remainder(a, _safe_divisor(b))        # with the sign of a
        wrong_sign = either(both(remainder < 0, b > 0), both(remainder > 0, b < 0))
        result = where(b == 0, 0, where(wrong_sign, remainder + b, remainder))
        return where(b != b, b, result) if b.dtype.is_float else result     # LLVM takes fmod(0, NaN) to be 0

    @staticmethod
    def isnan(x: Scalar) -> Scalar:
        return x != x if x.dtype.is_float else literal(False, DType.bool, x.lanes)

    @staticmethod
    def where(chosen: Any, x: Any, y: Any) -> Scalar:
        a, b = paired(x, y)
        where = condition(chosen)
        lanes = max(a.lanes, where.lanes)
        expr = tirx.Select(widened(where.expr, lanes), widened(a.expr, lanes), widened(b.expr, lanes))
        return combined(expr, a.dtype, where, a, b)

    @staticmethod
    def logical_and(x: Any, y: Any) -> Scalar:
        return logical(tirx.And, x, y)

    @staticmethod
    def logical_or(x: Any, y: Any) -> Scalar:
        return logical(tirx.Or, x, y)

    @staticmethod
    def logical_not(x: Any) -> Scalar:
        return ~condition(x)

    @staticmethod
    def max_nan(x: Any, y: Any) -> Scalar:
        return _extreme(x, y, lambda a, b: a > b)

    @staticmethod
    def min_nan(x: Any, y: Any) -> Scalar:
        return _extreme(x, y, lambda a, b: a < b)

    @staticmethod
    def const(value: float, like: Scalar) -> Scalar:
        return literal(value, like.dtype)

    @staticmethod
    def dtype(x: Scalar) -> DType:
        return x.dtype

    @staticmethod
    def divide_truncating(x: Any, y: Any) -> Scalar:
        a, b = paired(x, y)
        safe = _safe_divisor(b)
        quotient = Scalar(tirx.Div(a.expr, safe.expr), a.dtype, a.uses | safe.uses)
        quotient = TensorMath.where(b == -1, -a, quotient) if _is_signed(b.dtype) else quotient
        return TensorMath.where(b == 0, 0, quotient)


_fmod = libm("fmod").__func__  # type: ignore[attr-defined]


def _is_signed(dtype: DType) -> bool:
    return dtype in (DType.int8, DType.int32, DType.int64)


def _safe_divisor(b: Scalar) -> Scalar:
    """1 in place of 0, and of -1: the least integer has no quotient by that, and machines trap."""
    unsafe = TensorMath.logical_or(b == 0, b == -1) if _is_signed(b.dtype) else b == 0
    return TensorMath.where(unsafe, 1, b)


def _truncated_remainder(a: Scalar, b: Scalar) -> Scalar:
    """C's remainder, of integers too, where b may not be 0."""
    return _fmod(a, b) if a.dtype.is_float else Scalar(tirx.Mod(a.expr, b.expr), a.dtype, a.uses | b.uses)


def _extreme(x: Any, y: Any, beats: Callable[[Scalar, Scalar], Scalar]) -> Scalar:
    """The one that beats the other, NaN if either is; a literal operand is no NaN, and saves a test."""
    if not isinstance(x, Scalar) or isinstance(x.expr, (tirx.FloatImm, tirx.IntImm)):
        x, y = y, x
    a, b = paired(x, y)
    if isinstance(y, Scalar) and not isinstance(y.expr, (tirx.FloatImm, tirx.IntImm)) and a.dtype.is_float:
        return TensorMath.where((beats(a, b)) | (a != a), a, b)
    return TensorMath.where(beats(b, a), b, a)
