"""One operator run at once."""

import numpy as np
import pytest

from symc.errors import InferenceError
from symc.imperative import invoke
from symc.ops.operator import make


def test_hidden_outputs_stay_hidden() -> None:
    x, ones = np.ones((2, 3), np.float32), np.ones(3, np.float32)
    outcome = invoke(make("LayerNorm"), "ln", [x, ones, ones])
    assert [y.shape for y in outcome.outputs] == [(2, 3)] and outcome.written == {}


def test_what_an_operator_writes_to_its_inputs() -> None:
    x, five = np.ones((2, 3), np.float32), np.full(3, 5, np.float32)
    written = invoke(make("BatchNorm"), "bn", [x, five, five, five, five]).written
    assert {position: value.tolist() for position, value in written.items()} == {1: [1, 1, 1]}


def test_arrays_that_do_not_fit() -> None:
    with pytest.raises(InferenceError, match="node 'add'"):
        invoke(make("elemwise_add"), "add", [np.ones(2, np.float32), np.ones(3, np.float32)])
