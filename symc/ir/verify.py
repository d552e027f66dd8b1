"""The verifier: what must hold of every graph between passes.  A failure is a bug of the pass before it."""

from __future__ import annotations

from symc.ir.graph import Graph, Node
from symc.ir.types import block_of


def verify(graph: Graph, typed: bool = False) -> None:
    """Assert that `graph` is well formed, recursively; with `typed`, that every type is fully known."""
    problems = [problem for node in graph.nodes for problem in _check(node, typed)]
    for root in graph.roots:
        if root.index >= len(root.node.types):
            problems.append(f"root {root!r} has only {len(root.node.types)} outputs")
    problems += [f"{node!r} is written but is no variable" for node in graph.written if not node.is_variable]
    assert not problems, "malformed graph:\n  " + "\n  ".join(problems)
    for node in graph.nodes:
        for subgraph in node.op.subgraphs if node.op else ():
            verify(subgraph, typed)


def _check(node: Node, typed: bool) -> list[str]:
    problems = [f"{node!r} reads {value!r}, which has {len(value.node.types)} outputs"
                for value in node.inputs if not 0 <= value.index < len(value.node.types)]
    if not node.sources:
        problems.append(f"{node!r} has lost its sources")
    if node.op is not None and len(node.types) != node.op.output_count:
        problems.append(f"{node!r} has {len(node.types)} types for {node.op.output_count} outputs")
    if typed and not all(t.known for t in node.types):
        problems.append(f"{node!r} has unknown types {', '.join(map(str, node.types))}")
    for t in node.types:
        if t.layout and (not t.known or any(block_of(t.layout, i) < 1 for i in range(len(t.dims)))):
            problems.append(f"{node!r} has a layout without a shape")
    if node.value is not None and (node.value.shape != node.types[0].physical
                                   or node.value.dtype != node.types[0].element.numpy):
        problems.append(f"{node!r} is {node.value.dtype}{list(node.value.shape)}, its type says {node.types[0]}")
    return problems
