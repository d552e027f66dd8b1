"""The examples of MXNet's documents of the symbolic API, each with the result that its document gives.

The documents are: Symbolic API (overview), Symbol in Pictures (it has no code), Symbol Tutorial, and the reference of
the symbol module.  Counters of automatic names start anew here, where the documents' go on.
"""

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symc as mx


@pytest.fixture(autouse=True)
def names() -> Iterator[None]:
    with mx.name.NameManager():
        yield


def values(symbol: mx.sym.Symbol, **arrays: list[float]) -> np.ndarray:
    return symbol.eval(**{name: mx.nd.array(array) for name, array in arrays.items()})[0].asnumpy()


def two_layers() -> tuple[mx.sym.Symbol, mx.sym.Symbol]:
    net = mx.symbol.Variable("data")
    fc1 = mx.symbol.FullyConnected(data=net, name="fc1", num_hidden=128)
    net = mx.symbol.Activation(data=fc1, name="relu1", act_type="relu")
    net = mx.symbol.FullyConnected(data=net, name="fc2", num_hidden=64)
    return fc1, mx.symbol.SoftmaxOutput(data=net, name="softmax")


# ---- Symbolic API ----------------------------------------------------------------------------------------------


def test_overview_two_layers() -> None:
    net = two_layers()[1]
    assert type(net) is mx.symbol.Symbol
    assert net.list_arguments() == ["data", "fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias", "softmax_label"]


def test_overview_arithmetic() -> None:
    c = mx.symbol.Variable("a") + mx.symbol.Variable("b")
    np.testing.assert_array_equal(values(c, a=[1, 2], b=[3, 4]), [4, 6])


def test_overview_attributes() -> None:
    data = mx.sym.Variable("data", attr={"mood": "angry"})
    op = mx.sym.Convolution(data=data, name="conv", kernel=(1, 1), num_filter=1, attr={"mood": "so so"})
    assert data.attr("mood") == "angry"
    assert op.list_attr() == {"mood": "so so"}
    with pytest.warns(DeprecationWarning):
        listed = op.list_attr(recursive=True)
    assert listed == {"data_mood": "angry", "conv_mood": "so so", "conv_weight_mood": "so so",
                      "conv_bias_mood": "so so"}


def test_overview_attributes_of_variables_given() -> None:
    weight = mx.sym.Variable("crazy_weight", attr={"size": "5"})
    data = mx.sym.Variable("data", attr={"mood": "angry"})
    op = mx.sym.Convolution(data=data, weight=weight, name="conv", kernel=(1, 1), num_filter=1,
                            attr={"mood": "so so"})
    with pytest.warns(DeprecationWarning):
        listed = op.list_attr(recursive=True)
    assert listed == {"conv_mood": "so so", "conv_bias_mood": "so so", "crazy_weight_size": "5", "data_mood": "angry"}


def test_overview_attribute_scope() -> None:
    data = mx.symbol.Variable("data")
    with mx.AttrScope(group="4", data="great"):
        fc1 = mx.symbol.Activation(data, act_type="relu")
        with mx.AttrScope(init_bias="0.0"):
            fc2 = mx.symbol.FullyConnected(fc1, num_hidden=10, name="fc2")
    assert fc1.attr("data") == "great"
    assert fc2.attr("data") == "great"
    assert fc2.attr("init_bias") == "0.0"


def test_overview_pickle() -> None:
    c = mx.symbol.Variable("a") + mx.symbol.Variable("b")
    assert pickle.loads(pickle.dumps(c)).tojson() == copy.deepcopy(c).tojson() == c.tojson()


def test_overview_save_and_load_anywhere() -> None:
    pytest.importorskip("fsspec")
    c = mx.symbol.Variable("a") + mx.symbol.Variable("b")
    c.save("memory://my-bucket/symbol-c.json")      # s3:// in the document
    c2 = mx.symbol.load("memory://my-bucket/symbol-c.json")
    assert c.tojson() == c2.tojson()


def test_overview_multiple_outputs() -> None:
    group = mx.symbol.Group(list(two_layers()))
    assert group.list_outputs() == ["fc1_output", "softmax_output"]
    executor = group.simple_bind(mx.cpu(), data=(2, 10))
    executor.forward()
    assert [array.shape for array in executor.outputs] == [(2, 128), (2, 64)]


# ---- Symbol Tutorial -------------------------------------------------------------------------------------------


def a_plus_b() -> mx.sym.Symbol:
    return mx.sym.Variable("a") + mx.sym.Variable("b")


def test_tutorial_names() -> None:
    a, b = mx.sym.Variable("a"), mx.sym.Variable("b")
    assert repr((a, b, a + b)) == "(<Symbol a>, <Symbol b>, <Symbol _plus0>)"


def test_tutorial_operators() -> None:
    a, b = mx.sym.Variable("a"), mx.sym.Variable("b")
    assert (a + b).name == "_plus0"
    d, e = a * b, mx.sym.dot(a, b)
    f = mx.sym.Reshape(d + e, shape=(1, 4))
    g = mx.sym.broadcast_to(f, shape=(2, 4))
    names = [name for name in g.get_internals().list_outputs() if name.endswith("_output")]
    assert names == ["_mul0_output", "dot0_output", "_plus1_output", "reshape0_output", "broadcast_to0_output"]
    np.testing.assert_array_equal(values(g, a=[[1, 2], [3, 4]], b=[[1, 0], [0, 1]]), [[2, 2, 3, 8]] * 2)


def convolution_factory(data: mx.sym.Symbol, num_filter: int, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1),
                        pad: tuple[int, int] = (0, 0), name: str | None = None, suffix: str = "") -> mx.sym.Symbol:
    conv = mx.symbol.Convolution(data=data, num_filter=num_filter, kernel=kernel, stride=stride, pad=pad,
                                 name=f"conv_{name}{suffix}")
    bn = mx.symbol.BatchNorm(data=conv, name=f"bn_{name}{suffix}")
    return mx.symbol.Activation(data=bn, act_type="relu", name=f"relu_{name}{suffix}")


def inception_factory(data: mx.sym.Symbol, name: str) -> mx.sym.Symbol:
    c1x1 = convolution_factory(data, 64, (1, 1), name=f"{name}_1x1")
    c3x3r = convolution_factory(data, 64, (1, 1), name=f"{name}_3x3", suffix="_reduce")
    c3x3 = convolution_factory(c3x3r, 64, (3, 3), pad=(1, 1), name=f"{name}_3x3")
    cd3x3r = convolution_factory(data, 64, (1, 1), name=f"{name}_double_3x3", suffix="_reduce")
    cd3x3 = convolution_factory(cd3x3r, 96, (3, 3), pad=(1, 1), name=f"{name}_double_3x3_0")
    cd3x3 = convolution_factory(cd3x3, 96, (3, 3), pad=(1, 1), name=f"{name}_double_3x3_1")
    pooling = mx.symbol.Pooling(data=data, kernel=(3, 3), stride=(1, 1), pad=(1, 1), pool_type="avg",
                                name=f"avg_pool_{name}_pool")
    cproj = convolution_factory(pooling, 32, (1, 1), name=f"{name}_proj")
    return mx.symbol.Concat(*[c1x1, c3x3, cd3x3, cproj], name=f"ch_concat_{name}_chconcat")


SHAPE = {"Previos Output": (128, 3, 28, 28)}


def shapes_of(symbol: mx.sym.Symbol) -> dict[str, tuple[int, ...]]:
    internals = symbol.get_internals()
    return dict(zip(internals.list_outputs(), internals.infer_shape(**SHAPE)[1], strict=True))


def test_tutorial_modules() -> None:
    shapes = shapes_of(convolution_factory(mx.symbol.Variable(name="Previos Output"), 64, (7, 7), (2, 2)))
    assert shapes["conv_None_output"] == shapes["bn_None_output"] == (128, 64, 11, 11)


def test_tutorial_inception() -> None:
    in3a = inception_factory(mx.symbol.Variable(name="Previos Output"), "in3a")
    shapes = shapes_of(in3a)
    assert in3a.name == "ch_concat_in3a_chconcat"
    assert shapes["relu_in3a_1x1_output"][1:] == shapes["relu_in3a_3x3_output"][1:] == (64, 28, 28)
    assert shapes["relu_in3a_double_3x3_1_output"][1:] == (96, 28, 28)
    assert shapes["relu_in3a_proj_output"][1:] == (32, 28, 28)
    assert shapes["avg_pool_in3a_pool_output"][1:] == (3, 28, 28)
    assert shapes["ch_concat_in3a_chconcat_output"] == (128, 256, 28, 28)


def test_tutorial_pictures_of_networks() -> None:
    pytest.importorskip("graphviz")
    in3a = inception_factory(mx.symbol.Variable(name="Previos Output"), "in3a")
    source = mx.viz.plot_network(symbol=in3a, shape=SHAPE).source
    assert "ch_concat_in3a_chconcat -> relu_in3a_1x1" in source and "64x28x28" in source
    assert "Convolution" in source and "3x3/1x1, 96" in source


def test_tutorial_pictures() -> None:
    pytest.importorskip("graphviz")
    net = mx.sym.FullyConnected(data=mx.sym.Variable("data"), name="fc1", num_hidden=128)
    net = mx.sym.Activation(data=net, name="relu1", act_type="relu")
    net = mx.sym.FullyConnected(data=net, name="fc2", num_hidden=10)
    net = mx.sym.SoftmaxOutput(data=net, name="out")
    source = mx.viz.plot_network(net, shape={"data": (100, 200)}).source
    assert all(edge in source for edge in ("fc1 -> data", "relu1 -> fc1", "fc2 -> relu1", "out -> fc2"))
    a, b = mx.sym.Variable("a"), mx.sym.Variable("b")
    assert "_mul0 -> a" in mx.viz.plot_network(symbol=mx.sym.Reshape(a * b, shape=(1, 4))).source


def test_tutorial_group() -> None:
    fc1 = mx.sym.FullyConnected(data=mx.sym.Variable("data"), name="fc1", num_hidden=128)
    net = mx.sym.Activation(data=fc1, name="relu1", act_type="relu")
    out1 = mx.sym.SoftmaxOutput(data=net, name="softmax")
    out2 = mx.sym.LinearRegressionOutput(data=net, name="regression")
    assert mx.sym.Group([out1, out2]).list_outputs() == ["softmax_output", "regression_output"]


def test_tutorial_shapes() -> None:
    c = a_plus_b()
    arg_shape, out_shape, _ = c.infer_shape(a=(2, 3), b=(2, 3))
    found = {"input": dict(zip(c.list_arguments(), arg_shape, strict=True)),
             "output": dict(zip(c.list_outputs(), out_shape, strict=True))}
    assert found == {"input": {"a": (2, 3), "b": (2, 3)}, "output": {"_plus0_output": (2, 3)}}


def test_tutorial_bind(capsys: pytest.CaptureFixture[str]) -> None:
    ex = a_plus_b().bind(ctx=mx.cpu(), args={"a": mx.nd.ones([2, 3]), "b": mx.nd.ones([2, 3])})
    ex.forward()
    print(f"number of outputs = {len(ex.outputs)}\nthe first output = \n{ex.outputs[0].asnumpy()}")
    assert capsys.readouterr().out == "number of outputs = 1\nthe first output = \n[[2. 2. 2.]\n [2. 2. 2.]]\n"


@pytest.mark.skipif(mx.num_gpus() == 0, reason="there is no GPU that symc computes on")
def test_tutorial_gpu() -> None:
    ex_gpu = a_plus_b().bind(ctx=mx.gpu(), args={"a": mx.nd.ones([3, 4], mx.gpu()) * 2,
                                                 "b": mx.nd.ones([3, 4], mx.gpu()) * 3})
    ex_gpu.forward()
    np.testing.assert_array_equal(ex_gpu.outputs[0].asnumpy(), np.full((3, 4), 5, np.float32))


def test_tutorial_load_and_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    c = a_plus_b()
    assert c.tojson() == DOCUMENTED_JSON
    c.save("symbol-c.json")
    c2 = mx.symbol.load("symbol-c.json")
    assert c.tojson() == c2.tojson()


# As in the document, but for the version, which was 10000 then.
DOCUMENTED_JSON = """{
  "nodes": [
    {
      "op": "null", 
      "name": "a", 
      "inputs": []
    }, 
    {
      "op": "null", 
      "name": "b", 
      "inputs": []
    }, 
    {
      "op": "elemwise_add", 
      "name": "_plus0", 
      "inputs": [[0, 0, 0], [1, 0, 0]]
    }
  ], 
  "arg_nodes": [0, 1], 
  "node_row_ptr": [0, 1, 2, 3], 
  "heads": [[2, 0, 0]], 
  "attrs": {"mxnet_version": ["int", 10901]}
}"""  # noqa: W291


class Softmax(mx.operator.CustomOp):
    """The operator of the tutorial, with `int` for NumPy's int of old."""

    def forward(self, is_train: bool, req: list[str], in_data: list[Any], out_data: list[Any], aux: list[Any]) -> None:
        x = in_data[0].asnumpy()
        y = np.exp(x - x.max(axis=1).reshape((x.shape[0], 1)))
        y /= y.sum(axis=1).reshape((x.shape[0], 1))
        self.assign(out_data[0], req[0], mx.nd.array(y))

    def backward(self, req: list[str], out_grad: list[Any], in_data: list[Any], out_data: list[Any],
                 in_grad: list[Any], aux: list[Any]) -> None:
        labels = in_data[1].asnumpy().ravel().astype(int)
        y = out_data[0].asnumpy()
        y[np.arange(labels.shape[0]), labels] -= 1.0
        self.assign(in_grad[0], req[0], mx.nd.array(y))


class SoftmaxProp(mx.operator.CustomOpProp):
    def __init__(self) -> None:
        super().__init__(need_top_grad=False)

    def list_arguments(self) -> list[str]:
        return ["data", "label"]

    def list_outputs(self) -> list[str]:
        return ["output"]

    def infer_shape(self, in_shape: list[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        data_shape = in_shape[0]
        return [data_shape, (data_shape[0],)], [data_shape], []

    def create_operator(self, ctx: mx.Context, shapes: list[Any], dtypes: list[Any]) -> Softmax:
        return Softmax()


def test_tutorial_custom_operator() -> None:
    mx.operator.register("softmax")(SoftmaxProp)
    net = mx.symbol.Custom(data=mx.sym.Variable("data"), op_type="softmax", name="custom")
    assert net.list_arguments() == ["data", "custom_label"]
    executor = net.simple_bind(mx.cpu(), data=(2, 3))
    data = np.array([[1, 2, 3], [3, 2, 1]], np.float32)
    (found,) = executor.forward(is_train=True, data=data, custom_label=np.array([2, 0], np.float32))
    expected = np.exp(data) / np.exp(data).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.asnumpy(), expected, rtol=1e-6)
    executor.backward()
    np.testing.assert_allclose(executor.grad_dict["data"].asnumpy(), expected - [[0, 0, 1], [1, 0, 0]], atol=1e-6)


def test_tutorial_types() -> None:
    a = mx.sym.Variable("data")
    arg, out, _ = mx.sym.Cast(data=a, dtype="float16").infer_type(data="float32")
    assert str({"input": arg, "output": out}) == "{'input': [<class 'numpy.float32'>], " \
                                                 "'output': [<class 'numpy.float16'>]}"
    arg, out, _ = mx.sym.Cast(data=a, dtype="uint8").infer_type(data="int32")
    assert (arg, out) == ([np.int32], [np.uint8])


def test_tutorial_shared_arrays() -> None:
    a, b, c = (mx.sym.Variable(name) for name in "abc")
    data = mx.nd.ones((2, 3)) * 2
    ex = (a + b * c).bind(ctx=mx.cpu(), args={"a": data, "b": data, "c": data})
    ex.forward()
    np.testing.assert_array_equal(ex.outputs[0].asnumpy(), np.full((2, 3), 6, np.float32))


# ---- reference of the symbol module ----------------------------------------------------------------------------


def test_reference_group() -> None:
    a, b = mx.sym.Variable("a"), mx.sym.Variable("b")
    group = mx.sym.Group([a, b])
    assert type(group) is mx.sym.Symbol and group.name is None
    assert repr(group) == "<Symbol group [a, b]>"       # MXNet 1.9.1; older releases wrote <Symbol Grouped>
    with pytest.raises(TypeError):
        mx.sym.Group([a, "b"])


def test_reference_attributes() -> None:
    a, b = mx.sym.Variable("a", attr={"a1": "a2"}), mx.sym.Variable("b", attr={"b1": "b2"})
    assert a.attr("a1") == "a2" and a.list_attr() == {"a1": "a2"}
    assert (a + b).attr_dict() == {"a": {"a1": "a2"}, "b": {"b1": "b2"}}


def test_reference_debug_str() -> None:
    a = mx.sym.Variable("a")
    b = mx.sym.sin(a)
    c = 2 * a + b
    assert mx.sym.FullyConnected(data=c, num_hidden=10).debug_str() == """Symbol Outputs:
\toutput[0]=fullyconnected0(0)
Variable:a
--------------------
Op:_mul_scalar, Name=_mulscalar0
Inputs:
\targ[0]=a(0) version=0
Attrs:
\tscalar=2
--------------------
Op:sin, Name=sin0
Inputs:
\targ[0]=a(0) version=0
--------------------
Op:elemwise_add, Name=_plus0
Inputs:
\targ[0]=_mulscalar0(0)
\targ[1]=sin0(0)
Variable:fullyconnected0_weight
Variable:fullyconnected0_bias
--------------------
Op:FullyConnected, Name=fullyconnected0
Inputs:
\targ[0]=_plus0(0)
\targ[1]=fullyconnected0_weight(0) version=0
\targ[2]=fullyconnected0_bias(0) version=0
Attrs:
\tnum_hidden=10
"""


def test_reference_eval() -> None:
    ex = a_plus_b().eval(ctx=mx.cpu(), a=mx.nd.ones([2, 3]), b=mx.nd.ones([2, 3]))
    assert [(type(array).__name__, array.shape, array.context) for array in ex] == [("NDArray", (2, 3), mx.cpu(0))]
    np.testing.assert_array_equal(ex[0].asnumpy(), np.full((2, 3), 2, np.float32))


def test_reference_children() -> None:
    x, y, z = (mx.sym.Variable(name) for name in "xyz")
    a = y + z
    b = x + a
    assert b.get_children().list_outputs() == ["x", "_plus0_output"]
    assert b.get_children().get_children().list_outputs() == ["y", "z"]


def test_reference_inputs_and_internals() -> None:
    c = a_plus_b()
    assert c.get_inputs().list_outputs() == ["a", "b"]
    assert c.get_internals().list_outputs() == ["a", "b", "_plus0_output"]
    assert c.list_arguments() == ["a", "b"]
    assert c.list_auxiliary_states() == []
    assert c.list_outputs() == ["_plus0_output"]


def test_reference_infer_shape() -> None:
    c = a_plus_b()
    assert c.infer_shape(a=(3, 3)) == ([(3, 3), (3, 3)], [(3, 3)], [])
    with pytest.warns(UserWarning):
        assert c.infer_shape(a=(0, 3)) == (None, None, None)


def test_reference_infer_shape_contradiction() -> None:
    out = mx.sym.FullyConnected(data=mx.sym.Variable("data"), name="fc1", num_hidden=1000)
    out = mx.sym.Activation(data=out, act_type="relu")
    out = mx.sym.FullyConnected(data=out, name="fc2", num_hidden=10)
    with pytest.raises(mx.MXNetError, match=r"'fc1'(.|\n)*\(1, 100\)(.|\n)*\(1000, 100\)"):
        out.infer_shape(data=(100, 100), fc1_weight=(1, 100))


def test_reference_infer_shape_partial() -> None:
    data, prev = mx.sym.Variable("data"), mx.sym.Variable("prev")
    fc1 = mx.sym.FullyConnected(data=data, name="fc1", num_hidden=128)
    fc2 = mx.sym.FullyConnected(data=prev, name="fc2", num_hidden=128)
    out = mx.sym.Activation(data=mx.sym.elemwise_add(fc1, fc2), act_type="relu")
    assert out.list_arguments() == ["data", "fc1_weight", "fc1_bias", "prev", "fc2_weight", "fc2_bias"]
    with pytest.warns(UserWarning):
        assert out.infer_shape(data=(10, 64)) == (None, None, None)
    assert out.infer_shape_partial(data=(10, 64)) == ([(10, 64), (128, 64), (128,), (), (), ()], [(10, 128)], [])
    assert out.infer_shape(data=(10, 64), prev=(10, 128)) == (
        [(10, 64), (128, 64), (128,), (10, 128), (128, 128), (128,)], [(10, 128)], [])


def test_reference_infer_type() -> None:
    assert a_plus_b().infer_type(a="float32") == ([np.float32, np.float32], [np.float32], [])


def test_reference_infer_type_partial() -> None:
    data, prev = mx.sym.Variable("data"), mx.sym.Variable("prev")
    casted_prev = mx.sym.cast(prev, dtype="float32")
    out = mx.sym.Activation(data=mx.sym.elemwise_add(data, casted_prev), act_type="relu")
    assert out.list_arguments() == ["data", "prev"]
    with pytest.warns(UserWarning):
        assert out.infer_type(data="float32") == (None, None, None)
    assert out.infer_type_partial(data="float32") == ([np.float32, None], [np.float32], [])
    assert out.infer_type(data="float32", prev="float16") == ([np.float32, np.float16], [np.float32], [])


def test_reference_auxiliary_states() -> None:
    fc1 = mx.symbol.FullyConnected(data=mx.symbol.Variable("data"), weight=mx.sym.Variable(name="fc1_weight"),
                                   name="fc1", num_hidden=128)
    assert mx.symbol.BatchNorm(fc1, name="batchnorm0").list_auxiliary_states() == [
        "batchnorm0_moving_mean", "batchnorm0_moving_var"]
    bn = mx.sym.BatchNorm(name="bn")
    assert bn.list_arguments() == ["bn_data", "bn_gamma", "bn_beta"]
    assert bn.list_auxiliary_states() == ["bn_moving_mean", "bn_moving_var"]
    assert bn.list_inputs() == ["bn_data", "bn_gamma", "bn_beta", "bn_moving_mean", "bn_moving_var"]


@pytest.mark.parametrize(("make", "text"), [
    (lambda: mx.sym.Variable("data", attr={"a": "b"}), "<Symbol data>"),
    (lambda: mx.sym.Variable("csr_data", stype="csr"), "<Symbol csr_data>"),
    (lambda: mx.sym.Variable("weight", stype="row_sparse"), "<Symbol weight>"),
])
def test_reference_variables(make: Any, text: str) -> None:
    assert repr(make()) == text


def test_reference_numbers() -> None:
    assert mx.sym.hypot(3, 4) == 5.0
    assert mx.sym.maximum(2, 3.5) == 3.5
    assert mx.sym.minimum(2, 3.5) == 2
    assert mx.sym.pow(2, 3) == mx.sym.power(2, 3) == 8


@pytest.mark.parametrize(("make", "arrays", "expected"), [
    (lambda x, y: mx.sym.hypot(x, 4), {"x": [3, 5, 2]}, [5, 6.40312433, 4.47213602]),
    (lambda x, y: mx.sym.hypot(x, y), {"x": [3, 4], "y": [10, 2]}, [10.44030666, 4.47213602]),
    (lambda x, y: mx.sym.maximum(x, 4), {"x": [3, 5, 2, 10]}, [4, 5, 4, 10]),
    (lambda x, y: mx.sym.maximum(x, y), {"x": [3, 4], "y": [10, 2]}, [10, 4]),
    (lambda x, y: mx.sym.minimum(x, 4), {"x": [3, 5, 2, 10]}, [3, 4, 2, 4]),
    (lambda x, y: mx.sym.minimum(x, y), {"x": [3, 4], "y": [10, 2]}, [3, 2]),
    (lambda x, y: mx.sym.pow(x, 2), {"x": [1, 2]}, [1, 4]),
    (lambda x, y: mx.sym.power(3, y), {"y": [2, 3]}, [9, 27]),
    (lambda x, y: mx.sym.power(x, y), {"x": [3, 4], "y": [2, 3]}, [9, 64]),
])
def test_reference_two_operands(make: Any, arrays: dict[str, list[float]], expected: list[float]) -> None:
    found = values(make(mx.sym.Variable("x"), mx.sym.Variable("y")), **arrays)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)
