"""CTCLoss: MXNet's recorded results, kernels, finite differences, and alignments counted one by one."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import symc as mx
from symc.errors import InferenceError
from symc.ir.graph import Graph
from symc.ops.operator import make, run_reference
from symc.passes.legalize import Legalize
from tests.derivatives import check_derivative, node_of
from tests.golden import Case, differences, each_case

RANDOM = np.random.default_rng(7)
DATA = RANDOM.standard_normal((6, 3, 5))
LABEL = np.array([[1.0, 2, 2], [3, 1, 0], [0, 4, 0]])
WHOLE = np.array([[1.0, 2, 2], [3, 1, 3], [2, 0, 0]])
DATA_LENGTHS, LABEL_LENGTHS = np.array([6.0, 4, 2]), np.array([3.0, 2, 0])
BOTH = {"use_data_lengths": True, "use_label_lengths": True}
CASES: list[tuple[dict[str, Any], tuple[np.ndarray, ...]]] = [
    ({}, (DATA, LABEL)),
    ({"blank_label": "last"}, (DATA, LABEL - 1)),
    ({"use_data_lengths": True}, (DATA, LABEL, DATA_LENGTHS)),
    ({"use_label_lengths": True}, (DATA, WHOLE, LABEL_LENGTHS)),
    ({**BOTH, "blank_label": "last"}, (DATA, WHOLE, DATA_LENGTHS, LABEL_LENGTHS)),
    ({}, (RANDOM.standard_normal((30, 2, 9)), RANDOM.integers(1, 9, (2, 20)).astype(np.float64))),
]


@each_case("ctc")
def test_recorded(case: Case) -> None:
    assert not differences(case)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled(case: tuple, dtype: type, groups: SimpleNamespace) -> None:
    parameters, inputs = case
    inputs = tuple(x.astype(dtype) for x in inputs)
    graph = Legalize()(Graph(node_of(make("CTCLoss", **parameters), inputs).outputs))
    groups.check(graph, [inputs[int(source.name[1:])] for source in graph.variables])


@pytest.mark.parametrize("case", CASES[:-1])
def test_gradient(case: tuple) -> None:
    parameters, inputs = case
    check_derivative(make("CTCLoss", **parameters), *inputs)


def test_is_the_sum_over_alignments() -> None:
    steps, classes, label = 5, 3, [1, 2, 2]
    logits = RANDOM.standard_normal((steps, 1, classes))
    chances = np.exp(logits[:, 0]) / np.exp(logits[:, 0]).sum(-1, keepdims=True)
    total = sum(np.prod(chances[range(steps), path]) for path in itertools.product(range(classes), repeat=steps)
                if [c for c, _ in itertools.groupby(path) if c] == label)
    cost, _ = run_reference(make("CTCLoss"), [logits, np.array([label])])
    np.testing.assert_allclose(cost, -np.log(total))


def loss_and_gradient(data: np.ndarray, label: np.ndarray, **lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of a bound CTCLoss."""
    names = {key: mx.sym.var(key) for key in ("data", "label", *lengths)}
    symbol = mx.sym.CTCLoss(**names, **{f"use_{key}": True for key in lengths})
    values = {"data": data, "label": label, **lengths}
    gradient = mx.nd.array(np.zeros_like(data), dtype=data.dtype)
    executor = symbol.bind(mx.cpu(), {key: mx.nd.array(x, dtype=x.dtype) for key, x in values.items()},
                           args_grad={"data": gradient})
    cost = executor.forward(is_train=True)[0].asnumpy()
    executor.backward(mx.nd.array(np.ones(cost.shape), dtype=data.dtype))
    return cost, gradient.asnumpy()


def test_impossible_alignments_cost_nothing() -> None:
    cost, gradient = loss_and_gradient(DATA[:3].astype(np.float32), np.float32([[2, 2, 2], [1, 2, 3], [0, 0, 0]]))
    assert cost[0] == 0 and not gradient[:, 0].any() and gradient[:, 1:].any((0, 2)).all()


@pytest.mark.parametrize("shape", [(6, 0, 5), (6, 3, 5)])
def test_without_labels_or_batch(shape: tuple[int, ...]) -> None:
    cost, gradient = loss_and_gradient(DATA.astype(np.float32)[:, :shape[1]], np.zeros((shape[1], 0), np.float32))
    assert cost.shape == shape[1:2] and gradient.shape == shape


def test_steps_behind_the_lengths_have_no_gradient() -> None:
    _, gradient = loss_and_gradient(DATA.astype(np.float32), LABEL.astype(np.float32),
                                    data_lengths=DATA_LENGTHS.astype(np.float32))
    assert gradient[:4, 1].any() and not gradient[4:, 1].any() and not gradient[2:, 2].any()


def test_a_certain_alignment_has_no_gradient() -> None:
    data = np.zeros((3, 1, 4), np.float32)
    data[range(3), 0, [1, 2, 3]] = 200
    cost, gradient = loss_and_gradient(data, np.float32([[1, 2, 3]]))
    assert cost == 0 and np.abs(gradient).max() < 1e-6


def test_float16() -> None:
    cost, gradient = loss_and_gradient(DATA.astype(np.float16), LABEL.astype(np.float32))
    expected = run_reference(make("CTCLoss"), [DATA, LABEL])
    np.testing.assert_allclose(cost, expected[0], rtol=2e-3)
    np.testing.assert_allclose(gradient, expected[1], atol=2e-3)


def test_no_classes() -> None:
    with pytest.raises(InferenceError, match="has no classes"):
        loss_and_gradient(np.zeros((3, 1, 0), np.float32), np.ones((1, 2), np.float32))


def test_more_labels_than_steps() -> None:
    with pytest.raises(InferenceError, match="label holds 3 classes, more than the 2 steps"):
        mx.sym.CTCLoss(mx.sym.var("data"), mx.sym.var("label")).infer_shape(data=(2, 1, 4), label=(1, 3))
