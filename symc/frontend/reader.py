"""From symbol.json to the Graph and back: operators get their meaning from the registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace

from symc.errors import MXNetError, ParameterError, SymcError, UnsupportedOperatorError, did_you_mean, raise_collected
from symc.frontend import symbol_json
from symc.frontend.files import FilePath, read_bytes
from symc.frontend.legacy import upgrade
from symc.frontend.symbol_json import VARIABLE, Entry, RawGraph, RawNode
from symc.frontend.util import is_np_shape
from symc.ir.graph import Graph, Node, Source, Value, variable
from symc.ir.types import BY_CODE, TensorType
from symc.ops.families.gradient import NetworkGradient
from symc.ops.operator import Operator, auxiliary_states, from_attributes, operation
from symc.ops.parameters import Dims, format_value, parse_value
from symc.ops.refused import GENERAL, is_supported, reason_in_words, refusal
from symc.ops.registry import REGISTRY

UNKNOWN = TensorType()
CLASSIFIERS = ("FullyConnected", "Convolution")     # what the last layer of a network often is
PROPOSED = 4                                        # outputs in a message


def read_graph(path: FilePath, outputs: Sequence[str] = ()) -> Graph:
    """The graph of a symbol.json file of any MXNet release; with `outputs` (names as `list_outputs` gives them, or of
    nodes) only what they need.  SymcError names the file and every node that is wrong."""
    return parse_graph(read_bytes(path), str(path), outputs)


def parse_graph(text: str | bytes, file: str = "symbol", outputs: Sequence[str] = ()) -> Graph:
    """As `read_graph`, from the text of the file."""
    raw = upgrade(symbol_json.parse(text, file), RegisteredOperators())
    return to_graph(choose_heads(raw, outputs, file) if outputs else raw, file)


def print_graph(graph: Graph) -> str:
    """The symbol.json text of a graph whose nodes are MXNet's, as MXNet 1.9.1 writes it (`Symbol.tojson`).

    MXNetError: the graph holds the gradient of a symbol, for which MXNet has no operator.
    """
    _refuse_gradients(graph)
    return symbol_json.print_graph(replace(to_raw(graph), np_shape=is_np_shape()), output_count)


def _refuse_gradients(graph: Graph) -> None:
    waiting = [graph]
    while waiting:
        nodes = waiting.pop().nodes
        for node in nodes:
            if isinstance(node.op, NetworkGradient):
                raise MXNetError(f"'{node.name}' is the gradient of a symbol, for which symbol.json has no operator",
                                 "save the symbol itself, and take its gradient again after loading")
            waiting += node.op.subgraphs if node.op else ()


class RegisteredOperators:
    """What the legacy upgrades ask of the registry."""

    def input_names(self, op: str, attrs: Mapping[str, str]) -> list[str]:
        """Names of the inputs, auxiliary states last; none for an operator or parameters that `to_graph` refuses."""
        known = known_operator(op, attrs)
        return known.input_names() if known else []


def output_count(node: RawNode) -> int:
    """Outputs of a node of the current version, hidden ones included."""
    return 1 if node.is_variable else from_attributes(node.op, node.attrs, node.name).output_count


def known_operator(name: str, attrs: Mapping[str, str]) -> Operator | None:
    """The operator, or None if it is unknown or its parameters are wrong, which `to_graph` reports with all others."""
    if name not in REGISTRY:
        return None
    try:
        return from_attributes(name, attrs, name)
    except ParameterError:
        return None


# ---- heads ---------------------------------------------------------------------------------------------------


def choose_heads(raw: RawGraph, names: Sequence[str], file: str = "symbol") -> RawGraph:
    """`raw` with the outputs `names` as its heads: 'fc1_output', 'bn_mean', or a node's name for its first output.

    Works before operators are checked, so that a head that needs an unsupported operator can be left out.
    """
    known = dict(_outputs(raw))
    raise_collected(SymcError, file, [f"there is no output {name!r}{did_you_mean(name, known, '; ')}"
                                      for name in names if name not in known], _proposals(raw))
    return replace(raw, heads=tuple(known[name] for name in names))


def entry_name(raw: RawGraph, entry: Entry) -> str:
    """MXNet's name of a value; an unknown operator has one output."""
    node = raw.nodes[entry.node]
    if node.is_variable:
        return node.name
    names = _output_names(node)
    return names[entry.output] if entry.output < len(names) else f"{node.name}[{entry.output}]"


def _output_names(node: RawNode) -> list[str]:
    op = known_operator(node.op, node.attrs)
    return [f"{node.name}_{name}" for name in (op.output_names() if op else ["output"])]


def _outputs(raw: RawGraph) -> Iterator[tuple[str, Entry]]:
    """All outputs by their names; a node's own name, as that of its first output, comes before and gives way."""
    for position, node in enumerate(raw.nodes):
        yield node.name, Entry(position)
    for position, node in enumerate(raw.nodes):
        if not node.is_variable:
            for index, name in enumerate(_output_names(node)):
                yield name, Entry(position, index)


def _proposals(raw: RawGraph) -> str:
    """Outputs that people ask for: the heads, and what the last layer with weights, the classifier, reads."""
    heads = [entry_name(raw, head) for head in raw.heads[:PROPOSED]]
    chain = [raw.heads[0]]
    while raw.nodes[chain[-1].node].inputs:
        chain.append(raw.nodes[chain[-1].node].inputs[0])
    classifier = next((i for i, entry in enumerate(chain) if raw.nodes[entry.node].op in CLASSIFIERS), len(chain))
    features = [entry_name(raw, entry) for entry in chain[classifier + 1:] if not raw.nodes[entry.node].is_variable]
    shown = f"the outputs are {', '.join(heads)}" + (" and more" if len(raw.heads) > PROPOSED else "")
    return shown + (f"; features in front of the classifier are {', '.join(features[:PROPOSED])}" if features else "")


# ---- to the graph --------------------------------------------------------------------------------------------


def to_graph(raw: RawGraph, file: str = "symbol") -> Graph:
    """The graph of what the heads need; other nodes need not be supported.

    `raw` is of the current version (`legacy.upgrade`).  Attributes stay on the nodes as they were written, so that
    `to_raw` gives them back; the types of variables are those of `__shape__` and `__dtype__`.  Raises
    UnsupportedOperatorError with all unknown operators and their nodes, else ParameterError with all nodes whose
    parameters or inputs are wrong.
    """
    conversion = _Conversion()
    graph = conversion.graph(raw)
    raise_collected(UnsupportedOperatorError, file, conversion.unsupported_lines(), conversion.way_out())
    raise_collected(ParameterError, file, conversion.problems)
    assert graph is not None
    return graph


class _Conversion:
    """Converts a graph and its subgraphs, and collects what is wrong with them."""

    def __init__(self) -> None:
        self.unsupported: dict[str, list[str]] = {}     # operator: its nodes
        self.problems: list[str] = []

    def unsupported_lines(self) -> list[str]:
        return [f"operator {op} is not supported{reason_in_words(op)}; {len(nodes)} "
                f"node{'s need' if len(nodes) > 1 else ' needs'} it: {', '.join(nodes)}"
                for op, nodes in self.unsupported.items()]

    def way_out(self) -> str:
        """What to do about the operators that are missing: for each kind, what serves instead."""
        ways = dict.fromkeys(refusal(op).instead for op in self.unsupported)
        return "\n  ".join(["choose outputs that do not need them, or cut them out of the network",
                            *(way for way in ways if way != GENERAL)])

    def graph(self, raw: RawGraph) -> Graph | None:
        """None when something is wrong."""
        nodes: dict[int, Node | None] = {}
        for position in needed_positions(raw):
            node = raw.nodes[position]
            inputs = [self.value(nodes[entry.node], entry, node) for entry in node.inputs]
            nodes[position] = (self.variable(node, raw.np_shape) if node.op == VARIABLE
                               else self.application(node, inputs))
        heads = [self.value(nodes[entry.node], entry, i) for i, entry in enumerate(raw.heads)]
        return None if None in heads else Graph(tuple(head for head in heads if head))

    def value(self, node: Node | None, entry: Entry, reader: RawNode | int) -> Value | None:
        """The value that `entry` of a node, or of the head of this number, speaks of; None when its node is wrong."""
        if node is not None and entry.output >= len(node.types):
            where = f"head {reader}" if isinstance(reader, int) else _where(reader)
            self.problems.append(f"{where}: needs output {entry.output} of '{node.name}', which has {len(node.types)}")
            return None
        return Value(node, entry.output) if node else None

    def variable(self, raw: RawNode, np_shape: bool) -> Node | None:
        if raw.inputs:
            self.problems.append(f"{_where(raw)}: a variable has no inputs")
            return None
        try:
            type = variable_type(raw.attrs, _where(raw), np_shape)
        except ParameterError as problem:
            self.problems.append(one_line(problem))
            return None
        return variable(raw.name, type, attrs=dict(raw.attrs), sources=_sources(raw))

    def application(self, raw: RawNode, inputs: Sequence[Value | None]) -> Node | None:
        subgraphs = [self.graph(subgraph) for subgraph in raw.subgraphs]
        if not is_supported(raw.op):
            self.unsupported.setdefault(raw.op, []).append(f"'{raw.name}'{_json_node(raw, ' ({})')}")
            return None
        if None in subgraphs:
            return None
        try:
            op = read_operator(raw, tuple(graph for graph in subgraphs if graph))
        except ParameterError as problem:
            self.problems.append(one_line(problem))
            return None
        if None in inputs:
            return None
        return Node(raw.name, op, tuple(value for value in inputs if value), (TensorType(),) * op.output_count,
                    dict(raw.attrs), _sources(raw))


def variable_type(attrs: Mapping[str, str], where: str, np_shape: bool = False) -> TensorType:
    """The type that a variable's `__shape__` and `__dtype__` speak of.

    An unknown extent is written 0 or -1, and () is an unknown rank; under NumPy semantics 0 and () mean themselves.
    """
    if "__shape__" not in attrs and "__dtype__" not in attrs:
        return UNKNOWN
    shape = parse_value(Dims | None, attrs.get("__shape__", "None"), f"{where}: __shape__")
    code = parse_value(int, attrs.get("__dtype__", "-1"), f"{where}: __dtype__")
    if code != -1 and code not in BY_CODE:
        raise ParameterError(f"{where}: __dtype__ {code} is no dtype symc has")
    least = 0 if np_shape else 1
    dims = None if shape is None or not shape and not np_shape else tuple(None if d < least else d for d in shape)
    return TensorType(dims, BY_CODE.get(code))


def one_line(problem: SymcError) -> str:
    """An error as one line of a list."""
    return f"{problem.message} ({problem.hint})" if problem.hint else problem.message


def read_operator(raw: RawNode, subgraphs: tuple[Graph, ...] = ()) -> Operator:
    """The operator of a node whose kind is supported.  ParameterError: its parameters, or its inputs, are wrong."""
    op = from_attributes(raw.op, raw.attrs, raw.name)
    if subgraphs:
        if not any(field.name == "graphs" for field in fields(op)):  # type: ignore[arg-type]
            raise ParameterError(f"{_where(raw)}: the operator takes no subgraphs")
        op = replace(op, graphs=subgraphs)  # type: ignore[type-var,call-arg]
    names = op.input_names()
    if len(names) != len(raw.inputs):
        raise ParameterError(f"{_where(raw)}: has {len(raw.inputs)} inputs, but needs {len(names)}: {', '.join(names)}")
    return op


def needed_positions(raw: RawGraph) -> list[int]:
    """Positions of the nodes that the heads need, in order."""
    needed: set[int] = set()
    stack = [entry.node for entry in raw.heads]
    while stack:
        position = stack.pop()
        if position not in needed:
            needed.add(position)
            stack += [entry.node for entry in raw.nodes[position].inputs]
    return sorted(needed)


def _sources(raw: RawNode) -> tuple[Source, ...]:
    return (Source(raw.name, raw.index),)


def _where(raw: RawNode) -> str:
    return f"node '{raw.name}' ({'variable' if raw.is_variable else raw.op}{_json_node(raw, ', {}')})"


def _json_node(raw: RawNode, form: str) -> str:
    """The node's place in the file put into `form`; nothing for a node that is not in the file."""
    return "" if raw.index is None else form.format(f"JSON node {raw.index}")


# ---- from the graph ------------------------------------------------------------------------------------------


def to_raw(graph: Graph) -> RawGraph:
    """The symbol.json form of a graph whose nodes are MXNet's: variables and operators, no constants, no groups."""
    positions = {node: i for i, node in enumerate(graph.nodes)}
    writes: dict[Node, int] = {}        # how often a state has been written to
    nodes = []
    for node in graph.nodes:
        assert not node.is_constant, f"{node} has no symbol.json form"
        for state in auxiliary_states(node):
            writes[state] = writes.get(state, 0) + 1
        inputs = tuple(Entry(positions[value.node], value.index, writes.get(value.node, 0)) for value in node.inputs)
        subgraphs = tuple(map(to_raw, node.op.subgraphs)) if node.op else ()
        nodes.append(RawNode(node.op.name if node.op else VARIABLE, node.name, _attributes(node), inputs, subgraphs,
                             positions[node]))
    return RawGraph(tuple(nodes), tuple(Entry(positions[head.node], head.index) for head in graph.heads))


def _attributes(node: Node) -> dict[str, str]:
    """The attributes as they were written; a node that passes made has those of its parameters that say something.

    `mood` of an operator is written as `__mood__`, since MXNet takes other names for misspelt parameters; operators
    without parameters may have any.
    """
    if node.op is None:
        return dict(node.attrs)
    known = operation(node).parameters()
    made = {key: format_value(value) for key, value in operation(node).changed_parameters().items()}
    written = {key if key in known or is_hidden(key) or not known else f"__{key}__": value
               for key, value in node.attrs.items()}
    return made | written


def is_hidden(key: str) -> bool:
    """Whether an attribute is the user's, and none of the operator's parameters."""
    return key.startswith("__") and key.endswith("__")


def describe_graph(graph: Graph) -> str:
    """The nodes of a graph whose nodes are MXNet's, for people to read (`Symbol.debug_str`)."""
    raw = to_raw(graph)
    lines = ["Symbol Outputs:", *(f"\toutput[{i}]={raw.nodes[entry.node].name}({entry.output})"
                                  for i, entry in enumerate(raw.heads))]
    for node in raw.nodes:
        lines += [f"Variable:{node.name}"] if node.is_variable else _described(node, raw)
    return "\n".join(lines) + "\n"


def _described(node: RawNode, raw: RawGraph) -> list[str]:
    lines = ["-" * 20, f"Op:{node.op}, Name={node.name}", "Inputs:"]
    for i, entry in enumerate(node.inputs):
        source = raw.nodes[entry.node]
        version = f" version={entry.version}" if source.is_variable else ""
        lines.append(f"\targ[{i}]={source.name}({entry.output}){version}")
    attributes = [f"\t{key}={value}" for key, value in sorted(node.attrs.items())]
    return lines + (["Attrs:", *attributes] if attributes else [])
