"""The TE facade: the math namespace, broadcasting, views, contractions; evaluated by the compiled kernels."""

import numpy as np
import pytest

from symc.frontend.te import broadcast_indices
from symc.frontend.te_math import Scalar, TensorMath, Typing, evaluating, literal
from symc.ir.graph import Graph, Node, Value, variable
from symc.ir.types import DType, TensorType
from symc.ops.math import NumPyMath
from symc.ops.operator import Operator


def public(namespace):
    return {name for name in vars(namespace) if not name.startswith("_")}


def test_same_functions_as_numpy():
    assert public(TensorMath) >= public(NumPyMath)


class OneExpression(Operator):
    """An elementwise operator of the function it is made with."""

    name = "one_expression"

    def __init__(self, function, dtype=None):
        self.__dict__.update(function=function, dtype=dtype)

    def expression(self, F, *inputs):
        return self.function(F, *inputs)

    def reference(self, *inputs):
        result = np.asarray(self.function(NumPyMath, *inputs))
        return result.astype(self.dtype.numpy) if self.dtype else result

    def printed(self):
        return ""


def elementwise(function, *types, dtype=None):
    """A group of one operator; its output has the shape and, unless `dtype` is given, the dtype of the first input."""
    inputs = tuple(Value(variable(f"x{n}", type)) for n, type in enumerate(types))
    out = TensorType(np.broadcast_shapes(*(t.shape for t in types)), dtype or types[0].dtype)
    return Graph((Value(Node("y", OneExpression(function, dtype), inputs, (out,))),))


SPECIAL = np.array([0.0, -0.0, 1, -1, 0.5, -0.5, 2.5, -2.5, 20, -20, 90, -90, 1e-30, 1e30, np.inf, -np.inf, np.nan,
                    3, 0.1], np.float32)


@pytest.mark.parametrize("name", sorted(public(NumPyMath) - {
    "pi", "const", "cast", "dtype", "where", "logical_and", "logical_or", "logical_not", "divide_truncating", "modulo",
    "hypot", "power", "max_nan", "min_nan", "isnan"}))
@pytest.mark.filterwarnings("ignore")
def test_unary(groups, name):
    x = np.concatenate([SPECIAL, np.random.default_rng(0).uniform(-3, 3, 40).astype(np.float32)])
    with np.errstate(all="ignore"):
        groups.check(elementwise(lambda F, v: getattr(F, name)(v), TensorType(x.shape, DType.float32)), [x], rtol=1e-5)


@pytest.mark.parametrize("name", ["hypot", "power", "max_nan", "min_nan", "modulo"])
@pytest.mark.filterwarnings("ignore")
def test_binary(groups, name):
    x, y = (grid.ravel() for grid in np.meshgrid(SPECIAL, SPECIAL))
    type = TensorType(x.shape, DType.float32)
    with np.errstate(all="ignore"):
        groups.check(elementwise(lambda F, a, b: getattr(F, name)(a, b), type, type), [x, y], rtol=1e-5)


def test_integer_division_truncates_and_gives_zero_by_zero(groups):
    x, y = (grid.ravel().astype(np.int32) for grid in np.meshgrid(np.arange(-7, 8), np.arange(-3, 4)))
    type = TensorType(x.shape, DType.int32)
    groups.check(elementwise(lambda F, a, b: F.divide_truncating(a, b), type, type), [x, y])


@pytest.mark.parametrize("source", [d for d in DType if d is not DType.bfloat16])
@pytest.mark.parametrize("target", list(DType))
def test_casts(groups, source, target):
    x = np.random.default_rng(1).uniform(-3, 100, 37).astype(source.numpy)
    groups.check(elementwise(lambda F, a: F.cast(a, target), TensorType(x.shape, source), dtype=target), [x])


def test_bfloat16_is_computed_in_float32_and_rounded(groups):
    x = np.array([1.0, 1.0 / 3, -2.7, np.inf, np.nan], np.float32)
    stored = NumPyMath.cast(x, DType.bfloat16)
    compiled = groups.compile(elementwise(lambda F, a: a * 3, TensorType(x.shape, DType.bfloat16)))
    wide = (stored.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(compiled(stored)[0], NumPyMath.cast(wide * 3, DType.bfloat16))


def test_numbers_take_the_dtype_of_the_other_operand():
    with evaluating(Typing()):
        x = literal(3, DType.int32)
        assert (x * 2.9).dtype is DType.int32 and (2 - x).dtype is DType.int32 and (x > 1).dtype is DType.bool


def test_nothing_is_folded_that_nan_would_change():
    with evaluating(Typing()):
        x = Scalar(literal(1, DType.float32).expr, DType.float32)
        assert str((x * 0).expr) != "T.float32(0.0)"


def test_mixed_dtypes_are_refused():
    with evaluating(Typing()), pytest.raises(AssertionError, match="cast one of them"):
        literal(1, DType.int32) + literal(1, DType.float32)


def test_elements_used_often_are_computed_once(groups):
    def function(F, x):
        for _ in range(60):
            x = F.where(x > 1, x * 0.5, x + x)
        return x
    groups.check(elementwise(function, TensorType((40,), DType.float32)))


def test_broadcasting_follows_numpy():
    assert broadcast_indices((3, 1), ("a", "b", "c")) == ("b", 0)


class Indexed(Operator):
    """Every index function at once: y[i, j] = x[clamp(x[j, i])] where j > 1, else i - j."""

    name = "indexed"

    def compute(self, te, inputs, outputs):
        (x,) = inputs

        def body(i, j):
            row = te.clamp(te.index(x[j % 3, i]), 0, 2)
            return te.select(te.any(te.all(j > 1, i >= 0), i < 0), x[row, j - 2], te.value(i - j, DType.float32))
        return [te.tensor((3, 5), body)]

    def reference(self, x):
        i, j = np.meshgrid(np.arange(3), np.arange(5), indexing="ij")
        return np.where(j > 1, x[np.clip(np.trunc(x[j % 3, i]), 0, 2).astype(int), j - 2], i - j).astype(np.float32)

    def printed(self):
        return ""


def test_indices_from_data_and_data_from_indices(groups):
    x = Value(variable("x", TensorType((3, 4), DType.float32)))
    groups.check(Graph((Value(Node("y", Indexed(), (x,), (TensorType((3, 5), DType.float32),))),)))


@pytest.mark.parametrize("text", [
    "%x: f16[3,7]\n%w: f16[5,7]\n%b: f16[5]\n%y = FullyConnected(%x, %w, %b) num_hidden=5\nheads %y",
    "%x: i32[3,7]\n%w: i32[5,7]\n%y = FullyConnected(%x, %w) num_hidden=5 no_bias=True\nheads %y",
    "%x: f32[2,4,9,9]\n%w: f32[6,2,3,3]\n%y = Convolution(%x, %w) kernel=(3,3) stride=(2,2) pad=(1,1) num_filter=6 "
    "num_group=2 no_bias=True\nheads %y",
])
def test_contractions(graph, groups, text):
    groups.check(graph(text), rtol=1e-4, atol=1e-4)


def test_views_join_and_split_dimensions(graph, groups):
    groups.check(graph("""
        %x: f32[4,6,10]
        %r = relu(%x)
        %a = Reshape(%r) shape=(4,60)
        %t = transpose(%a)
        %b = Reshape(%t) shape=(3,20,2,2)
        heads %b
    """))


