"""Requests of custom operators: what nobody reads, and what a gradient buffer adds up."""

import symc as mx
from symc.ir.graph import Graph
from symc.ir.text import print_graph
from symc.ops.families.custom import CustomBackward
from symc.passes.custom_requests import TellCustomRequests
from symc.passes.gradient import Differentiate
from symc.passes.pipeline import typed
from tests import custom_operators  # noqa: F401  (registers them)


def backward(symbol: mx.Symbol, **requests: str) -> Graph:
    return TellCustomRequests()(Differentiate(tuple(requests.items()))(typed(symbol.graph, {"x": (2,)})))


def requests_of(graph: Graph) -> list[tuple[str, ...]]:
    return [node.op.requests for node in graph.nodes if isinstance(node.op, CustomBackward)]


X, Y = mx.sym.var("x"), mx.sym.var("y")


def test_unread_and_added_gradients() -> None:
    graph = backward(mx.sym.Custom(X, Y, op_type="recording"), x="add")
    assert requests_of(graph) == [("add", "null")]
    assert "_accumulated/x" in print_graph(graph) and [g.req for g in graph.gradients] == ["write"]


def test_a_part_of_a_gradient_is_written() -> None:
    graph = backward(mx.sym.Custom(X, Y, op_type="recording")[0] + X, x="add", y="write")
    assert requests_of(graph) == [("write", "write")] and [g.req for g in graph.gradients] == ["add", "write"]


def test_chains() -> None:
    inner = mx.sym.Custom(X, Y, op_type="recording")
    graph = backward(mx.sym.Custom(inner[0], inner[1], op_type="recording"), x="add", y="add")
    assert sorted(requests_of(graph)) == [("add", "add"), ("write", "write")]


def test_other_graphs_stay() -> None:
    graph = Differentiate((("x", "add"),))(typed(mx.sym.exp(X).graph, {"x": (2,)}))
    assert TellCustomRequests()(graph) is graph
