"""Normalizations: recorded cases, gradients, states, shapes and types."""

import numpy as np
import pytest

from symc.interpreter import run
from symc.ir.types import DType
from symc.ops.operator import make, run_reference
from symc.passes.gradient import HEAD_GRADIENT, Differentiate
from symc.passes.inference_heads import UseInferenceForms
from symc.passes.legalize import Legalize
from symc.passes.overwrite_inputs import OverwriteInputs
from tests.derivatives import check_derivative
from tests.golden import Case, differences, each_case

BATCH_NORM = """
    %x: f32[6,3,2]
    %gamma, %beta, %mean, %var: f32[*]
    %y = BatchNorm(%x, %gamma, %beta, %mean, %var) momentum=0.75 eps=0.01 fix_gamma=PLACEHOLDER
    heads %y
"""


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape)


@each_case("nn", ("BatchNorm", "BatchNorm_v1", "_contrib_BatchNormWithReLU", "_contrib_SyncBatchNorm", "LayerNorm",
                  "GroupNorm", "InstanceNorm", "L2Normalization", "LRN"))
def test_recorded(case: Case) -> None:
    assert not differences(case)


@pytest.mark.parametrize("parameters", [{}, {"use_global_stats": True}, {"axis": -1}, {"axis": 0, "eps": 0.1}])
@pytest.mark.parametrize("name", ["BatchNorm", "_contrib_BatchNormWithReLU"])
def test_gradients_of_batch_norm(name: str, parameters: dict) -> None:
    op = make(name, fix_gamma=False, **parameters)
    data = normal(3, 4, 5)
    vectors = [normal(data.shape[op.channel_axis]) for _ in range(3)]
    check_derivative(op, data, *vectors, np.abs(vectors[0]) + 1, wanted=(0, 1, 2))


@pytest.mark.parametrize("axis", [1, -1])
def test_gradients_of_inference(axis: int) -> None:
    op = make("_batch_norm_inference", eps=0.1, fix_gamma=False, axis=axis)
    data = normal(3, 4, 5)
    vectors = [normal(data.shape[axis]) for _ in range(3)]
    check_derivative(op, data, *vectors, np.abs(vectors[0]) + 1, wanted=(0, 1, 2))


@pytest.mark.parametrize(("name", "parameters", "count"), [
    ("LayerNorm", {}, 5), ("LayerNorm", {"axis": 1, "eps": 0.1}, 4), ("GroupNorm", {"num_groups": 2}, 2),
    ("GroupNorm", {"num_groups": 4}, 4), ("InstanceNorm", {}, 4),
])
def test_gradients_of_row_norms(name: str, parameters: dict, count: int) -> None:
    check_derivative(make(name, **parameters), normal(2, 4, 5), normal(count), normal(count), wanted=(0, 1, 2))


@pytest.mark.parametrize("mode", ["channel", "instance", "spatial"])
def test_gradients_of_l2_normalization(mode: str) -> None:
    check_derivative(make("L2Normalization", mode=mode), normal(2, 3, 4))


@pytest.mark.parametrize("nsize", [1, 3, 4, 7])
def test_gradients_of_lrn(nsize: int) -> None:
    check_derivative(make("LRN", nsize=nsize, alpha=0.3, beta=0.6), normal(2, 5, 2, 2))


def trained(graph, fix_gamma: bool) -> tuple[dict, dict]:
    """What one step of BatchNorm is given, and what it writes."""
    typed = OverwriteInputs()(graph(BATCH_NORM.replace("PLACEHOLDER", str(fix_gamma))))
    given = {"x": normal(6, 3, 2), "gamma": normal(3), "beta": normal(3), "mean": normal(3), "var": normal(3) + 3,
             HEAD_GRADIENT.format(0): normal(6, 3, 2)}
    given = {name: array.astype(np.float32) for name, array in given.items()}
    return given, run(Differentiate((("x", "write"),))(typed), given).updates


@pytest.mark.parametrize("legal", [False, True])
def test_moving_statistics_take_the_biased_variance(graph, legal: bool) -> None:
    given, updates = trained(graph, False)
    rows = given["x"].transpose(1, 0, 2).reshape(3, -1)
    np.testing.assert_allclose(updates["mean"], 0.75 * given["mean"] + 0.25 * rows.mean(1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(updates["var"], 0.75 * given["var"] + 0.25 * rows.var(1), rtol=1e-5)


def test_fixed_gamma_is_overwritten_with_ones(graph) -> None:
    _, updates = trained(graph, True)
    np.testing.assert_array_equal(updates["gamma"], np.ones(3, np.float32))
    assert "gamma" not in trained(graph, False)[1]


@pytest.mark.parametrize("axis", [1, -1])
@pytest.mark.parametrize("fix_gamma", [True, False])
def test_inference_form_is_global_statistics(graph, axis: int, fix_gamma: bool) -> None:
    text = f"""
        %x: f32[2,3,3]
        %gamma, %beta, %mean, %var: f32[3]
        %y = BatchNorm(%x, %gamma, %beta, %mean, %var) axis={axis} fix_gamma={fix_gamma} output_mean_var=True
        heads %y, %y#1, %y#2
    """
    given = {name: np.abs(normal(*shape)).astype(np.float32) for name, shape in
             [("x", (2, 3, 3)), *((name, (3,)) for name in ("gamma", "beta", "mean", "var"))]}
    expected = run_reference(make("BatchNorm", axis=axis, fix_gamma=fix_gamma, use_global_stats=True),
                             list(given.values()))
    inference = UseInferenceForms()(graph(text))
    for form in (inference, Legalize()(inference)):
        outputs = run(form, {name: given[name] for name in given}).heads
        np.testing.assert_allclose(outputs[0], expected[0], rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(outputs[1], given["mean"])
        np.testing.assert_allclose(outputs[2], expected[2], rtol=1e-5)


def test_statistics_of_half_precision_are_single(graph) -> None:
    node = graph("""
        %x: f16[2,3,4]
        %gamma, %beta, %mean, %var: ?[*]
        %y = BatchNorm(%x, %gamma, %beta, %mean, %var)
        heads %y
    """).heads[0].node
    assert [value.type.dtype for value in node.inputs[1:]] == [DType.float32] * 4
    assert [t.dtype for t in node.types] == [DType.float16, DType.float32, DType.float32]


def test_large_mean_does_not_cancel() -> None:
    data = (normal(64, 2) + 1000).astype(np.float32)
    (_, _, scale) = run_reference(make("BatchNorm"), [data, *np.ones((4, 2), np.float32)])
    np.testing.assert_allclose(1 / scale**2 - 1e-3, data.astype(np.float64).var(0), rtol=1e-3)


def test_parameters_are_found_from_data(graph) -> None:
    node = graph("%x: f32[2,6,4]\n%g, %b: f32[*]\n%y = GroupNorm(%x, %g, %b) num_groups=3\nheads %y").heads[0].node
    assert [str(value.type) for value in node.inputs[1:]] == ["f32[3]", "f32[3]"]
    assert [str(t) for t in node.types] == ["f32[2,6,4]", "f32[2,3]", "f32[2,3]"]
