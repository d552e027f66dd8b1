"""What is compared before a package is written, and that damage is found and named, whoever did it."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

from symc import compiler
from symc.codegen import build
from symc.codegen.build import host_level
from symc.codegen.lowered import Options
from symc.errors import DifferentError
from symc.ops.operator import REGISTRY
from symc.passes import fold_batch_norm, winograd
from symc.verification import compiled

SHAPES = {"data": (2, 16, 12, 12)}
NETWORK = """
    %data, %w1, %w2, %w3, %g1, %b1, %m1, %v1, %g2, %b2, %m2, %v2, %fw, %fb: ?[*]
    %conv1 = Convolution(%data, %w1) kernel=(3,3) pad=(1,1) num_filter=16 no_bias=True
    %bn1 = BatchNorm(%conv1, %g1, %b1, %m1, %v1) fix_gamma=False
    %act1 = Activation(%bn1) act_type=relu
    %conv2 = Convolution(%act1, %w2) kernel=(3,3) pad=(1,1) num_filter=16 no_bias=True
    %bn2 = BatchNorm(%conv2, %g2, %b2, %m2, %v2) fix_gamma=False
    %act2 = sigmoid(%bn2)
    %conv3 = Convolution(%act2, %w3) kernel=(1,1) num_filter=32 no_bias=True
    %pool = Pooling(%conv3) pool_type=avg global_pool=True
    %fc = FullyConnected(%pool, %fw, %fb) num_hidden=5
    %out = softmax(%fc)
    heads %out
"""


SMALL = """
    %data, %weight, %gamma, %beta, %mean, %var: ?[*]
    %fc = FullyConnected(%data, %weight) num_hidden=16 no_bias=True
    %bn = BatchNorm(%fc, %gamma, %beta, %mean, %var) fix_gamma=False
    %y = relu(%bn)
    heads %y
"""

SMALL_PARAMETERS = {"weight": np.random.default_rng(3).standard_normal((16, 32)).astype(np.float32)} | {
    name: np.linspace(0.5, 1.5, 16, dtype=np.float32) for name in ("gamma", "beta", "mean", "var")}


@pytest.fixture
def network(graph):
    return graph(NETWORK)


@pytest.fixture
def parameters():
    draws = np.random.default_rng(1)
    shapes = {"w1": (16, 16, 3, 3), "w2": (16, 16, 3, 3), "w3": (32, 16, 1, 1), "fw": (5, 32), "fb": (5,)}
    made = {name: draws.standard_normal(shape) / np.sqrt(np.prod(shape[1:])) for name, shape in shapes.items()}
    made |= {f"{kind}{layer}": draws.uniform(0.5, 1.5, 16) for kind in "gbmv" for layer in (1, 2)}
    return {name: array.astype(np.float32) for name, array in made.items()}


@pytest.fixture
def written(network, parameters, tmp_path):
    """`written(**options)`: compiles the network for this machine to net.symc; its manifest."""
    def write(network=network, parameters=parameters, shapes=SHAPES, levels=None, train=False, **options):
        compiler.compile_package(tmp_path / "net.symc", network, parameters, shapes, train=train,
                                 levels=levels or [host_level()], options=Options(**options))
        with zipfile.ZipFile(tmp_path / "net.symc") as archive:
            return json.loads(archive.read("manifest.json"))
    return write


def refusal(written, tmp_path, **arguments):
    """The message with which the package is not written."""
    with pytest.raises(DifferentError) as caught:
        written(**arguments)
    assert not list(tmp_path.glob("*.symc*")), "a package was left"
    return caught.value.message


def test_the_record_of_a_sound_package(written):
    levels, told = [host_level(), "x86-64-v4" if host_level() == "x86-64-v3" else "x86-64-v3"], []
    record = written(levels=levels, progress=lambda *what: told.append(what))["verification"]
    assert record["status"] == "passed" and record["seed"] == 0 and host_level() in record["levels"]
    assert sorted(record["levels"] + record["levels_not_run"]) == sorted(levels)
    assert record["inputs"] == {"data": "normal, standard deviation 1"}
    (output,) = record["compared"]
    assert output["name"] == "out_output" and 0 < output["relative"] < output["tolerance"] == 5e-5
    assert output["not_finite"] == 0.0 and told[-1] == ("verifying", 0, 1)


def test_not_asked_for(written):
    record = written(verification=False)["verification"]
    assert record["status"] == "not run" and "was not asked for" in record["against"]


def test_levels_of_another_machine_cannot_be_run(written, monkeypatch):
    monkeypatch.setattr(compiled, "host_levels", list)
    record = written()["verification"]
    assert record["status"] == "not run" and "this machine runs none" in record["against"]


def test_low_precision_compares_each_step(graph, written):
    record = written(network=graph(SMALL), parameters=SMALL_PARAMETERS, shapes={"data": (4, 32)},
                     precision="bf16")["verification"]
    assert record["status"] == "passed" and record["each_step_compared"] and record["compared"][0]["tolerance"] == 5e-2


def test_training_compares_gradients_and_states(graph, written):
    record = written(network=graph(SMALL), parameters=SMALL_PARAMETERS, shapes={"data": (4, 32)},
                     train=True)["verification"]
    kinds = {(item["kind"], item["name"]) for item in record["compared"]}
    assert record["status"] == "passed"
    assert kinds == {("output", "y_output"), ("gradient", "weight"), ("gradient", "gamma"), ("gradient", "beta"),
                     ("state", "mean"), ("state", "var")}


def test_without_parameters_these_are_drawn(graph, written):
    network = graph("""
        %data, %weight, %moving: ?[*]
        %e = Embedding(%data, %weight) input_dim=7 output_dim=5
        %r = sqrt(%moving)
        %y = broadcast_mul(%e, %r)
        heads %y
    """)
    record = written(network=network, parameters=None, shapes={"data": (2, 3), "moving": (1, 1, 5)})["verification"]
    assert record["status"] == "passed"
    assert record["inputs"]["data"] == "whole numbers in [0, 7)" and record["inputs"]["moving"].startswith("uniform")


def test_all_nan_is_not_passed(graph, written):
    network = graph("%x: f32[4]    %y = log(%x)    %z = arccosh(%y)    heads %z".replace("    ", "\n"))
    record = written(network=network, parameters=None, shapes={})["verification"]
    assert record["compared"][0]["not_finite"] == 1.0 and record["status"] == "nothing to compare"


# ---- damage --------------------------------------------------------------------------------------------------------


def test_a_wrong_operator_within_a_fused_kernel(written, tmp_path, monkeypatch):
    """The reference is damaged instead of the kernel, which worker processes compile."""
    block = REGISTRY["sigmoid"]
    monkeypatch.setattr(block, "reference", staticmethod(lambda x: np.float32(1.01) / (1 + np.exp(-x))))
    message = refusal(written, tmp_path)
    assert "the first node that differs is 'act2' (sigmoid: float32(2, 16, 12, 12)" in message
    assert "computed with 'conv2', 'bn2'" in message and "kernel k" in message


def test_a_kernel_that_does_half_its_work(written, tmp_path, monkeypatch):
    genuine = build.driver_text

    def halved(plans, *others, **options):
        steps = [step._replace(jobs=step.jobs // 2) if any("conv2" in name for name in step.nodes) else step
                 for step in plans[0].steps]
        return genuine([plans[0]._replace(steps=tuple(steps))], *others, **options)
    monkeypatch.setattr(build, "driver_text", halved)
    message = refusal(written, tmp_path)
    assert "'conv2' (Convolution" in message and "'conv1'" not in message and "'fc'" not in message


def test_a_wrong_fold(written, tmp_path, monkeypatch):
    genuine = fold_batch_norm._scaled

    def wrong(g, linear, weight, scale):
        return weight if linear.name == "conv2" else genuine(g, linear, weight, scale)
    monkeypatch.setattr(fold_batch_norm, "_scaled", wrong)
    message = refusal(written, tmp_path)
    assert "the first node that differs is 'bn2' (BatchNorm" in message and "by the pass fold-batch-norm" in message


def test_a_wrong_rule_of_winograds(graph, written, tmp_path, monkeypatch):
    genuine = winograd.weight_matrices
    monkeypatch.setattr(winograd, "weight_matrices", lambda size: genuine(size) * 1.001)
    draws = np.random.default_rng(2)
    network = graph("""
        %data, %w1, %w2: ?[*]
        %narrow = Convolution(%data, %w1) kernel=(1,1) num_filter=64 no_bias=True
        %wide = Convolution(%narrow, %w2) kernel=(3,3) pad=(1,1) num_filter=64 no_bias=True
        %y = relu(%wide)
        heads %y
    """)
    weights = {"w1": draws.standard_normal((64, 16, 1, 1)) / 4, "w2": draws.standard_normal((64, 64, 3, 3)) / 24}
    message = refusal(written, tmp_path, network=network, shapes={"data": (1, 16, 28, 28)},
                      parameters={name: array.astype(np.float32) for name, array in weights.items()})
    assert "the first node that differs is 'wide' (Convolution" in message
