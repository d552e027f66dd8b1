"""Losses without what computes their labels, for inference, before types are known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from symc.ir.graph import Graph, Node, Value, topological, variable
from symc.ops.operator import operation


def cut_labels(graph: Graph, given: Collection[str]) -> Graph:
    """The graph with a variable, LOSS_label, in the place of each label that is computed of inputs which nothing else
    needs.

    Inference reads no labels, and drops such variables; but types are inferred before that, and what follows for a
    label from its loss does not follow for what a detector's targets (`_contrib_MultiBoxTarget`) are computed of.
    given: names of inputs whose shapes are known; labels that need some of these stay.
    """
    needed = _needed(graph)
    names = {node.name for node in graph.nodes}

    def visit(node: Node) -> Sequence[Value] | None:
        if not _reads_labels(node):
            return None
        own = Value(variable(_free(f"{node.name}_label", names)))
        inputs = [own if _is_computed(label, needed, given) else label for label in node.inputs[1:]]
        changed = replace(node, inputs=(node.inputs[0], *inputs))
        return None if changed.inputs == node.inputs else changed.outputs
    return graph.rewrite(visit) if any(map(_reads_labels, graph.nodes)) else graph


def _is_computed(label: Value, needed: Collection[str], given: Collection[str]) -> bool:
    own = {node.name for node in topological([label.node]) if node.is_variable} - set(needed)
    return not label.node.is_variable and bool(own) and own.isdisjoint(given)


def _needed(graph: Graph) -> set[str]:
    """Names of the variables that the heads need where losses read no labels."""
    seen: set[Node] = set()
    stack = [head.node for head in graph.heads]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack += [value.node for value in (node.inputs[:1] if _reads_labels(node) else node.inputs)]
    return {node.name for node in seen if node.is_variable}


def _reads_labels(node: Node) -> bool:
    """Whether the inputs behind the first are there for training alone."""
    return node.op is not None and operation(node).is_loss and operation(node).inference is not None


def _free(name: str, names: set[str]) -> str:
    while name in names:
        name += "_"
    return name
