"""Loops and branches, compiled, against the interpreter; their gradients against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symc.codegen.build import compile_lowered, host_level, load_in_process
from symc.codegen.lowered import Options, lower
from symc.host_steps import host_functions
from symc.interpreter import run
from symc.runtime.modes import INFERENCE, TRAINING
from symc.runtime.plan import LoopStep
from symc.runtime.program import Program
from symc.runtime.team import TEAM
from tests.conftest import parse

RECURRENT = """
    %x: f64[{count},3,4]    %s: f64[3,5]    %w: f64[5,4]    %u: f64[5,5]
    %y = _scan(%x, %s, %w, %u) count={count} slices=1 states=1 constants=2 reverse={reverse} {{
        %x0: f64[3,4]    %s0: f64[3,5]    %c0: f64[5,4]    %c1: f64[5,5]
        %i: f64[3,5] = FullyConnected(%x0, %c0) num_hidden=5 no_bias=True
        %e: f64[5,5] = sin(%c1)
        %r: f64[3,5] = FullyConnected(%s0, %e) num_hidden=5 no_bias=True
        %a: f64[3,5] = elemwise_add(%i, %r)
        %h: f64[3,5] = tanh(%a)
        heads %h, %h
    }}
    heads %y, %y#1
"""
WHILE = """
    %s: f64[2]    %p: i32[1]    %limit: f64[2]
    %y = _scan(%s, %p, %limit) count=8 slices=0 states=2 constants=1 conditional=True {
        %s0: f64[2]    %c0: f64[2]
        %q: f64[2] = elemwise_mul(%s0, %s0)
        %n: f64[2] = elemwise_add(%q, %s0)
        %l: f64[2] = broadcast_lesser(%n, %c0)
        %m: f64[1] = min(%l) axis=(0,) keepdims=True
        %k: i32[1] = Cast(%m) dtype=int32
        heads %n, %n, %k
    }
    heads %y, %y#1, %y#3
"""
BRANCH = """
    %x: f64[2]    %p: i32[1]
    %a = exp(%x)
    %y = _branch(%p, %a, %x) constants=2 {
        %c0: f64[2]    %c1: f64[2]
        %n: f64[2] = elemwise_mul(%c0, %c1)
        heads %n, %c0
    } {
        %c1: f64[2]
        %n: f64[2] = sin(%c1)
        heads %n, %n
    }
    heads %y, %y#1
"""
NESTED = """
    %x: f64[3,4,2]    %s: f64[2]    %c: f64[2]
    %y = _scan(%x, %s, %c) count=3 slices=1 states=1 constants=1 {
        %x0: f64[4,2]    %s0: f64[2]    %c0: f64[2]
        %e: f64[2] = exp(%c0)
        %i: (f64[4,2], f64[2]) = _scan(%x0, %s0, %e) count=4 slices=1 states=1 constants=1 reverse=True {
           %x0: f64[2]    %s0: f64[2]    %c0: f64[2]
           %q: f64[2] = sin(%c0)
           %t: f64[2] = elemwise_mul(%x0, %q)
           %v: f64[2] = elemwise_mul(%s0, %t)
           %n: f64[2] = elemwise_add(%s0, %v)
           heads %t, %n
        }
        heads %i, %i#1
    }
    heads %y, %y#1
"""


def values_of(graph, seed=0, **given):
    draw = np.random.RandomState(seed)
    return {node.name: given.get(node.name, draw.uniform(-1, 1, node.types[0].dims).astype(
        node.types[0].element.numpy)) for node in graph.variables}


def program_of(graph, mode, requests=()):
    lowered = lower(graph, mode, dict.fromkeys(requests, "write"), (), Options(verify=True))
    unit = compile_lowered(lowered, [host_level()], Options())
    return Program(unit.assembly.plan, load_in_process(unit), unit.assembly.weights, host_functions(lowered.graph))


def bound(program, arrays, head_gradients=()):
    for number, buffer in enumerate(program.plan.buffers):
        if buffer.kind == "input":
            program.bind(number, arrays[buffer.name])
        elif buffer.kind == "head_gradient":
            program.bind(number, head_gradients[int(buffer.name.removeprefix("_head_gradient"))])
        elif buffer.kind in ("output", "gradient"):
            program.bind(number, np.full(buffer.shape, 99, buffer.dtype))
    return program


def outputs(program):
    return [program.array(number) for number in program.plan.of_kind("output")]


def compiled_heads(text, **given):
    graph = parse(text)
    arrays = values_of(graph, **given)
    program = bound(program_of(graph, INFERENCE), arrays)
    for _ in range(2):      # nothing may be left over from the first run
        program.run("infer")
    for found, expected in zip(outputs(program), run(graph, arrays).heads, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    return program


@pytest.mark.parametrize("count", [0, 1, 2, 7])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_loop_computes_what_the_interpreter_computes(count, reverse):
    program = compiled_heads(RECURRENT.format(count=count, reverse=reverse))
    assert sum(isinstance(step, LoopStep) for step in program.plan.steps) == 1


@pytest.mark.parametrize("limit", [-1.0, 0.3, 0.7, 40.0])
def test_a_loop_ends_when_its_predicate_is_zero(limit):
    compiled_heads(WHILE, s=np.array([0.1, 0.2]), p=np.int32([1]), limit=np.full(2, limit))


def test_a_loop_may_make_no_step():
    program = compiled_heads(WHILE, p=np.int32([0]))
    assert not outputs(program)[0].any() and outputs(program)[2] == 0


@pytest.mark.parametrize("predicate", [0, 1, -3])
def test_a_branch(predicate):
    compiled_heads(BRANCH, p=np.int32([predicate]))


def test_loops_in_loops():
    compiled_heads(NESTED)


def test_invariants_are_computed_once():
    program = compiled_heads(RECURRENT.format(count=5, reverse=False))
    first, last = next(step for step in program.plan.steps if isinstance(step, LoopStep)).body
    inside = {name for step in program.plan.steps[first:last] for name in step.nodes}
    assert "e" not in inside and {"i", "r", "h"} <= inside


def test_heads_of_a_body_that_are_invariant():
    compiled_heads("""
        %s: f64[2]    %c: f64[2]
        %y = _scan(%s, %c) count=3 slices=0 states=1 constants=1 {
            %s0: f64[2]    %c0: f64[2]
            %e: f64[2] = exp(%c0)
            %n: f64[2] = elemwise_add(%s0, %e)
            heads %c0, %e, %s0, %n
        }
        heads %y, %y#1, %y#2, %y#3""")


def check_gradients(text, step=1e-6, **given):
    graph = parse(text)
    arrays = values_of(graph, **given)
    wanted = [node.name for node in graph.variables if node.types[0].element.is_float]
    heads = run(graph, arrays).heads
    given_heads = [np.random.RandomState(i).uniform(-1, 1, head.shape) for i, head in enumerate(heads)]

    def loss(values):
        found = run(graph, values).heads
        return sum(float((a * b).sum()) for a, b in zip(found, given_heads, strict=True) if a.dtype.kind == "f")

    program = bound(program_of(graph, TRAINING, wanted), arrays, given_heads)
    for _ in range(2):
        program.run("forward")
        program.run("backward")
    found = {program.plan.buffers[n].name: program.array(n) for n in program.plan.of_kind("gradient")}
    for name in wanted:
        expected = np.zeros_like(arrays[name])
        for index in np.ndindex(*expected.shape):
            moved = [arrays[name].copy(), arrays[name].copy()]
            moved[0][index] += step
            moved[1][index] -= step
            expected[index] = (loss({**arrays, name: moved[0]}) - loss({**arrays, name: moved[1]})) / (2 * step)
        np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_gradients_of_a_loop(count):
    check_gradients(RECURRENT.format(count=count, reverse=count == 4))


@pytest.mark.parametrize("limit", [-1.0, 0.3, 0.7, 40.0])
def test_gradients_of_a_loop_with_a_predicate(limit):
    text = WHILE.replace("heads %y, %y#1, %y#3", "heads %y, %y#1")
    check_gradients(text, s=np.array([0.1, 0.2]), p=np.int32([1]), limit=np.full(2, limit))


@pytest.mark.parametrize("predicate", [0, 1])
def test_gradients_of_a_branch(predicate):
    check_gradients(BRANCH, p=np.int32([predicate]))


def test_gradients_of_loops_in_loops():
    check_gradients(NESTED)


def test_threads_do_not_change_a_bit():
    text = RECURRENT.replace("3,4]", "96,256]").replace("3,5]", "96,512]").replace("[5,4]", "[512,256]").replace(
        "5,5]", "512,512]").replace("num_hidden=5", "num_hidden=512").replace("f64", "f32")
    graph = parse(text.format(count=3, reverse=False))
    arrays = values_of(graph)
    program = bound(program_of(graph, INFERENCE), arrays)
    results = []
    for threads in (1, 2, 4):
        TEAM.resize(threads)
        program.run("infer")
        results.append([array.copy() for array in outputs(program)])
    TEAM.resize(1)
    for other in results[1:]:
        assert all((a == b).all() for a, b in zip(results[0], other, strict=True))


def test_2000_steps():
    graph = parse(RECURRENT.format(count=2000, reverse=False))
    arrays = values_of(graph)
    program = bound(program_of(graph, INFERENCE), arrays)
    program.run("infer")
    for found, expected in zip(outputs(program), run(graph, arrays).heads, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


UNARY = ("sin", "tanh", "relu")
BINARY = ("elemwise_add", "elemwise_mul", "elemwise_sub", "broadcast_maximum")


@st.composite
def bodies(draw):
    """A body of random elementwise operators over a slice, two states and a constant, with random heads."""
    names = ["x0", "s0", "s1", "c0"]
    lines = []
    for i in range(draw(st.integers(1, 6))):
        pick = st.sampled_from(names)
        if draw(st.booleans()):
            lines.append(f"%n{i}: f64[2,3] = {draw(st.sampled_from(UNARY))}(%{draw(pick)})")
        else:
            lines.append(f"%n{i}: f64[2,3] = {draw(st.sampled_from(BINARY))}(%{draw(pick)}, %{draw(pick)})")
        names.append(f"n{i}")
    heads = [draw(st.sampled_from(names)) for _ in range(draw(st.integers(2, 4)))]
    variables = "%x0: f64[2,3]    %s0: f64[2,3]    %s1: f64[2,3]    %c0: f64[2,3]"
    return "\n".join([variables, *lines, "heads " + ", ".join(f"%{name}" for name in heads)]), len(heads)


@given(bodies(), st.integers(0, 3), st.booleans())
@settings(max_examples=15)
def test_random_bodies(body, count, reverse):
    text, heads = body
    shown = ", ".join(f"%y#{i}" if i else "%y" for i in range(heads))
    compiled_heads(f"""
        %x: f64[{count},2,3]    %s: f64[2,3]    %t: f64[2,3]    %c: f64[2,3]
        %y = _scan(%x, %s, %t, %c) count={count} slices=1 states=2 constants=1 reverse={reverse} {{
        {text}
        }}
        heads {shown}""")
