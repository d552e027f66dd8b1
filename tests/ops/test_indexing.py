"""Indexing, sequences and order against MXNet's recorded results; indices outside, fractional and repeated ones."""

import numpy as np
import pytest

from symc.errors import InferenceError
from symc.interpreter import run
from symc.ir.graph import Graph
from symc.ops.operator import make, run_reference
from symc.passes.legalize import Legalize
from tests.derivatives import check_derivative, distinct, node_of
from tests.golden import Case, differences, each_case
from tests.inference import shapes

RECORDED = ["take", "batch_take", "pick", "gather_nd", "scatter_nd", "one_hot", "Embedding", "topk", "sort", "argsort",
            "SequenceMask", "SequenceLast", "SequenceReverse"]
NAN = float("nan")


@each_case("indexing", RECORDED)
def test_recorded(case: Case) -> None:
    assert not differences(case)


@each_case("matrix", ["where"])
def test_where(case: Case) -> None:
    assert not differences(case)


def apply(name: str, *inputs: object, **parameters: object) -> np.ndarray:
    """The result of an operator's reference, which its rewritten form must give too."""
    arrays = [np.asarray(x, np.float32) for x in inputs]
    op = make(name, **parameters)
    result = run_reference(op, arrays)[0]
    lowered = Legalize()(Graph(node_of(op, arrays).outputs))
    np.testing.assert_array_equal(run(lowered, {f"x{i}": x for i, x in enumerate(arrays)}).heads[0], result)
    return result


def test_indices_outside() -> None:
    data = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(apply("take", data, [-1.5, 9, 1.7], axis=-1)[0], [0, 3, 1])
    np.testing.assert_array_equal(apply("take", data, [-1, -4, 7.7], mode="wrap")[:, 0], [8, 8, 4])
    np.testing.assert_array_equal(apply("pick", data, [-1, 9, 1.7]), [0, 7, 9])
    np.testing.assert_array_equal(apply("pick", data, [-1, 3, 4, 1], axis=0, mode="wrap"), [8, 1, 6, 7])
    np.testing.assert_array_equal(apply("one_hot", [-1, 4, 1.7], depth=3), [[0, 0, 0], [0, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(apply("Embedding", [9, -2], data, input_dim=3, output_dim=4), data[[2, 0]])


def test_the_last_of_several_values_at_a_point_counts() -> None:
    np.testing.assert_array_equal(apply("scatter_nd", [1, 2, 3], [[1, 1, 0]], shape=(3,)), [3, 2, 0])


def test_derivatives() -> None:
    index = np.array([2.0, 0.0, 2.0])
    check_derivative(make("take", axis=1), distinct(2, 3, 2), index)
    check_derivative(make("Embedding", input_dim=3, output_dim=2, dtype="float64"), index, distinct(3, 2), wanted=(1,))
    check_derivative(make("pick", axis=0, keepdims=True), distinct(3, 2), np.array([[1.0, 2.0]]))
    check_derivative(make("gather_nd"), distinct(3, 4, 2), np.array([[0.0, 2.0, 0.0], [1.0, 3.0, 1.0]]))
    check_derivative(make("scatter_nd", shape=(3, 4)), distinct(2), np.array([[0.0, 2.0], [1.0, 3.0]]))
    check_derivative(make("where"), np.array([1.0, 0.0]), distinct(2, 3), distinct(2, 3) + 1, wanted=(1, 2))


@pytest.mark.parametrize("op", [
    make("sort", axis=1), make("sort", axis=0, is_ascend=False), make("sort", axis=None), make("topk", k=2, axis=0,
    ret_typ="value"), make("topk", k=3, axis=1, ret_typ="both", dtype="float64"), make("topk", k=5, axis=None,
    ret_typ="value"),
], ids=lambda op: op.printed())
def test_derivatives_of_orders(op) -> None:
    check_derivative(op, distinct(2, 3, 2) if op.axis != 1 else distinct(2, 4))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", ["SequenceMask", "SequenceLast", "SequenceReverse"])
def test_derivatives_of_sequences(name, axis) -> None:
    if name != "SequenceReverse" or axis == 0:
        check_derivative(make(name, axis=axis), distinct(3, 3, 2))
        check_derivative(make(name, use_sequence_length=True, axis=axis), distinct(3, 3, 2), np.array([1.0, 3.0, 2.0]))


def test_order_of_equal_elements_and_nan() -> None:
    data = [2, NAN, 2, 1]
    np.testing.assert_array_equal(apply("argsort", data), [3, 0, 2, 1])
    np.testing.assert_array_equal(apply("argsort", data, is_ascend=False), [0, 2, 3, 1])
    np.testing.assert_array_equal(apply("topk", [[3, 1, 3], [0, 5, 2]], k=2), [[0, 2], [1, 2]])
    np.testing.assert_array_equal(apply("topk", [[3, 1, 4]], k=2, ret_typ="mask"), [[1, 0, 1]])
    np.testing.assert_array_equal(apply("topk", [[3, 1], [4, 7]], k=0, axis=None, ret_typ="value"), [7, 4, 3, 1])


def test_inference() -> None:
    assert shapes("pick", [(2, 3), None], keepdims=True) == [(2, 3), (2,), (2, 1)]
    assert shapes("pick", [(2, 3), (None, 1)])[1:] == [(2, 1), (2,)]
    assert shapes("Embedding", [None, None], input_dim=5, output_dim=3)[1:] == [(5, 3), None]
    assert shapes("batch_take", [(2, 3), None])[1:] == [(2,), (2,)]
    assert shapes("where", [(2,), (None, 3), (2, None)]) == [(2,), (2, 3), (2, 3), (2, 3)]
    assert shapes("SequenceMask", [(2, None), (3,)], use_sequence_length=True)[0] == (2, 3)
    assert shapes("topk", [(2, 3)], k=2, ret_typ="both")[1:] == [(2, 2), (2, 2)]
    for name, inputs, parameters in [
            ("pick", [(2, 3), (3,)], {}), ("topk", [(2, 3)], {"k": 4}), ("where", [(3,), (2, 3), (2, 3)], {}),
            ("SequenceReverse", [(2, 3)], {"axis": 1}), ("gather_nd", [(3,), (2, 4)], {})]:
        with pytest.raises(InferenceError, match="node 'y'"):
            shapes(name, inputs, **parameters)
