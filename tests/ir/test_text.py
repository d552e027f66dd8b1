"""The text form parses back."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from symc.ir.graph import Graph, Node, Source, Value, constant, variable
from symc.ir.text import parse_graph, print_graph
from symc.ir.types import DType, TensorType
from symc.ops.families.activation import relu
from symc.ops.operator import from_text


def round_trip(text):
    return print_graph(parse_graph(text, from_text))


@pytest.mark.parametrize("text", [
    "%x: f32[2,3]\nheads %x\n",
    "%x: ?[*]\n%y: ?[?,3] = relu(%x)\nheads %y, %x\n",
    '%x: f32[2]\n%y: f32[2] = relu(%x) {__lr_mult__="2" __ctx_group__="a \\"b\\" {c}"}\nheads %y\n',
    "%x: f32[2]\n%y: f32[2] = relu(%x)  # from a@3, b, y\nheads %y\n",
    "%c: f32[2] = const [1.5, -2.0]\n%y: f32[2] = relu(%c)\n%d: i64[] = const 3\nheads %y, %d\n",
    "%x: f32[1,32,4,4]:aBcd16b\n%y: f32[1,32,4,4]:aBcd16b = relu(%x)\nheads %y\n",
    "%x: f32[2]\n%y: f32[2] = relu(%x)\n%g: f32[2]\n%d: f32[2] = elemwise_mul(%g, %y)\nheads %y\n"
    "gradient %x += %d\nupdate backward %x = %y\nupdate forward %g = %y\n",
    "%x: f32[2]\n%state: f32[2]\nheads %x\nupdate backward %state = %x\n",
    '%"a b": f32[2]\n%"p,q(%r)": f32[2] = relu(%"a b")\n%s: f32[2] = relu(%"p,q(%r)")\nheads %"p,q(%r)", %s\n',
    '%"x \\"y": f32[2]\n%z: f32[2] = elemwise_add(%"x \\"y", %"x \\"y")\nheads %z\n'
    'gradient %"x \\"y" = %z\nupdate backward %"x \\"y" = %z\n',
    '%"a: b = c": f32[2]\n%"d  # from e": f32[2] = relu(%"a: b = c")\nheads %"d  # from e"\n',
])
def test_round_trip(text, graph):
    graph(text)
    assert round_trip(text) == text


def test_round_trip_of_several_outputs(graph):
    text = ("%x: f32[2,4]\n%s: (f32[2,2], f32[2,2]) = SliceChannel(%x) num_outputs=2\n"
            "%y: f32[2,2] = elemwise_mul(%s, %s#1)\nheads %s#1, %y\n")
    g = graph(text)
    assert [(v.node.name, v.index) for v in g.heads] == [("s", 1), ("y", 0)]
    assert print_graph(g) == text


def test_round_trip_of_nested_graphs():
    text = """\
%x: f32[2]
%y: f32[2] = group(%x) master=reduction {
  %a: f32[2]
  %b: f32[2] = group(%a) master=injective {
    %c: f32[2]
    heads %c
  } {
    %c: f32[2]
    %d: f32[2] = relu(%c)  # from e
    heads %d
  }
  heads %b
} {__mark__="in braces"}  # from y, z
%z: f32[2] = relu(%y)
heads %z
"""
    import symc.ops.group  # noqa: F401  registers the operator
    assert round_trip(text) == text


@given(st.text(min_size=1))
@example("a) b")
@example("  # from x")
@example("é\n\\")
def test_any_name(name):
    x = variable(name, TensorType((2,), DType.float32))
    text = print_graph(Graph((Value(Node(name + "'", relu(), (Value(x), ), x.types, sources=x.sources)),)))
    again = parse_graph(text, from_text)
    assert [node.name for node in again.nodes] == [name, name + "'"]


@given(st.lists(st.floats(width=32), max_size=16))
def test_constants_keep_every_bit(values):
    array = np.array(values, np.float32)
    c = constant("c", array, TensorType(array.shape, DType.float32), (Source("c"),))
    again = parse_graph(print_graph(Graph((Value(c),))), from_text).nodes[0].value
    np.testing.assert_array_equal(again, array)
    number = ~np.isnan(array)
    np.testing.assert_array_equal(np.signbit(again[number]), np.signbit(array[number]))


def test_large_constants_are_given_or_drawn_by_name():
    text = "%w: f32[5,5] = const\n%v: f32[5,5] = const\nheads %w, %v\n"
    first, second = (parse_graph(text, from_text) for _ in range(2))
    np.testing.assert_array_equal(first.nodes[0].value, second.nodes[0].value)
    assert (first.nodes[0].value != first.nodes[1].value).any()
    given_value = np.ones((5, 5), np.float32)
    assert parse_graph(text, from_text, {"w": given_value}).nodes[0].value is given_value
    assert print_graph(first) == text


def test_text_without_sources_depends_on_the_computation_alone():
    x = variable("x", TensorType((2,), DType.float32))
    text = print_graph(Graph((Value(Node("y", relu(), (Value(x),), x.types, sources=(Source("other", 3),))),)), False)
    assert "#" not in text


def test_several_variables_on_a_line(graph):
    g = graph("%a, %b: f32[4]    %c: i32[2]\n%s = elemwise_add(%a, %b)\nheads %s, %c")
    assert [(v.name, str(v.types[0])) for v in g.variables] == [("a", "f32[4]"), ("b", "f32[4]"), ("c", "i32[2]")]


def test_undefined_name():
    with pytest.raises(AssertionError, match="%x is not defined"):
        parse_graph("%y = relu(%x)\nheads %y", from_text)
