"""Symbols: composition, lists, attributes, files.  Expected texts and names are those of MXNet 1.9.1."""

import copy
import pickle
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symc as mx
from symc.errors import MXNetError, ParameterError, SymcError
from symc.frontend.symbol import NotImplementedForSymbol

S = mx.sym
DATA = Path(__file__).parents[1] / "data" / "json"


@pytest.fixture(autouse=True)
def names() -> Any:
    """Counters of names start at 0."""
    with mx.name.NameManager():
        yield


def fully_connected(**kwargs: Any) -> Any:
    return S.FullyConnected(S.Variable("data"), num_hidden=3, name="fc", **kwargs)


def mlp() -> Any:
    net = S.Variable("data")
    for i, size in enumerate((128, 64)):
        net = S.FullyConnected(data=net, name=f"fc{i + 1}", num_hidden=size)
        net = S.Activation(data=net, name=f"relu{i + 1}", act_type="relu")
    return S.SoftmaxOutput(S.FullyConnected(net, name="fc3", num_hidden=10), name="softmax")


def lenet() -> Any:
    net = S.Variable("data")
    for i, filters in enumerate((20, 50)):
        net = S.Convolution(data=net, kernel=(5, 5), num_filter=filters, name=f"conv{i + 1}")
        net = S.Activation(data=net, act_type="tanh", name=f"tanh{i + 1}")
        net = S.Pooling(data=net, pool_type="max", kernel=(2, 2), stride=(2, 2), name=f"pool{i + 1}")
    net = S.FullyConnected(S.Flatten(net, name="flatten"), num_hidden=500, name="fc1")
    net = S.FullyConnected(S.Activation(net, act_type="tanh", name="tanh3"), num_hidden=10, name="fc2")
    return S.SoftmaxOutput(net, name="softmax")


def multi_output() -> Any:
    fc = S.FullyConnected(S.Variable("data"), num_hidden=16, name="fc1")
    act = S.Activation(fc, act_type="softrelu", name="act1")
    return S.Group([S.SoftmaxOutput(act, name="softmax"), S.LinearRegressionOutput(act, name="regression"),
                    S.BlockGrad(fc, name="features"), fc])


def text_cnn() -> Any:
    net = S.Embedding(S.Variable("data"), input_dim=200, output_dim=50, name="vocab_embed")
    net = S.Reshape(data=net, target_shape=(4, 1, 30, 50))
    parts = []
    for size in (3, 4, 5):
        conv = S.Convolution(data=net, kernel=(size, 50), num_filter=32, name=f"conv{size}")
        act = S.Activation(data=conv, act_type="relu")
        parts.append(S.Pooling(data=act, pool_type="max", kernel=(31 - size, 1), stride=(1, 1)))
    net = S.Reshape(data=S.Concat(*parts, dim=1), target_shape=(4, 96))
    return S.SoftmaxOutput(S.FullyConnected(S.Dropout(net, p=0.0), num_hidden=2, name="cls"), name="softmax")


@pytest.mark.parametrize("make", [mlp, lenet, multi_output, text_cnn])
def test_a_composed_network_is_written_as_mxnet_does(make: Any) -> None:
    expected = (DATA / f"{make.__name__}-symbol.json").read_text()
    assert make().tojson() == expected
    assert S.load_json(expected).tojson() == expected


# ---- variables and attributes


def test_variable_attributes() -> None:
    x = S.var("x", shape=(2, 0), lr_mult=2.0, wd_mult=0.5, dtype="float16", init='["one", {}]', stype="default",
              attr={"mood": "good"}, __own__=3)
    assert x.list_attr() == {
        "__shape__": "(2, 0)", "__lr_mult__": "2.0", "lr_mult": "2.0", "__wd_mult__": "0.5", "wd_mult": "0.5",
        "__dtype__": "2", "__init__": '["one", {}]', "__storage_type__": "0", "mood": "good", "__own__": "3"}
    assert x.attr("lr_mult") == "2.0" and x.attr("none") is None and x.attr("name") == "x"
    assert x.graph.heads[0].type.shape == (2, None)


@pytest.mark.parametrize(("call", "error"), [
    (lambda: S.Variable(3), TypeError), (lambda: S.Variable("x", own=3), ValueError),
    (lambda: S.Variable("x", attr={"a": 3}), ValueError), (lambda: S.Variable("x", dtype="complex64"), TypeError),
    (lambda: fully_connected(foo=3), ParameterError), (lambda: S.FullyConnected(num_hidden="many"), ParameterError),
    (lambda: S.FullyConnected(S.Variable("x")), ParameterError), (lambda: S.FullyConnected(5, num_hidden=1), TypeError),
    (lambda: fully_connected(weigth=S.Variable("w")), MXNetError), (lambda: S.Concat(S.Variable("x"), 3), TypeError),
    (lambda: S.Concat(S.Variable("x"), arg1=S.Variable("y")), TypeError), (lambda: S.relu(1, 2, 3, 4, 5), TypeError),
    (lambda: S.relu(S.SliceChannel(num_outputs=2)), MXNetError), (lambda: S.Group([]), TypeError),
    (lambda: S.Group([S.Variable("x"), 3]), TypeError),
    (lambda: fully_connected(attr={"weigth_lr_mult": "2"}), MXNetError),
    (lambda: fully_connected(weight=S.Variable("w"), weight_lr_mult="2"), MXNetError),
    (lambda: S.Convolutoin, AttributeError),
    (lambda: S.load(3), TypeError), (lambda: S.load_json(3), TypeError), (lambda: S.load("/none.json"), SymcError),
])
def test_wrong_calls(call: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        call()


def test_errors_show_the_way_out() -> None:
    with pytest.raises(MXNetError, match="'fc' .*no input 'weigth'\n  did you mean 'weight'"):
        fully_connected(weigth=S.Variable("w"))
    with pytest.raises(AttributeError, match="did you mean 'Convolution'"):
        S.Convolutoin  # noqa: B018
    with pytest.raises(MXNetError, match=r"2 outputs.*\n.*symbol\['slicechannel0_output0'\]"):
        S.relu(S.SliceChannel(num_outputs=2))


def test_variables_made_for_inputs_take_over_attributes() -> None:
    net = fully_connected(attr={"__mood__": "so", "lr_mult": "2"})
    expected = {"num_hidden": "3", "__mood__": "so", "__lr_mult__": "2", "lr_mult": "2"}
    assert net.attr_dict() == {"fc_weight": expected, "fc_bias": expected, "fc": expected}
    bn = S.BatchNorm(moving_mean=S.Variable("mean"), name="bn")
    assert bn.attr_dict() == {"mean": {"__init__": '["zero", {}]'}, "bn_moving_var": {"__init__": '["one", {}]'}}


def test_set_attr_shows_in_all_symbols_that_hold_the_node() -> None:
    x = S.Variable("x")
    y, other = x + 1, copy.copy(x)
    x._set_attr(mood="good", lr_mult="3")
    assert y.attr_dict()["x"] == {"mood": "good", "__lr_mult__": "3", "lr_mult": "3"}
    assert other.list_attr() == {}
    for node in y.get_internals():
        node._set_attr(__seen__="1")
    assert y.attr("__seen__") == "1" and x.attr("__seen__") == "1"
    with pytest.raises(ValueError, match="string"):
        x._set_attr(a=3)
    with pytest.raises(MXNetError, match="group"):
        S.Group([x, y])._set_attr(a="b")


def test_set_attr_of_a_parameter() -> None:
    net = fully_connected()
    net._set_attr(num_hidden="7")
    assert net.infer_shape(data=(1, 2))[1] == [(1, 7)]
    with pytest.raises(ParameterError):
        net._set_attr(num_hiddenx="7")


# ---- lists and indices


def test_lists() -> None:
    net = S.BatchNorm(S.Variable("data"), name="bn", output_mean_var=True)
    assert net.list_arguments() == ["data", "bn_gamma", "bn_beta"]
    assert net.list_auxiliary_states() == ["bn_moving_mean", "bn_moving_var"]
    assert net.list_inputs() == ["data", "bn_gamma", "bn_beta", "bn_moving_mean", "bn_moving_var"]
    assert net.list_outputs() == ["bn_output", "bn_mean", "bn_var"]
    assert S.BatchNorm(name="b").list_outputs() == ["b_output"]
    assert net.get_internals().list_outputs() == [*net.list_inputs(), *net.list_outputs()]
    assert net.get_children().list_outputs() == net.list_inputs()
    assert S.Variable("x").get_children() is None
    assert S.Group([net[0], net[2]]).name == "bn" and S.Group([net, S.Variable("x")]).name is None


def test_indices() -> None:
    net = S.SliceChannel(S.Variable("x"), num_outputs=4, name="s")
    assert len(net) == 4 and net["s_output2"].list_outputs() == net[2].list_outputs() == ["s_output2"]
    assert net[1:3].list_outputs() == ["s_output1", "s_output2"] and [n.list_outputs() for n in net[::2]] == [
        ["s_output0"], ["s_output2"]]
    wrong = {4: IndexError, -1: MXNetError, 1.5: TypeError, "s": ValueError}
    for index, error in wrong.items():
        with pytest.raises(error):
            net[index]
    with pytest.raises(IndexError):
        net[0:9]
    with pytest.raises(ValueError, match="multiple"):
        S.Group([net[0], net[0]])["s_output0"]


def test_representation() -> None:
    x, y = S.Variable("x"), S.Variable("y")
    assert (repr(x), repr(S.Group([x, y]))) == ("<Symbol x>", "<Symbol group [x, y]>")


def test_debug_text() -> None:
    assert (2 * S.Variable("a")).debug_str() == (
        "Symbol Outputs:\n\toutput[0]=_mulscalar0(0)\nVariable:a\n--------------------\n"
        "Op:_mul_scalar, Name=_mulscalar0\nInputs:\n\targ[0]=a(0) version=0\nAttrs:\n\tscalar=2\n")


# ---- composition


def test_inputs_by_position_and_by_name() -> None:
    data, bias = S.Variable("x"), S.Variable("b")
    assert S.FullyConnected(data, None, bias, 3, name="f").list_arguments() == ["x", "f_weight", "b"]
    assert S.FullyConnected(bias=bias, num_hidden=3, name="f").list_arguments() == ["f_data", "f_weight", "b"]
    assert S.FullyConnected(data, no_bias=True, num_hidden=3, name="f").list_arguments() == ["x", "f_weight"]
    assert S.Concat(data, num_args=3, name="c").list_arguments() == ["x", "c_arg1", "c_arg2"]
    assert S.Concat(arg0=data, arg1=bias).list_arguments() == ["x", "b"]


def test_calls_replace_variables() -> None:
    net = S.FullyConnected(name="fc3", num_hidden=10)
    composed = net(fc3_data=fully_connected(), name="composed")
    assert composed.list_arguments() == ["data", "fc_weight", "fc_bias", "fc3_weight", "fc3_bias"]
    assert (composed.name, net.name) == ("composed", "fc3")
    assert net.list_arguments() == ["fc3_data", "fc3_weight", "fc3_bias"]
    with pytest.raises(MXNetError, match="no input 'fc3_dta'\n  did you mean 'fc3_data'"):
        net(fc3_dta=composed)
    with pytest.raises(MXNetError, match="by name only"):
        net(composed)
    with pytest.raises(TypeError):
        net(fc3_data=3)
    with pytest.raises(TypeError):
        net(composed, fc3_data=composed)


def test_symbols_are_no_arrays() -> None:
    x = S.Variable("x")
    for use in (lambda: bool(x), lambda: x.asnumpy(), lambda: x.__iadd__(1), lambda: x in [S.Variable("y")]):
        with pytest.raises(NotImplementedForSymbol):
            use()
    with pytest.raises(TypeError, match="unhashable"):
        hash(x)
    for other in (None, "1", np.ones(2)):
        with pytest.raises(TypeError, match="not supported"):
            x + other


def test_numbers_are_written_as_python_prints_them() -> None:
    x = S.Variable("x")
    scalars = [(x * value).attr("scalar") for value in (np.float32(0.1), np.int64(3), 1e-7, 2, 2.0)]
    assert scalars == ["0.1", "3", "1e-07", "2", "2.0"]
    assert (np.float32(2) * x).name == "_mulscalar5"
    assert S.transpose(x, axes=(np.int64(1), 0)).attr("axes") == "(1, 0)"
    assert S.Cast(x, dtype=np.float16).attr("dtype") == "float16"


# ---- copies and files


def test_pickles_copies_and_files(tmp_path: Path) -> None:
    net = mlp()
    text = net.tojson()
    assert pickle.loads(pickle.dumps(net)).tojson() == text
    assert copy.deepcopy(net).tojson() == text
    net.save(str(tmp_path / "net-symbol.json"))
    assert S.load(str(tmp_path / "net-symbol.json")).tojson() == text
    with pytest.raises(TypeError):
        net.save(tmp_path)


def test_casts_for_mixed_precision_are_left_out_of_files() -> None:
    net = S.amp_cast(S.Variable("x"), dtype="float16") + 1
    assert "amp_cast" not in net.tojson()
    assert "amp_cast" in net.tojson(remove_amp_cast=False)


def test_an_unrolled_network_of_thousands_of_nodes() -> None:
    state, weight = S.Variable("state"), S.Variable("weight")
    start = time.perf_counter()
    for step in range(2500):
        state = S.FullyConnected(S.Variable(f"x{step}") + state, weight=weight, no_bias=True, num_hidden=4) * 0.5
    assert len(state.list_arguments()) == 2502
    assert len(state.get_internals()) == 10_002
    assert state.infer_shape(x0=(2, 4))[1] == [(2, 4)]
    assert S.load_json(state.tojson()).list_arguments() == state.list_arguments()
    assert time.perf_counter() - start < 30


def test_outputs_that_are_not_there():
    fc = S.FullyConnected(S.Variable("data"), num_hidden=2, name="fc")
    with pytest.raises(ValueError, match="Cannot find .* name \"fc1_output\"; did you mean 'fc_output'?"):
        fc.get_internals()["fc1_output"]
    with pytest.raises(IndexError, match="<Symbol fc>: index 1 is out of range"):
        fc[1]
    with pytest.raises(AttributeError, match="'simbol'; did you mean 'symbol'?"):
        getattr(mx, "simbol")  # noqa: B009
