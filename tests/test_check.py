"""What `symc check` finds in networks that symc has all of, and in those that it has not."""

import json
from pathlib import Path

import pytest

from symc import report
from symc.check import find
from symc.errors import SymcError
from symc.frontend.reader import print_graph, read_graph

DATA = Path(__file__).parent / "data"
NETWORKS = sorted([*(DATA / "networks").glob("*-symbol.json"), *(DATA / "json").glob("*-symbol.json")])


def node(op, name, *inputs, subgraphs=(), **attrs):
    """A record of a symbol.json; inputs are positions, or (position, output)."""
    entries = [[i, 0, 0] if isinstance(i, int) else [*i, 0] for i in inputs]
    record = {"op": op, "name": name, "attrs": attrs, "inputs": entries}
    return record | ({"subgraphs": list(subgraphs)} if subgraphs else {})


def graph_of(*nodes, heads):
    return {"nodes": list(nodes), "heads": [[head, 0, 0] for head in heads], "attrs": {"mxnet_version": ["int", 10901]}}


BROKEN = graph_of(
    node("null", "data"), node("null", "w"),
    node("FullyConnected", "fc", 0, 1, num_hidden="4", no_bias="True"),
    node("_contrib_quantize_v2", "q", 2, out_type="int8"),
    node("Activatoin", "act", 2, act_type="relu"),
    node("Activation", "wrong", 2, act_type="rleu", __mood__="good"),
    node("null", "softmax_label"),
    node("_contrib_fft", "spectrum", 6),
    node("SoftmaxOutput", "softmax", 4, 7), heads=(8,))


@pytest.fixture
def checked(tmp_path):
    """`checked(symbol, ...)`: the report of a symbol's file."""
    def check(symbol, outputs=(), train=False):
        (tmp_path / "net.json").write_bytes(symbol if isinstance(symbol, bytes) else json.dumps(symbol).encode())
        return report.check(tmp_path / "net.json", find(tmp_path / "net.json", outputs, train))
    return check


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.name)
def test_networks_that_compile_are_supported(path):
    found = report.check(path, find(path, train=True))
    assert found["supported"] and not found["problems"] and not found["possible_outputs"]
    held = [use for use in read_graph(path).nodes if use.op is not None]
    assert sum(row["count"] for row in found["operators"]) >= len(held)
    assert json.loads(json.dumps(found)) == {**found, "network": str(path)}


def test_what_is_missing_wrong_and_dead(checked):
    found = checked(BROKEN)
    rows = {row["operator"]: row for row in found["operators"]}
    assert not found["supported"] and found["written_by"] == "MXNet 1.9.1" and found["outputs"] == ["softmax_output"]
    assert {name: (row["needed_for"], row["forward"], row["backward"], row["cuda"]) for name, row in rows.items()} == {
        "FullyConnected": ("inference", "yes", "yes", "yes"), "Activatoin": ("inference", "no", "no", "no"),
        "_contrib_fft": ("training", "no", "no", "no"), "SoftmaxOutput": ("inference", "yes", "yes", "yes"),
        "_contrib_quantize_v2": ("nothing", "no", "no", "no"), "Activation": ("nothing", "yes", "?", "yes")}
    assert rows["Activation"]["nodes"] == ["wrong"] and rows["Activation"]["attributes"] == {"act_type": ["rleu"]}
    problems = {row["operator"]: row for row in found["problems"]}
    assert problems["_contrib_fft"]["problem"] == "MXNet has it for GPUs only"
    assert problems["Activatoin"]["instead"].startswith("did you mean 'Activation'?")
    assert "act_type='rleu'" in problems["Activation"]["problem"]
    assert problems["_contrib_quantize_v2"]["instead"].startswith("none is needed")
    assert found["possible_outputs"] == ["fc_output"]


def test_chosen_outputs_leave_the_rest_dead(checked):
    found = checked(BROKEN, ["fc_output"])
    assert found["supported"] and found["outputs"] == ["fc_output"]
    assert {row["operator"] for row in found["operators"] if row["needed_for"] == "inference"} == {"FullyConnected"}
    assert {row["needed_for"] for row in found["problems"]} == {"nothing"}


def test_wrong_parameters_and_inputs(checked):
    found = checked(graph_of(node("null", "x"), node("FullyConnected", "fc", 0, num_hidden="4"),
                             node("relu", "r", 0, alpha="1"), node("tanh", "t", (0, 3)), heads=(1, 2, 3)))
    assert [row["nodes"] for row in found["problems"]] == [["fc"]] and not found["supported"]
    assert "has 1 inputs, but needs 3: data, weight, bias" in found["problems"][0]["problem"]
    other = checked(graph_of(node("null", "x"), node("tanh", "t", (0, 3)), heads=(1,)))
    assert "needs output 3 of 'x', which has 1" in other["problems"][0]["problem"] and not other["supported"]


def test_operators_in_bodies(checked):
    body = graph_of(node("null", "y"), node("Odd", "odd", 0), node("_contrib_fft", "dead", 0), heads=(1,))
    loop = node("_foreach", "loop", 0, subgraphs=[body], num_args="2", num_outputs="1", num_out_data="1",
                in_data_locs="(0,)", in_state_locs="()", remain_locs="()")
    found = checked(graph_of(node("null", "x"), node("tanh", "t", 0), loop, heads=(2, 1)))
    assert {row["operator"]: (row["nodes"], row["needed_for"]) for row in found["operators"]} == {
        "_foreach": (["loop"], "inference"), "Odd": (["loop/odd"], "inference"), "tanh": (["t"], "inference"),
        "_contrib_fft": (["loop/dead"], "nothing")}
    assert not found["supported"] and found["possible_outputs"] == ["t_output"]


def test_gradients_that_cannot_pass(checked):
    symbol = graph_of(node("null", "data"), node("null", "w"), node("broadcast_mul", "m", 0, 1),
                      node("_contrib_allclose", "close", 2, 0), node("_contrib_allclose", "behind", 2, 0),
                      node("BlockGrad", "free", 4), heads=(3, 5))
    assert checked(symbol)["supported"]
    found = checked(symbol, train=True)
    assert [(row["operator"], row["nodes"]) for row in found["problems"]] == [("_contrib_allclose", ["close"])]
    assert checked(symbol, ["free_output"], train=True)["supported"]
    rows = {row["operator"]: row["backward"] for row in found["operators"]}
    assert rows == {"broadcast_mul": "yes", "_contrib_allclose": "no", "BlockGrad": "zero"}


def test_old_files(checked):
    nodes = [node("null", "x"), node("BatchNorm", "bn", 0, 2, 3), node("null", "g"), node("null", "b")]
    found = checked({"nodes": nodes, "heads": [[1, 0]]})
    assert found["supported"] and found["written_by"] == "MXNet 0.8.0"


LOOP = graph_of(node("relu", "r", 0), heads=(0,))


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b'{"nodes": [], "heads": []}', b"\xff", b"[" * 100_000,
                                  json.dumps(LOOP).encode(), json.dumps(BROKEN).encode()[:-200]])
def test_damaged_files_are_one_error(checked, text):
    with pytest.raises(SymcError, match="net.json"):
        checked(text)


def test_summary_is_short(checked):
    shown = report.check_summary(checked(BROKEN))
    assert shown["supported"] == "no" and all(isinstance(row["nodes"], str) for row in shown["operators"])
    many = graph_of(node("null", "x"), *(node("tanh", f"t{i}", i) for i in range(9)), heads=(9,))
    assert report.check_summary(checked(many))["operators"][0]["nodes"] == "t0, t1, t2 and 6 more"


def test_a_long_chain(checked, graph):
    lines = "\n".join(f"%v{i + 1} = tanh(%v{i})" for i in range(20_000))
    chain = print_graph(graph(f"%v0: f32[2]\n{lines}\nheads %v20000"))
    assert checked(chain.encode(), train=True)["supported"]
