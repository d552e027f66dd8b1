"""What a pass is, and how a list of them is run."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from symc.ir.graph import Graph, Node, Value, merge_sources, rewritten_values
from symc.ir.text import print_graph
from symc.ir.verify import verify as verify_graph
from symc.ops.builder import GraphBuilder
from symc.ops.families.control_flow import ControlFlow
from symc.ops.record import Record


class Pass(Record, ABC):
    """A function from graph to graph.  Subclasses are records (`ops.record`) whose fields are the options.

    The docstring of a pass says what must hold before it, what it rewrites, and what holds after it.  A typed graph
    stays typed, a node that stands for several others has the sources of all of them, and a graph without anything
    to rewrite is returned as it is.
    """

    name: ClassVar[str]   # verb-noun, as in `--print-after fold-batch-norm`
    enters_bodies: ClassVar[bool] = False   # whether `run_passes` applies it to the bodies of control flow as well

    @abstractmethod
    def __call__(self, graph: Graph) -> Graph: ...

    def in_body(self, body: Graph, op: ControlFlow) -> Graph:
        """What the pass makes of a body of `op`, if it enters bodies.  Names of variables mean nothing there."""
        return self(body)


def run_passes(graph: Graph, passes: Iterable[Pass], *, dump: Path | None = None,
               print_after: Collection[str] = (), times: dict[str, float] | None = None,
               verify: bool = False) -> Graph:
    """`graph` after `passes`, in order.

    dump: a folder, made if need be, that gets the graph after each pass as `NN_name.txt` (00_input.txt before all).
    print_after: names of passes whose result is printed, or 'all'.  times: gets the seconds each pass took, by name
    (summed over repeated ones).  verify: check the graph after each pass; the assertion names the pass.
    """
    typed = is_typed(graph)
    if dump is not None:
        dump.mkdir(parents=True, exist_ok=True)
        (dump / "00_input.txt").write_text(print_graph(graph))
    for number, step in enumerate(passes, 1):
        start = time.perf_counter()
        graph = step(graph)
        if step.enters_bodies:
            graph = within_bodies(graph, step.in_body)
        if times is not None:
            times[step.name] = times.get(step.name, 0.0) + time.perf_counter() - start
        if dump is not None:
            (dump / f"{number:02}_{step.name}.txt").write_text(print_graph(graph))
        if step.name in print_after or "all" in print_after:
            print(f"# after {step.name}\n{print_graph(graph)}")
        if verify:
            _verify_after(step, graph, typed)
    return graph


def within_bodies(graph: Graph, apply: Callable[[Graph, ControlFlow], Graph]) -> Graph:
    """`graph` with `apply(body, operator)` done to the bodies of its loops and branches, then to those inside them."""
    def visit(node: Node) -> Sequence[Value] | None:
        if not isinstance(node.op, ControlFlow):
            return None
        bodies = tuple(within_bodies(apply(body, node.op), apply) for body in node.op.graphs)
        if all(new is old for new, old in zip(bodies, node.op.graphs, strict=True)):
            return None
        return replace(node, op=replace(node.op, graphs=bodies)).outputs
    return graph.rewrite(visit)


def is_typed(graph: Graph) -> bool:
    """Whether the type of every value is fully known."""
    return all(t.known for node in graph.nodes for t in node.types)


def _verify_after(step: Pass, graph: Graph, typed: bool) -> None:
    try:
        verify_graph(graph, typed)
    except AssertionError as problem:
        raise AssertionError(f"after pass {step.name}: {problem}") from problem


def expand(node: Node, rule: Callable[..., Sequence[Value] | None], *arguments: Any) -> tuple[Value, ...] | None:
    """The values that `rule(g, *arguments, *inputs of the node)` puts in place of `node`; None when it keeps it.

    The rule builds with `g`, under the node's sources.  What it returns must have the types of the node's outputs.
    A new node that makes the first takes over the node's name and user attributes, unless other new nodes read it:
    so it goes on being known as what it was.
    """
    g = GraphBuilder(node.name, node.sources)
    values = rule(g, *arguments, *node.inputs)
    return None if values is None else take_over(node, tuple(values), g)


def take_over(node: Node, values: tuple[Value, ...], g: GraphBuilder) -> tuple[Value, ...]:
    """`values`, made by `g` in place of the outputs of `node`; see `expand`."""
    for old, new in zip(node.outputs, values, strict=True):
        assert _same_type(old, new), f"{old!r} of type {old.type} replaced by {new!r} of type {new.type}"
    main = values[0].node
    if main not in g.made or any(value.node is main for other in g.made for value in other.inputs):
        return values
    renamed = replace(main, name=node.name, attrs=node.attrs)
    return tuple(Value(renamed, value.index) if value.node is main else value for value in values)


def _same_type(old: Value, new: Value) -> bool:
    return not old.type.known or (old.type.shape, old.type.dtype) == (new.type.shape, new.type.dtype)


def rewrite(graph: Graph, visit: Callable[[Node], Sequence[Value] | None]) -> Graph:
    """`Graph.rewrite`, after which the operator in whose place another value stands is among that one's sources."""
    new = rewritten_values(graph.nodes, visit)
    absorbed: dict[Node, list[Node]] = {}
    for value, other in new.items():
        target = other.node
        if value.node.op is not None and not target.is_variable and not {*value.node.sources} <= {*target.sources}:
            absorbed.setdefault(target, []).append(value.node)
    return _with_sources(graph.substitute(new), absorbed)


def _with_sources(graph: Graph, absorbed: dict[Node, list[Node]]) -> Graph:
    """`graph` with nodes standing for those they absorbed too."""
    if not absorbed:
        return graph
    originals = iter(graph.nodes)

    def visit(node: Node) -> Sequence[Value] | None:
        others = absorbed.get(next(originals))
        return None if others is None else replace(node, sources=merge_sources(node, *others)).outputs
    return graph.rewrite(visit)
