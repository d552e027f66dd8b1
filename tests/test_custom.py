"""Custom operators inside compiled graphs."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symc as mx
from symc.errors import MXNetError, SymcError
from tests import golden
from tests.custom_operators import CALLS, register

S, nd = mx.sym, mx.nd
X, Y = S.var("x"), S.var("y")
ONES = nd.ones((2,))


def recording(**parameters: Any) -> Any:
    return S.Custom(X, Y, op_type="recording", name="c", **parameters)


def bound(symbol: Any, grad_req: Any = "write") -> Any:
    """An executor with gradient buffers full of hundreds."""
    executor = symbol.simple_bind(mx.cpu(), grad_req, x=(2,))
    executor.arg_dict["x"][:] = [1, 2]
    for gradient in executor.grad_arrays:
        if gradient is not None:
            gradient[:] = 100
    CALLS.clear()
    return executor


def twice(self: Any, in_data: Any, out_data: Any) -> None:
    out_data[0][:] = in_data[0] * 2


def twice_backward(self: Any, out_grad: Any, in_data: Any, in_grad: Any) -> None:
    in_grad[0][:] = out_grad[0] * 2


register("twice", twice, twice_backward)


# ---- what an operator is told --------------------------------------------------------------------------------------


def test_one_operator_for_forward_and_backward() -> None:
    executor = recording().simple_bind(mx.cpu(), x=(2,))
    CALLS.clear()
    executor.reshape(x=(2,))
    assert CALLS == [("create", "cpu(0)", [[2], [2], [2]], [0, 0, 0])]
    executor.forward(is_train=True)
    executor.forward()
    executor.backward([ONES, ONES])
    assert [call[:2] for call in CALLS[1:3]] == [("forward", True), ("forward", False)]
    assert [call[0] for call in CALLS[3:]] == ["backward"]
    assert executor.aux_dict["c_state"].asnumpy().tolist() == [12, 12]


@pytest.mark.parametrize(("head", "grad_req", "told", "gradients"), [
    (recording(), "write", ["write", "write"], [2, 1]), (recording(), "add", ["add", "add"], [102, 101]),
    (recording(), {"x": "write"}, ["write", "null"], [2, None]),
    (recording()[0] + X, "add", ["write", "add"], [103, 101]),
    (recording()[0], "write", ["write", "write"], [2, 1])])
def test_requests(head: Any, grad_req: Any, told: list[str], gradients: list[Any]) -> None:
    executor = bound(head, grad_req)
    executor.forward(is_train=True)
    executor.backward([ONES] * len(executor.outputs))
    assert CALLS[-1][1] == told
    assert [None if g is None else g.asnumpy()[0] for g in executor.grad_arrays] == gradients


@pytest.mark.parametrize(("needs", "shapes"), [
    ("", [(0,)] * 6), ("0", [(2,), *[(0,)] * 5]), ("2,5", [(0,), (0,), (2,), (0,), (0,), (2,)])])
def test_backward_sees_what_it_depends_on(needs: str, shapes: Any) -> None:
    executor = bound(recording(needs=needs))
    executor.forward(is_train=True)
    executor.backward([ONES, ONES] if "0" in needs else None)
    assert CALLS[-1] == ("backward", ["write", "write"], shapes)


def test_backward_runs_where_no_gradient_arrives() -> None:
    """As in MXNet: the operator may push gradients of its own."""
    executor = bound(S.BlockGrad(recording()[0]))
    executor.forward(is_train=True)
    executor.backward()
    assert executor.grad_dict["x"].asnumpy().tolist() == [2, 2]


def test_states_are_written_in_forward_and_backward() -> None:
    executor = bound(recording())
    state = executor.aux_dict["c_state"]
    assert executor.forward(is_train=True)[1].asnumpy().tolist() == [0, 0]
    before = state.writes
    assert executor.forward(is_train=True)[1].asnumpy().tolist() == [1, 1] and state.writes > before
    executor.backward([ONES, ONES])
    assert state.asnumpy().tolist() == [12, 12]


# ---- between compiled groups ---------------------------------------------------------------------------------------


def network(head: Any) -> Any:
    x = S.Convolution(S.var("data"), kernel=(3, 3), num_filter=16, pad=(1, 1), name="conv")
    x = S.Custom(S.relu(x), op_type="twice", name="custom")
    return head(S.FullyConnected(S.Reshape(x, shape=(0, 4, -1)) + 1, num_hidden=3, name="fc"))


def plain(head: Any) -> Any:
    x = S.Convolution(S.var("data"), kernel=(3, 3), num_filter=16, pad=(1, 1), name="conv")
    return head(S.FullyConnected(S.Reshape(S.relu(x) * 2, shape=(0, 4, -1)) + 1, num_hidden=3, name="fc"))


@pytest.mark.parametrize("grad_req", ["write", "add"])
def test_layouts_views_and_gradients_around_it(grad_req: str) -> None:
    results = []
    for symbol in (network(S.tanh), plain(S.tanh)):
        executor = symbol.simple_bind(mx.cpu(), grad_req, data=(2, 8, 5, 5))
        draw = np.random.RandomState(0)
        for array in executor.arg_arrays:
            array[:] = draw.uniform(-1, 1, array.shape)
        executor.forward(is_train=True)
        executor.backward(executor.outputs[0] * 0.5)
        results.append([array.asnumpy() for array in (*executor.outputs, *executor.grad_arrays)])
    for got, expected in zip(*results, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_a_head_that_is_a_view_of_a_custom_output() -> None:
    head = S.Reshape(S.Custom(S.Reshape(X, shape=(4,)), op_type="twice"), shape=(2, 2))
    assert head.eval(x=nd.ones((2, 2)))[0].asnumpy().tolist() == [[2, 2], [2, 2]]


def softmax(self: Any, in_data: Any, out_data: Any) -> None:
    out_data[0][:] = self.y = nd.softmax(in_data[0])


def softmax_backward(self: Any, out_grad: Any, in_data: Any, in_grad: Any) -> None:
    in_grad[0][:] = self.y - nd.one_hot(in_data[1], self.y.shape[1])


register("golden_scale", twice, lambda self, out_grad, in_data, in_grad: in_grad[0].__setitem__(
    slice(None), out_grad[0] * 3), __init__=lambda self, k="2": mx.operator.CustomOpProp.__init__(self))
register("golden_softmax", softmax, softmax_backward, ("data", "label"),
         __init__=lambda self: mx.operator.CustomOpProp.__init__(self, need_top_grad=False),
         infer_shape=lambda self, shapes: ([shapes[0], (shapes[0][0],)], [shapes[0]], []))


@golden.each_case("custom")
def test_cases_recorded_from_mxnet(case: golden.Case) -> None:
    graph, arrays = golden.parse_graph_of(case), case["arrays"]
    symbol = mx.Symbol(graph.heads)
    executor = symbol.simple_bind(mx.cpu(), case["grad_req"], **{
        name: tuple(shape) for name, (shape, _) in case["given"].items()})
    executor.forward(is_train=True, **{key[3:]: value for key, value in arrays.items() if key.startswith("in/")})
    executor.backward([nd.array(arrays["hg/0"])])
    shown = {"out/0": executor.outputs[0], **{f"grad/{name}": g for name, g in executor.grad_dict.items()
                                             if g is not None}}
    assert not [why for key, array in shown.items() if (why := golden.mismatch(array.asnumpy(), arrays[key], case))]


def test_two_nodes_of_one_name_have_operators_of_their_own() -> None:
    made = [S.Custom(X, Y, S.var(f"state{i}"), op_type="recording", name="c")[1] for i in range(2)]
    executor = bound(made[0] + made[1], "null")
    executor.forward(is_train=True)
    assert [state.asnumpy().tolist() for state in executor.aux_arrays] == [[1, 1], [1, 1]]


def test_in_the_body_of_a_loop() -> None:
    def step(row: Any, state: Any) -> tuple[Any, Any]:
        made = S.Custom(row + state, op_type="twice")
        return made, made
    outputs, _ = S.contrib.foreach(step, X, S.var("state"))
    executor = outputs.simple_bind(mx.cpu(), x=(3, 2), state=(2,))
    executor.arg_dict["x"][:] = 1
    assert executor.forward(is_train=True)[0].asnumpy()[:, 0].tolist() == [2, 6, 14]
    executor.backward(nd.ones((3, 2)))
    assert executor.grad_dict["x"].asnumpy()[:, 0].tolist() == [14, 6, 2]


# ---- what users do in them -----------------------------------------------------------------------------------------


def test_an_executor_and_operators_inside() -> None:
    inner = S.exp(S.var("z")).simple_bind(mx.cpu(), z=(2,))

    def forward(self: Any, in_data: Any, out_data: Any) -> None:
        self.kept = inner.forward(z=in_data[0])[0].copy()
        out_data[0][:] = nd.dot(self.kept, self.kept) + nd.zeros((2,))

    def backward(self: Any, out_grad: Any, in_data: Any, in_grad: Any) -> None:
        in_grad[0][:] = 2 * self.kept * self.kept * nd.sum(out_grad[0])
    register("nested", forward, backward)
    executor = bound(S.Custom(X * 1, op_type="nested") + 1)
    np.testing.assert_allclose(executor.forward(is_train=True)[0].asnumpy(), np.exp([2, 4]).sum() + 1, rtol=1e-5)
    executor.backward(ONES)
    np.testing.assert_allclose(executor.grad_arrays[0].asnumpy(), 4 * np.exp([2, 4]), rtol=1e-5)


def test_references_outlive_the_call() -> None:
    kept: list[Any] = []
    register("keeping", lambda self, in_data, out_data: (kept.extend(in_data), twice(self, in_data, out_data)))
    executor = bound(S.Custom(X + 1, op_type="keeping"), "null")
    executor.forward()
    del executor
    assert kept[0].shape == (2,) and np.isfinite(kept[0].asnumpy()).all()


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_what_an_operator_raises_reaches_the_caller(method: str) -> None:
    broken = [True]

    def fail_once(self: Any, *arrays: Any) -> None:
        if broken.pop() if broken else False:
            raise KeyError("lost")
        (twice if method == "forward" else twice_backward)(self, *arrays)
    register("breaking", fail_once if method == "forward" else twice,
             twice_backward if method == "forward" else fail_once)
    executor = bound(S.exp(S.Custom(S.log(X), op_type="breaking", name="c")))
    with pytest.raises(MXNetError, match=f"node 'c': custom operator 'breaking': {method} raised KeyError") as caught:
        executor.forward(is_train=True)
        executor.backward(ONES)
    assert isinstance(caught.value.__cause__, KeyError)
    np.testing.assert_allclose(executor.forward(is_train=True)[0].asnumpy(), [1, 4], rtol=1e-5)
    executor.backward(ONES)
    np.testing.assert_allclose(executor.grad_arrays[0].asnumpy(), [2, 4], rtol=1e-5)


def test_create_operator_that_fails() -> None:
    register("unmade", twice, create_operator=lambda self, *_: None)
    with pytest.raises(MXNetError, match="node 'c': .*create_operator returned None, which is no CustomOp"):
        bound(S.Custom(X, op_type="unmade", name="c"))


def test_one_executor_in_threads() -> None:
    executor = bound(S.exp(S.Custom(X, op_type="twice")))
    failures: list[Exception] = []

    def run() -> None:
        try:
            for _ in range(20):
                executor.forward(is_train=True)
                executor.backward(ONES)
        except Exception as error:
            failures.append(error)
    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    np.testing.assert_allclose(executor.grad_arrays[0].asnumpy(), 2 * np.exp([2, 4]), rtol=1e-5)


def test_executors_in_threads() -> None:
    executors = [bound(S.exp(S.Custom(X * (i + 1), op_type="twice"))) for i in range(4)]
    results: dict[int, Any] = {}

    def run(i: int) -> None:
        for _ in range(20):
            results[i] = executors[i].forward(is_train=True)[0].asnumpy()
            executors[i].backward(ONES)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for i in range(4):
        np.testing.assert_allclose(results[i], np.exp([2 * (i + 1), 4 * (i + 1)]), rtol=1e-5)


# ---- modules and packages ------------------------------------------------------------------------------------------


def test_a_module_runs_it_and_a_package_refuses_it(tmp_path: Path) -> None:
    module = mx.compile(S.Custom(X + 1, op_type="twice", name="c") * 3, shapes={"x": (2,)})
    assert module.forward(x=np.ones(2, np.float32))[0].asnumpy().tolist() == [12, 12]
    with pytest.raises(SymcError, match=r"node 'c' \(Custom: op_type=twice\) is computed in Python"):
        module.save(tmp_path / "model.symc")
    assert not list(tmp_path.iterdir())
