"""Executors of networks whose shapes depend on data."""

import json
from typing import Any

import numpy as np
import pytest

import symc as mx
from symc.errors import MXNetError, SymcError
from tests import golden

S, nd = mx.sym, mx.nd
X, M = S.var("x"), S.var("m")
MASKED = S.contrib.boolean_mask(X, M, name="masked")
ROWS = np.arange(8, dtype=np.float32).reshape(4, 2)


def bound(symbol: Any, grad_req: str = "write") -> Any:
    executor = symbol.simple_bind(mx.cpu(), grad_req, x=(4, 2), m=(4,))
    executor.arg_dict["x"][:] = ROWS
    return executor


def test_each_forward_has_the_shape_of_its_mask() -> None:
    executor = bound(MASKED * 2 + 1)
    assert executor.outputs == [] and executor.output_dict == {}
    for mask in ([0, 1, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0], [0, 1, 1, 0]):
        outputs = executor.forward(m=np.array(mask, np.float32))
        assert outputs is executor.outputs and len(executor.output_dict) == 1
        assert outputs[0].asnumpy().tolist() == (ROWS[np.array(mask) == 1] * 2 + 1).tolist()


@pytest.mark.parametrize(("grad_req", "expected"), [("write", [[0, 0], [6, 6], [6, 6], [0, 0]]),
                                                    ("add", [[1, 1], [7, 7], [7, 7], [1, 1]])])
def test_gradients(grad_req: str, expected: list[list[float]]) -> None:
    executor = bound(MASKED * 2, grad_req)
    executor.grad_dict["x"][:] = 1
    executor.forward(is_train=True, m=np.array([0, 1, 1, 0], np.float32))
    executor.backward(nd.ones((2, 2)) * 3)
    assert executor.grad_dict["x"].asnumpy().tolist() == expected


def test_masks_of_masked_rows() -> None:
    """The second mask is computed from what the first one left."""
    symbol = S.contrib.boolean_mask(MASKED, S.slice_axis(MASKED, axis=1, begin=0, end=1).reshape((-1,)) > 3)
    executor = bound(S.sum(symbol, axis=0))
    for mask, expected in (([1, 1, 1, 0], [4, 5]), ([1, 1, 1, 1], [10, 12])):
        assert executor.forward(is_train=True, m=np.array(mask, np.float32))[0].asnumpy().tolist() == expected
    executor.backward(nd.ones((2,)))
    assert executor.grad_dict["x"].asnumpy().tolist() == [[0, 0], [0, 0], [1, 1], [1, 1]]


def test_seeds_of_the_context_it_is_bound_to() -> None:
    executor = S.contrib.boolean_mask(S.random.uniform(shape=(4,)), M).bind(mx.cpu(1), {"m": nd.ones((4,))})
    drawn = []
    for _ in range(2):
        mx.random.seed(5, ctx=mx.cpu(1))
        drawn.append(executor.forward()[0].asnumpy().tolist())
    assert drawn[0] == drawn[1]


def test_probe_and_network_draw_alike() -> None:
    """A random mask is the same where it is counted and where it is used."""
    draw = S.Dropout(M, p=0.5, name="drop")
    executor = bound(S.Group([S.contrib.boolean_mask(X, draw), draw]))
    executor.arg_dict["m"][:] = 1
    for _ in range(10):
        rows, mask = executor.forward(is_train=True)
        assert rows.asnumpy().tolist() == ROWS[mask.asnumpy() != 0].tolist()


def test_parameters_behind_a_mask_and_reshape() -> None:
    executor = bound(S.FullyConnected(MASKED, num_hidden=3, name="fc"))
    executor.arg_dict["fc_weight"][:] = 1
    larger = executor.reshape(x=(6, 2), m=(6,), allow_up_sizing=True)
    larger.arg_dict["m"][:] = 1
    assert larger.forward()[0].shape == (6, 3)
    executor.arg_dict["m"][:] = [0, 0, 1, 1]
    assert executor.forward()[0].asnumpy()[:, 0].tolist() == [9, 13]
    assert executor.forward(is_train=True, m=np.zeros(4, np.float32))[0].shape == (0, 3)


def test_monitor_and_debug_str() -> None:
    seen: list[tuple[str, tuple[int, ...]]] = []
    executor = bound(MASKED * 2)
    assert "Name=masked" in executor.debug_str()
    executor.set_monitor_callback(lambda name, array: seen.append((name, array.shape)))
    executor.forward(m=np.array([0, 1, 1, 0], np.float32))
    assert ("masked_output", (2, 2)) in seen and len(seen) == 2
    assert "Name=masked" in executor.debug_str()


def test_backward_before_forward() -> None:
    executor = bound(MASKED)
    executor.backward(nd.array(np.ones(executor.forward()[0].shape)))
    expected, fresh = executor.grad_arrays[0].asnumpy(), bound(MASKED)
    fresh.backward(nd.array(np.ones(executor.outputs[0].shape)))
    np.testing.assert_array_equal(fresh.grad_arrays[0].asnumpy(), expected)


def test_loops_and_gradients_of_symbols_refuse_it() -> None:
    gradient = S.sum(MASKED).gradient(["x"])
    with pytest.raises(MXNetError, match=r"holds 'masked' \(_contrib_boolean_mask\)"):
        gradient.bind(mx.cpu(), [nd.ones((4, 2)), nd.ones((4,))])
    loop, _ = S.contrib.foreach(lambda row, state: (S.sum(S.contrib.boolean_mask(X, row)), state), M, [S.var("s")])
    with pytest.raises(MXNetError, match=r"\(_foreach\) holds"):
        loop.bind(mx.cpu(), {"x": nd.ones((4, 2)), "m": nd.ones((3, 4)), "s": nd.ones((1,))})


def test_modules_and_packages_refuse_it() -> None:
    with pytest.raises(SymcError, match=r"node 'masked' \(_contrib_boolean_mask\): the shape of its output depends"):
        mx.compile(MASKED, shapes={"x": (4, 2), "m": (4,)})


@golden.each_case("indexing", ["_contrib_boolean_mask"])
def test_cases_recorded_from_mxnet(case: golden.Case) -> None:
    arrays = case["arrays"]
    symbol = mx.sym.load_json(json.dumps(case["symbol"]))
    executor = symbol.simple_bind(mx.cpu(), case["grad_req"], **{
        name: tuple(shape) for name, (shape, _) in case["given"].items()})
    executor.forward(is_train=True, **{key[3:]: value for key, value in arrays.items() if key.startswith("in/")})
    executor.backward([nd.array(arrays["hg/0"])])
    shown = {"out/0": executor.outputs[0], **{f"grad/{name}": g for name, g in executor.grad_dict.items()}}
    assert not [why for key, array in shown.items() if (why := golden.mismatch(array.asnumpy(), arrays[key], case))]
