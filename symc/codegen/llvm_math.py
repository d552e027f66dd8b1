"""The math namespace `F` of `ops/math.py` over vectors, and our own vector bodies of exp, tanh, erf, log, ...

The bodies are for float32 of any number of lanes: within 4 ulp, and right for NaN, infinities, denormals and overflow.
All other functions, and float64, call libm lane by lane.
"""

from __future__ import annotations

import math as libm
import re
from collections.abc import Callable, Sequence

from symc.codegen.llvm_builder import Builder, Operand, Type, Value
from symc.ir.types import DType

ELEMENTS = {DType.float32: "float", DType.float64: "double", DType.int32: "i32", DType.int64: "i64", DType.int8: "i8",
            DType.uint8: "i8", DType.bool: "i1"}


def _by_intrinsic(name: str) -> Callable[[VectorMath, Value], Value]:
    """Functions that every CPU has an instruction for."""
    return lambda self, x: self.builder.intrinsic(name, x)


def _by_body(name: str) -> Callable[[VectorMath, Value], Value]:
    """Our vector body for float32, libm for float64."""
    def call(self: VectorMath, x: Value) -> Value:
        return BODIES[name](self.builder, x) if x.type.element == "float" else _lane_by_lane(self.builder, name, x)
    return call


def _by_libm(name: str) -> Callable[..., Value]:
    return lambda self, *arguments: _lane_by_lane(self.builder, name, *arguments)


class VectorMath:
    """F over vectors of one builder.  A Python number beside a value takes the value's type."""

    pi = libm.pi

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    abs = _by_intrinsic("fabs")
    ceil = _by_intrinsic("ceil")
    floor = _by_intrinsic("floor")
    trunc = _by_intrinsic("trunc")
    sqrt = _by_intrinsic("sqrt")
    exp = _by_body("exp")
    expm1 = _by_body("expm1")
    log = _by_body("log")
    log1p = _by_body("log1p")
    tanh = _by_body("tanh")
    erf = _by_body("erf")
    log2 = _by_libm("log2")
    log10 = _by_libm("log10")
    cbrt = _by_libm("cbrt")
    sin = _by_libm("sin")
    cos = _by_libm("cos")
    tan = _by_libm("tan")
    arcsin = _by_libm("asin")
    arccos = _by_libm("acos")
    arctan = _by_libm("atan")
    sinh = _by_libm("sinh")
    cosh = _by_libm("cosh")
    arcsinh = _by_libm("asinh")
    arccosh = _by_libm("acosh")
    arctanh = _by_libm("atanh")
    tgamma = _by_libm("tgamma")
    lgamma = _by_libm("lgamma")
    _power = _by_libm("pow")
    _hypot = _by_libm("hypot")

    def power(self, x: Operand, y: Operand) -> Value:
        return self._power(*self._same_type(x, y))

    def hypot(self, x: Operand, y: Operand) -> Value:
        return self._hypot(*self._same_type(x, y))

    def rsqrt(self, x: Value) -> Value:
        return 1 / self.sqrt(x)

    def sigmoid(self, x: Value) -> Value:
        """1 / (1 + exp(-x)); neither side overflows or cancels."""
        small = self.exp(-self.abs(x))
        return self.where(x < 0, small, 1) / (1 + small)

    def isnan(self, x: Value) -> Value:
        return x != x

    def where(self, condition: Value, x: Operand, y: Operand) -> Value:
        assert isinstance(x, Value) or isinstance(y, Value), "where() of two numbers has no type: use const()"
        return self.builder.select(condition, x, y)

    def max_nan(self, x: Operand, y: Operand) -> Value:
        """Maximum; NaN if either is."""
        return self._extreme("maximum", *self._same_type(x, y))

    def min_nan(self, x: Operand, y: Operand) -> Value:
        """Minimum; NaN if either is."""
        return self._extreme("minimum", *self._same_type(x, y))

    def _extreme(self, name: str, x: Value, y: Value) -> Value:
        """x86's maxps gives its second operand where one is NaN: a comparison and a selection come down to that."""
        if _is_number(y):
            return self.where(x < y if name == "maximum" else x > y, y, x)
        return self.builder.intrinsic(name, x, y)

    def logical_and(self, x: Value, y: Value) -> Value:
        return x & y

    def logical_or(self, x: Value, y: Value) -> Value:
        return x | y

    def logical_not(self, x: Value) -> Value:
        return ~x

    def const(self, value: float, like: Value) -> Value:
        return self.builder.constant(value, like.type)

    def cast(self, x: Value, dtype: DType) -> Value:
        """As C converts; a condition gives 0 or 1.  What becomes bfloat16 is rounded where it is stored."""
        if dtype is DType.bfloat16:
            return self.cast(x, DType.float32)
        target = x.type.of(ELEMENTS[dtype])
        if target == x.type:
            return x
        if target.element == "i1":
            return x != 0
        return self.builder.convert(_conversion(x.type, target, dtype), x, target.element)

    def dtype(self, x: Value) -> DType:
        return next(dtype for dtype, element in ELEMENTS.items() if element == x.type.element)

    def divide_truncating(self, x: Value, y: Value) -> Value:
        """Integer division as in C, and x / 0 is 0."""
        by_zero = y == 0
        divisor = self.where(by_zero, 1, y)
        quotient = self.builder.register(f"sdiv {x.type} {x.name}, {divisor.name}", x.type)
        return self.where(by_zero, 0, quotient)

    def modulo(self, x: Operand, y: Operand) -> Value:
        """The remainder of x / y with the sign of y, and 0 where y is 0."""
        x, y = self._same_type(x, y)
        by_zero = y == 0
        divisor = self.where(by_zero, 1, y)
        name = "frem" if x.type.is_float else "srem"
        remainder = self.builder.register(f"{name} {x.type} {x.name}, {divisor.name}", x.type)   # with the sign of x
        wrong_sign = (remainder < 0) & (y > 0) | (remainder > 0) & (y < 0)
        return self.where(by_zero, 0, self.where(wrong_sign, remainder + y, remainder))

    def _same_type(self, x: Operand, y: Operand) -> tuple[Value, Value]:
        type = x.type if isinstance(x, Value) else y.type  # type: ignore[union-attr]
        return self.builder.like(x, type), self.builder.like(y, type)


def _is_number(value: Value) -> bool:
    """Whether it is a constant, which is never NaN here."""
    return not value.name.startswith("%")


def _conversion(source: Type, target: Type, dtype: DType) -> str:
    if source.element == "i1":
        return "uitofp" if target.is_float else "zext"
    if source.is_float and target.is_float:
        return "fpext" if target.bits > source.bits else "fptrunc"
    if source.is_float:
        return "fptoui" if dtype is DType.uint8 else "fptosi"
    if target.is_float:
        return "sitofp"
    return "sext" if target.bits > source.bits else "trunc"


def _lane_by_lane(builder: Builder, name: str, *arguments: Value) -> Value:
    """libm's function of each lane."""
    type = arguments[0].type
    symbol = name + ("f" if type.element == "float" else "")
    result = Value(builder, "poison", type)
    for lane in range(type.lanes):
        lanes = [builder.extract(argument, lane) for argument in arguments]
        result = builder.insert(result, builder.call(symbol, Type(type.element), *lanes), lane)
    return result


# Vector bodies, float32

LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.693145751953125, 1.42860682030941723212e-6   # the high part has 12 bits to spare
ROUNDER = 1.5 * 2.0 ** 23    # x + ROUNDER has the integer nearest to x in its lowest bits
ROUNDER_BITS = 0x4B400000
SMALLEST_NORMAL = 2.0 ** -126


def _polynomial(builder: Builder, x: Value, coefficients: Sequence[float]) -> Value:
    """Horner's rule; the highest power comes first."""
    result = builder.constant(coefficients[0], x.type)
    for coefficient in coefficients[1:]:
        result = builder.fma(result, x, coefficient)
    return result


def _power_of_two(builder: Builder, exponent: Value) -> Value:
    """2^n as float, of an integer n in [-126, 127]."""
    return builder.convert("bitcast", (exponent + 127) << 23, "float")


def _clamp(builder: Builder, x: Value, low: float, high: float) -> Value:
    """NaN stays NaN."""
    x = builder.select(x < low, low, x)
    return builder.select(x > high, high, x)


def _reduce(builder: Builder, x: Value) -> tuple[Value, Value]:
    """(n, r): x = n·ln 2 + r with n an integer and |r| <= ln 2 / 2."""
    shifted = builder.fma(x, LOG2_E, ROUNDER)
    n = builder.convert("bitcast", shifted, "i32") - ROUNDER_BITS
    whole = shifted - ROUNDER
    return n, builder.fma(whole, -LN2_LOW, builder.fma(whole, -LN2_HIGH, x))


EXP_TAIL = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
            5.0000001201e-1)  # Cephes


def _expm1_near_zero(builder: Builder, r: Value) -> Value:
    """exp(r) - 1 for |r| <= ln 2 / 2."""
    return builder.fma(_polynomial(builder, r, EXP_TAIL), r * r, r)


EXP = (1.96115987e-4, 1.41044694e-3, 8.33610352e-3, 4.16612700e-2, 1.66666135e-1, 5.00000358e-1, 1.0, 1.0)


def exp(builder: Builder, x: Value) -> Value:
    """x = 2n·ln 2 + r with n an integer and |r| <= ln 2; 2^n is multiplied with twice, so that denormal results and the
    largest finite ones come out."""
    x = _clamp(builder, x, -104, 89)
    shifted = builder.fma(x, LOG2_E / 2, ROUNDER + 127)
    n = shifted - (ROUNDER + 127)
    r = builder.fma(n, -2 * LN2_LOW, builder.fma(n, -2 * LN2_HIGH, x))
    scale = builder.convert("bitcast", builder.convert("bitcast", shifted, "i32") << 23, "float")
    return _polynomial(builder, r, EXP) * scale * scale


EXP_NEAR_ZERO = (1.38144672e-3, 8.36878084e-3, 4.16683927e-2, 1.66665196e-1, 4.99999940e-1, 1.0, 1.0)


def exp_of_negative(builder: Builder, x: Value) -> Value:
    """exp(x) of x <= 0, in fewer instructions: what is less than 2^-126 may become 0, as below -88 everything does."""
    x = builder.select(x < -88, -88, x)
    shifted = builder.fma(x, LOG2_E, ROUNDER + 127)
    n = shifted - (ROUNDER + 127)
    r = builder.fma(n, -LN2_LOW, builder.fma(n, -LN2_HIGH, x))
    scale = builder.convert("bitcast", builder.convert("bitcast", shifted, "i32") << 23, "float")
    return _polynomial(builder, r, EXP_NEAR_ZERO) * scale


def expm1(builder: Builder, x: Value) -> Value:
    """2^n·(exp(r) - 1) + (2^n - 1), with 2^n halved where it would overflow."""
    n, r = _reduce(builder, _clamp(builder, x, -20, 89))
    scale = _power_of_two(builder, n - 1)
    result = builder.fma(_expm1_near_zero(builder, r), scale, scale - 0.5) * 2
    return builder.select(builder.intrinsic("fabs", x) < 2.0 ** -24, x, result)  # keeps -0, and denormals whole


LOG_TAIL = (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
            2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)  # Cephes
SQRT_HALF_BITS = 0x3F3504F3


def log(builder: Builder, x: Value) -> Value:
    """x = 2^n·m with m in [√½, √2); denormals are scaled up first."""
    is_denormal = x < SMALLEST_NORMAL
    scaled = builder.select(is_denormal, x * 2.0 ** 23, x)
    bits = builder.convert("bitcast", scaled, "i32") - SQRT_HALF_BITS
    n = builder.convert("sitofp", bits >> 23, "float") - builder.select(is_denormal, builder.constant(23, x.type), 0)
    f = builder.convert("bitcast", (bits & 0x7FFFFF) + SQRT_HALF_BITS, "float") - 1
    square = f * f
    tail = _polynomial(builder, f, LOG_TAIL) * f * square
    tail = builder.fma(n, LN2_LOW, tail)
    tail = builder.fma(square, -0.5, tail)
    result = builder.fma(n, LN2_HIGH, f + tail)
    result = builder.select(x == float("inf"), x, result)
    result = builder.select(x == 0, float("-inf"), result)
    return builder.select((x < 0) | (x != x), float("nan"), result)


def log1p(builder: Builder, x: Value) -> Value:
    """log(u) of u = 1 + x, and what the rounding of u lost."""
    u = 1 + x
    of_u = log(builder, u)
    result = of_u + (x - (u - 1)) / u
    result = builder.select((x == float("inf")) | (x == -1), of_u, result)
    return builder.select(x == 0, x, result)   # keeps -0


def tanh(builder: Builder, x: Value) -> Value:
    """e / (e + 2) of e = exp(2|x|) - 1, with the sign of x."""
    size = builder.intrinsic("fabs", x)
    size = builder.select(size > 10, 10, size)
    e = expm1(builder, size + size)
    return builder.intrinsic("copysign", e / (e + 2), x)


ERF_SMALL = (-5.63141890e-4, 4.91755083e-3, -2.67113112e-2, 1.12801798e-1, -3.76123250e-1, 1.28379121e-1)
ERF_LARGE = (1.49840227e-4, -2.46964442e-3, 1.29255261e-2, -1.13728745e-2, -6.14271127e-2, -1.45060137e-1, 1.00083458)


def erf(builder: Builder, x: Value) -> Value:
    """x + x·p(x²) up to 1, 1 - q(|x|)^8 from there to 4, where it is 1."""
    size = builder.intrinsic("fabs", x)
    near = builder.fma(_polynomial(builder, x * x, ERF_SMALL), x, x)
    root = _polynomial(builder, builder.select(size > 4, 4, size), ERF_LARGE)
    fourth = root * root * (root * root)
    far = builder.fma(-fourth, fourth, 1)
    return builder.select(size > 1, builder.intrinsic("copysign", far, x), near)


BODIES: dict[str, Callable[[Builder, Value], Value]] = {
    "exp": exp, "expm1": expm1, "log": log, "log1p": log1p, "tanh": tanh, "erf": erf}


def _sigmoid(builder: Builder, x: Value) -> Value:
    return VectorMath(builder).sigmoid(x)


FUNCTIONS = {**BODIES, "sigmoid": _sigmoid}
_VECTOR_CALL = re.compile(rf"@((?:llvm|symc)\.({'|'.join(FUNCTIONS)})\.v(\d+)f32)\b")


def substitute_vector_math(llvm_text: str) -> str:
    """Put our bodies in the place of vector functions: `llvm.exp.v16f32` as TVM leaves it, `symc.erf.v8f32`, ...

    Every `llvm.F.vNf32` and `symc.F.vNf32` of FUNCTIONS becomes a call of an alwaysinline function that is added to the
    text; scalar functions stay as they are.
    """
    found = {(match[1], match[2], int(match[3])) for match in _VECTOR_CALL.finditer(llvm_text)}
    for symbol, _, _ in found:
        llvm_text = re.sub(rf"declare [^\n]*@{re.escape(symbol)}\([^\n]*\n", "", llvm_text)
    llvm_text = _VECTOR_CALL.sub(r"@symc.\2.v\3f32", llvm_text)
    declarations: dict[str, str] = {}
    for function, lanes in sorted({(function, lanes) for _, function, lanes in found}):
        builder = Builder()
        llvm_text += _function_text(builder, function, Type("float", lanes))
        declarations.update(builder.declarations)
    declared = set(re.findall(r"^declare [^\n]*@([\w.]+)\(", llvm_text, flags=re.MULTILINE))
    return llvm_text + "".join(f"{text}\n" for name, text in declarations.items() if name not in declared)


def _function_text(builder: Builder, function: str, type: Type) -> str:
    result = FUNCTIONS[function](builder, Value(builder, "%x", type))
    builder.emit(f"ret {type} {result.name}")
    header = f"internal {type} @symc.{function}.{type.suffix}({type} %x)"
    return "\n" + builder.function(header, "alwaysinline nounwind")
