"""Choosing what is computed: other heads than the symbol's own."""

from __future__ import annotations

from collections.abc import Sequence

from symc.errors import SymcError, did_you_mean
from symc.ir.graph import Graph, Value
from symc.ops.operator import output_name


def select_outputs(graph: Graph, names: Sequence[str]) -> Graph:
    """The graph that computes just the values called `names`: heads, internal outputs and variables as MXNet calls
    them ('fc1_output', 'bn_mean', 'data'), or nodes, for their first outputs; in the order asked for.  What they do
    not need is gone.

    graph: without gradients and updates.  SymcError for names that no value has, with those nearest to them.
    """
    assert not graph.gradients and not graph.updates, "outputs are chosen before anything is added to the graph"
    values = named_values(graph)
    if unknown := [name for name in names if name not in values]:
        raise SymcError("; ".join(f"there is no output '{name}'{did_you_mean(name, values, '; ')}" for name in unknown),
                        f"the outputs are {', '.join(output_name(head) for head in graph.heads)}")
    heads = tuple(values[name] for name in names)
    return graph if heads == graph.heads else Graph(heads)


def named_values(graph: Graph) -> dict[str, Value]:
    """Every value under MXNet's name, and the first of a node under the node's; of one name, heads go before other
    values, values before nodes."""
    everything = [value for node in graph.nodes for value in node.outputs]
    nodes = {node.name: Value(node) for node in reversed(graph.nodes)}
    return nodes | {output_name(value): value for value in (*reversed(everything), *reversed(graph.heads))}
