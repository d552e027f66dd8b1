"""Traversal, readers, rewriting."""

from dataclasses import replace

from symc.ir.graph import Gradient, Graph, Node, Source, Update, Value, merge_sources, unique_names, variable
from symc.ir.text import print_graph
from symc.ir.verify import verify
from symc.ops.families.activation import relu

LONG = 20_000


def chain(length):
    value = Value(variable("x"))
    for i in range(length):
        value = Value(Node(f"n{i}", relu(), (value,), sources=(Source(f"n{i}"),)))
    return Graph((value,))


def test_long_chain():
    graph = chain(LONG)
    assert len(graph.nodes) == LONG + 1
    assert graph.nodes[0].name == "x" and graph.nodes[-1].name == f"n{LONG - 1}"
    assert len(graph.readers) == LONG
    verify(graph)
    renamed = graph.rewrite(lambda node: replace(node, name=f"{node.name}.new").outputs)
    assert [node.name for node in renamed.nodes[:2]] == ["x.new", "n0.new"]
    assert print_graph(graph).count("\n") == LONG + 2


def test_order_is_depth_first_inputs_left_to_right(graph):
    g = graph("""
        %b: f32[2]
        %a: f32[2]
        %p = relu(%a)
        %q = relu(%b)
        %s = elemwise_add(%q, %p)
        heads %p, %s
    """)
    assert [node.name for node in g.nodes] == ["a", "p", "b", "q", "s"]


def test_readers_count_each_use(graph):
    g = graph("%a: f32[2]\n%s = elemwise_add(%a, %a)\nheads %s")
    a, s = g.nodes
    assert g.readers == {Value(a): (s, s)}


def test_entries_of_a_graph_with_backward(graph):
    g = graph("%x: f32[2]\n%d: f32[2]\n%y = relu(%x)\n%dx = elemwise_mul(%d, %y)\nheads %y\ngradient %x = %dx\n"
              "update backward %d = %y")
    assert {node.name for node in g.forward_nodes} == {"x", "y"}
    assert [value.node.name for value in g.roots] == ["y", "dx", "y"]
    assert [node.name for node in g.variables] == ["x", "d"]


def test_rewrite_without_change_is_the_graph_itself():
    graph = chain(3)
    assert graph.rewrite(lambda node: None) is graph
    assert graph.rewrite(lambda node: node.outputs) is graph


def test_rewrite_sees_rewritten_inputs_and_drops_what_nothing_uses():
    seen = []

    def visit(node):
        seen.append([value.node.name for value in node.inputs])
        return (node.inputs[0],) if node.name == "n1" else None
    assert [node.name for node in chain(4).rewrite(visit).nodes] == ["x", "n0", "n2", "n3"]
    assert seen == [[], ["x"], ["n0"], ["n0"], ["n2"]]


def test_rewrite_reaches_the_written_variables():
    x = variable("x")
    y = Node("y", relu(), (Value(x),), sources=(Source("y"),))
    graph = Graph((Value(y),), (Gradient(x, Value(y), "add"),), (Update(x, Value(y)),))
    new = graph.rewrite(lambda node: (Value(variable("z")),) if node.is_variable else None)
    assert new.gradients[0].variable.name == new.updates[0].variable.name == "z"
    assert new.gradients[0].req == "add"
    verify(new)


def test_merge_sources_keeps_each_once_in_order():
    a, b, c = (Node(name, sources=tuple(map(Source, name))) for name in ("pq", "qr", "p"))
    assert [source.name for source in merge_sources(a, b, c)] == ["p", "q", "r"]
    assert str(Source("fc", 7)) == "fc@7"


def test_unique_names():
    x, y = variable("a"), variable("a.1")
    nodes = [x, y, *(Node("a", relu(), (Value(v),), sources=(Source("a"),)) for v in (x, y))]
    names = unique_names(Graph(tuple(map(Value, nodes))))
    assert names[x] == "a" and names[y] == "a.1"
    assert len(set(names.values())) == 4
