"""The facade: what it takes, what it refuses, and that packages compute what was compiled."""

from __future__ import annotations

import json

import numpy as np
import pytest

import symc
from symc import compiler, interpreter, runtime
from symc.errors import InferenceError, ParameterError, SymcError, UnsupportedOperatorError
from symc.frontend.params import write as write_params
from symc.frontend.reader import print_graph
from symc.loading import load_network
from symc.passes.base import run_passes
from symc.passes.pipeline import inference_pipeline, typed
from symc.runtime.ndarray import array

NETWORK = """
    %data, %fc1_weight, %fc1_bias: ?[*]    %bn_gamma, %bn_beta, %bn_moving_mean, %bn_moving_var: ?[*]
    %fc2_weight, %fc2_bias, %softmax_label: ?[*]
    %fc1 = FullyConnected(%data, %fc1_weight, %fc1_bias) num_hidden=5
    %bn = BatchNorm(%fc1, %bn_gamma, %bn_beta, %bn_moving_mean, %bn_moving_var) fix_gamma=False
    %relu1 = Activation(%bn) act_type=relu
    %fc2 = FullyConnected(%relu1, %fc2_weight, %fc2_bias) num_hidden=3
    %softmax = SoftmaxOutput(%fc2, %softmax_label)
    heads %softmax
"""
SHAPES = {"data": (2, 4)}
DATA = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)


def parameters():
    generator = np.random.default_rng(1)
    shapes = {"fc1_weight": (5, 4), "fc1_bias": (5,), "bn_gamma": (5,), "bn_beta": (5,), "bn_moving_mean": (5,),
              "bn_moving_var": (5,), "fc2_weight": (3, 5), "fc2_bias": (3,)}
    return {name: generator.uniform(0.1, 1, shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def network(graph):
    return graph(NETWORK)


@pytest.fixture
def files(network, tmp_path):
    """net-symbol.json and net.params."""
    (tmp_path / "net-symbol.json").write_text(print_graph(network))
    prefixed = {("aux:" if "moving" in name else "arg:") + name: value for name, value in parameters().items()}
    write_params(tmp_path / "net.params", prefixed)
    return tmp_path


def expected(network, outputs=()):
    inputs = parameters() | {"data": DATA}
    ready = run_passes(typed(load_network(network, outputs), {n: a.shape for n, a in inputs.items()}),
                       inference_pipeline())
    return interpreter.run(ready, inputs).heads


def check(module, network, outputs=()):
    for found, right in zip(module.forward(data=DATA), expected(network, outputs), strict=True):
        np.testing.assert_allclose(found.asnumpy(), right, rtol=1e-5, atol=1e-6)


# ---- what may be compiled ------------------------------------------------------------------------------------------


def test_a_graph_and_arrays(network):
    module = symc.compile(network, parameters(), SHAPES)
    check(module, network)
    assert [(item.name, item.shape) for item in module.inputs] == [("data", (2, 4))]
    assert [(item.name, item.shape) for item in module.outputs] == [("softmax_output", (2, 3))]


@pytest.mark.parametrize("form", ["path", "text path", "prefixed", "plain", "NDArray", "float64 order F"])
def test_files_and_forms_of_parameters(files, network, form):
    params = {"path": files / "net.params", "text path": str(files / "net.params"),
              "prefixed": {("aux:" if "moving" in n else "arg:") + n: a for n, a in parameters().items()},
              "plain": parameters(), "NDArray": {name: array(value) for name, value in parameters().items()},
              "float64 order F": {name: np.asfortranarray(value) for name, value in parameters().items()}}[form]
    check(symc.compile(files / "net-symbol.json", params, SHAPES), network)


def test_a_symbol(network):
    data = symc.sym.Variable("data")
    net = symc.sym.FullyConnected(data, num_hidden=2, no_bias=True, name="fc")
    weight = np.arange(8, dtype=np.float32).reshape(2, 4)
    module = symc.compile(net, {"fc_weight": weight}, SHAPES)
    np.testing.assert_allclose(module.forward(data=DATA)[0].asnumpy(), DATA @ weight.T, rtol=1e-5)


def test_heads_are_chosen(network):
    outputs = ("relu1_output", "fc2_output")
    module = symc.compile(network, parameters(), SHAPES, outputs=outputs)
    check(module, network, outputs)
    assert [item.name for item in module.outputs] == list(outputs)


def test_without_parameters_all_are_inputs(network):
    module = symc.compile(network, None, SHAPES)
    assert {item.name for item in module.inputs} == {"data", *parameters()}
    found = module.forward(data=DATA, **parameters())[0].asnumpy()
    np.testing.assert_allclose(found, expected(network)[0], rtol=1e-5)


def test_a_parameter_with_a_shape_given_is_an_input(network):
    module = symc.compile(network, parameters(), SHAPES | {"fc2_bias": (3,)})
    assert [item.name for item in module.inputs] == ["data", "fc2_bias"]


def test_dtypes(network):
    params = {name: value.astype(np.float64) for name, value in parameters().items()}
    module = symc.compile(network, params, SHAPES, dtypes={"data": "float64"})
    assert module.outputs[0].dtype == "float64"
    np.testing.assert_allclose(module.forward(data=DATA)[0].asnumpy(), expected(network)[0], rtol=1e-5)


# ---- training ------------------------------------------------------------------------------------------------------


def test_training_modules_start_from_the_parameters(network):
    label = np.array([0, 2], np.float32)
    module = symc.compile(network, parameters(), SHAPES, train=True)
    executor = compiler.simple_bind(network, symc.cpu(), dict.fromkeys(parameters(), "write"), {}, SHAPES)
    executor.copy_params_from({n: array(a) for n, a in parameters().items() if "moving" not in n},
                              {n: array(a) for n, a in parameters().items() if "moving" in n})
    for _ in range(2):
        right = executor.forward(is_train=True, data=DATA, softmax_label=label)[0].asnumpy()
        executor.backward()
        found = module.forward(is_train=True, data=DATA, softmax_label=label)[0].asnumpy()
        module.backward()
        np.testing.assert_allclose(found, right, rtol=1e-5)
    assert set(module.gradients) == {name for name in parameters() if "moving" not in name}
    for name, gradient in module.gradients.items():
        np.testing.assert_allclose(gradient.asnumpy(), executor.grad_dict[name].asnumpy(), rtol=1e-4, atol=1e-6)


def test_training_packages(network, tmp_path):
    label = np.array([0, 2], np.float32)
    module = symc.compile(network, parameters(), SHAPES, train={"fc1_weight": "write"})
    module.save(tmp_path / "net.symc")
    results = []
    for one in (module, runtime.load(tmp_path / "net.symc")):
        out = one.forward(is_train=True, data=DATA, softmax_label=label)[0].asnumpy()
        one.backward()
        results.append((out, one.gradients["fc1_weight"].asnumpy()))
    assert all((a == b).all() for a, b in zip(*results, strict=True))
    assert list(module.gradients) == ["fc1_weight"]


def test_the_seed_is_nobody_elses_business(graph):
    module = symc.compile(graph("%x: f32[100]\n%d = Dropout(%x) p=0.5\nheads %d"), train={"x": "write"})
    assert [item.name for item in module.inputs] == ["x"]
    draws = [module.forward(is_train=True, x=np.ones(100))[0].asnumpy() for _ in range(2)]
    assert set(np.concatenate(draws)) == {0, 2} and (draws[0] != draws[1]).any()
    module.backward(np.ones(100))
    np.testing.assert_array_equal(module.gradients["x"].asnumpy(), draws[1])


# ---- packages ------------------------------------------------------------------------------------------------------


def test_save_and_load(network, tmp_path):
    module = symc.compile(network, parameters(), SHAPES)
    module.save(tmp_path / "net.symc")
    loaded = runtime.load(tmp_path / "net.symc")
    check(loaded, network)
    assert (loaded.forward(data=DATA)[0].asnumpy() == module.forward(data=DATA)[0].asnumpy()).all()
    check(runtime.load(tmp_path / "net.symc", level="x86-64-v3"), network)
    assert list(loaded.plan.entries) == ["infer"]


def test_the_same_network_gives_the_same_bytes(files, tmp_path):
    for name in ("one.symc", "two.symc"):
        compiler.compile_package(files / name, files / "net-symbol.json", files / "net.params", SHAPES)
    assert (files / "one.symc").read_bytes() == (files / "two.symc").read_bytes()


def test_a_package_knows_its_network(network, tmp_path):
    symc.compile(network, parameters(), SHAPES).save(tmp_path / "net.symc", levels=["x86-64-v3"])
    import zipfile

    with zipfile.ZipFile(tmp_path / "net.symc") as archive:
        nodes = json.loads(archive.read("network.json"))["nodes"]
        manifest = json.loads(archive.read("manifest.json"))
    assert "softmax" in [node["name"] for node in nodes]
    assert manifest["versions"]["symc"] == symc.__version__
    assert [target["level"] for target in manifest["targets"]] == ["x86-64-v3"]


@pytest.mark.parametrize("levels", [["x86-64-v9"], []])
def test_unknown_levels(network, tmp_path, levels):
    with pytest.raises(SymcError, match="no CPU level.*\n.*x86-64-v3"):
        symc.compile(network, parameters(), SHAPES).save(tmp_path / "net.symc", levels=levels)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(network, tmp_path):
    with pytest.raises(SymcError, match="cannot write .*nowhere"):
        symc.compile(network, parameters(), SHAPES).save(tmp_path / "nowhere" / "net.symc", levels=["x86-64-v3"])


# ---- what is refused -----------------------------------------------------------------------------------------------


def test_missing_parameters_with_the_nearest_names(network):
    given = parameters()
    given["fc1_weights"] = given.pop("fc1_weight")
    del given["bn_moving_var"], given["fc2_bias"]
    with pytest.raises(SymcError) as caught:
        symc.compile(network, given, SHAPES)
    assert str(caught.value) == "\n".join([
        "3 problems in the parameters", "  parameter 'fc1_weight' (5, 4) is missing; there is 'fc1_weights'",
        "  parameter 'bn_moving_var' (5,) is missing", "  parameter 'fc2_bias' (3,) is missing",
        "  pass the file that was saved with this network"])


def test_contradictory_shapes_name_everybody(network):
    given = parameters() | {"fc2_weight": np.zeros((3, 7), np.float32)}
    with pytest.raises(InferenceError) as caught:
        symc.compile(network, given, SHAPES)
    text = str(caught.value)
    assert "node 'fc2' (FullyConnected)" in text and "data (2, 5) float32 comes from 'relu1'" in text
    assert "weight (3, 7) float32 comes from 'fc2_weight'" in text


def test_declared_shapes_of_parameters(graph):
    g = graph("%x: f32[2,4]    %w: f32[3,4]\n%y = FullyConnected(%x, %w) num_hidden=3 no_bias=True\nheads %y")
    with pytest.raises(SymcError, match=r"parameter 'w' is \(3, 5\), the network says \(3, 4\)"):
        symc.compile(g, {"w": np.zeros((3, 5), np.float32)})


@pytest.mark.parametrize("arguments, message", [
    ({"shapes": {"dat": (2, 4)}}, "there is no input 'dat'; there is 'data'"),
    ({"shapes": SHAPES, "dtypes": {"dat": "float32"}}, "there is no input 'dat'"),
    ({"shapes": SHAPES, "train": {"fc1_bais": "write"}}, "there is no input 'fc1_bais'; there is 'fc1_bias'"),
    ({"shapes": SHAPES, "train": {"fc1_bias": "yes"}}, "'fc1_bias' is requested as 'yes'"),
    ({"shapes": SHAPES, "dtypes": {"data": "complex64"}}, "'data' cannot be 'complex64'"),
    ({"shapes": SHAPES, "target": "tpu"}, "target 'tpu' is not supported\n  the target is 'cpu'"),
    ({"shapes": SHAPES, "outputs": ("relu",)}, "relu"), ({}, "the shape of 'data' is"),
    ({"shapes": SHAPES, "params": {"fc1_weight": np.zeros((5, 4), complex)}}, "array of complex128"),
    ({"shapes": SHAPES, "params": "nowhere.params"}, "cannot read nowhere.params: No such file"),
    ({"shapes": SHAPES, "params": parameters() | {"fc1_weight": np.zeros((5, 4), np.float16)}}, "float16")])
def test_what_is_refused(network, arguments, message):
    with pytest.raises(SymcError) as caught:
        symc.compile(network, **{"params": parameters()} | arguments)
    assert message in str(caught.value)


def test_unknown_operators_are_listed_at_once_and_only_if_needed(files):
    data = json.loads((files / "net-symbol.json").read_text())
    for node in data["nodes"]:
        node["op"] = {"Activation": "Frobnicate", "SoftmaxOutput": "Foo"}.get(node["op"], node["op"])
    (files / "strange.json").write_text(json.dumps(data))
    with pytest.raises(UnsupportedOperatorError) as caught:
        symc.compile(files / "strange.json", parameters(), SHAPES)
    assert all(word in str(caught.value) for word in ("Frobnicate", "relu1", "Foo", "softmax"))
    module = symc.compile(files / "strange.json", parameters(), SHAPES, outputs=["bn_output"])
    assert module.forward(data=DATA)[0].shape == (2, 5)


def test_wrong_operator_parameters(files):
    text = (files / "net-symbol.json").read_text().replace('"relu"', '"rellu"')
    (files / "strange.json").write_text(text)
    with pytest.raises(ParameterError, match="relu1.*rellu"):
        symc.compile(files / "strange.json", parameters(), SHAPES)


def test_host_functions_are_references(graph, monkeypatch):
    from symc.ops.operator import find

    monkeypatch.setattr(find("softmax"), "is_host", True)
    module = symc.compile(graph("%x: f32[2,3]\n%e = exp(%x)\n%s = softmax(%e) axis=0\n%n = negative(%s)\nheads %n"))
    x = np.array([[1, 2, 3], [3, 2, 1]], np.float32)
    e = np.exp(np.exp(x))
    np.testing.assert_allclose(module.forward(x=x)[0].asnumpy(), -e / e.sum(0), rtol=1e-5)
