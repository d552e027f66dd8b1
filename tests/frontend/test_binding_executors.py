"""Contexts, names and shared arrays of executors that are really made."""

import numpy as np
import pytest

import symc as mx
from symc.errors import MXNetError


@pytest.fixture
def dense():
    return mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, name="fc")


def test_groups_of_contexts(dense):
    places = {"stage1": mx.cpu(0), "stage2": mx.cpu(1)}
    assert dense.simple_bind(mx.cpu(), group2ctx=places, data=(2, 3)).forward()[0].shape == (2, 4)
    with mx.AttrScope(ctx_group="stage2"):
        placed = mx.sym.exp(mx.sym.var("data"))
    with pytest.raises(MXNetError, match=r"there is no gpu\(7\)"):
        placed.simple_bind(mx.cpu(), group2ctx={"stage1": mx.cpu(), "stage2": mx.gpu(7)}, data=(2, 3))
    with pytest.raises(TypeError, match="group 'stage1'"):
        mx.sym.var("x").bind(mx.cpu(), [mx.nd.ones(1)], group2ctx={"stage1": "cpu"})
    with pytest.raises(TypeError, match="expected a dict"):
        mx.sym.var("x").bind(mx.cpu(), [mx.nd.ones(1)], group2ctx=[("stage1", mx.cpu())])
    with pytest.raises(MXNetError, match="no context for the group 'stage2' of 'data' and 1 other node"):
        placed.simple_bind(mx.cpu(), group2ctx={"stage1": mx.cpu()}, data=(2, 3))


def test_arrays_lie_where_their_group_is():
    with mx.AttrScope(ctx_group="stage1"):
        first = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, name="fc1")
    with mx.AttrScope(ctx_group="stage2"):
        second = mx.sym.FullyConnected(first, num_hidden=2, name="fc2")
    executor = second.simple_bind(mx.cpu(), group2ctx={"stage1": mx.cpu(1), "stage2": mx.cpu(2)}, data=(2, 3))
    places = [array.context.device_id for array in (*executor.arg_arrays, *executor.grad_arrays)]
    assert places == [1, 1, 1, 2, 2] * 2
    assert executor.forward()[0].shape == (2, 2)


def test_variables_of_one_name_are_refused():
    twins = mx.sym.var("a") + mx.sym.var("a")
    with pytest.raises(MXNetError, match="several variables are called 'a'"):
        twins.bind(mx.cpu(), [mx.nd.ones(2), mx.nd.ones(2)])
    with pytest.raises(MXNetError, match="several variables are called 'a'"):
        twins.simple_bind(mx.cpu(), a=(2,))


@pytest.mark.parametrize("request_, expected", [(None, [None] * 3), ({"fc_bias": "add"}, [None, None, (4,)]),
                                                (["null", "write", "null"], [None, (4, 3), None])])
def test_requests_of_simple_bind(dense, request_, expected):
    gradients = dense.simple_bind(mx.cpu(), grad_req=request_, data=(2, 3)).grad_arrays
    assert [None if gradient is None else gradient.shape for gradient in gradients] == expected


@pytest.mark.parametrize("options, error, message", [
    ({"grad_req": []}, RuntimeError, "empty list"), ({"grad_req": {}}, RuntimeError, "empty dict"),
    ({"shared_arg_names": ("a",)}, ValueError, "must be a list"), ({"shared_buffer": []}, ValueError, "must be dict")])
def test_what_simple_bind_refuses(dense, options, error, message):
    with pytest.raises(error, match=message):
        dense.simple_bind(mx.cpu(), data=(2, 3), **options)


def test_shared_buffer_in_both_directions(dense):
    pool = {"data": mx.nd.array(np.arange(20))}
    small = dense.simple_bind(mx.cpu(), data=(2, 3), shared_buffer=pool)
    assert sorted(pool) == ["data", "fc_bias", "fc_weight", *(f"grad of {n}" for n in ("data", "fc_bias", "fc_weight"))]
    np.testing.assert_array_equal(small.arg_dict["data"].asnumpy(), [[0, 1, 2], [3, 4, 5]])
    small.arg_dict["data"][:] = 7
    assert pool["data"].asnumpy()[:7].tolist() == [7] * 6 + [6]
    large = dense.simple_bind(mx.cpu(), data=(8, 3), shared_buffer=pool)
    assert pool["data"] is large.arg_dict["data"] and large.arg_dict["fc_weight"] is pool["fc_weight"]
    large.arg_dict["fc_weight"][:] = 2
    large.arg_dict["data"][:] = 1
    assert small.arg_dict["fc_weight"].asnumpy().max() == 2 and small.arg_dict["data"].asnumpy().max() == 7
    np.testing.assert_array_equal(large.forward()[0].asnumpy(), np.full((8, 4), 6))


def test_a_buffer_of_another_dtype_is_refused(dense):
    with pytest.raises(MXNetError, match="shared_buffer: 'data' is float64"):
        dense.simple_bind(mx.cpu(), data=(2, 3), shared_buffer={"data": mx.nd.zeros(6, dtype="float64")})


def test_arguments_gradients_and_states_of_another_executor():
    net = mx.sym.BatchNorm(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4, name="fc"), name="bn")
    one = net.simple_bind(mx.cpu(), data=(2, 3))
    names = [name for name in net.list_arguments() if name != "data"]
    other = net.simple_bind(mx.cpu(), data=(5, 3), shared_arg_names=names, shared_exec=one, shared_buffer={})
    for name in names:
        assert other.arg_dict[name] is one.arg_dict[name] and other.grad_dict[name] is one.grad_dict[name]
    assert other.aux_dict["bn_moving_mean"] is one.aux_dict["bn_moving_mean"]
    assert other.arg_dict["data"].shape == (5, 3)
    one.arg_dict["fc_weight"][:] = 3
    other.arg_dict["data"][:] = 1
    other.forward(is_train=True)
    with pytest.raises(MXNetError, match="'data' cannot be shared: it is float32"):
        net.simple_bind(mx.cpu(), data=(4, 3), shared_arg_names=["data"], shared_exec=one)


def test_misspelt_names_are_shown_where_something_is_missing(dense):
    with pytest.raises(MXNetError, match="(?s)'data' is .*'dat' is no variable of the symbol; did you mean 'data'"):
        dense.simple_bind(mx.cpu(), dat=(2, 3))
    executor = dense.simple_bind(mx.cpu(), data=(2, 3))
    with pytest.raises(TypeError, match="Unknown argument dat; did you mean 'data'?"):
        executor.forward(dat=mx.nd.ones((2, 3)))
    with pytest.raises(ValueError, match="\"fc_wieght\" that is not in the arguments; did you mean 'fc_weight'?"):
        executor.copy_params_from({"fc_wieght": mx.nd.ones((4, 3))})


def test_gradients_that_are_given_but_not_asked_for_stay():
    x, kept = mx.sym.var("x"), mx.nd.full((2,), 7)
    executor = (x * x).bind(mx.cpu(), [mx.nd.ones((2,))], args_grad=[kept], grad_req="null")
    executor.forward(is_train=True)
    assert executor.grad_dict["x"] is kept and list(kept.asnumpy()) == [7, 7]


def test_the_symbol_of_an_executor() -> None:
    symbol = mx.sym.relu(mx.sym.Variable("x"), name="act")
    executor = symbol.simple_bind(mx.cpu(), x=(2,))
    assert executor.get_optimized_symbol().list_outputs() == ["act_output"]
    assert executor.reshape(x=(1,)).get_optimized_symbol() is executor.get_optimized_symbol()
