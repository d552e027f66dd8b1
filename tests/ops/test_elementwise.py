"""Elementwise operators against MXNet's recorded results, and their gradients against finite differences."""

import dataclasses
import math

import numpy as np
import pytest

from symc.errors import InferenceError
from symc.interpreter import run
from symc.ir.types import DType
from symc.ops.elementwise import Elementwise
from symc.ops.math import NumPyMath
from symc.ops.operator import Operator, make, run_reference
from symc.ops.registry import REGISTRY
from symc.passes.gradient import HEAD_GRADIENT, Differentiate
from symc.passes.pipeline import typed
from symc.passes.seed_random import SeedRandom
from tests.derivatives import check_derivative, distinct
from tests.golden import Case, bound, differences, each_case, graph_of, mismatch, parse_graph_of

FAMILIES = ("unary", "binary", "scalar", "broadcast", "activation")
# Gradients that are not derivatives: by design, and selu's, which MXNet gets wrong and models were trained with.
NOT_DERIVATIVES = {"BlockGrad", "_contrib_round_ste", "_contrib_sign_ste", "_contrib_gradientmultiplier", "_selu"}
PARAMETERS = {"clip": {"a_min": 0.3, "a_max": 0.8}, "_leaky": {"slope": 0.3}, "_elu": {"slope": 0.3}}


@each_case("elemwise_unary")
def test_unary(case: Case) -> None:
    assert not differences(case)


@each_case("elemwise_binary")
def test_binary(case: Case) -> None:
    assert not differences(case)


@each_case("scalar")
def test_scalar(case: Case) -> None:
    assert not differences(case)


@each_case("broadcast")
def test_broadcast(case: Case) -> None:
    assert not differences(case)


@each_case("init")
def test_init(case: Case) -> None:
    assert not differences(case)


@each_case("activation")
def test_activation(case: Case) -> None:
    assert not differences(case)


@each_case("makeloss")
def test_make_loss(case: Case) -> None:
    assert not differences(case)


@each_case("activation")
def test_reference_of_activations(case: Case) -> None:
    """Their references say the same as the operators they are rewritten into."""
    if case["is_train"]:
        graph = parse_graph_of(case)
        head = run(graph, bound(case, graph)).heads[0]
        assert not mismatch(head, run(graph_of(case), bound(case, graph_of(case))).heads[0], case)


def differentiable() -> list[Operator]:
    """An operator of each block in these families that has a gradient; `test_derivative.py` has those of gradients."""
    blocks = [block for name, block in REGISTRY.items() if name == block.name and issubclass(block, Elementwise)
              and not name.startswith("_backward_")]
    return [block(**PARAMETERS.get(block.name, {})) for block in blocks
            if block.__module__.rpartition(".")[2] in FAMILIES and block.gradient and block.name not in NOT_DERIVATIVES]


@pytest.mark.parametrize("op", differentiable(), ids=lambda op: op.name)
def test_gradient_is_the_derivative(op: Operator) -> None:
    generator = np.random.default_rng(7)
    low = 1.2 if op.name == "arccosh" else 0.1
    x = [generator.uniform(low, low + 0.8, (2, 3)) for _ in op.input_names()]
    if "scalar" in op.parameters():
        op = dataclasses.replace(op, scalar=1.7)  # type: ignore[type-var]
    check_derivative(op, *x, wanted=range(len(x)))


def test_gradients_are_summed_over_broadcast_axes() -> None:
    check_derivative(make("broadcast_mul"), distinct(2, 1, 4), distinct(3, 1), wanted=(0, 1))


def test_backward_keeps_only_what_it_needs(graph) -> None:
    node = Differentiate((("x", "write"),))(graph("%x: f32[2]\n%y = tanh(%x)\nheads %y")).gradients[0].value.node
    assert [value.node.name for value in node.inputs] == ["y", "_head_gradient0"]


def apply(name: str, *inputs: object, dtype: str = "float32", **parameters: object) -> np.ndarray:
    arrays = [np.asarray(x, dtype) for x in inputs]
    return run_reference(make(name, **parameters), arrays)[0]


@pytest.mark.parametrize(("name", "x", "expected"), [
    ("rint", [0.5, 1.5, -0.5, 2.5], [0, 1, -1, 2]),
    ("round", [0.5, 1.5, -0.5, 0.49999997], [1, 2, -1, 0]),
    ("sign", [math.nan, -2, -0.0], [0, -1, 0]),
    ("relu", [math.nan, -math.inf], [math.nan, 0]),
    ("_relu_of_nan", [math.nan, -math.inf], [0, 0]),
    ("_softrelu", [math.inf, -math.inf, 100, math.nan], [math.inf, 0, 100, math.nan]),
    ("log_sigmoid", [-200, math.inf, math.nan], [-200, 0, math.nan]), ("mish", [0, math.inf], [0, math.inf]),
    ("gamma", [0.0, -0.0, -1, math.inf], [math.inf, -math.inf, math.nan, math.inf]),
    ("gammaln", [0.0, -1, -math.inf], [math.inf] * 3),
    ("erfinv", [1, -1, 1.5, 0], [math.inf, -math.inf, math.nan, 0]),
])
def test_special_values(name: str, x: list[float], expected: list[float]) -> None:
    np.testing.assert_array_equal(apply(name, x), np.asarray(expected, np.float32))


def test_modulo_has_the_sign_of_the_divisor_and_is_exact() -> None:
    np.testing.assert_array_equal(apply("_mod", [5, -5, 5, -5, 1], [3, 3, -3, -3, 0]), [2, 1, -1, -2, 0])
    np.testing.assert_array_equal(apply("_mod", [1e10], [3]), [np.fmod(np.float32(1e10), 3)])
    np.testing.assert_array_equal(apply("_mod", [-7, 7, 7], [2, -2, 0], dtype="int32"), [1, -1, 0])


def test_integers() -> None:
    np.testing.assert_array_equal(apply("elemwise_div", [7, -7], [2, 2], dtype="int32"), [3, -3])
    np.testing.assert_array_equal(apply("_plus_scalar", [1], dtype="int32", scalar=2.5), [3])
    np.testing.assert_array_equal(apply("exp", [1, 2], dtype="int64"), [2, 7])
    np.testing.assert_array_equal(apply("_power_scalar", [3], dtype="int32", scalar=2.5), [9])


def test_half_precision_is_computed_in_single() -> None:
    assert apply("_hypot", [3e4], [4e4], dtype="float16") == np.float16(5e4)


def test_bfloat16() -> None:
    x = NumPyMath.cast(np.asarray([1.0, -2.5, math.nan], np.float32), DType.bfloat16)
    np.testing.assert_array_equal(NumPyMath.cast(run_reference(make("elemwise_add"), [x, x])[0], DType.float32),
                                  [2, -5, math.nan])
    assert NumPyMath.cast(np.float32(1 + 2 ** -8), DType.bfloat16) == 0x3F80   # a tie goes to even


def test_zeros_take_the_shape_their_readers_have(graph) -> None:
    g = typed(graph("%x: f32[4,3]\n%z = _zeros() shape=(0,3)\n%y = elemwise_add(%x, %z)\nheads %y, %z"))
    assert run(g, {"x": np.ones((4, 3), np.float32)}).heads[1].shape == (4, 3)


def test_prelu_without_gamma_for_each_channel() -> None:
    data, op = -np.ones((2, 3, 2), np.float32), make("LeakyReLU", act_type="prelu")
    one, each = (run_reference(op, [data, np.asarray(g, np.float32)])[0] for g in ([0.5], [1, 2, 3]))
    np.testing.assert_array_equal(one, data / 2)
    np.testing.assert_array_equal(each[0, :, 0], [-1, -2, -3])


@pytest.mark.parametrize(("gamma", "laid"), [
    ((2, 3), (2, 3, 1)), ((1, 3), (1, 3, 1)), ((2, 1), (2, 1, 1)), ((3,), (1, 3, 1)), ((2,), (2, 1, 1))])
def test_gamma_is_laid_along_images_and_channels(gamma: tuple[int, ...], laid: tuple[int, ...]) -> None:
    assert make("LeakyReLU", act_type="prelu").gamma_shape(gamma, (2, 3, 2)) == laid


def test_gamma_that_fits_nowhere_is_named(graph) -> None:
    text = "%x: f32[2,3,2]\n%g: f32[3,2]\n%y = LeakyReLU(%x, %g) act_type=prelu\nheads %y"
    with pytest.raises(InferenceError, match=r"node 'y' .*gamma \(3, 2\) cannot be laid"):
        typed(graph(text))


def test_random_slopes_in_training(graph) -> None:
    text = "%x: f32[1000]\n%y = LeakyReLU(%x) act_type=rrelu lower_bound=0.1 upper_bound=0.5\nheads %y, %y#1"
    g = SeedRandom()(graph(text))
    g = Differentiate((("x", "write"),))(g)
    x = np.linspace(-1, 1, 1000, dtype=np.float32)
    ones = {HEAD_GRADIENT.format(i): np.ones(1000, np.float32) for i in range(2)}
    results = run(g, {"x": x, "_seed": np.array([3])} | ones)
    y, slope = results.heads
    np.testing.assert_array_equal(y, x * slope)
    np.testing.assert_array_equal(slope[500:], 1)
    assert abs(slope[:500].mean() - 0.3) < 0.03 and 0.1 <= slope.min() < 0.12 and 0.48 < slope[:500].max() < 0.5
    np.testing.assert_array_equal(results.gradients["x"], slope)
