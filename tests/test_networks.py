"""Whole networks: inference, training and packages against what MXNet 1.9.1 answered."""

import subprocess
import sys

import numpy as np
import pytest

import symc as mx
from symc import runtime
from symc.codegen.lowered import Options
from symc.interpreter import run
from symc.passes.base import run_passes
from symc.passes.pipeline import inference_pipeline, typed
from tests.networks import NAMES, Network, difference, sample

SERVE = """
import sys
sys.modules.update(tvm=None, llvmlite=None, typer=None)
import numpy as np
from symc import runtime
np.save(sys.argv[3], runtime.load(sys.argv[1]).forward(**np.load(sys.argv[2]))[0].asnumpy())
"""


@pytest.mark.parametrize("name", NAMES)
def test_inference(name):
    network = Network(name)
    assert mx.sym.load(str(network.symbol)).list_arguments() == [item["name"] for item in network.meta["arguments"]]
    network.check_inference(mx.cpu())


@pytest.mark.parametrize("name", NAMES)
def test_inference_with_bfloat16(name):
    network = Network(name)
    arguments, states = network.values()
    inputs = {key: arguments.pop(key) for key in network.meta["inputs"]}
    module = mx.compile(network.symbol, {**arguments, **states}, {key: value.shape for key, value in inputs.items()},
                        dtypes={key: value.dtype for key, value in inputs.items()}, options=Options(precision="bf16"))
    outputs = module.forward(**{entry.name: inputs[entry.name] for entry in module.inputs})
    errors = [difference(sample(found.asnumpy()), network.recorded[f"out{i}"])
              for i, (found, entry) in enumerate(zip(outputs, network.meta["outputs"], strict=True)) if entry["stable"]]
    assert max(errors) <= 0.03


@pytest.mark.parametrize("name", [name for name in NAMES if Network(name).trains])
def test_training(name):
    Network(name).check_training(mx.cpu())


@pytest.mark.parametrize("name", ["zoo_resnet18_v1", "zoo_mobilenet0.25"])
def test_package_interpreter_and_mxnet_agree(name, tmp_path):
    network = Network(name)
    arguments, states = network.values()
    inputs = {key: arguments.pop(key) for key in network.meta["inputs"]}
    package = tmp_path / "model.symc"
    mx.compile_package(package, network.symbol, {**arguments, **states},
                       shapes={key: value.shape for key, value in inputs.items()})
    np.savez(tmp_path / "inputs.npz", **inputs)
    subprocess.run([sys.executable, "-c", SERVE, package, tmp_path / "inputs.npz", tmp_path / "answer.npy"], check=True)
    answer = np.load(tmp_path / "answer.npy")
    network.check_outputs([answer])
    assert np.array_equal(answer, runtime.load(package).forward(**inputs)[0].asnumpy())
    graph = typed(mx.sym.load(str(network.symbol)).graph, {key: value.shape for key, value in inputs.items()})
    ready = run_passes(graph, inference_pipeline(), verify=True)
    values = {**inputs, **arguments, **states}
    interpreted = run(ready, {node.name: values[node.name] for node in ready.variables}).heads[0]
    assert np.abs(answer - interpreted).max() <= 1e-4 * np.abs(interpreted).max()
