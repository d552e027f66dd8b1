"""The symbol.json layer.  tests/data/json: written by MXNet 1.9.1."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symc.errors import SymcError
from symc.frontend.symbol_json import Entry, RawGraph, RawNode, parse, print_graph, read

DATA = Path(__file__).parents[1] / "data" / "json"
WRITTEN_BY_1_9 = sorted(path.name for path in DATA.glob("*-symbol.json"))


def graph(**changes: object) -> dict:
    """e = exp(a), as JSON."""
    return {"nodes": [{"op": "null", "name": "a", "inputs": []}, {"op": "exp", "name": "e", "inputs": [[0, 0, 0]]}],
            "arg_nodes": [0], "heads": [[1, 0, 0]], "attrs": {"mxnet_version": ["int", 10901]}, **changes}


def with_node(number: int, **changes: object) -> dict:
    made = graph()
    made["nodes"][number] |= changes
    return made


EXPECTED = RawGraph((RawNode("null", "a"), RawNode("exp", "e", {}, (Entry(0),))), (Entry(1),))


def recorded_outputs(text: str) -> dict[str, int]:
    """Node name → outputs, from the running sum in the file; subgraphs included."""
    def walk(value: dict) -> dict[str, int]:
        rows = value["node_row_ptr"]
        counts = {}
        for i, node in enumerate(value["nodes"]):
            counts[node["name"]] = rows[i + 1] - rows[i]
            for subgraph in node.get("subgraphs", []):
                counts |= walk(subgraph)
        return counts
    return walk(json.loads(text))


@pytest.mark.parametrize("name", WRITTEN_BY_1_9)
def test_writes_the_bytes_of_mxnet(name: str) -> None:
    text = (DATA / name).read_text()
    outputs = recorded_outputs(text)
    assert print_graph(read(DATA / name), lambda node: outputs[node.name]) == text


@pytest.mark.parametrize("value", [
    graph(),
    graph(heads=[[1, 0]]),
    graph(heads=[1]),
    {key: value for key, value in graph().items() if key != "arg_nodes"},
    graph(attrs={"mxnet_version": 10901}),
    graph(attrs={"mxnet_version": ["str", "1.9.1"]}),
    with_node(1, inputs=[[0, 0]], backward_source_id=-1, control_deps=[0], attr={}),
    with_node(1, param={}, subgraphs=[]),
])
def test_dialects(value: dict) -> None:
    assert parse(json.dumps(value)) == EXPECTED
    assert parse(b"\xef\xbb\xbf" + json.dumps(value).encode()) == EXPECTED


def test_the_later_attribute_key_wins() -> None:
    node = parse(json.dumps(with_node(0, attr={"y": "2"}, param={"z": "3", "y": "9"}))).nodes[0]
    assert node.attrs == {"y": "2", "z": "3"}


def test_a_graph_without_a_version_is_of_0_8() -> None:
    value = graph()
    del value["attrs"]
    assert parse(json.dumps(value)).version == 800


def test_numpy_shape_semantics_are_kept() -> None:
    assert read(DATA / "np_shape-symbol.json").np_shape


def test_nodes_before_their_inputs_are_moved_behind_them() -> None:
    value = graph(heads=[[0, 0, 0]])
    value["nodes"] = [{"op": "exp", "name": "e", "inputs": [[1, 0, 0]]}, {"op": "null", "name": "a", "inputs": []}]
    found = parse(json.dumps(value))
    assert found == EXPECTED
    assert [node.index for node in found.nodes] == [1, 0]


def test_a_long_chain_in_either_direction() -> None:
    length = 20_000
    chain = [{"op": "null", "name": "a", "inputs": []}]
    chain += [{"op": "exp", "name": f"e{i}", "inputs": [[i, 0, 0]]} for i in range(length)]
    forward = parse(json.dumps(graph(nodes=chain, heads=[[length, 0, 0]])))
    backward = [node | {"inputs": [[length - entry[0], 0, 0] for entry in node["inputs"]]} for node in reversed(chain)]
    assert parse(json.dumps(graph(nodes=backward, heads=[[0, 0, 0]]))) == forward


def test_characters_beyond_ascii_and_control_characters() -> None:
    name = 'a"\\\n\r\té\x01😀'
    text = print_graph(RawGraph((RawNode("null", name, {"__k__": name}),), (Entry(0),)), lambda node: 1)
    assert r"\u" not in text                     # MXNet knows no such escape
    assert parse(text).nodes == (RawNode("null", name, {"__k__": name}),)


@pytest.mark.parametrize(("text", "message"), [
    ("", "net.json: line 1, column 1: Expecting value"),
    ('{"nodes": [', "line 1, column 12"),
    (b"\xff\xfe{", "byte 0 is not UTF-8"),
    ("[]", "expected an object with the keys nodes, heads, found a list of 0 items"),
    ("[" * 100_000, "nested too deeply"),
    ('{"a":' * 100_000, "nested too deeply"),
    (json.dumps(graph(heads=[[float("nan"), 0]])), "NaN is no JSON number"),
    ('{"nodes": [], "heads": [' + "9" * 5000 + "]}", "net.json: "),
    (json.dumps(graph(heads=[])), "the graph has no heads"),
    (json.dumps(graph(heads=[[2, 0]])), "head 0: refers to node 2, but there are 2 nodes"),
    (json.dumps(graph(heads=[[1, -1]])), "head 0: expected a number from 0 to 2³² - 1, found -1"),
    (json.dumps(graph(heads=[[True, 0]])), "head 0: expected a number .* found true"),
    (json.dumps(graph(heads=[[1, 0, 0, 0]])), "expected .node, output. or .*found a list of 4 items"),
    (json.dumps(graph(nodes={})), "nodes: expected a list of nodes, found an object of 0 items"),
    (json.dumps(graph(extra=1)), r'unknown key "extra"\n  the keys are nodes'),
    (json.dumps(graph(attrs={"mxnet_version": ["str", "new"]})), "expected a version .* found \"new\""),
    (json.dumps(with_node(1, op=None)), "node 1 'e', op: expected a string, found null"),
    (json.dumps(with_node(1, atrs={})), "node 1: unknown key \"atrs\""),
    (json.dumps(with_node(1, name="\ud800")), "half of a surrogate pair"),
    (json.dumps(with_node(1, attrs={"axis": 1})), "node 1 'e', attrs, axis: expected a string, found 1\n  MXNet"),
    (json.dumps(with_node(1, attrs=None)), "expected an object of strings, found null"),
    (json.dumps(with_node(1, inputs=[[5, 0, 0]])), "node 1 'e', input 0: refers to node 5"),
    (json.dumps(with_node(1, inputs=[[1, 0, 0]])), "node 1 'e': depends on itself: the graph has a cycle"),
    (json.dumps(graph(nodes=[{"op": "exp", "name": "e"}])), "node 0: the key 'inputs' is missing"),
    (json.dumps(with_node(1, subgraphs=[graph(heads=[9])])), "node 1 'e', subgraph 0, head 0: refers to node 9"),
])
def test_errors_say_where(text: str | bytes, message: str) -> None:
    with pytest.raises(SymcError, match=message):
        parse(text, "net.json")


def test_nested_subgraphs_end_somewhere() -> None:
    value = graph()
    for _ in range(40):
        outer = graph()
        outer["nodes"][1]["subgraphs"] = [value]
        value = outer
    with pytest.raises(SymcError, match="nested more than 32 deep"):
        parse(json.dumps(value))


def read_or_refuse(text: bytes) -> None:
    try:
        found = parse(text)
    except SymcError:
        return
    assert all(entry.node < i for i, node in enumerate(found.nodes) for entry in node.inputs)


def test_every_truncation_is_refused() -> None:
    text = (DATA / "multi_output-symbol.json").read_bytes().rstrip()
    for end in range(len(text)):
        with pytest.raises(SymcError):
            parse(text[:end])


@given(st.sampled_from(["multi_output-symbol.json", "foreach-symbol.json"]), st.data())
@settings(max_examples=300, deadline=2000)
def test_flipped_bits_read_or_are_refused(name: str, data: st.DataObject) -> None:
    damaged = bytearray((DATA / name).read_bytes())
    for position in data.draw(st.lists(st.integers(0, len(damaged) * 8 - 1), min_size=1, max_size=4)):
        damaged[position // 8] ^= 1 << position % 8
    read_or_refuse(bytes(damaged))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["nodes", "heads", "op", "name", "inputs", "attrs", "subgraphs", "mxnet_version"]), inner),
    max_leaves=25)


@given(json_values)
@settings(max_examples=300, deadline=None)
def test_any_json_reads_or_is_refused(value: object) -> None:
    read_or_refuse(json.dumps(value).encode())
