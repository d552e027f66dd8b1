"""Relax modules: TVM's virtual machine as a third witness, beside the interpreter and what MXNet recorded."""

from __future__ import annotations

import importlib
import json
import sys

import numpy as np
import pytest
import tvm
from tvm_ffi import structural_equal

import symc as mx
from symc import cli
from symc.codegen.relax_module import relax_module
from symc.codegen.relax_operators import is_kept
from symc.errors import MXNetError, SymcError
from symc.frontend import relax
from symc.interpreter import run_heads
from symc.ir.graph import Graph
from symc.ops.operator import operation
from symc.ops.registry import REGISTRY
from symc.passes.base import run_passes
from symc.passes.pipeline import export_pipeline, typed
from tests import golden
from tests.networks import Network

QUICK = tvm.target.Target({"kind": "llvm", "opt-level": 0})
FAMILIES = sorted(path.name.partition(".")[0] for path in golden.DATA.glob("*.jsonl.gz"))
READ_BACK = ("activation", "ctc", "linalg", "random", "scalar")        # families whose module is TVMScript between
NETWORKS = ("legacy_mlp", "lenet", "lstm_charlm", "matrix_fact", "multi_output", "ncf_neumf", "super_resolution",
            "svm_mlp", "text_cnn")


def computed(module, *arrays):
    """What the virtual machine computes, a list."""
    machine = tvm.relax.VirtualMachine(tvm.compile(module, target=QUICK), tvm.cpu())
    result = machine["main"](*(tvm.runtime.tensor(np.ascontiguousarray(array)) for array in arrays))
    several = len(module["main"].attrs["output_names"]) > 1
    return [tensor.numpy() for tensor in (result if several else [result])]


def read_back(module):
    """The module that its TVMScript is."""
    return tvm.script.from_source(module.script(show_meta=True))


def of_symbol(symbol, **inputs):
    """The outputs of a symbol in the virtual machine and in the interpreter, its arguments being these arrays."""
    arrays = {name: np.asarray(array) for name, array in inputs.items()}
    module, constants = relax.from_symbol(symbol, None, {name: array.shape for name, array in arrays.items()},
                                          dtypes={name: array.dtype for name, array in arrays.items()})
    arrays |= {name: tensor.numpy() for name, tensor in constants.items()}
    ordered = [arrays[variable.name] for variable in module["main"].params]
    expected = symbol.eval(**{name: mx.nd.array(arrays[name], dtype=arrays[name].dtype) for name in inputs})
    return computed(read_back(module), *ordered), [array.asnumpy() for array in expected]


def assert_alike(found, expected):
    assert [a.dtype for a in found] == [b.dtype for b in expected]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


# ---- operators -----------------------------------------------------------------------------------------------------


def exportable_cases(family):
    """The first recorded case of each operator of a family, and what is exported of it."""
    found = {}
    for case in golden.cases(family):
        if case["op"] not in found and {node["op"] for node in case["symbol"]["nodes"]} <= {"null", *REGISTRY}:
            found[case["op"]] = case
    for case in found.values():
        try:
            graph = golden.parse_graph_of(case)
        except SymcError:               # an operator of the recording's own
            continue
        if not any(node.op is not None and operation(node).is_host for node in graph.nodes):
            yield case, run_passes(graph, export_pipeline(is_kept))


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "custom"])
def test_operators(family):
    """One module with all operators of a family that have recorded results."""
    cases, graphs, values = [], [], {}
    for number, (case, graph) in enumerate(exportable_cases(family)):
        names = {node.name: f"case{number}_{node.name}" for node in graph.variables}
        arrays = golden.bound(case, graph)
        values |= {renamed: arrays[name] for name, renamed in names.items()}
        cases.append(case)
        graphs.append(graph.with_names(names))
    whole = Graph(tuple(head for graph in graphs for head in graph.heads))
    expected = run_heads(whole, values)
    names = [f"output{n}" for n in range(len(whole.heads))]
    module, constants = relax_module(whole, whole.variables, {}, names)
    module = read_back(module) if family in READ_BACK else module
    found = iter(zip(computed(module, *(values[node.name] for node in whole.variables), *constants.values()), expected,
                     strict=True))
    for case, graph in zip(cases, graphs, strict=True):
        for position, _ in enumerate(graph.heads):
            output, right = next(found)
            assert golden.mismatch(output, np.asarray(right), case) == "", (case["id"], position)
            recorded = case["arrays"].get(f"out/{position}")
            if not case["is_train"] and recorded is not None and f"out/{position}" not in case.get("undefined", ()):
                assert golden.mismatch(output, recorded, case) == "", (case["id"], position)


def test_random_operators_are_functions_of_the_seed():
    symbol = mx.sym.Group([mx.sym.random.normal(shape=(50,)), mx.sym.random.gamma(alpha=2.0, shape=(50,)),
                           mx.sym.shuffle(mx.sym.Variable("x"))])
    module, _ = relax.from_symbol(symbol, None, {"x": (7,)})
    graph = run_passes(typed(symbol.graph, {"x": (7,)}), export_pipeline(is_kept))
    arrays = {"x": np.arange(7, dtype=np.float32), "_seed": np.array([12345678901], np.int64)}
    ordered = [arrays[variable.name] for variable in module["main"].params]
    assert_alike(computed(module, *ordered), run_heads(graph, arrays))


def test_nan_is_what_it_is_in_mxnet():
    x = mx.sym.Variable("x")
    symbol = mx.sym.Group([mx.sym.max(x, axis=1), mx.sym.argmax(x, axis=1), mx.sym.broadcast_maximum(x, -x),
                           mx.sym.relu(x), mx.sym.Activation(x, act_type="relu"), x != x, mx.sym.clip(x, 0, 1)])
    assert_alike(*of_symbol(symbol, x=np.array([[1, np.nan, 3], [np.inf, -2, -np.inf]], np.float32)))


def test_what_fails_in_mxnet_fails():
    module, _ = relax.from_symbol(mx.sym.linalg.potrf(mx.sym.Variable("x"), name="root"), None, {"x": (1, 2, 2)})
    np.testing.assert_allclose(computed(module, np.array([[[4, 2], [2, 2]]], np.float32))[0], [[[2, 0], [1, 1]]])
    with pytest.raises(ValueError, match="root: .*positive definite"):
        computed(module, -np.ones((1, 2, 2), np.float32))


@pytest.mark.parametrize("dtype", ["float16", "float64", "int32", "uint8"])
def test_dtypes(dtype):
    x, y = mx.sym.Variable("x"), mx.sym.Variable("y")
    symbol = mx.sym.Group([x + y, x * 2, mx.sym.dot(x, y), mx.sym.sum(x, axis=1), mx.sym.Cast(x, dtype="float32"),
                           mx.sym.Cast(x, dtype="bool"), mx.sym.take(x, mx.sym.argmax(y, axis=1)), mx.sym.topk(x)])
    assert_alike(*of_symbol(symbol, x=np.array([[0, 1], [3, 2]], dtype), y=np.array([[1, 2], [4, 3]], dtype)))


def test_pooling_conventions():
    x = mx.sym.Variable("x")
    symbol = mx.sym.Group([
        mx.sym.Pooling(x, kernel=(3, 2), stride=(2, 3), pad=(1, 0), pool_type=kind, pooling_convention=convention,
                       count_include_pad=counts)
        for kind in ("max", "avg", "sum") for convention in ("valid", "full") for counts in (True, False)])
    assert_alike(*of_symbol(symbol, x=np.random.RandomState(0).rand(1, 2, 8, 9).astype(np.float32) - 2))


# ---- control flow --------------------------------------------------------------------------------------------------


def test_loops():
    x, s, w = (mx.sym.Variable(name) for name in "xsw")
    outside = mx.sym.arange(3)

    def step(item, state):
        made = mx.sym.dot(item.reshape((1, 3)), w).reshape((3,)) + state + outside
        return made * mx.sym.arange(3), made            # a constant of the body
    outputs, last = mx.sym.contrib.foreach(step, x, s)
    generator = np.random.RandomState(0)
    assert_alike(*of_symbol(mx.sym.Group([outputs, last]), x=generator.rand(4, 3).astype(np.float32),
                            s=generator.rand(3).astype(np.float32), w=generator.rand(3, 3).astype(np.float32)))


@pytest.mark.parametrize("limit", [2.5, 100.0])
def test_loops_that_end_early(limit):
    (outputs,), states = mx.sym.contrib.while_loop(
        lambda i, total: total < limit, lambda i, total: ([total * i], [i + 1, total + i]),
        [mx.sym.Variable("i"), mx.sym.Variable("total")], max_iterations=6)
    assert_alike(*of_symbol(mx.sym.Group([outputs, *states]), i=np.ones(1, np.float32), total=np.zeros(1, np.float32)))


@pytest.mark.parametrize("value", [-1.0, 1.0])
def test_branches(value):
    x, y = mx.sym.Variable("x"), mx.sym.Variable("y")
    chosen = mx.sym.contrib.cond(mx.sym.sum(x) > 0, lambda: x + y, lambda: mx.sym.tanh(x) * 3)
    assert_alike(*of_symbol(chosen, x=np.full((1,), value, np.float32), y=np.ones(1, np.float32)))


# ---- networks and files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_written_and_read_back(name, tmp_path):
    network = Network(name)
    arguments, states = network.values()
    inputs = {key: arguments[key] for key in network.meta["inputs"]}
    parameters = {key: value for key, value in (arguments | states).items() if key not in inputs}
    exported = relax.from_symbol(str(network.symbol), parameters, {key: x.shape for key, x in inputs.items()},
                                 dtypes={key: x.dtype for key, x in inputs.items()})
    beside = relax.write(tmp_path / "net.py", *exported)
    assert beside == str(tmp_path / "net.npz")
    module, arrays = relax.read(tmp_path / "net.py")
    assert structural_equal(module, exported[0])
    count = int(module["main"].attrs["num_input"])
    given = [inputs[variable.name] for variable in module["main"].params[:count]]
    assert [variable.name for variable in module["main"].params[count:]] == list(arrays)
    network.check_outputs(computed(module, *given, *(array.numpy() for array in arrays.values())))


def test_a_written_module_is_a_module_of_python(tmp_path, monkeypatch):
    module, parameters = relax.from_symbol(mx.sym.tanh(mx.sym.Variable("x")), None, {"x": (2,)})
    relax.write(tmp_path / "written_by_symc.py", module, parameters)
    monkeypatch.syspath_prepend(tmp_path)
    assert structural_equal(importlib.import_module("written_by_symc").Module, module)


def test_names_become_identifiers():
    names = ["data", "data", "stage1/conv-0:w", "0", "class", "R", "ä"]
    variables = [mx.sym.Variable(name) for name in dict.fromkeys(names)]
    module, _ = relax.from_symbol(mx.sym.add_n(*variables, name="sum all"), None, {"data": (2,)})
    assert [variable.name for variable in module["main"].params] == [
        "data", "stage1_conv_0_w", "_0", "class_1", "R_1", "_"]
    assert list(module["main"].attrs["output_names"]) == ["sum all_output"]
    assert structural_equal(read_back(module), module)


# ---- what is refused -----------------------------------------------------------------------------------------------


def test_what_relax_cannot_express_is_refused_by_name():
    x = mx.sym.Variable("x")
    kept = mx.sym.contrib.boolean_mask(x, mx.sym.Variable("m"), name="kept")
    with pytest.raises(SymcError, match=r"(?s)node 'kept' \(_contrib_boolean_mask\).*shape depends on data"):
        relax.from_symbol(kept * 2, None, {"x": (2, 3), "m": (2,)})


def test_missing_parameters_and_unknown_inputs_are_refused():
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
    with pytest.raises(SymcError, match="fc_bias.*missing"):
        relax.from_symbol(net, {"fc_weight": np.ones((3, 2), np.float32)}, {"data": (1, 2)})
    with pytest.raises(SymcError, match="there is no input 'dta'; there is 'data'"):
        relax.from_symbol(net, None, {"dta": (1, 2)})
    with pytest.raises(MXNetError, match=r"it ends in \.py"):
        relax.write("net.txt", *relax.from_symbol(net, None, {"data": (1, 2)}))


# ---- the command ---------------------------------------------------------------------------------------------------


def call(monkeypatch, *arguments):
    """The exit code of `symc export` with these arguments."""
    monkeypatch.setattr(sys, "argv", ["symc", "export", *map(str, arguments)])
    try:
        cli.main()
    except SystemExit as end:
        return end.code
    return 0


def test_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
    mx.model.save_checkpoint("net", 0, net, {"fc_weight": mx.nd.ones((3, 2)), "fc_bias": mx.nd.zeros(3)}, {})
    command = ("net-symbol.json", "--params", "net-0000.params", "--shape", "data=1,2", "--json")
    assert call(monkeypatch, *command, "--to", "relax", "-o", "net.py") == 0
    assert json.loads(capsys.readouterr().out) == {
        "module": "net.py", "arrays": "net.npz", "inputs": {"data": ["float32", [1, 2]]},
        "outputs": {"fc_output": ["float32", [1, 3]]}, "parameters": 2, "functions": 1}
    module, arrays = relax.read("net.py")
    np.testing.assert_array_equal(computed(module, np.ones((1, 2), np.float32), *(a.numpy() for a in arrays.values())),
                                  np.full((1, 1, 3), 2))
    assert call(monkeypatch, *command, "--to", "onnx") == 1
    assert "symc exports to 'relax'" in capsys.readouterr().err
