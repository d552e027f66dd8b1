"""Vector bodies against NumPy in float64, over all of float32; F's functions against NumPyMath."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable

import numpy as np
import pytest

from symc.codegen.llvm_builder import I64, POINTER, Builder, Type, Value
from symc.codegen.llvm_math import ELEMENTS, FUNCTIONS, VectorMath, exp_of_negative, substitute_vector_math
from symc.ir.types import DType
from symc.ops.math import NumPyMath
from tests.codegen.llvm_running import HOST_LEVEL, load_function

RANDOM = np.random.default_rng(3)
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0, 1000.0, -1000.0, 88.72, 88.73, -87.4, -103.9, -104.1,
                    1e-45, -1e-45, 1e-39], np.float32)
NUMPY_TYPES = {"float": "f4", "double": "f8", "i32": "i4", "i8": "i1", "i64": "i8"}


def float32_samples() -> np.ndarray:
    """Random bits, dense ranges where the functions bend, all magnitudes, and the special values."""
    bits = RANDOM.integers(0, 2**32, 1 << 15, dtype=np.uint32).view(np.float32)
    magnitudes = np.exp(np.linspace(-103, 88, 1 << 14)).astype(np.float32)
    ranges = [np.linspace(-end, end, 1 << 14).astype(np.float32) for end in (110, 2)]
    return np.concatenate([bits, magnitudes, -magnitudes, *ranges, SPECIAL])


def exact(name: str, x: np.ndarray) -> np.ndarray:
    """In float64, of float32 arguments."""
    x = x.astype(np.float64)
    if name == "sigmoid":
        return np.exp(-np.logaddexp(0, -x))
    return np.vectorize(math.erf)(x) if name == "erf" else getattr(np, name)(x)


def vector_loop(name: str, lanes: int) -> str:
    """void f(ptr from, ptr to, i64 n): `llvm.<name>` of n floats, as TVM would leave it."""
    builder = Builder()
    vector, source, target = Type("float", lanes), Value(builder, "%from", POINTER), Value(builder, "%to", POINTER)

    def body(i, _):  # type: ignore[no-untyped-def]
        result = builder.intrinsic(name, builder.load(builder.offset(source, i, "float"), vector))
        builder.store(result, builder.offset(target, i, "float"))
        return []
    builder.loop(0, Value(builder, "%n", I64), lanes, body)
    builder.emit("ret void")
    return builder.function("void @f(ptr %from, ptr %to, i64 %n)") + builder.declared()


def load_loop(text: str, level: str = HOST_LEVEL) -> Callable[..., None]:
    types = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    return load_function(substitute_vector_math(text), "f", *types, level=level)


def test_exponentials_below_one() -> None:
    builder = Builder()
    place, vector = Value(builder, "%from", POINTER), Type("float", 8)

    def body(i, _):  # type: ignore[no-untyped-def]
        element = builder.offset(place, i, "float")
        builder.store(exp_of_negative(builder, builder.load(element, vector)), element)
        return []
    builder.loop(0, Value(builder, "%n", I64), 8, body)
    builder.emit("ret void")
    text = builder.function("void @f(ptr %from, i64 %n)") + builder.declared()
    function = load_function(text, "f", ctypes.c_void_p, ctypes.c_int64)
    x = np.concatenate([-np.abs(float32_samples()), np.full(8, -np.inf, np.float32)])
    y = np.resize(x, -(-len(x) // 8) * 8)
    function(y.ctypes.data, y.size)
    with np.errstate(invalid="ignore"):
        y, expected = y[:len(x)], np.exp(x.astype(np.float64))
    np.testing.assert_array_equal(np.isnan(y), np.isnan(x))
    assert not y[x < -88].any()
    near = x > -87
    assert (np.abs(y - expected)[near] / np.spacing(expected[near].astype(np.float32))).max() <= 2


@pytest.mark.parametrize("level", ["x86-64", HOST_LEVEL])    # without and with an instruction that multiplies and adds
@pytest.mark.parametrize("name", FUNCTIONS)
def test_vector_bodies_are_accurate_and_know_special_values(name: str, level: str) -> None:
    x = float32_samples()
    y = np.empty_like(x)
    load_loop(vector_loop(name, 8), level)(x.ctypes.data, y.ctypes.data, x.size)
    with np.errstate(all="ignore"):
        expected = exact(name, x)
        rounded = expected.astype(np.float32)
    is_finite = np.isfinite(rounded)
    np.testing.assert_array_equal(y[~is_finite], rounded[~is_finite])
    error = np.abs(y[is_finite].astype(np.float64) - expected[is_finite]) / np.spacing(np.abs(rounded[is_finite]))
    assert error.max() <= 4, f"{error.max():.1f} ulp at {x[is_finite][error.argmax()]!r}"
    np.testing.assert_array_equal(np.signbit(y[expected == 0]), np.signbit(rounded[expected == 0]))


@pytest.mark.parametrize("lanes", [1, 2, 4, 7, 16, 32])
def test_bodies_have_any_number_of_lanes(lanes: int) -> None:
    x = np.linspace(-3, 3, lanes).astype(np.float32)
    y = np.empty_like(x)
    load_loop(vector_loop("exp", lanes))(x.ctypes.data, y.ctypes.data, lanes)
    np.testing.assert_allclose(y, np.exp(x), rtol=1e-6)


def test_substitution_leaves_scalar_functions_alone() -> None:
    text = "declare float @llvm.exp.f32(float)\n"
    assert substitute_vector_math(text) == text


def test_functions_of_ours_are_found_by_their_own_name() -> None:
    text = vector_loop("erf", 4).replace("@llvm.erf", "@symc.erf")
    x, y = np.linspace(-2, 2, 4).astype(np.float32), np.empty(4, np.float32)
    load_loop(text)(x.ctypes.data, y.ctypes.data, 4)
    np.testing.assert_allclose(y, np.vectorize(math.erf)(x), rtol=1e-6)


def evaluate(expression, *arrays: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    """`expression(F, ...)` over one vector of each array."""
    builder = Builder()
    element = ELEMENTS[DType.of(arrays[0].dtype)]
    vectors = [builder.load(Value(builder, f"%p{i}", POINTER), Type(element, array.size))
               for i, array in enumerate(arrays)]
    result = expression(VectorMath(builder), *vectors)
    builder.store(result, Value(builder, "%to", POINTER))
    builder.emit("ret void")
    parameters = ", ".join(f"ptr %{name}" for name in [*(f"p{i}" for i in range(len(arrays))), "to"])
    text = builder.function(f"void @f({parameters})") + builder.declared()
    output = np.empty(arrays[0].shape, NUMPY_TYPES[result.type.element])
    function = load_function(text, "f", *[ctypes.c_void_p] * (len(arrays) + 1))
    function(*(array.ctypes.data for array in (*arrays, output)))
    return output


UNARY = ["abs", "ceil", "floor", "trunc", "exp", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "sin", "cos",
         "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "erf", "tgamma",
         "lgamma", "rsqrt", "sigmoid"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_argument(name: str, dtype: type) -> None:
    x = np.array([-1.5, -0.75, -0.3, 0.2, 0.5, 0.9, 1.25, 2.5], dtype)
    with np.errstate(all="ignore"):
        expected = getattr(NumPyMath, name)(x)
    result = evaluate(lambda F, x: getattr(F, name)(x), x)
    np.testing.assert_allclose(result, expected, rtol=1e-6 if dtype is np.float32 else 1e-14)


EXPRESSIONS = {
    "maximum keeps NaN": lambda F, x, y: F.max_nan(x, y),
    "minimum keeps NaN": lambda F, x, y: F.min_nan(x, y),
    "relu": lambda F, x, y: F.max_nan(x, 0),
    "clip": lambda F, x, y: F.min_nan(F.max_nan(x, -1), 1),
    "activation relu drops NaN": lambda F, x, y: F.where(x > 0, x, 0),
    "NaN is found": lambda F, x, y: F.where(F.isnan(x), y, 2 * x - y / 3),
    "comparisons": lambda F, x, y: F.where(F.logical_and(x <= y, F.logical_not(x == 0)), 1 - x, -y),
    "either": lambda F, x, y: F.where(F.logical_or(x >= y, x != x), x, y),
    "power": lambda F, x, y: F.power(F.abs(x), y),
    "hypot": lambda F, x, y: F.hypot(x, y),
    "remainder": lambda F, x, y: F.modulo(x, y),
    "constants": lambda F, x, y: F.const(1.5, x) + F.pi * x,
    "cast of a condition": lambda F, x, y: F.cast(x < y, F.dtype(x)),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions(name: str) -> None:
    x = np.array([np.nan, 1.5, -2.0, 0.0, np.inf, 3.0, -0.5, np.nan], np.float32)
    y = np.array([1.0, np.nan, 4.0, -1.0, 2.0, -3.0, -0.5, np.nan], np.float32)
    with np.errstate(all="ignore"):
        expected = EXPRESSIONS[name](NumPyMath, x, y)
    np.testing.assert_allclose(evaluate(EXPRESSIONS[name], x, y), expected, rtol=1e-6)


def test_integers() -> None:
    x, y = np.array([7, -7, 5, 0], np.int32), np.array([2, 2, 0, 3], np.int32)
    np.testing.assert_array_equal(evaluate(lambda F, x, y: F.divide_truncating(x, y), x, y), [3, -3, 0, 0])
    np.testing.assert_allclose(evaluate(lambda F, x: F.cast(x, DType.float32) / 2, x), x / 2)
    halves = np.array([1.9, -1.9], np.float32)
    np.testing.assert_array_equal(evaluate(lambda F, x: F.cast(x, DType.int32), halves), [1, -1])


def test_remainders_of_integers() -> None:
    x, y = np.array([7, -7, 7, 5], np.int32), np.array([3, 3, -3, 0], np.int32)
    np.testing.assert_array_equal(evaluate(lambda F, x, y: F.modulo(x, y), x, y), [1, 2, -2, 0])


def test_all_functions_are_there() -> None:
    assert {name for name in dir(NumPyMath) if name[0] != "_"} <= {*dir(VectorMath)}
