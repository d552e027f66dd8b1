"""Choosing what is computed: other heads than the symbol's own."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from symc.errors import SymcError
from symc.ir.graph import Graph, Value
from symc.ops.operator import output_name
from symc.passes.base import Pass


@dataclass(frozen=True)
class SelectOutputs(Pass):
    """The graph that computes just `outputs`, named as MXNet names them: heads, internal outputs, variables.

    Before: heads, no gradients.
        heads %softmax                                   SelectOutputs(("fc1_output",))
    After: the chosen heads in the order asked for; nodes that they do not need are gone.
        heads %fc1
    SymcError for a name that no value has, with the names nearest to it.
    """

    outputs: tuple[str, ...]
    name = "select-outputs"

    def __call__(self, graph: Graph) -> Graph:
        return select_outputs(graph, self.outputs)


def select_outputs(graph: Graph, names: Sequence[str]) -> Graph:
    """`graph` with the values called `names` as its heads; see `SelectOutputs`."""
    values = named_values(graph)
    if unknown := [name for name in names if name not in values]:
        raise SymcError("; ".join(f"there is no output '{name}'" for name in unknown),
                        _suggestions(unknown, list(values), graph))
    heads = tuple(values[name] for name in names)
    return graph if heads == graph.heads else Graph(heads)


def named_values(graph: Graph) -> dict[str, Value]:
    """Every value of the graph under MXNet's name; a head goes before others, then the first of a name."""
    values = {output_name(head): head for head in reversed(graph.heads)}
    for node in graph.nodes:
        for value in node.outputs:
            values.setdefault(output_name(value), value)
    return values


def _suggestions(unknown: Sequence[str], known: Sequence[str], graph: Graph) -> str:
    near = dict.fromkeys(match for name in unknown for match in _nearest(name, known))
    if near:
        return "did you mean " + ", ".join(near) + "?"
    return "the outputs are " + ", ".join(output_name(head) for head in graph.heads)


def _nearest(name: str, known: Sequence[str]) -> list[str]:
    """'fc1' is most likely meant as 'fc1_output'."""
    return ([f"{name}_output"] if f"{name}_output" in known else []) + difflib.get_close_matches(name, known, 3)
