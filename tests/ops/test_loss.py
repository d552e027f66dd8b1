"""Loss heads: recorded cases, gradients against the losses they belong to, label shapes."""

import numpy as np
import pytest

from symc.errors import InferenceError
from symc.interpreter import run
from symc.ops.operator import make
from symc.passes.gradient import Differentiate
from symc.passes.inference_heads import UseInferenceForms
from symc.passes.legalize import Legalize
from tests.derivatives import check_derivative
from tests.golden import Case, differences, each_case


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape)


@each_case("loss")
def test_recorded(case: Case) -> None:
    assert not differences(case)


def loss_gradient(graph, call: str, data: np.ndarray, label: np.ndarray) -> np.ndarray:
    """The gradient that a head, written as 'SoftmaxOutput(%x, %l) ...', gives its data; the same when legalized."""
    shapes = (",".join(map(str, array.shape)) for array in (data, label))
    typed = graph("%x: f64[{}]\n%l: f64[{}]\n%y = {}\nheads %y".format(*shapes, call))
    backward = Differentiate((("x", "write"), ("l", "write")))(typed)
    results = run(backward, {"x": data, "l": label.astype(np.float64)})
    legal = run(Legalize()(backward), {"x": data, "l": label.astype(np.float64)})
    np.testing.assert_allclose(legal.gradients["x"], results.gradients["x"])
    assert not results.gradients["l"].any()
    return results.gradients["x"]


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


@pytest.mark.parametrize(("normalization", "divisor"), [("null", 1), ("batch", 4), ("valid", 3)])
@pytest.mark.parametrize("ignores", [False, True])
def test_softmax_output(graph, normalization: str, divisor: int, ignores: bool) -> None:
    data, label = normal(4, 3), np.array([2, 1.9, 0, 7])
    call = f"SoftmaxOutput(%x, %l) grad_scale=2.0 ignore_label=1.0 use_ignore={ignores} normalization={normalization}"
    expected = softmax(data, 1) - (np.arange(3) == np.trunc(label)[:, None])
    if ignores:
        expected[1] = 0
    np.testing.assert_allclose(loss_gradient(graph, call, data, label), expected * 2 / divisor)


@pytest.mark.parametrize("label_shape", [(2, 8), (2, 4, 2), (2, 1, 4, 2)])
def test_softmax_output_over_channels(graph, label_shape: tuple[int, ...]) -> None:
    data, label = normal(2, 3, 4, 2), np.arange(16) % 3
    gradient = loss_gradient(graph, "SoftmaxOutput(%x, %l) multi_output=True", data, label.reshape(label_shape))
    onehot = np.arange(3).reshape(1, 3, 1, 1) == label.reshape(2, 1, 4, 2)
    np.testing.assert_allclose(gradient, (softmax(data, 1) - onehot) / 8)


def test_softmax_output_smooths_labels(graph) -> None:
    data, label = normal(2, 5), np.array([4, 0])
    target = np.where(np.arange(5) == label[:, None], 0.8, 0.2 / 4)
    gradient = loss_gradient(graph, "SoftmaxOutput(%x, %l) smooth_alpha=0.2", data, label)
    np.testing.assert_allclose(gradient, softmax(data, 1) - target)


def test_softmax_output_takes_probabilities(graph) -> None:
    data, label = normal(3, 4), softmax(normal(4, 3).T, 1)
    gradient = loss_gradient(graph, "SoftmaxOutput(%x, %l) grad_scale=3.0", data, label)
    np.testing.assert_allclose(gradient, 3 * (softmax(data, 1) - label))


@pytest.mark.parametrize(("linear", "rule"), [
    (True, lambda slack, target: -target), (False, lambda slack, target: -2 * target * slack)])
def test_svm_output(graph, linear: bool, rule) -> None:
    data, label = normal(3, 4), np.array([0, 3, 1])
    target = np.where(np.arange(4) == label[:, None], 1, -1)
    slack = 0.5 - target * data
    call = f"SVMOutput(%x, %l) margin=0.5 regularization_coefficient=3.0 use_linear={linear}"
    expected = np.where(slack > 0, 3 * rule(slack, target), 0)
    np.testing.assert_allclose(loss_gradient(graph, call, data, label), expected)


@pytest.mark.parametrize(("name", "rule"), [
    ("LinearRegressionOutput", lambda x, label: x - label),
    ("LogisticRegressionOutput", lambda x, label: 1 / (1 + np.exp(-x)) - label),
    ("MAERegressionOutput", lambda x, label: np.sign(x - label))])
def test_regressions_divide_by_labels_of_a_sample(graph, name: str, rule) -> None:
    data, label = normal(2, 3, 2), normal(3, 2, 2).reshape(2, 6)
    gradient = loss_gradient(graph, f"{name}(%x, %l) grad_scale=6.0", data, label)
    np.testing.assert_allclose(gradient, rule(data, label.reshape(2, 3, 2)))


def test_softmax_cross_entropy() -> None:
    check_derivative(make("softmax_cross_entropy"), normal(4, 3), np.array([0.0, 2, 1, 1]))


@pytest.mark.parametrize(("call", "data", "label"), [
    ("SoftmaxOutput(%x, %l)", "2,3,4", "f32[2,3]"), ("SoftmaxOutput(%x, %l) multi_output=True", "2,3,4,5", "f32[2,20]"),
    ("LinearRegressionOutput(%x, %l)", "4,1", "f32[4]"), ("LinearRegressionOutput(%x, %l)", "4,2", "f32[4,2]"),
    ("SVMOutput(%x, %l)", "4,2", "f32[4]")])
def test_labels_are_found_from_data(graph, call: str, data: str, label: str) -> None:
    typed = graph(f"%x: f32[{data}]\n%l: f32[*]\n%y = {call}\nheads %y")
    assert str(typed.heads[0].node.inputs[1].type) == label


def test_labels_of_other_sizes_are_refused(graph) -> None:
    with pytest.raises(InferenceError, match="label"):
        graph("%x: f32[4,3]\n%l: f32[5]\n%y = SoftmaxOutput(%x, %l)\nheads %y")
    with pytest.raises(InferenceError, match="equally many elements"):
        graph("%x: f32[4,3]\n%l: f32[4]\n%y = LinearRegressionOutput(%x, %l)\nheads %y")


def test_inference_needs_no_label(graph) -> None:
    inference = UseInferenceForms()(graph("%x: f32[4,3]\n%l: f32[4]\n%y = SoftmaxOutput(%x, %l)\nheads %y"))
    assert [node.name for node in inference.variables] == ["x"]
