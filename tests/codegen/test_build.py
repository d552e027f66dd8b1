"""One graph to plans and code: names, states, levels, caches."""

from __future__ import annotations

import re

import numpy as np
import pytest

from symc.codegen import build
from symc.codegen.assemble import assemble
from symc.codegen.build import compile_lowered, driver_object, host_level, library_bytes
from symc.codegen.group_code import GroupCode, KernelCode
from symc.codegen.lowered import Options, lower, output_names
from symc.errors import SymcError
from symc.ir.graph import Graph, Node, Source, Value, variable
from symc.ir.types import DType, TensorType
from symc.ops.group import Group
from symc.ops.operator import make
from symc.runtime.machine import Machine
from symc.runtime.modes import FROZEN, INFERENCE, TRAINING

NETWORK = """
    %data: f32[2,3,8,8]    %w: f32[16,3,3,3]    %b: f32[16]    %gamma, %beta, %mean, %var: f32[16]
    %c = Convolution(%data, %w, %b) kernel=(3,3) num_filter=16
    %n = BatchNorm(%c, %gamma, %beta, %mean, %var)
    %r = relu(%n)
    %s = softmax(%r) axis=1
    heads %s
"""
LEVELS = ("x86-64-v3", "x86-64-v4")


@pytest.fixture(scope="module")
def unit():
    from tests.conftest import parse

    return compile_lowered(lower(parse(NETWORK), INFERENCE, {}, (), Options(), initial={}), LEVELS, Options())


def test_levels_share_everything_but_the_numbers_of_jobs(unit):
    plans = [re.sub(r"'jobs': \d+", "", str(unit.plans[level].to_json())) for level in LEVELS]
    assert plans[0] == plans[1]
    assert unit.assembly.plan is unit.plans[LEVELS[0]]
    assert len(unit.objects[LEVELS[0]]) == len(unit.objects[LEVELS[1]]) == len(unit.assembly.plan.kernels)


def test_a_level_gets_scratch_that_suffices_for_all(graph):
    node = graph("%x: f32[4]\n%y = relu(%x)\nheads %y").heads[0].node
    kernels = (KernelCode("k", (), 1),)
    code = {level: {node: GroupCode(kernels, scratch, b"")} for level, scratch in
            (("a", (64, 10)), ("b", (32, 20)))}
    assert all(build._with_scratch_of_all(code, level)[node].scratch == (64, 20) for level in code)
    code["b"][node] = GroupCode(kernels, (32,), b"")
    with pytest.raises(AssertionError, match="levels need different kernels"):
        build._with_scratch_of_all(code, "a")
    code["b"][node] = GroupCode(kernels * 2, (32, 20), b"")
    with pytest.raises(AssertionError, match="levels need different kernels"):
        build._with_scratch_of_all(code, "a")


def test_every_operator_is_in_a_group_or_a_view(graph):
    lowered = lower(graph(NETWORK), TRAINING, {"w": "write"}, (), Options(verify=True))
    assert {"group"} == {node.op.name for node in lowered.graph.nodes if node.op and not node.op.is_view}
    assert sum(isinstance(node.op, Group) for node in lowered.graph.nodes) > 3


def test_no_kernel_escapes_its_schedule():
    """What is outside of the loop over jobs would run once a job range."""
    from symc.codegen.tir_emit import Emitter
    from symc.codegen.tir_module import kernel_of

    emitter = Emitter()
    with pytest.raises(AssertionError, match="k is not scheduled"):
        emitter.add(None)
        kernel_of(emitter, "k", (), 1, None)


@pytest.mark.parametrize("mode, initial, expected", [
    (INFERENCE, None, ("mean", "var")), (INFERENCE, {}, ()), (TRAINING, {}, ("mean", "var")),
    (FROZEN, None, ("mean", "var"))])
def test_states(graph, mode, initial, expected):
    """Inference of a module reads moving statistics as it reads parameters."""
    lowered = lower(graph(NETWORK), mode, {"w": "write"}, (), Options(), initial)
    assert lowered.states == expected and lowered.trains == (mode != INFERENCE)


def test_forward_writes_to_arrays_of_the_user_alone(graph):
    updates = [lower(graph(NETWORK), INFERENCE, {}, (), Options(), initial).graph.updates for initial in (None, {})]
    assert [[update.variable.name for update in found] for found in updates] == [["gamma"], []]


def test_output_names_are_unique(graph):
    g = graph("%x: f32[4]\n%a = relu(%x)\nheads %a, %x, %a, %a")
    assert output_names(g) == ["a_output", "x", "a_output#1", "a_output#2"]


@pytest.mark.parametrize("features, level", [
    ("v4-amx", "x86-64-v4-amx"), ("v4-bf16", "x86-64-v4-bf16"), ("v4", "x86-64-v4"), ("v3", "x86-64-v3"),
    ("none", "x86-64")])
def test_the_best_level_of_this_machine(monkeypatch, features, level):
    has = {"none": frozenset({"sse2"})}
    has |= {name: frozenset(build.LEVELS[f"x86-64-{name}"]) for name in ("v3", "v4", "v4-bf16", "v4-amx")}
    monkeypatch.setattr(build, "this_machine", lambda: Machine("x86_64", "linux", 64, has[features]))
    monkeypatch.setattr(build, "permits", lambda features: True)
    assert host_level() == level
    monkeypatch.setattr(build, "permits", lambda features: "amx_tile" not in features)
    assert host_level() == ("x86-64-v4-bf16" if features == "v4-amx" else level)


def test_a_machine_without_a_level(monkeypatch):
    monkeypatch.setattr(build, "this_machine", lambda: Machine("riscv64", "linux", 64, frozenset()))
    with pytest.raises(SymcError, match="riscv64"):
        host_level()


def test_drivers_and_libraries_are_kept(unit, monkeypatch, tmp_path):
    monkeypatch.setenv("SYMC_CACHE_DIR", str(tmp_path))
    driver = driver_object([unit.assembly.plan], LEVELS[0])
    library = library_bytes([unit], LEVELS[0])
    from symc.codegen import link, llvm_compile

    monkeypatch.setattr(llvm_compile, "compile_object", None)
    monkeypatch.setattr(link, "link_shared", None)
    assert driver_object([unit.assembly.plan], LEVELS[0]) == driver
    assert library_bytes([unit], LEVELS[0]) == library and library[:4] == b"\x7fELF"


def test_dump_and_times(graph, tmp_path, capsys):
    times = {}
    lower(graph(NETWORK), INFERENCE, {}, (), Options(tmp_path / "dump", ("fuse",), times))
    names = sorted(path.name for path in (tmp_path / "dump").iterdir())
    assert names[0] == "00_input.txt" and names[-1].endswith("_fuse.txt")
    assert set(times) == {name[3:-4] for name in names[1:]} and all(seconds >= 0 for seconds in times.values())
    assert capsys.readouterr().out.startswith("# after fuse\n")


def test_constants_are_packed_into_the_weights(graph):
    """A module's weights come out in the layout that kernels read, and nothing is prepared."""
    text = NETWORK.replace("[16,3,3,3]", "[16,3,3,3] = const").replace("f32[16]", "f32[16] = const").replace(
        "%gamma, %beta, %mean, %var:", "%gamma: f32[16] = const\n%beta: f32[16] = const\n%mean: f32[16] = const\n%var:")
    lowered = lower(graph(text), INFERENCE, {}, (), Options(), initial={})
    assert not any(node.op is not None and node.op.name == "_relayout" for node in lowered.graph.nodes)
    constants = [node for node in lowered.graph.nodes if node.is_constant and len(node.types[0].dims) == 4]
    assert [node.types[0].layout is not None for node in constants] == [True]
    assert np.asarray(constants[0].value).shape == constants[0].types[0].physical


def test_a_chain_of_20000_nodes():
    """Passes and assembly take a time in proportion, and no recursion."""
    value = Value(variable("x", TensorType((4,), DType.float32)))
    for i in range(20_000):
        value = Value(Node(f"n{i}", make("tanh" if i % 2 else "relu"), (value,), value.node.types,
                           sources=(Source(f"n{i}"),)))
    lowered = lower(Graph((value,)), INFERENCE, {}, (), Options())
    groups = [node for node in lowered.graph.nodes if isinstance(node.op, Group)]
    code = {node: GroupCode((KernelCode(f"k{i}", (("input", 0), ("output", 0)), 1),), (), b"")
            for i, node in enumerate(groups)}
    assembly = assemble(lowered.graph, code, (), (), lowered.outputs, False)
    assert len(assembly.plan.steps) == len(groups) == 417 and assembly.plan.arena_bytes <= 128
    assert sum(len(step.nodes) for step in assembly.plan.steps) == 20_000
