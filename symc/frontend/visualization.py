"""Networks as pictures and tables.  MXNet: mx.viz."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from symc.errors import MissingPackageError, MXNetError
from symc.frontend import symbol_json
from symc.frontend.symbol import Symbol
from symc.frontend.symbol_json import RawGraph, RawNode
from symc.ops.operator import from_attributes

Facts = Mapping[tuple[str, int], Any]      # of the outputs, by node name and number
Dims = tuple[int, ...]

INPUT, WEIGHTED, ACTIVATION, NORMALIZATION, POOLING, RESHAPING, SOFTMAX, OTHER = (
    "#8dd3c7", "#fb8072", "#ffffb3", "#bebada", "#80b1d3", "#fdb462", "#b3de69", "#fccde5")
COLOURS = {"Convolution": WEIGHTED, "FullyConnected": WEIGHTED, "BatchNorm": NORMALIZATION, "Activation": ACTIVATION,
           "LeakyReLU": ACTIVATION, "Pooling": POOLING, "Concat": RESHAPING, "Flatten": RESHAPING,
           "Reshape": RESHAPING, "Softmax": SOFTMAX}
NODE_ATTRIBUTES = {"shape": "box", "fixedsize": "true", "width": "1.3", "height": "0.8034", "style": "filled"}
WEIGHT_SUFFIXES = ("_weight", "_bias", "_beta", "_gamma", "_moving_var", "_moving_mean", "_running_var",
                   "_running_mean")
LEARNED = ("weight", "bias", "gamma", "beta", "parameters")     # what operators call the inputs that are learned
TITLES = ("Layer (type)", "Output Shape", "Param #", "Previous Layer")


class IncompleteError(MXNetError, ValueError):
    """What is given of the inputs does not determine the whole network."""


# ---- pictures --------------------------------------------------------------------------------------------------


def plot_network(symbol: Symbol, title: str = "plot", save_format: str = "pdf",
                 shape: Mapping[str, Dims] | None = None, dtype: Mapping[str, Any] | None = None,
                 node_attrs: Mapping[str, str] | None = None, hide_weights: bool = True) -> Any:
    """The network as a `graphviz.Digraph`: its `source` is DOT; `render` and `view` need the program `dot`.

    shape, dtype: of inputs by name; edges then show the shapes without the first axis, or the types, that follow.
    save_format: what `render` writes (pdf, svg, png).  node_attrs: Graphviz attributes of all nodes.  hide_weights:
    leave out variables named like weights (*_weight, *_bias, ...).  MissingPackageError: there is no package graphviz.
    IncompleteError: shapes or types do not follow from those given.  RuntimeWarning: nodes of the same name.
    """
    nodes = _read(symbol, "a Symbol").nodes
    shapes = None if shape is None else _shapes(symbol, shape)
    types = None if dtype is None else _types(symbol, dtype)
    _warn_of_same_names(nodes)
    picture = _digraph(title, save_format)
    for node in nodes:
        if not _is_weight(node):
            picture.node(name=node.name, label=_label(node),
                         **{**NODE_ATTRIBUTES, **(node_attrs or {}), **_look(node)})
    hidden = {node.name for node in nodes if hide_weights and _is_weight(node)}
    for node in nodes:
        for source, index in _drawn_inputs(nodes, node):
            if source.name not in hidden:
                picture.edge(tail_name=node.name, head_name=source.name, dir="back", arrowtail="open",
                             label=_edge_label((source.name, index), shapes, types))
    return picture


def _digraph(title: str, save_format: str) -> Any:
    try:
        from graphviz import Digraph
    except ImportError:
        raise MissingPackageError("Draw network requires graphviz library: the Python package graphviz is missing",
                                  "install it: pip install 'symc[viz]'") from None
    return Digraph(name=title, format=save_format)


def _read(symbol: Symbol, wanted: str) -> RawGraph:
    """The network as the symbol's file has it."""
    if not isinstance(symbol, Symbol):
        raise TypeError(f"symbol must be {wanted}")
    return symbol_json.parse(symbol.tojson(), "symbol")


def _warn_of_same_names(nodes: Sequence[RawNode]) -> None:
    names = [node.name for node in nodes]
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1] if len(set(names)) < len(names) else []
    if repeated:
        warnings.warn("There are multiple variables with the same name in your graph, this may result in cyclic graph. "
                      f"Repeated names: {','.join(repeated)}", RuntimeWarning, stacklevel=3)


def _is_weight(node: RawNode) -> bool:
    return node.is_variable and node.name.endswith(WEIGHT_SUFFIXES)


def _look(node: RawNode) -> dict[str, str]:
    return {"shape": "oval", "fillcolor": INPUT} if node.is_variable else {"fillcolor": COLOURS.get(node.op, OTHER)}


def _label(node: RawNode) -> str:
    """What stands in a node: its name, or the operator and the parameters that matter most."""
    attrs = node.attrs
    match node.op:
        case "Convolution":
            return f"Convolution\n{_times(attrs['kernel'])}/{_times(attrs.get('stride', '1'))}, {attrs['num_filter']}"
        case "FullyConnected":
            return f"FullyConnected\n{attrs['num_hidden']}"
        case "Activation":
            return f"Activation\n{attrs['act_type']}"
        case "LeakyReLU":
            return f"LeakyReLU\n{attrs.get('act_type', 'Leaky')}"
        case "Pooling":
            kernel = _times(attrs["kernel"]) if "kernel" in attrs else "[]"
            return f"Pooling\n{attrs.get('pool_type', 'max')}, {kernel}/{_times(attrs.get('stride', '1'))}"
        case "Custom":
            return attrs["op_type"]
    return node.name


def _times(dims: str) -> str:
    """'3x3' from '(3, 3)'."""
    return "x".join(re.findall(r"\d+", dims))


def _drawn_inputs(nodes: Sequence[RawNode], node: RawNode) -> Iterator[tuple[RawNode, int]]:
    """The nodes and output numbers of the inputs; of a resize the second one only lends its shape."""
    entries = node.inputs[:1] if node.op == "_contrib_BilinearResize2D" else node.inputs
    return ((nodes[entry.node], entry.output) for entry in entries)


def _edge_label(output: tuple[str, int], shapes: Facts | None, types: Facts | None) -> str:
    shape = "" if shapes is None else "x".join(map(str, shapes[output][1:]))
    return shape if types is None else f"{shape}({getattr(types[output], '__name__', types[output])})"


# ---- shapes and types ------------------------------------------------------------------------------------------


def _shapes(symbol: Symbol, given: Mapping[str, Dims]) -> Facts:
    """The shapes of all outputs.  IncompleteError names the arguments whose shapes do not follow."""
    internals = symbol.get_internals()
    arguments, outputs, _ = internals.infer_shape_partial(**given)
    unknown = [shape for shape in outputs or () if not shape or 0 in shape]
    _check("shape", internals, arguments, unknown, lambda shape: not shape or 0 in shape)
    return _by_output(internals, outputs)


def _types(symbol: Symbol, given: Mapping[str, Any]) -> Facts:
    """The types of all outputs.  IncompleteError names the arguments whose types do not follow."""
    internals = symbol.get_internals()
    arguments, outputs, _ = internals.infer_type_partial(**given)
    _check("type", internals, arguments, [fact for fact in outputs or () if fact is None], lambda fact: fact is None)
    return _by_output(internals, outputs)


def _by_output(internals: Symbol, facts: Sequence[Any] | None) -> Facts:
    return {(head.node.name, head.index): fact for head, fact in zip(internals.heads, facts or (), strict=True)}


def _check(what: str, internals: Symbol, arguments: Sequence[Any] | None, unknown: Sequence[Any],
           is_unknown: Any) -> None:
    if unknown:
        named = zip(internals.list_arguments(), arguments or (), strict=True)
        names = [f"{name} {fact or ''}".strip() for name, fact in named if is_unknown(fact)]
        raise IncompleteError(f"Input {what} is incomplete: nothing determines the {what} of "
                              f"{', '.join(names) or 'an operator'}", f"give more of them in {what}={{...}}")


# ---- tables ----------------------------------------------------------------------------------------------------


def print_summary(symbol: Symbol, shape: Mapping[str, Dims] | None = None, line_length: int = 120,
                  positions: Sequence[float] = (.44, .64, .74, 1.)) -> None:
    """Print a table of the layers: name and type, output shape without the first axis, parameters, previous layers.

    shape: of inputs by name; without it the shapes stay empty, and only parameters that the operators alone determine
    are counted.  positions: where the columns end, in characters or in parts of the line.  A parameter of several
    layers stands with each and counts once in the total.  IncompleteError: shapes do not follow from those given.
    """
    raw = _read(symbol, "Symbol")
    shapes = None if shape is None else _shapes(symbol, shape)
    sizes = _sizes(symbol, shape or {})
    ends = [int(line_length * end) for end in positions] if positions[-1] <= 1 else [int(end) for end in positions]
    print("_" * line_length, _row(TITLES, ends), "=" * line_length, sep="\n")
    layers = [node for i, node in enumerate(raw.nodes) if i == 0 or not node.is_variable]
    counted: dict[str, int] = {}
    for node in layers:
        learned = _learned(raw, node, sizes)
        counted |= learned
        first, *further = _previous(raw, node) or [""]
        print(_row((f"{node.name}({node.op})", _shown_shape(node, shapes), sum(learned.values()), first), ends))
        for name in further:
            print(_row(("", "", "", name), ends))
        print(("=" if node is layers[-1] else "_") * line_length)
    print(f"Total params: {sum(counted.values())}", "_" * line_length, sep="\n")


def _row(fields: Sequence[Any], ends: Sequence[int]) -> str:
    """Fields cut and filled up to where their columns end."""
    line = ""
    for field, end in zip(fields, ends, strict=False):
        line = f"{line}{field}"[:end].ljust(end)
    return line


def _previous(raw: RawGraph, node: RawNode) -> list[str]:
    """The layers that a layer reads: operators, the first variable, and a variable that is the head."""
    shown = {0, raw.heads[0].node}
    return [raw.nodes[entry.node].name for entry in node.inputs
            if not raw.nodes[entry.node].is_variable or entry.node in shown]


def _sizes(symbol: Symbol, given: Mapping[str, Dims]) -> dict[str, int]:
    """The numbers of elements of the arguments whose shapes follow."""
    shapes, _, _ = symbol.infer_shape_partial(**given)
    return {name: math.prod(shape) for name, shape in zip(symbol.list_arguments(), shapes or (), strict=True) if shape}


def _learned(raw: RawGraph, node: RawNode, sizes: Mapping[str, int]) -> dict[str, int]:
    """The variables that a layer reads as weights, biases or scales, and their sizes; 0 where nothing is known."""
    if node.is_variable:
        return {}
    op = from_attributes(node.op, node.attrs, node.name)
    alone = {"bias": getattr(op, "num_hidden", getattr(op, "num_filter", 0))}       # follows from no shape
    sources = [(slot, raw.nodes[entry.node]) for slot, entry in zip(op.input_names(), node.inputs, strict=True)]
    return {source.name: sizes.get(source.name, alone.get(slot, 0)) for slot, source in sources
            if slot in LEARNED and source.is_variable}


def _shown_shape(node: RawNode, shapes: Facts | None) -> str:
    """The shape of the one output without its first axis; nothing for an operator with several."""
    if shapes is None or (node.name, 1) in shapes:
        return ""
    return "x".join(map(str, shapes[node.name, 0][1:]))
