"""How weights are rounded to 16 bits."""

import numpy as np
import pytest

from symc.ir.types import DType
from symc.lowering import bind_constants
from symc.ops.contraction import Window, matrix_product
from symc.ops.math import NumPyMath
from symc.passes.base import run_passes
from symc.passes.hoist_invariants import HoistInvariants
from symc.passes.narrow_factors import NarrowFactors
from symc.passes.round_weights import RoundWeights, roles_of_weight, rounded
from tests.passes.graphs import DENSE_IN_A_LOOP

NARROW = [DType.bfloat16, DType.float16]


def widened(bits, dtype):
    return NumPyMath.cast(bits.view(dtype.numpy), DType.float32)


def neighbours(exact, dtype):
    """The numbers at or below and at or above each element, as float32."""
    nearest = NumPyMath.cast(exact, dtype).view(np.uint16)
    found = np.stack([widened(nearest + np.uint16(step), dtype) for step in (0, 1, 0xFFFF)])
    below = np.where(found <= exact, found, -np.inf).max(0)
    return below, np.where(found >= exact, found, np.inf).min(0)


def weights(*shape, scale=0.05):
    return (scale * np.random.default_rng(3).standard_normal(shape)).astype(np.float32)


# ---- numbers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("shape, roles", [
    ((6, 40, 3, 3), ((1, 2, 3), (2, 3))),       # a convolution
    ((40, 6, 3, 3), ((0, 2, 3), (2, 3))),       # a transposed one
    ((12, 300), ((1,), ())), ((300, 12), ((0,), ())), ((5, 1), ((1,), ()))])
def test_elements_are_beside_the_exact_ones_and_errors_of_sums_cancel(dtype, shape, roles):
    exact = weights(*shape)
    made = widened(rounded(exact, roles, dtype), dtype)
    below, above = neighbours(exact, dtype)
    assert np.all((made == below) | (made == above))
    nearest = widened(NumPyMath.cast(exact, dtype), dtype)
    for dims, share in ((roles[0], 0.1), (roles[1], 0.6)):
        if len(dims) and exact.shape[dims[0]] > 1:
            before, after = ((array - exact.astype(np.float64)).sum(dims) for array in (nearest, made))
            assert np.sqrt((after ** 2).mean()) < share * np.sqrt((before ** 2).mean())
    assert np.square(made - exact).mean() <= 1.15 * np.square(nearest - exact).mean(), "only those near the middle move"


@np.errstate(over="ignore")
@pytest.mark.parametrize("dtype", NARROW)
def test_what_is_exact_or_no_number_stays(dtype):
    exact = np.array([[0, -0.0, 1, -2, 0.5, np.inf, -np.inf], [np.nan, 1.0001, 1, 2, 3, 4, 1e-44],
                      [1e6, -1e6, 3e38, -3e38, 1.00001, 1e-44, -1e-44]], np.float32)
    made = rounded(exact, ((1,), ()), dtype).view(np.uint16)
    assert np.array_equal(made, NumPyMath.cast(exact, dtype).view(np.uint16))


def test_rows_are_rounded_for_themselves():
    exact = weights(700, 500)
    whole = rounded(exact, ((1,), ()), DType.bfloat16)
    assert np.array_equal(whole[650:], rounded(exact[650:], ((1,), ()), DType.bfloat16))


def test_sums_of_what_has_a_mean_become_better():
    """Dense layers behind relu, whose inputs are positive."""
    exact, data = weights(64, 512), np.random.default_rng(4).random((32, 512))

    def error(bits):
        return np.sqrt(np.square(data @ (widened(bits, DType.bfloat16) - exact.astype(np.float64)).T).mean())
    assert error(rounded(exact, ((1,), ()), DType.bfloat16)) < 0.6 * error(NumPyMath.cast(exact, DType.bfloat16))


@pytest.mark.parametrize("spec, roles", [
    (matrix_product(None, 4, 5, 6, False, True), ((1,), ())), (matrix_product(None, 4, 5, 6, False, False), ((0,), ())),
    (matrix_product(3, 4, 5, 6, False, False), ((1,), ()))])
def test_what_is_summed_of_a_matrix(spec, roles):
    assert roles_of_weight(spec) == roles


@pytest.mark.parametrize("groups", [1, 4])
def test_what_is_summed_of_a_window(groups):
    window = Window(1, groups, 16, 8, (9, 9), (7, 7), (3, 3), (1, 1), (1, 1), (0, 0))
    assert roles_of_weight(window.forward()) == ((1, 2, 3), (2, 3))


# ---- the pass --------------------------------------------------------------------------------------------------


def test_converted_weights_become_constants(graph):
    text = """
        %x: f32[1,16,8,8]    %c: f32[8,16,1,1]
        %w = _mul_scalar(%c) scalar=3.0
        %y = Convolution(%x, %w) kernel=(1,1) num_filter=8 no_bias=True
        heads %y
    """
    before = NarrowFactors()(bind_constants(graph(text), {"c": np.full((8, 16, 1, 1), 1.001, np.float32)}))
    made = run_passes(before, [RoundWeights()], verify=True)
    factor = made.heads[0].node.inputs[1]
    assert factor.node.is_constant and str(factor.type) == "bf16[8,16,1,1]" and factor.node.name == "w/bf16"
    values = widened(factor.node.value, DType.bfloat16)
    assert sorted({*values.ravel()}) == [3.0, 3.015625]
    np.testing.assert_allclose(values.sum((1, 2, 3)), 16 * 3.003, atol=0.0079)
    assert np.all(values.sum((1, 2, 3)) == values[0].sum())


@pytest.mark.parametrize("other", [
    "%z = relu(%w)", "%z = FullyConnected(%w, %x) num_hidden=4 no_bias=True",
    "%z = dot(%x, %w)"])
def test_what_others_read_is_rounded_to_the_nearest(graph, other):
    """Not by a contraction, as its first factor, or summed over another dimension."""
    text = """
        %x: bf16[4,4]    %c: f32[4,4]
        %w = Cast(%c) dtype=bfloat16
        %y = FullyConnected(%x, %w) num_hidden=4 no_bias=True
    """
    constants = {"c": np.full((4, 4), 1.001, np.float32)}
    alone = run_passes(bind_constants(graph(text + "heads %y"), constants), [RoundWeights()])
    assert alone.heads[0].node.inputs[1].node.is_constant
    both = bind_constants(graph(text + other + "\nheads %y, %z"), constants)
    assert run_passes(both, [RoundWeights()]) is both


def test_weights_of_a_loop_are_rounded_by_what_the_loop_multiplies(graph):
    passes = [NarrowFactors(), HoistInvariants(), RoundWeights()]
    made = run_passes(bind_constants(graph(DENSE_IN_A_LOOP), {"w": np.full((6, 8), 1.001, np.float32)}), passes)
    loop = made.heads[0].node
    weight, = (value for value in loop.inputs if value.type.dtype is DType.bfloat16)
    assert weight.node.is_constant
    np.testing.assert_allclose(widened(weight.node.value, DType.bfloat16).sum(1), 8.008, atol=0.0040)
