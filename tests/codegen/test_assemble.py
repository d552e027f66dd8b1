"""Plans of small graphs whose operators are groups of their own, with made-up code."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from symc.codegen.assemble import assemble, in_place_inputs
from symc.codegen.group_code import GroupCode, KernelCode
from symc.codegen.plan import HostStep, KernelStep
from symc.ir.graph import Graph, Node, Value, variable
from symc.ops.group import Group
from symc.ops.operator import find
from symc.passes.fuse import Fuse, kind_of
from symc.passes.materialize import Materialize


def grouped(graph: Graph) -> Graph:
    """Every operator but views and host operators as a group of its own."""
    def visit(node: Node):
        if node.op is None or kind_of(node) in ("view", "host"):
            return None
        inner = {value: Value(variable(f"in{i}", value.type)) for i, value in enumerate(dict.fromkeys(node.inputs))}
        body = replace(node, inputs=tuple(inner[value] for value in node.inputs))
        kind = "injective" if kind_of(node) == "elementwise" else kind_of(node)
        return Node(node.name, Group(kind, (Graph(body.outputs),)), tuple(inner), node.types, {}, node.sources).outputs
    return graph.rewrite(visit)


def fake_code(node: Node, kernels: int = 1, scratch: tuple[int, ...] = ()) -> GroupCode:
    """Kernels that take everything; the scratch buffers last."""
    parameters = (*(("input", i) for i in range(len(node.inputs))), *(("output", i) for i in range(len(node.types))),
                  *(("scratch", i) for i in range(len(scratch))))
    symbol = node.name.replace("/", ".")
    return GroupCode(tuple(KernelCode(f"{symbol}_{i}", parameters, 4) for i in range(kernels)), scratch, b"")


@pytest.fixture
def made(graph):
    """`made(text, ...)`: the assembly of a text.  code: options of `fake_code` by node; fuse: fuse it really."""
    def build(text, *, states=(), parameters=(), trains=False, code=None, fuse=False, initial=None):
        original = Materialize()(graph(text))
        fused = Fuse(frozenset(parameters))(original) if fuse else grouped(original)
        groups = {node: fake_code(node, **(code or {}).get(node.name, {}))
                  for node in fused.nodes if isinstance(node.op, Group)}
        names = [f"out{i}" for i in range(len(fused.heads))]
        return assemble(fused, groups, states, parameters, names, trains, initial or {})
    return build


def shown(assembly) -> list[str]:
    """Each step as 'phase name: buffers', entries as lines '[infer]'."""
    plan = assembly.plan
    lines = []
    for entry, (first, last) in sorted(plan.entries.items(), key=lambda item: item[1]):
        lines.append(f"[{entry}]")
        for step in plan.steps[first:last]:
            name = plan.kernels[step.kernel].name.rpartition("_")[0] if isinstance(step, KernelStep) else step.name
            numbers = step.buffers if isinstance(step, KernelStep) else (*step.inputs, *step.outputs)
            lines.append(f"{step.phase} {name}: {' '.join(label(plan.buffers[number]) for number in numbers)}")
    return lines


def label(buffer) -> str:
    return f"@{buffer.offset}" if buffer.kind == "arena" else \
        f"weight@{buffer.offset}" if buffer.kind == "weight" else f"{buffer.kind}.{buffer.name}"


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


# ---- phases --------------------------------------------------------------------------------------------------------


def test_independent_steps_share_a_phase(made):
    assert shown(made("""
        %x, %y: f32[4]
        %a = relu(%x)
        %b = negative(%y)
        %c = elemwise_add(%a, %b)
        heads %c
    """)) == lines("""
        [infer]
        0 a: input.x @0
        0 b: input.y @64
        1 c: @0 @64 output.out0
    """)


def test_a_group_of_several_kernels_takes_as_many_phases(made):
    assert shown(made("""
        %x: f32[4]
        %a = relu(%x)
        %b = negative(%x)
        %c = elemwise_add(%a, %b)
        heads %c
    """, code={"a": {"kernels": 2, "scratch": (100,)}})) == lines("""
        [infer]
        0 a: input.x @128 @0
        1 a: input.x @128 @0
        1 b: input.x @192
        2 c: @128 @192 output.out0
    """)


def test_scratch_is_free_again_behind_its_group(made):
    assembly = made("""
        %x: f32[16]
        %a = relu(%x)
        %b = exp(%a)
        heads %b
    """, code={name: {"scratch": (6400,)} for name in "ab"})
    assert assembly.plan.arena_bytes == 6400 + 64 == assembly.memory.lower_bound


# ---- in place ------------------------------------------------------------------------------------------------------


def test_an_output_takes_the_place_of_an_input_that_dies(made):
    assembly = made("""
        %x: f32[4]
        %a = relu(%x)
        %b = exp(%a)
        %c = exp(%b)
        %d = exp(%c)
        heads %d
    """)
    assert shown(assembly)[2:4] == ["1 b: @0 @0", "2 c: @0 @0"]
    assert assembly.plan.arena_bytes == 64


@pytest.mark.parametrize("reason, text", [
    ("others read it in the same phase", "%b = exp(%a)\n%c = negative(%a)\n%d = elemwise_add(%b, %c)"),
    ("others read it later", "%b = exp(%a)\n%d = elemwise_add(%a, %b)"),
    ("a view of it is read in the same phase",
     "%v = _reshape(%a) shape=(4,4)\n%b = exp(%a)\n%c = sum(%v) axis=(0,1)\n%d = broadcast_mul(%b, %c)"),
    ("it is moved about", "%v = _reshape(%a) shape=(4,4)\n%b = transpose(%v) axes=(1,0)\n%d = _reshape(%b) shape=(16,)"
     "\n%e = exp(%d)\n%f = exp(%e)"),
    ("it is read twice", "%v = _reshape(%a) shape=(16,)\n%b = broadcast_mul(%a, %v)\n%d = sum(%b) axis=(0,)"),
    ("another dtype", "%b = Cast(%a) dtype=int32\n%c = Cast(%b) dtype=float32\n%d = exp(%c)"),
    ("it is reduced", "%b = softmax(%a)\n%d = exp(%b)")])
def test_no_sharing(made, reason, text):
    last = text.split("\n")[-1].partition(" ")[0]
    plan = made(f"%x: f32[16]\n%a = relu(%x)\n{text}\nheads {last}").plan
    offsets = {buffer.name: buffer.offset for buffer in plan.buffers if buffer.kind == "arena"}
    assert offsets["a"] != offsets["b"], reason


def test_arrays_of_the_user_are_not_written_over(made):
    assert shown(made("%x: f32[4]\n%a = exp(%x)\n%b = exp(%a)\nheads %b, %a")) == lines("""
        [infer]
        0 a: input.x output.out1
        1 b: output.out1 output.out0
    """)


# ---- parts ---------------------------------------------------------------------------------------------------------


def test_parts_lie_where_they_are_joined(made):
    """Each is intact from the first part's writing to the last reading, and nothing is written over any."""
    assembly = made("""
        %x: f32[1,4]
        %a = relu(%x)
        %b = exp(%x)
        %c: f32[1,8] = _joined(%a, %b) num_args=2
        %d = exp(%c)
        %v = _reshape(%d) shape=(8,1)
        %e = sum(%v) axis=(1,)
        %f = _reshape(%e) shape=(1,8)
        %g = exp(%f)
        %h: f32[1,16] = _joined(%c, %g) num_args=2
        %i = exp(%h)
        heads %i
    """)
    assert shown(assembly) == lines("""
        [infer]
        0 a: input.x @0
        0 b: input.x @16
        1 d: @0 @64
        2 e: @64 @128
        3 g: @128 @32
        4 i: @0 output.out0
    """)
    assert assembly.plan.arena_bytes == 192


def test_pieces_are_read_where_they_lie(made):
    assert shown(made("""
        %x: f32[1,32]
        %a = relu(%x)
        %b: f32[1,8] = _piece(%a) axis=1 begin=8 end=16
        %c: f32[1,4] = _piece(%b) axis=1 begin=4 end=8
        %d = exp(%b)
        %e = exp(%c)
        heads %d, %e
    """)) == lines("""
        [infer]
        0 a: input.x @0
        1 d: @32 output.out0
        1 e: @48 output.out1
    """)


def test_long_chains_of_joins(made):
    prefixes = ["a", *(f"c{i}" for i in range(1000))]
    text = "\n".join(f"%b{i} = relu(%x)\n%c{i}: f32[1,{i + 2}] = _joined(%{prefixes[i]}, %b{i}) num_args=2"
                     for i in range(1000))
    plan = made(f"%x: f32[1,1]\n%a = exp(%x)\n{text}\n%d = exp(%c999)\nheads %d").plan
    offsets = {buffer.name: buffer.offset for buffer in plan.buffers}
    assert offsets["c999"] == offsets["a"] and offsets["b999"] == offsets["a"] + 4000


def test_an_epilogue_writes_over_its_residual(made, graph):
    text = """
        %x: f32[4,8]    %w: f32[8,8]
        %a = relu(%x)
        %c = FullyConnected(%a, %w) num_hidden=8 no_bias=True
        %s = elemwise_add(%c, %a)
        heads %s
    """
    node = Fuse()(graph(text)).heads[0].node
    assert [repr(value) for value in in_place_inputs(node)] == []      # the product reads all of %a
    skip = text.replace("elemwise_add(%c, %a)", "elemwise_add(%c, %x)")
    assert [repr(value) for value in in_place_inputs(Fuse()(graph(skip)).heads[0].node)] == ["%x"]


def test_hosts_and_reductions_write_over_nothing(graph):
    reduced = grouped(graph("%x: f32[4,4]\n%a = softmax(%x)\nheads %a")).heads[0].node
    assert in_place_inputs(reduced) == [] and in_place_inputs(variable("x")) == []


# ---- buffers -------------------------------------------------------------------------------------------------------


def test_what_parameters_determine_is_prepared(made):
    assembly = made("""
        %x: f32[4]    %w: f32[4]
        %p = exp(%w)
        %q = negative(%p)
        %y = elemwise_mul(%x, %q)
        heads %y
    """, parameters=["w"])
    assert shown(assembly) == lines("""
        [prepare]
        0 p: input.w @0
        1 q: @0 weight@0
        [infer]
        2 y: input.x weight@0 output.out0
    """)
    assert assembly.plan.weights_bytes == 64 and not assembly.weights.any()


def test_without_parameters_there_is_no_entry_prepare(made):
    assert list(made("%x: f32[4]\n%y = exp(%x)\nheads %y").plan.entries) == ["infer"]


def test_constants_lie_in_the_block_of_weights(made):
    assembly = made("""
        %x: f32[2]    %c: f32[2] = const [1, 2]    %d: f32[2] = const [3, 4]
        %a = elemwise_mul(%x, %c)
        %b = elemwise_add(%a, %d)
        heads %b
    """)
    assert shown(assembly)[1:] == ["0 a: input.x weight@0 @0", "1 b: @0 weight@64 output.out0"]
    np.testing.assert_array_equal(assembly.weights.view(np.float32)[[0, 1, 16, 17]], [1, 2, 3, 4])


def test_an_output_that_is_a_view_has_its_own_shape(made):
    plan = made("%x: f32[4,2]\n%a = exp(%x)\n%v = _reshape(%a) shape=(8,)\nheads %v").plan
    assert [(b.kind, b.name, b.shape) for b in plan.buffers] == [("input", "x", (4, 2)), ("output", "out0", (8,))]


def test_roots_without_an_operator_of_their_own_are_copied(made):
    assert shown(made("%x: f32[4]\n%r = relu(%x)\n%v = _reshape(%r) shape=(2,2)\nheads %r, %v, %x")) == lines("""
        [infer]
        0 r: input.x output.out0
        1 v.copy1: output.out0 output.out1
        1 x.copy1: input.x output.out2
    """)


def test_everything_but_nothing(made):
    plan = made("%x: f32[0,3]\n%y = exp(%x)\n%z = exp(%y)\nheads %z").plan
    assert [buffer.bytes for buffer in plan.buffers] == [0, 0, 0] and plan.arena_bytes == 64


# ---- training ------------------------------------------------------------------------------------------------------


def test_gradients_head_gradients_and_sums(made):
    assembly = made("""
        %x, %w, %_head_gradient0: f32[4]
        %y = elemwise_mul(%x, %w)
        %dx = elemwise_mul(%_head_gradient0, %w)
        %dw = elemwise_mul(%_head_gradient0, %x)
        heads %y
        gradient %x = %dx
        gradient %w += %dw
    """, trains=True)
    assert shown(assembly) == lines("""
        [forward]
        0 y: input.x input.w output.out0
        [backward]
        1 dx: head_gradient._head_gradient0 input.w gradient.x
        1 dw: head_gradient._head_gradient0 input.x @0
        2 w.elemwise_add1: @0 gradient.w gradient.w
    """)


def test_states_are_written_when_all_have_read_them(made):
    assembly = made("""
        %x, %s, %_head_gradient0: f32[4]
        %y = exp(%x)
        %n = elemwise_add(%s, %y)
        %d = elemwise_mul(%_head_gradient0, %s)
        heads %y
        gradient %x = %d
        update backward %s = %n
    """, states=["s"], trains=True, initial={"s": np.arange(4, dtype=np.float32)})
    assert shown(assembly) == lines("""
        [forward]
        0 y: input.x output.out0
        [backward]
        1 d: head_gradient._head_gradient0 state.s gradient.x
        2 n: state.s output.out0 state.s
    """)
    np.testing.assert_array_equal(assembly.weights.view(np.float32)[:4], np.arange(4))


def test_forward_writes_variables_too(made):
    assert shown(made("""
        %x, %g: f32[4]    %one: f32[1] = const [1]
        %y = elemwise_mul(%x, %g)
        %o = broadcast_mul(%one, %x)
        heads %y
        update forward %g = %o
    """)) == lines("""
        [infer]
        0 y: input.x state.g output.out0
        1 o: weight@0 input.x state.g
    """)


def test_an_update_that_others_read_is_copied(made):
    assert shown(made("""
        %x, %s: f32[4]
        %n = exp(%s)
        %y = elemwise_add(%n, %s)
        heads %y
        update forward %s = %n
    """, states=["s"])) == lines("""
        [infer]
        0 n: state.s @0
        1 y: @0 state.s output.out0
        2 n.copy1: @0 state.s
    """)


def test_the_last_update_of_a_variable_counts(made):
    assert shown(made("""
        %x, %s: f32[4]
        %a = exp(%x)
        %b = negative(%x)
        heads %x
        update forward %s = %a
        update forward %s = %b
    """, states=["s"])) == lines("""
        [infer]
        0 x.copy1: input.x output.out0
        1 b: input.x state.s
    """)


# ---- host steps and names ------------------------------------------------------------------------------------------


def test_host_steps_carry_the_parameters_of_their_operators(made, monkeypatch):
    monkeypatch.setattr(find("softmax"), "is_host", True)
    plan = made("%x: f32[4,2]\n%a = softmax(%x) axis=0\n%b = exp(%a)\nheads %b").plan
    host = plan.steps[0]
    assert isinstance(host, HostStep) and (host.name, host.attributes["axis"]) == ("softmax:a", "0")
    assert plan.steps[1].phase == 1


def test_steps_know_their_nodes_and_equal_groups_their_kernel(made):
    assembly = made("""
        %x: f32[4]
        %a = exp(%x)  # from first@3
        %b = exp(%a)
        heads %b
    """)
    assert [step.nodes for step in assembly.plan.steps] == [("first@3",), ("b",)]
