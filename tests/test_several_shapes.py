"""Networks compiled for several shapes, or for batches of any size, here and in packages."""

import json

import numpy as np
import pytest

import symc as mx
from symc import compiler, runtime
from symc.codegen.build import host_level
from symc.codegen.lowered import Options
from symc.errors import PackageError, SymcError
from symc.frontend.params import write
from symc.runtime.package import open_package
from tests.separable import evaluate

DATA = mx.sym.Variable("data")
SMALL = Options(slabs=(1, 4))       # plans for two sizes: the rest is slabs


def dense():
    hidden = mx.sym.Activation(mx.sym.FullyConnected(DATA, num_hidden=16, name="fc1"), act_type="relu")
    return mx.sym.softmax(mx.sym.FullyConnected(hidden, num_hidden=3, name="fc2"), name="out")


def convolutional():
    image = mx.sym.Convolution(DATA, kernel=(3, 3), num_filter=8, pad=(1, 1), name="c")
    return mx.sym.Flatten(mx.sym.Pooling(mx.sym.Activation(image, act_type="relu"), kernel=(2, 2), stride=(2, 2)))


def recurrent():
    """Steps first, and an output in which they and the batch are one axis."""
    layer = mx.sym.RNN(DATA, mx.sym.Variable("p"), mx.sym.zeros((1, 0, 8)), mx.sym.zeros((1, 0, 8)), state_size=8,
                       num_layers=1, mode="lstm", name="rnn")
    flat = mx.sym.FullyConnected(mx.sym.reshape(layer, shape=(-1, 8)), num_hidden=5, name="fc")
    return mx.sym.Group([layer, flat])


def detector():
    feature = mx.sym.Convolution(DATA, kernel=(3, 3), num_filter=4, pad=(1, 1), name="f")
    anchors = mx.sym.contrib.MultiBoxPrior(feature, sizes=(0.5,))
    scores = mx.sym.Convolution(feature, kernel=(1, 1), num_filter=3, name="s")
    scores = mx.sym.softmax(mx.sym.reshape(scores, shape=(0, 3, -1)), axis=1)
    boxes = mx.sym.Flatten(mx.sym.transpose(mx.sym.Convolution(feature, kernel=(1, 1), num_filter=4, name="b"),
                                            axes=(0, 2, 3, 1)))
    found = mx.sym.contrib.MultiBoxDetection(scores, boxes, anchors, name="det")
    return mx.sym.Group([found, anchors])


NETWORKS = {"dense": (dense, (None, 6)), "convolutional": (convolutional, (None, 3, 6, 6)),
            "recurrent": (recurrent, (5, None, 6)), "detector": (detector, (None, 3, 5, 5))}


def parameters(symbol, shape):
    random = np.random.default_rng(3)
    names, shapes = symbol.list_arguments(), symbol.infer_shape(data=tuple(2 if e is None else e for e in shape))[0]
    return {name: random.normal(0, 0.4, dims).astype("f") for name, dims in zip(names, shapes, strict=True)
            if name != "data"}


def of_size(shape, size):
    return tuple(size if extent is None else extent for extent in shape)


@pytest.mark.parametrize("name", NETWORKS)
def test_batches_of_any_size(name, tmp_path):
    make, shape = NETWORKS[name]
    symbol = make()
    values = parameters(symbol, shape)
    module = compiler.compile(symbol, values, {"data": of_size(shape, "N")}, options=SMALL)
    assert module.inputs[0].shape == of_size(shape, "N")
    module.save(tmp_path / "any.symc", [host_level()])
    for rows in (1, 3, 4, 7):
        x = np.random.default_rng(rows).normal(size=of_size(shape, rows)).astype("f")
        expected = evaluate(symbol.graph, {**values, "data": x})
        for one in (module, runtime.load(tmp_path / "any.symc")):
            for found, right in zip(one.forward(data=x), expected, strict=True):
                np.testing.assert_allclose(found.asnumpy(), right, 1e-4, 1e-5)


@pytest.fixture(scope="module")
def any_batch(tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / "any.symc"
    compiler.compile_package(path, dense(), parameters(dense(), (None, 6)), {"data": ("N", 6)},
                             levels=[host_level()], options=SMALL)
    return path


@pytest.mark.parametrize(("inputs", "problem"), [
    ({"data": np.zeros((0, 6))}, "no rows, N is 0"), ({"data": np.zeros((3, 5))}, r"expected \(N, 6\)"),
    ({"data": np.zeros(6)}, r"expected \(N, 6\)"), ({"dta": np.zeros((3, 6))}, "no input 'dta'"), ({}, "is missing"),
    ({"data": np.zeros((3, 6), complex)}, "does not convert")])
def test_inputs_of_no_batch(any_batch, inputs, problem):
    module = runtime.load(any_batch)
    with pytest.raises(SymcError, match=problem):
        module.forward(**inputs)
    with pytest.raises(SymcError, match="is for inference"):
        module.forward(is_train=True, data=np.zeros((3, 6)))


def test_inputs_with_different_numbers_of_rows():
    both = mx.sym.Variable("a") + mx.sym.Variable("b")
    module = compiler.compile(both, None, {"a": ("N", 2), "b": ("N", 2)}, options=SMALL)
    ones, lists = np.ones((3, 2), "f"), [[1, 2]] * 3
    assert module.forward(a=ones, b=lists)[0].asnumpy().tolist() == [[2, 3]] * 3
    with pytest.raises(SymcError, match="'a' has 3, 'b' has 2"):
        module.forward(a=ones, b=ones[:2])


def test_what_a_package_says_of_its_batch(any_batch):
    manifest = open_package(any_batch).manifest
    assert manifest["symbols"] == [{"name": "N", "input": "data", "axis": 0}]
    assert manifest["inputs"][0]["shape"] == ["N", 6] and manifest["outputs"][0]["shape"] == ["N", 3]
    assert [plan["inputs"][0]["shape"] for plan in manifest["plans"]] == [[1, 6], [4, 6]]
    assert manifest["batch"]["outputs"] == [[0, 1, 1]] and len(manifest["batch"]["nanoseconds"]) == 2


@pytest.mark.parametrize("change", [
    {"batch": {"outputs": [[0, 1, 1]], "nanoseconds": [1]}}, {"batch": {"outputs": [[0, 1, 2]], "nanoseconds": [1, 1]}},
    {"batch": {"outputs": [], "nanoseconds": [1, 1]}}, {"batch": {"outputs": [[9, 1, 1]], "nanoseconds": [1, 1]}},
    {"batch": {"outputs": [[0, 0, 0]], "nanoseconds": [1, 1]}}, {"batch": 5}, {"symbols": []}])
def test_a_batch_that_is_not_that_of_the_plans(any_batch, change):
    from symc.runtime.manifest import read_manifest

    manifest = {**open_package(any_batch).manifest, **change}
    with pytest.raises(PackageError, match="damaged"):
        read_manifest("p", memoryview(json.dumps(manifest).encode()))


def test_several_shapes_over_one_block_of_weights(tmp_path):
    symbol, values = convolutional(), parameters(convolutional(), (None, 3, 6, 6))
    shapes = [{"data": (1, 3, 6, 6)}, {"data": (4, 3, 6, 6)}, {"data": (1, 3, 12, 8)}]
    compiler.compile_package(tmp_path / "one.symc", symbol, values, shapes[0], levels=[host_level()])
    compiler.compile_package(tmp_path / "all.symc", symbol, values, shapes, levels=[host_level()])
    one, several = open_package(tmp_path / "one.symc"), open_package(tmp_path / "all.symc")
    assert len(several.members["weights.bin"]) == len(one.members["weights.bin"])
    module = runtime.load(tmp_path / "all.symc")
    for given in shapes:
        x = np.random.default_rng(0).normal(size=given["data"]).astype("f")
        right = compiler.compile(symbol, values, given).forward(data=x)[0].asnumpy()
        assert np.array_equal(module.forward(data=x)[0].asnumpy(), right)
    with pytest.raises(SymcError, match=r"(?s)data \(2, 3, 6, 6\).*data \(1, 3, 6, 6\); data \(4, 3.*; data \(1, 3,"):
        module.forward(data=np.zeros((2, 3, 6, 6)))


def test_training_for_several_shapes():
    symbol = mx.sym.LinearRegressionOutput(mx.sym.FullyConnected(DATA, num_hidden=2, name="fc"), name="out")
    values = {"fc_weight": np.ones((2, 3), "f"), "fc_bias": np.zeros(2, "f")}
    with pytest.raises(SymcError, match="is for inference"):
        compiler.compile(symbol, values, {"data": ("N", 3)}, train=True)
    module = compiler.compile(symbol, values, [{"data": (2, 3)}, {"data": (5, 3)}], train=True)
    with pytest.raises(SymcError, match="before forward"):
        module.backward()
    for rows in (5, 2):
        module.forward(is_train=True, data=np.ones((rows, 3)), out_label=np.zeros((rows, 2)))
        module.backward()
        np.testing.assert_allclose(module.gradients["fc_bias"].asnumpy(), [3 * rows / 2] * 2, 1e-5)


def test_reshaping_takes_the_plan_or_the_slabs_of_a_shape(any_batch):
    whole = runtime.load(any_batch)
    x = np.random.default_rng(1).normal(size=(7, 6)).astype("f")
    for rows in (4, 7, 1):
        module = whole.reshape(data=[rows, 6])
        assert (module.inputs[0].shape, module.outputs[0].shape) == ((rows, 6), (rows, 3))
        assert np.array_equal(module.forward(data=x[:rows])[0].asnumpy(), whole.forward(data=x[:rows])[0].asnumpy())
        with pytest.raises(SymcError, match=rf"shape \(2, 6\), expected \({rows}, 6\)"):
            module.forward(data=x[:2])
        assert module.reshape(data=(2, 6)).inputs[0].shape == (2, 6)
        with pytest.raises(SymcError, match="is for inference" if rows == 7 else "backward"):
            module.backward()
    with pytest.raises(SymcError, match=r"expected \(N, 6\)"):
        whole.reshape(data=(2, 5))
    with pytest.raises(SymcError, match="no input 'dta'"):
        whole.reshape(dta=(2, 6))


def test_reshaping_between_fixed_shapes():
    symbol = mx.sym.LinearRegressionOutput(mx.sym.FullyConnected(DATA, num_hidden=2, name="fc"), name="out")
    values = {"fc_weight": np.ones((2, 3), "f"), "fc_bias": np.zeros(2, "f")}
    whole = compiler.compile(symbol, values, [{"data": (2, 3)}, {"data": (5, 3)}], train=True)
    pair = [whole.reshape(data=(rows, 3)) for rows in (5, 2)]
    for module, rows in zip(pair, (5, 2), strict=True):
        assert {one.name: one.shape for one in module.inputs}["out_label"] == (rows, 2)
        module.forward(is_train=True, data=np.ones((rows, 3)), out_label=np.zeros((rows, 2)))
    for module, rows in zip(pair, (5, 2), strict=True):     # each goes back from its own forward
        module.backward()
        np.testing.assert_allclose(module.gradients["fc_bias"].asnumpy(), [3 * rows / 2] * 2, 1e-5)
    with pytest.raises(SymcError, match=r"(?s)shapes data \(4, 3\).*compiled for data \(2, 3\).*; data \(5, 3\)"):
        whole.reshape(data=(4, 3))


def test_reshaping_a_module_of_one_plan():
    module = compiler.compile(dense(), parameters(dense(), (None, 6)), {"data": (2, 6)})
    assert module.reshape(data=(2, 6)) is module
    with pytest.raises(SymcError, match=r"(?s)shapes data \(3, 6\).*it is compiled for data \(2, 6\)"):
        module.reshape(data=(3, 6))
    with pytest.raises(SymcError, match="no input 'x'"):
        module.reshape(x=(2, 6))
    with pytest.raises(SymcError, match="the shape of 'data' is 2"):
        module.reshape(data=2)


def test_the_command_line(tmp_path, monkeypatch, capsys):
    from symc import cli

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["symc", *map(str, arguments)])
        cli.main()
        return json.loads(capsys.readouterr().out)
    dense().save(str(tmp_path / "net.json"))
    write(tmp_path / "net.params", {f"arg:{key}": value for key, value in parameters(dense(), (None, 6)).items()})
    np.save(tmp_path / "x.npy", np.ones((3, 6), "f"))
    network = ("compile", tmp_path / "net.json", "--params", tmp_path / "net.params", "--cpu", "x86-64-v3", "--json")
    made = call(*network, "--shape", "data=N,6", "--slabs", "1,4", "-o", tmp_path / "any.symc")
    assert made["inputs"]["data"][1] == ["N", 6] and [plan["data"] for plan in made["plans"]] == [[1, 6], [4, 6]]
    assert call("run", tmp_path / "any.symc", "-i", f"data={tmp_path / 'x.npy'}", "--json")["outputs"]
    shown = call("inspect", tmp_path / "any.symc", "--json")
    assert shown["inputs"]["data"] == ["float32", ["N", 6]] and {step["plan"] for step in shown["steps"]} == {0, 1}
    timed = call("bench", tmp_path / "any.symc", "--shape", "data=9,6", "--repeats", "1", "--seconds", "0", "--json")
    assert timed["slabs"] == [4, 4, 1] and timed["inputs"]["data"][1] == [9, 6]
    call(*network, "--shape", "data=1,6", "--shape", "data=8,6", "-o", tmp_path / "two.symc")
    timed = call("bench", tmp_path / "two.symc", "--shape", "data=8,6", "--repeats", "1", "--seconds", "0", "--json")
    assert timed["inputs"]["data"][1] == [8, 6] and "slabs" not in timed
