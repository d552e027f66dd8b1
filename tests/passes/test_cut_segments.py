"""What is computed together, and what passes between segments."""

import pytest

from symc.ir.graph import Graph, Node, Value, variable
from symc.ir.text import print_graph
from symc.ir.types import DType, TensorType
from symc.ir.verify import verify
from symc.ops.operator import find
from symc.passes.cut_segments import cut, head_names
from tests.conftest import assert_matches

JOINED = """
    %x: f32[4]    %_head_gradient0: f32[4]    %_head_gradient1: f32[4]
    %y = relu(%x)
    %z = exp(%y)
    %dy = elemwise_mul(%_head_gradient1, %z)
    %sum = elemwise_add(%_head_gradient0, %dy)
    %dx = elemwise_mul(%y, %sum)
    heads %y, %z
    gradient %x = %dx
"""


@pytest.fixture
def segments(graph):
    """`segments(text, there)`: place, graph and outputs of each segment, the nodes named being elsewhere."""
    def make(text, there=""):
        whole = graph(text)
        places = {node: "there" if node.name in there.split() else "here"
                  for node in (*whole.nodes, *whole.unread_variables)}
        found = cut(whole, places)
        for segment in found:
            verify(segment.graph, typed=True)
        return found
    return make


def check(found, *expected):
    """Each segment: its place, its outputs, its graph."""
    assert len(found) == len(expected), [print_graph(segment.graph) for segment in found]
    for segment, (place, outputs, text) in zip(found, expected, strict=True):
        assert (segment.place, " ".join(segment.outputs)) == (place, outputs)
        assert_matches(print_graph(segment.graph), text)


def test_forward_and_backward(segments):
    check(segments(JOINED, "z dy"), (
        "here", "_head/0", """
            %y = relu(%x)
            heads %y
        """), (
        "there", "_head/1", """
            %z = exp(%_head/0)
            heads %z
        """), (
        "there", "", """
            %dy = elemwise_mul(%_head_gradient1, %_head/1)
            heads
            gradient %_border/dy = %dy
        """), (
        "here", "", """
            %sum = elemwise_add(%_head_gradient0, %_border/dy)
            %dx = elemwise_mul(%_head/0, %sum)
            heads
            gradient %x = %dx
        """))


def test_what_waits_for_nothing_joins_its_readers(segments):
    found = segments("""
        %x: f32[4]    %w: f32[4]
        %a = exp(%x)
        %b = sin(%a)
        %p = relu(%w)
        %c = elemwise_mul(%b, %p)
        heads %c
    """, "b")
    check(found, ("here", "_border/a", "%a = exp(%x)\nheads %a"),
          ("there", "_border/b", "%b = sin(%_border/a)\nheads %b"),
          ("here", "_head/0", "%p = relu(%w)\n%c = elemwise_mul(%_border/b, %p)\nheads %c"))


def test_independent_chains_are_few_segments(segments):
    """All steps of a layer are one segment, however they are mixed with those of the next."""
    steps = "\n".join(f"%a{i} = tanh(%a{i - 1})\n%b{i} = elemwise_add(%a{i}, %b{i - 1})" for i in range(1, 7))
    found = segments(f"%a0: f32[4]    %b0: f32[4]\n{steps}\nheads %b6", " ".join(f"b{i}" for i in range(1, 7)))
    assert [(segment.place, len(segment.graph.nodes)) for segment in found] == [("here", 7), ("there", 13)]


def test_several_outputs_and_constants(segments):
    check(segments("""
        %x: f32[4,2]    %c: f32[2] = const
        %s:2 = SliceChannel(%x) num_outputs=2 axis=0
        %a = broadcast_add(%s#1, %c)
        %b = broadcast_mul(%a, %c)
        heads %b
    """, "b"), (
        "here", "_border/a", """
            %s = SliceChannel(%x) num_outputs=2 axis=0
                ...
            %a = broadcast_add(%s#1, %c)
            heads %a
        """), ("there", "_head/0", "...\n%b = broadcast_mul(%_border/a, %c)\nheads %b"))


def test_heads_that_are_repeated_or_variables(segments):
    found = segments("%x: f32[4]\n%w: f32[4]\n%a = exp(%x)\n%b = elemwise_mul(%a, %w)\nheads %a, %w, %a, %b", "b w")
    check(found, ("here", "_head/0 _head/2", "%a = exp(%x)\nheads %a, %a"),
          ("there", "_head/1", "heads %w"), ("there", "_head/3", "%b = elemwise_mul(%_head/0, %w)\nheads %b"))


def test_gradients_that_need_no_operator_of_backward(segments):
    """They are written in backward, when their request says so."""
    found = segments("""
        %x: f32[4]    %w: f32[4]    %u: f32[4]
        %a = exp(%x)
        heads %a
        gradient %x += %a
        gradient %w = %u
    """, "w u")
    check(found, ("here", "_head/0", "%a = exp(%x)\nheads %a"), ("here", "", "heads\ngradient %x += %_head/0"),
          ("there", "", "heads\ngradient %w = %u"))


def test_a_variable_is_written_when_all_have_read_it(segments):
    found = segments("""
        %x: f32[4]    %m: f32[4]
        %n = elemwise_add(%x, %m)
        %a = elemwise_mul(%x, %m)
        %b = exp(%a)
        %c = elemwise_mul(%b, %m)
        heads %c
        update forward %m = %n
    """, "b")
    check(found, (
        "here", "_border/a _border/n", """
            %a = elemwise_mul(%x, %m)
            %n = elemwise_add(%x, %m)
            heads %a, %n
        """), ("there", "_border/b", "%b = exp(%_border/a)\nheads %b"), (
        "here", "_head/0", """
            %c = elemwise_mul(%_border/b, %m)
            heads %c
            update forward %m = %_border/n
        """))


def test_the_last_of_several_updates_counts(segments):
    found = segments("""
        %x: f32[4]    %m: f32[4]
        %a = exp(%x)
        %b = sin(%a)
        %n = elemwise_add(%b, %m)
        %k = elemwise_mul(%a, %m)
        heads %b
        update backward %m = %n
        update backward %m = %k
    """, "b n")
    assert [len(segment.graph.updates) for segment in found] == [0, 0, 1]
    assert_matches(print_graph(found[-1].graph), "%k = elemwise_mul(%_border/a, %m)\nheads\nupdate backward %m = %k")


def test_thousands_of_borders():
    x = variable("x", TensorType((4,), DType.float32))
    node = x
    for i in range(5000):
        node = Node(f"r{i}", find("relu")(), (Value(node),), x.types)
    graph = Graph((Value(node),))
    found = cut(graph, {node: i % 2 for i, node in enumerate(graph.nodes)})
    assert len(found) == 5000 and head_names(graph) == ["_head/0"] == list(found[-1].outputs)
