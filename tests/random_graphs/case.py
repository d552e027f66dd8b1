"""One random graph, its values and the way it is run, as plain data; and how a failing one is made smaller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from symc.errors import UnsupportedOperatorError
from symc.ir.graph import Graph, Node, Value, variable
from symc.ir.text import print_graph
from tests.random_graphs.comparing import Comparison, at_level, levels, reference, requests_of
from tests.random_graphs.registry import random_graph
from tests.random_graphs.values import parse

SIZES = (2, 3, 4, 6, 10)


@dataclass(frozen=True)
class Case:
    """text: the graph.  seed: of its values.  level: the CPU level it is compiled for.  requests: of gradients.
    places: among how many devices its nodes are spread."""

    text: str
    seed: int
    level: str
    training: bool
    requests: dict[str, str] = field(default_factory=dict)
    places: int = 1

    def failure(self) -> str:
        """What goes wrong, '' when all is well."""
        graph = parse(self.text)
        known = {node.name for node in graph.variables}
        requests = {name: req for name, req in self.requests.items() if name in known}
        with at_level(self.level):
            return Comparison(graph, self.seed, self.training, requests, self.places).run()


def random_case(seed: int, number: int, names: Sequence[str] = ()) -> Case:
    """The case of this number in the series `seed`; operators of these names, or all."""
    random = Random(f"{seed}/{number}")
    values = random.randrange(2**31)
    graph = random_graph(values, names, random.choice(SIZES))
    training = random.random() < 0.6
    return Case(print_graph(graph, sources=False), values, random.choice(levels()), training,
                differentiable(graph, requests_of(graph, random)) if training else {}, random.choice((1, 1, 1, 2, 3)))


def differentiable(graph: Graph, requests: Mapping[str, str]) -> dict[str, str]:
    """The requests, 'null' for variables that are read by operators without a gradient, if there are such."""
    def have_gradient(*names: str) -> bool:
        try:
            reference(graph, True, dict.fromkeys(names, "write"))
        except UnsupportedOperatorError:
            return False
        return True
    if have_gradient(*requests):
        return dict(requests)
    return {name: req if have_gradient(name) else "null" for name, req in requests.items()}


# ---- smaller ones --------------------------------------------------------------------------------------------------


def reduced(case: Case, fails: Callable[[Case], bool]) -> Case:
    """A case that fails, none of whose smaller ones does."""
    smaller: Case | None = case
    while smaller is not None:
        case = smaller
        smaller = next((c for c in _smaller(case) if fails(c)), None)
    return case


def _smaller(case: Case) -> Iterator[Case]:
    """Cases with fewer nodes, the smallest first: other heads; a node's outputs given; simpler requests."""
    graph = parse(case.text)
    graphs = [Graph((head,)) for head in _single_heads(graph)]
    graphs += [Graph(tuple(head for head in graph.heads if head is not left)) for left in graph.heads
               if len(graph.heads) > 1]
    graphs += [_given(graph, node) for node in graph.nodes if node.op is not None and node not in _head_nodes(graph)]
    for other in sorted(graphs, key=_size):
        if _size(other) < _size(graph):
            yield replace(case, text=print_graph(other, sources=False))
    if case.places > 1:
        yield replace(case, places=1)
    if case.training:
        yield replace(case, training=False, requests={})
    for name in [node.name for node in graph.variables if node.name in case.requests]:
        yield replace(case, requests={key: req for key, req in case.requests.items() if key != name})


def _size(graph: Graph) -> tuple[int, int]:
    return sum(node.op is not None for node in graph.nodes), len(graph.heads)


def _single_heads(graph: Graph) -> list[Value]:
    """Values that could be the only head: all that are computed and shown."""
    return [value for node in graph.nodes if node.op is not None
            for value in node.outputs[:node.op.visible_count]]  # type: ignore[attr-defined]


def _head_nodes(graph: Graph) -> set[Node]:
    return {head.node for head in graph.heads}


def _given(graph: Graph, node: Node) -> Graph:
    """The graph with new variables for the outputs of `node`."""
    made = [Value(variable(f"x_{node.name}{i}", type)) for i, type in enumerate(node.types)]
    originals = iter(graph.nodes)
    return graph.rewrite(lambda _: made if next(originals) is node else None)
