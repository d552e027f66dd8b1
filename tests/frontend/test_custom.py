"""mx.operator: properties, inference through them, names and errors, the imperative form, older forms."""

from typing import Any

import numpy as np
import pytest

import symc as mx
from symc.errors import MXNetError
from tests.custom_operators import CALLS, register

S, nd = mx.sym, mx.nd


def recording(**parameters: Any) -> Any:
    return S.Custom(x=S.var("x"), y=S.var("y"), op_type="recording", name="c", **parameters)


def fail(*_: object) -> None:
    raise ValueError("no luck")


def nothing(*_: object) -> None:
    pass


# ---- names and parameters ------------------------------------------------------------------------------------------


def test_names_are_those_of_the_property() -> None:
    symbol = S.Custom(S.var("a"), op_type="recording", name="c")
    assert symbol.list_arguments() == ["a", "c_y"] and symbol.list_auxiliary_states() == ["c_state"]
    assert symbol.list_outputs() == ["c_twice", "c_sum"] and len(symbol) == 2


def test_a_state_is_a_variable() -> None:
    with pytest.raises(MXNetError, match=r"node 'c' \(Custom\): its auxiliary state state is the output of 'sum'"):
        S.Custom(S.var("x"), S.var("y"), S.elemwise_add(S.var("a"), S.var("b"), name="sum"), op_type="recording",
                 name="c")


def test_the_property_gets_strings() -> None:
    seen: dict[str, Any] = {}

    def init(self: Any, **parameters: Any) -> None:
        mx.operator.CustomOpProp.__init__(self)
        seen.update(parameters)
    register("strings", nothing, __init__=init)
    symbol = S.Custom(S.var("x"), op_type="strings", k=3, shape=(1, 2), none=None, __lr_mult__="2")
    assert seen == {"k": "3", "shape": "(1, 2)", "none": "None"}
    assert symbol.attr("k") == "3" and symbol.attr("op_type") == "strings"


def test_a_loaded_symbol_finds_the_operator() -> None:
    symbol = mx.sym.load_json(recording(needs="0").tojson())
    assert symbol.list_outputs() == ["c_twice", "c_sum"] and symbol.attr("needs") == "0"
    assert symbol.tojson() == recording(needs="0").tojson()


def test_an_unregistered_operator_is_named() -> None:
    text = recording().tojson().replace('"recording"', '"recordin"')
    with pytest.raises(MXNetError, match=r"node 'c' .*no custom operator 'recordin'.*did you mean 'recording'\?"):
        mx.sym.load_json(text)
    with pytest.raises(MXNetError, match="op_type is missing"):
        S.Custom(S.var("x"), name="c")


@pytest.mark.parametrize(("method", "message"), [
    ("__init__", "__init__ raised ValueError: no luck"), ("list_outputs", "list_outputs raised ValueError: no luck"),
    ("declare_backward_dependency", "declare_backward_dependency raised ValueError")])
def test_what_fails_when_a_node_is_made(method: str, message: str) -> None:
    register("failing", nothing, **{method: fail})
    with pytest.raises(MXNetError, match=message) as caught:
        S.Custom(S.var("x"), op_type="failing")
    assert isinstance(caught.value.__cause__, ValueError)


# ---- inference -----------------------------------------------------------------------------------------------------


def test_shapes_and_types_flow_both_ways() -> None:
    symbol = recording()
    assert symbol.infer_shape(x=(2, 3)) == ([(2, 3), (2, 3)], [(2, 3), (2, 3)], [(2, 3)])
    arguments, outputs, states = symbol.infer_type(x="float64", y="float64")
    assert arguments == outputs == [np.float64, np.float64] and states == [np.float64]


def test_an_unknown_extent_is_minus_one() -> None:
    seen: list[Any] = []

    def infer_shape(self: Any, in_shape: Any) -> Any:
        seen.append(in_shape)
        return in_shape, [in_shape[0]], []
    register("seeing", nothing, infer_shape=infer_shape)
    symbol = S.Custom(S.var("x"), op_type="seeing")
    assert symbol.infer_shape_partial(x=(0, 3)) == ([(0, 3)], [(0, 3)], []) and seen[0] == [[-1, 3]]
    assert symbol.infer_shape_partial() == ([()], [()], []) and seen[-1] == [[]]


def test_inference_may_fail_until_its_inputs_are_known() -> None:
    register("head", nothing, arguments=("data", "label"),
             infer_shape=lambda self, shapes: ([shapes[0], (shapes[0][0],)], [shapes[0]], []))
    symbol = S.Custom(S.var("x"), S.var("label"), op_type="head")
    assert symbol.infer_shape_partial() == ([(), ()], [()], [])
    assert symbol.infer_shape(x=(4, 2)) == ([(4, 2), (4,)], [(4, 2)], [])


@pytest.mark.parametrize(("returned", "message"), [
    ([], r"returned \[\], expected 2 or 3 lists"), (None, "returned None, expected 2 or 3 lists"),
    ([[3], [(2,)], []], "the shape 3, which is no tuple of integers"),
    ([[(2,)], [(2,), (2,)], []], r"2 entries for the outputs, which are output"),
    ([[(3,)], [(2,)], []], r"data is \(2,\), expected \(3,\)")])
def test_wrong_answers_of_infer_shape(returned: Any, message: str) -> None:
    register("answering", nothing, infer_shape=lambda self, shapes: returned)
    with pytest.raises(MXNetError, match=message):
        S.Custom(S.var("x"), op_type="answering", name="c").infer_shape(x=(2,))


@pytest.mark.parametrize("method", ["infer_shape", "infer_type"])
def test_inference_that_raises_is_carried_on(method: str) -> None:
    register("raising", nothing, **{method: fail})
    with pytest.raises(MXNetError, match=f"node 'c'.*{method} raised ValueError: no luck") as caught:
        S.Custom(S.var("x"), op_type="raising", name="c").simple_bind(mx.cpu(), x=(2,))
    assert isinstance(caught.value.__cause__, ValueError)


# ---- on arrays -----------------------------------------------------------------------------------------------------


def test_on_arrays_states_are_written_and_nothing_trains() -> None:
    CALLS.clear()
    state = nd.ones((2,))
    writes = state.writes
    twice, total = nd.Custom(nd.array([1, 2]), nd.array([3, 4]), state, op_type="recording")
    assert twice.asnumpy().tolist() == [2, 4] and total.asnumpy().tolist() == [4, 5]
    assert state.asnumpy().tolist() == [2, 2] and state.writes > writes
    assert CALLS == [("create", "cpu(0)", [[2], [2], [2]], [0, 0, 0]), ("forward", False, ["write", "write"])]


def test_the_operator_registered_last_counts() -> None:
    for factor in (2, 3):
        def times(self: Any, in_data: Any, out_data: Any, factor: int = factor) -> None:
            out_data[0][:] = in_data[0] * factor
        register("changing", times)
        assert nd.Custom(nd.ones((1,)), op_type="changing").asscalar() == factor


def test_an_operator_without_inputs() -> None:
    def arange(self: Any, in_data: Any, out_data: Any) -> None:
        out_data[0][:] = nd.arange(4)
    register("no_inputs", arange, arguments=(), infer_shape=lambda self, shapes: ([], [(4,)], []),
             infer_type=lambda self, types: ([], [np.float32], []))
    assert nd.Custom(op_type="no_inputs").asnumpy().tolist() == [0, 1, 2, 3]
    assert S.Custom(op_type="no_inputs").eval()[0].asnumpy().tolist() == [0, 1, 2, 3]


def test_the_base_property_is_an_operator_too() -> None:
    assert S.Custom(S.var("x"), op_type="custom_op").list_arguments() == ["x"]


# ---- older forms ---------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:PythonOp")
@pytest.mark.parametrize(("base", "kind"), [(mx.operator.NumpyOp, np.ndarray), (mx.operator.NDArrayOp, mx.nd.NDArray)])
@pytest.mark.parametrize(("grad_req", "gradient"), [("write", [6.0, 8.0]), ("add", [7.0, 9.0])])
def test_older_forms(base: Any, kind: type, grad_req: str, gradient: list[float]) -> None:
    class Square(base):  # type: ignore[misc]
        def forward(self, in_data: Any, out_data: Any) -> None:
            assert isinstance(in_data[0], kind)
            out_data[0][:] = in_data[0] * in_data[0]

        def backward(self, out_grad: Any, in_data: Any, out_data: Any, in_grad: Any) -> None:
            in_grad[0][:] = 2 * in_data[0] * out_grad[0]
    executor = Square()(data=S.var("x"), name="square").bind(
        mx.cpu(), [nd.array([3, 4])], [nd.ones((2,))], grad_req)
    assert executor.forward(is_train=True)[0].asnumpy().tolist() == [9, 16]
    executor.backward(nd.ones((2,)))
    assert executor.grad_arrays[0].asnumpy().tolist() == gradient


# ---- what operators there are --------------------------------------------------------------------------------------


def test_operators_and_their_arguments() -> None:
    assert {"Convolution", "Custom"} <= set(mx.operator.get_all_registered_operators())
    narg, names, types = mx.operator.get_operator_arguments("FullyConnected")
    assert names[:4] == ["data", "weight", "bias", "num_hidden"] and narg == len(names) == len(types)
    with pytest.raises(MXNetError, match="Operator nope is not registered"):
        mx.operator.get_operator_arguments("nope")
