"""Every kernel of real networks, as each CPU level has it, against the interpreter.

The code of a level that this machine lacks is run all the same: its LLVM IR, with that level's tiles, lanes and jobs,
is compiled for the machine's own level, where LLVM splits the wider vectors.
"""

import pytest

import symc as mx
from symc.codegen import llvm_compile, lower, tir
from symc.codegen.bodies import all_bodies
from symc.codegen.cache import canonical_text
from symc.codegen.lowered import Options, state_names
from symc.codegen.lowered import lower as run_passes
from symc.ops.group import Group
from symc.passes.pipeline import typed
from symc.runtime.modes import INFERENCE, TRAINING
from tests import group_code
from tests.codegen.bfloat16_twin import twin
from tests.networks import Network


def training_groups(name):
    """The distinct groups of a recorded network's training."""
    network = Network(name)
    inputs = network.meta["train"]["inputs"]
    graph = typed(mx.sym.load(str(network.symbol)).graph, {key: tuple(v["shape"]) for key, v in inputs.items()})
    fixed = {*inputs, *state_names(graph)}
    requests = {node.name: "write" for node in graph.variables if node.name not in fixed}
    lowered = run_passes(graph, TRAINING, requests, (), Options(verify=True))
    groups = [node.op.graph for node in lowered.graph.nodes if isinstance(node.op, Group)]
    return list({canonical_text(group): group for group in groups}.values())


@pytest.mark.parametrize("level", ["x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("name", ["lenet", "transformer_encoder_sym", "text_cnn"])
def test_kernels_of_a_level(name, level, groups, monkeypatch):
    def compile_here(text, _, optimise=False):
        return llvm_compile.compile_object(text, groups.native, optimise)
    for module in (lower, tir):
        monkeypatch.setattr(module, "compile_object", compile_here)
    monkeypatch.setattr(group_code, "lower_group", lower.lower_group)
    for group in training_groups(name):
        if all(node.types[0].element.is_float for node in group.variables):     # random indices may point nowhere
            groups.check(group, level=level, rtol=1e-4, atol=1e-4)   # sums of hundreds of terms of either sign


@pytest.mark.parametrize("level", ["x86-64-v3", "x86-64-v4-bf16", "x86-64-v4-amx"])
@pytest.mark.parametrize("name", ["lenet", "transformer_encoder_sym", "lstm_charlm", "zoo_mobilenet0.25"])
def test_kernels_of_bfloat16(name, level, groups, monkeypatch):
    def compile_here(text, _, optimise=False):
        return llvm_compile.compile_object(twin(text), groups.native, optimise)
    for module in (lower, tir):
        monkeypatch.setattr(module, "compile_object", compile_here)
    monkeypatch.setattr(group_code, "lower_group", lower.lower_group)
    found = narrow_groups(name)
    assert any("bf16[" in canonical_text(group) for group in found)
    for group in found:
        if all(node.types[0].element.is_float for node in group.variables):
            groups.check(group, level=level, rtol=1e-4, atol=1e-4)


def narrow_groups(name):
    """The distinct groups of a recorded network's inference with bfloat16, those of bodies included."""
    network = Network(name)
    inputs = network.meta["inputs"]
    graph = typed(mx.sym.load(str(network.symbol)).graph, {key: tuple(v["shape"]) for key, v in inputs.items()})
    parameters = {node.name for node in graph.variables} - set(inputs)
    lowered = run_passes(graph, INFERENCE, {}, parameters, Options(verify=True, precision="bf16"))
    graphs = [lowered.graph, *(body.graph for body in all_bodies(lowered.graph))]
    groups = [node.op.graph for graph in graphs for node in graph.nodes if isinstance(node.op, Group)]
    return list({canonical_text(group): group for group in groups}.values())
