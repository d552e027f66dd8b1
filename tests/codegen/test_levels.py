"""Every kernel of real networks, as each CPU level has it, against the interpreter.

The code of a level that this machine lacks is run all the same: its LLVM IR, with that level's tiles, lanes and jobs,
is compiled for the machine's own level, where LLVM splits the wider vectors.
"""

import pytest

import symc as mx
from symc.codegen import llvm_compile, lower, tir
from symc.codegen.build import Options, state_names
from symc.codegen.build import lower as run_passes
from symc.codegen.cache import canonical_text
from symc.ops.group import Group
from symc.passes.pipeline import typed
from symc.runtime.executor import TRAINING
from tests import group_code
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
