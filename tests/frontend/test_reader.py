"""Symbol files to graphs and back, mostly with operators made for these tests."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from symc.errors import MXNetError, ParameterError, SymcError, UnsupportedOperatorError
from symc.frontend.reader import choose_heads, parse_graph, print_graph, read_graph, to_graph, to_raw, variable_type
from symc.frontend.symbol_json import Entry, RawGraph, RawNode, parse
from symc.ir.graph import Graph, Source
from symc.ir.types import DType, TensorType
from symc.ops.operator import Operator, Optional
from symc.ops.parameters import internal
from symc.ops.record import record
from symc.ops.registry import REGISTRY

DATA = Path(__file__).parents[1] / "data" / "json"


@record
class Dense(Operator):
    name = "t_dense"
    size: int
    no_bias: bool = False
    inputs = ("data", "weight", Optional("bias", unless="no_bias"))


@record
class Norm(Operator):
    name = "t_norm"
    inputs = ("data", "gamma")
    auxiliary = ("mean",)
    outputs = ("output", "mean")


@record
class Loop(Operator):
    name = "t_loop"
    graphs: tuple[Graph, ...] = internal(())

    @property
    def subgraphs(self) -> tuple[Graph, ...]:
        return self.graphs


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for key, block in (("t_dense", Dense), ("t_norm", Norm), ("t_loop", Loop), ("t_alias", Norm)):
        monkeypatch.setitem(REGISTRY, key, block)
    yield


def var(name: str, **attrs: str) -> RawNode:
    return RawNode("null", name, attrs)


def dense(name: str, data: int, weight: int, **attrs: str) -> RawNode:
    return RawNode("t_dense", name, {"size": "3", "no_bias": "True", **attrs}, (Entry(data), Entry(weight)))


def raw(*nodes: RawNode, heads: tuple[Entry, ...] = (), version: int = 10901) -> RawGraph:
    numbered = [RawNode(n.op, n.name, n.attrs, n.inputs, n.subgraphs, i) for i, n in enumerate(nodes)]
    return RawGraph(tuple(numbered), heads or (Entry(len(nodes) - 1),), version)


NET = raw(var("x", __shape__="(2, 0)", __dtype__="2", __lr_mult__="3"), var("w"), dense("d", 0, 1, __k__="v"),
          var("g"), var("m"), RawNode("t_norm", "n", {}, (Entry(2), Entry(3), Entry(4, 0, 1))),
          RawNode("t_norm", "n2", {}, (Entry(5), Entry(3), Entry(4, 0, 2))), heads=(Entry(6, 1), Entry(5)))


def test_there_and_back() -> None:
    graph = to_graph(NET)
    assert to_raw(graph) == NET
    assert [node.sources for node in graph.nodes] == [(Source(n.name, i),) for i, n in enumerate(NET.nodes)]
    assert graph.nodes[0].types == (TensorType((2, None), DType.float16),)
    assert graph.nodes[2].attrs == {"size": "3", "no_bias": "True", "__k__": "v"}
    assert parse(print_graph(graph)) == NET
    assert json.loads(print_graph(graph))["node_row_ptr"] == [0, 1, 2, 3, 4, 5, 7, 9]


@pytest.mark.parametrize("name", ["lenet", "mlp", "multi_output", "super_resolution", "text_cnn"])
def test_a_network_comes_back_to_the_byte(name: str) -> None:
    path = DATA / f"{name}-symbol.json"
    assert print_graph(read_graph(path)) == path.read_text()


def test_aliases_become_canonical_names() -> None:
    node = RawNode("t_alias", "n", {}, (Entry(0), Entry(1), Entry(2, 0, 1)))
    assert to_raw(to_graph(raw(var("x"), var("g"), var("m"), node))).nodes[3].op == "t_norm"


def test_subgraphs_are_converted() -> None:
    body = raw(var("y"), var("w"), dense("inner", 0, 1))
    whole = raw(var("x"), RawNode("t_loop", "l", {}, (Entry(0),), (body,)))
    graph = to_graph(whole)
    assert [node.name for node in graph.nodes[1].op.subgraphs[0].nodes] == ["y", "w", "inner"]
    assert to_raw(graph) == whole
    with pytest.raises(ParameterError, match=r"node 'd' \(t_dense, JSON node 1\): the operator takes no subgraphs"):
        to_graph(raw(var("x"), RawNode("t_dense", "d", {"size": "1"}, (), (body,))))


def test_old_graphs_are_upgraded() -> None:
    norm = {"op": "t_norm", "name": "n", "inputs": [[0, 0], [1, 0]], "attr": {"gamma_lr_mult": "2"}}
    variables = [{"op": "null", "name": name, "inputs": []} for name in ("x", "g")]
    graph = parse_graph(json.dumps({"nodes": [*variables, norm], "heads": [[2, 0]]}))
    assert [node.name for node in graph.nodes] == ["x", "g", "n_mean", "n"]
    assert graph.nodes[1].attrs == {"__lr_mult__": "2"}
    assert [node.sources[0].index for node in graph.nodes] == [0, 1, None, 2]


def test_all_unknown_operators_are_listed_with_their_nodes() -> None:
    body = raw(var("y"), RawNode("Odd", "c", {}, (Entry(0),)))
    net = raw(var("x"), RawNode("Odd", "a", {}, (Entry(0),)), RawNode("Odd", "b", {}, (Entry(1),)),
              RawNode("t_loop", "l", {}, (Entry(2),), (body,)), RawNode("Strange", "s", {}, (Entry(3),)))
    with pytest.raises(UnsupportedOperatorError) as caught:
        to_graph(net, "net.json")
    assert isinstance(caught.value, MXNetError)
    assert caught.value.message == (
        "2 problems in net.json\n"
        "  operator Odd is not supported; 3 nodes need it: 'a' (JSON node 1), 'b' (JSON node 2), 'c' (JSON node 1)\n"
        "  operator Strange is not supported; 1 node needs it: 's' (JSON node 4)")


def test_all_wrong_parameters_and_inputs_are_listed() -> None:
    net = raw(var("x", __dtype__="99"), var("w"), dense("a", 0, 1, size="big"), dense("b", 0, 1, unknown="1"),
              RawNode("t_dense", "c", {"size": "1"}, (Entry(1), Entry(1))),
              RawNode("t_norm", "n", {}, (Entry(1, 7), Entry(1), Entry(1))), RawNode("null", "v", {}, (Entry(1),)),
              heads=tuple(map(Entry, range(2, 7))))
    with pytest.raises(ParameterError) as caught:
        to_graph(net)
    for problem in ("6 problems", "'x' (variable, JSON node 0): __dtype__ 99", "node 'a' (t_dense): parameter size",
                    "node 'b' (t_dense): unknown parameter unknown='1' (parameters are: size, no_bias)",
                    "node 'c' (t_dense, JSON node 4): has 2 inputs, but needs 3: data, weight, bias",
                    "node 'n' (t_norm, JSON node 5): needs output 7 of 'w', which has 1",
                    "node 'v' (variable, JSON node 6): a variable has no inputs"):
        assert problem in str(caught.value)


def test_nodes_that_no_head_needs_may_be_unknown() -> None:
    net = raw(var("x"), RawNode("Odd", "o", {}, (Entry(0),)), heads=(Entry(0),))
    assert [node.name for node in to_graph(net).nodes] == ["x"]


def test_choose_heads_by_output_or_node() -> None:
    assert choose_heads(NET, ["n_mean", "n2_output", "d", "x"]).heads == (Entry(5, 1), Entry(6), Entry(2), Entry(0))
    net = raw(var("x"), RawNode("Odd", "o", {}, (Entry(0),)))
    assert choose_heads(net, ["o_output"]).heads == (Entry(1),)
    with pytest.raises(SymcError, match="(?s)net.json.*no output 'n_meen'.*did you mean 'n_mean'"):
        choose_heads(NET, ["n_meen"], "net.json")


@pytest.mark.parametrize(("attrs", "np_shape", "shape"), [
    ({}, False, None), ({"__shape__": "()"}, False, None), ({"__shape__": "(2L, 0L)"}, False, (2, None)),
    ({"__shape__": "()"}, True, ()), ({"__shape__": "(-1, 0)"}, True, (None, 0)),
    ({"__shape__": "(-1, 4)"}, False, (None, 4)), ({"__shape__": "None"}, True, None),
    ({"__shape__": "[3,4]", "__dtype__": "-1"}, False, (3, 4)),
])
def test_types_of_variables(attrs: dict, np_shape: bool, shape: tuple | None) -> None:
    assert variable_type(attrs, "x", np_shape) == TensorType(shape)


def test_a_long_chain() -> None:
    nodes = [var("x")] + [RawNode("t_loop", f"l{i}", {}, (Entry(i),)) for i in range(20_000)]
    net = raw(*nodes)
    assert to_raw(to_graph(net)) == net
