"""MXNet's symbol.json as plain data: every dialect from 0.8 to 2.0 is read, the form of 1.9 is written.

No operator is needed to read: names, attributes and connections only.  `legacy.upgrade` brings an old graph up to
date, `reader.to_graph` gives it meaning.  The format is that of nnvm's saveload_json.cc; like it, unknown keys are
refused, because a misspelt `attrs` would be a network with other numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, NoReturn

from symc.errors import MXNetError
from symc.frontend.files import FilePath, read_bytes
from symc.frontend.limits import limits, way_out

VARIABLE = "null"                   # the operator name of variables
CURRENT_VERSION = 10901             # MXNet 1.9.1: major · 10000 + minor · 100 + patch
FIRST_VERSION = 800                 # MXNet 0.8.0, the last release that wrote no version

GRAPH_KEYS = ("nodes", "arg_nodes", "node_row_ptr", "heads", "attrs")
ATTRIBUTE_KEYS = ("param", "attr", "attrs")     # up to 0.8, up to 0.12 and since; the later one wins
NODE_KEYS = ("op", "name", "inputs", *ATTRIBUTE_KEYS, "subgraphs", "control_deps", "backward_source_id")


class Entry(NamedTuple):
    """Output `output` of node `node`; `version` counts the operators that had written to it, as BatchNorm does to
    its moving statistics."""

    node: int
    output: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class RawNode:
    """A node as the file has it.  index: its position in the file; None if an upgrade added it."""

    op: str
    name: str
    attrs: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[Entry, ...] = ()
    subgraphs: tuple[RawGraph, ...] = ()
    index: int | None = field(default=None, compare=False)

    @property
    def is_variable(self) -> bool:
        return self.op == VARIABLE


@dataclass(frozen=True, slots=True)
class RawGraph:
    """A graph as the file has it, each node after its inputs.

    version: of the MXNet that wrote it (10901 is 1.9.1).  np_shape: written under NumPy semantics, where an unknown
    dimension of `__shape__` is -1 and 0 is zero.
    """

    nodes: tuple[RawNode, ...]
    heads: tuple[Entry, ...]
    version: int = CURRENT_VERSION
    np_shape: bool = False


def read(path: FilePath) -> RawGraph:
    """The graph in a symbol.json file.  MXNetError as `parse`, or when the file cannot be read."""
    return parse(read_bytes(path), str(path))


def parse(text: str | bytes, file: str = "symbol") -> RawGraph:
    """The graph in the text of a symbol.json file.

    MXNetError names `file`, the node and what was expected there.  Nodes that lie before their inputs are moved behind
    them, as MXNet does when it loads; a cycle is an error.
    """
    return _graph(_load(text, file), _Place(file), depth=0)


# ---- reading -------------------------------------------------------------------------------------------------


class _Place(NamedTuple):
    """Where in the file the reader is."""

    file: str
    path: str = ""

    def at(self, step: str) -> _Place:
        return _Place(self.file, f"{self.path}, {step}" if self.path else step)

    def fail(self, message: str, hint: str = "") -> NoReturn:
        raise MXNetError(": ".join(part for part in (self.file, self.path, message) if part), hint)

    def expect(self, value: Any, kind: type, what: str) -> Any:
        """`value`, which must be exactly of type `kind` (so that True is no integer)."""
        if type(value) is not kind:
            self.fail(f"expected {what}, found {_excerpt(value)}")
        return value

    def items(self, value: Any, what: str) -> list[Any]:
        return self.expect(value, list, f"a list of {what}")

    def string(self, value: Any, hint: str = "") -> str:
        if type(value) is not str:
            self.fail(f"expected a string, found {_excerpt(value)}", hint)
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            self.fail(f"expected text, found half of a surrogate pair in {_excerpt(value)}")
        return value

    def number(self, value: Any) -> int:
        if type(value) is not int or not 0 <= value < 2**32:
            self.fail(f"expected a number from 0 to 2³² - 1, found {_excerpt(value)}")
        return value

    def record(self, value: Any, known: Sequence[str], required: Sequence[str]) -> dict[str, Any]:
        """A JSON object with keys of `known`, `required` ones among them."""
        self.expect(value, dict, f"an object with the keys {', '.join(required)}")
        for key in value:
            if key not in known:
                self.fail(f"unknown key {_excerpt(key)}", f"the keys are {', '.join(known)}")
        for key in required:
            if key not in value:
                self.fail(f"the key {key!r} is missing")
        return value


def _excerpt(value: Any) -> str:
    """`value` for a message, cut short; containers by their kind, for they may be deep."""
    if isinstance(value, (list, dict)):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value)} items"
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number of more than 64 bits"
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:60] + "…"


def _load(text: str | bytes, file: str) -> Any:
    """The JSON value, if it is not too large; control characters in strings are allowed, for MXNet writes them so."""
    if len(text) > (most := limits().json_bytes):
        raise MXNetError(f"{file}: {len(text)} bytes are more than {most}, which no network has", way_out("json_bytes"))
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
        return json.loads(decoded.removeprefix("\ufeff"), strict=False, parse_constant=_refuse_constant)
    except UnicodeDecodeError as problem:
        raise MXNetError(f"{file}: byte {problem.start} is not UTF-8 text",
                        "a symbol.json file is expected here") from None
    except json.JSONDecodeError as problem:
        raise MXNetError(f"{file}: line {problem.lineno}, column {problem.colno}: {problem.msg}",
                        "the file is no JSON text, or is cut short") from None
    except RecursionError:
        raise MXNetError(f"{file}: the JSON text is nested too deeply for a graph") from None
    except ValueError as problem:
        raise MXNetError(f"{file}: {problem}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _graph(value: Any, place: _Place, depth: int) -> RawGraph:
    allowed = limits()
    if depth > allowed.subgraphs:
        place.fail(f"subgraphs are nested more than {allowed.subgraphs} deep", way_out("subgraphs"))
    fields = place.record(value, GRAPH_KEYS, required=("nodes", "heads"))
    listed = place.at("nodes").items(fields["nodes"], "nodes")
    if len(listed) > allowed.nodes:
        place.fail(f"the graph has {len(listed)} nodes, more than {allowed.nodes}", way_out("nodes"))
    nodes = [_node(item, index, len(listed), place, depth) for index, item in enumerate(listed)]
    listed_heads = place.at("heads").items(fields["heads"], "heads")
    heads = tuple(_entry(item, len(nodes), place.at(f"head {i}")) for i, item in enumerate(listed_heads))
    if not heads:
        place.fail("the graph has no heads", "'heads' lists the outputs as [node, output, version]")
    version, np_shape = _graph_attributes(fields.get("attrs", {}), place.at("attrs"))
    return _ordered(RawGraph(tuple(nodes), heads, version, np_shape), place)


def _node(value: Any, index: int, count: int, place: _Place, depth: int) -> RawNode:
    here = place.at(f"node {index}")
    fields = here.record(value, NODE_KEYS, required=("op", "name", "inputs"))
    name = here.at("name").string(fields["name"])
    here = place.at(f"node {index} {name!r}")
    inputs = here.at("inputs").items(fields["inputs"], "entries [node, output, version]")
    subgraphs = here.at("subgraphs").items(fields.get("subgraphs", []), "graphs")
    return RawNode(here.at("op").string(fields["op"]), name, _attributes(fields, here),
                   tuple(Entry(*item) if _is_entry(item, count) else _entry(item, count, here.at(f"input {i}"))
                         for i, item in enumerate(inputs)),
                   tuple(_graph(item, here.at(f"subgraph {i}"), depth + 1) for i, item in enumerate(subgraphs)), index)


def _is_entry(value: Any, count: int) -> bool:
    """Whether `value` is the form that MXNet writes, and nothing is wrong with it."""
    return (type(value) is list and len(value) == 3 and all(type(number) is int for number in value)
            and 0 <= value[0] < count and 0 <= value[1] < 2**32 and 0 <= value[2] < 2**32)


def _entry(value: Any, count: int, place: _Place) -> Entry:
    """[node, output], [node, output, version], or the bare node number that some tools write for heads."""
    numbers = [value, 0] if type(value) is int else value
    if type(numbers) is not list or len(numbers) not in (2, 3):
        place.fail(f"expected [node, output] or [node, output, version], found {_excerpt(value)}")
    entry = Entry(*map(place.number, numbers))
    if entry.node >= count:
        place.fail(f"refers to node {entry.node}, but there are {count} nodes")
    return entry


def _attributes(fields: Mapping[str, Any], place: _Place) -> dict[str, str]:
    attrs: dict[str, str] = {}
    for key in ATTRIBUTE_KEYS:
        if key not in fields:
            continue
        here = place.at(key)
        for name, value in here.expect(fields[key], dict, "an object of strings").items():
            hint = 'MXNet writes every attribute as a string: "3", not 3'
            attrs[here.string(name)] = here.at(name).string(value, hint)
    return attrs


def _graph_attributes(value: Any, place: _Place) -> tuple[int, bool]:
    """(version, np_shape) from attributes of the form {"mxnet_version": ["int", 10901]}; others are of no concern."""
    attrs = place.expect(value, dict, "an object")
    np_shape = _plain(attrs.get("is_np_shape", 0))
    return (_version(_plain(attrs.get("mxnet_version", FIRST_VERSION)), place.at("mxnet_version")),
            place.at("is_np_shape").number(np_shape) != 0)


def _plain(value: Any) -> Any:
    """The value of a typed pair such as ["int", 10901]."""
    return value[1] if type(value) is list and len(value) == 2 else value


def _version(value: Any, place: _Place) -> int:
    """10901 from 10901, "10901" or "1.9.1"."""
    if type(value) is not str:
        return place.number(value)
    parts = value.split(".")
    if len(parts) not in (1, 3) or not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
        place.fail(f"expected a version such as 10901 or \"1.9.1\", found {_excerpt(value)}")
    numbers = [int(part) for part in parts]
    return numbers[0] if len(numbers) == 1 else numbers[0] * 10000 + numbers[1] * 100 + numbers[2]


def _ordered(graph: RawGraph, place: _Place) -> RawGraph:
    """The graph with every node after its inputs; the same object when it is so already."""
    order = _dependency_order(graph.nodes, place)
    if order == list(range(len(order))):
        return graph
    position = {old: new for new, old in enumerate(order)}

    def moved(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        return tuple(entry._replace(node=position[entry.node]) for entry in entries)

    nodes = tuple(replace(graph.nodes[old], inputs=moved(graph.nodes[old].inputs)) for old in order)
    return replace(graph, nodes=nodes, heads=moved(graph.heads))


def _dependency_order(nodes: Sequence[RawNode], place: _Place) -> list[int]:
    """Positions, depth first from each node in turn, inputs before readers: unchanged where that holds already."""
    order: list[int] = []
    done: set[int] = set()
    for root in range(len(nodes)):
        stack, entered = ([(root, 0)], {root}) if root not in done else ([], set())
        while stack:
            node, step = stack.pop()
            inputs = nodes[node].inputs
            while step < len(inputs) and inputs[step].node in done:
                step += 1
            if step == len(inputs):
                order.append(node)
                done.add(node)
                continue
            child = inputs[step].node
            if child in entered:
                place.at(f"node {child} {nodes[child].name!r}").fail("depends on itself: the graph has a cycle")
            entered.add(child)
            stack += [(node, step + 1), (child, 0)]
    return order


# ---- writing -------------------------------------------------------------------------------------------------


def print_graph(graph: RawGraph, num_outputs: Callable[[RawNode], int]) -> str:
    """The text of `graph` as MXNet 1.9 writes it, to the byte.

    num_outputs: outputs of a node, hidden ones included; `node_row_ptr` is their running sum.
    """
    attrs: dict[str, Any] = {"is_np_shape": ["int", 1]} if graph.np_shape else {}
    return _layout({**_graph_record(graph, num_outputs), "attrs": {**attrs, "mxnet_version": ["int", graph.version]}})


def _graph_record(graph: RawGraph, num_outputs: Callable[[RawNode], int]) -> dict[str, Any]:
    rows = [0]
    for node in graph.nodes:
        rows.append(rows[-1] + num_outputs(node))
    return {"nodes": [_node_record(node, num_outputs) for node in graph.nodes],
            "arg_nodes": [i for i, node in enumerate(graph.nodes) if node.is_variable],
            "node_row_ptr": rows,
            "heads": [list(entry) for entry in graph.heads]}


def _node_record(node: RawNode, num_outputs: Callable[[RawNode], int]) -> dict[str, Any]:
    record: dict[str, Any] = {"op": node.op, "name": node.name}
    if node.attrs:
        record["attrs"] = dict(sorted(node.attrs.items()))
    record["inputs"] = [list(entry) for entry in node.inputs]
    if node.subgraphs:
        record["subgraphs"] = [_graph_record(subgraph, num_outputs) for subgraph in node.subgraphs]
    return record


def _layout(value: Any, depth: int = 0) -> str:
    """JSON text with the line breaks of dmlc's writer: objects of several keys, lists of objects, long lists."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        items = [f"{_quoted(key)}: {_layout(item, depth + 1)}" for key, item in value.items()]
        return "{" + _lines(items, len(items) > 1, depth) + "}"
    if value and isinstance(value[0], int):
        return "[" + _lines([*map(str, value)], len(value) > 10, depth) + "]"
    broken = len(value) > 10 or isinstance(value[0] if value else None, dict)
    return "[" + _lines([_layout(item, depth + 1) for item in value], broken, depth) + "]"


def _lines(items: Sequence[str], broken: bool, depth: int) -> str:
    if not broken:
        return ", ".join(items)
    indent = "\n" + "  " * depth
    return f"{indent}  {f', {indent}  '.join(items)}{indent}"


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def _quoted(text: str) -> str:
    """MXNet knows these five escapes only; every other character stands as it is."""
    return f'"{text if text.isidentifier() else text.translate(_ESCAPES)}"'
