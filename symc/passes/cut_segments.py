"""One graph of several places, cut into graphs of one place each."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, NamedTuple, TypeVar

from symc.ir.graph import Gradient, Graph, Node, Update, Value, unique_names, value_name, variable

BORDER = "_border/{}"   # name of a value that one segment computes and another reads
HEAD = "_head/{}"       # name of head number {}, which other segments read too
FORWARD, BACKWARD = range(2)
P = TypeVar("P", bound=Hashable)    # a place
Key = tuple[int, int, int]      # of a segment, in the order in which they run: entry, level, place


class Segment(NamedTuple, Generic[P]):
    """What is computed in one place without waiting for others.  outputs: the names of the graph's heads."""

    place: P
    graph: Graph
    outputs: tuple[str, ...]


def cut(graph: Graph, places: Mapping[Node, P]) -> list[Segment[P]]:
    """The segments of a graph in the order in which they run: those of forward, then those of backward.

    Needs a typed graph, gradients included, and the place of each of its nodes and written variables.

        %y = relu(%x)                               here
        %z = exp(%y)                                there
        %dy = elemwise_mul(%_head_gradient0, %z)    there
        %dx = elemwise_mul(%y, %dy)                 here
        heads %z
        gradient %x = %dx
    After, what passes between segments is a head of the one, in backward a gradient, and a variable of the other:
        here     %y = relu(%x)    heads %y, called _border/y
        there    %z = exp(%_border/y)    heads %z, called _head/0
        there    %dy = elemwise_mul(%_head_gradient0, %_head/0)    gradient %_border/dy = %dy
        here     %dx = elemwise_mul(%_border/y, %_border/dy)    gradient %x = %dx
    Each segment reads variables and constants by itself; one that is updated is written when all of its entry have
    read it.  A node is computed as soon as values of other places allow, or where it is read if it needs none, so that
    there are few segments.
    """
    return _Cut(graph, places).run()


def head_names(graph: Graph) -> list[str]:
    """The names that the heads have among the outputs of segments."""
    return [HEAD.format(position) for position in range(len(graph.heads))]


@dataclass
class _Contents:
    """What a segment computes."""

    nodes: list[Node] = field(default_factory=list)
    heads: list[tuple[str, Value]] = field(default_factory=list)
    gradients: list[Gradient] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)

    @property
    def wanted(self) -> Iterator[Value]:
        """All that it reads, its own values included."""
        yield from (value for node in self.nodes for value in node.inputs)
        yield from (value for _, value in self.heads)
        yield from (gradient.value for gradient in self.gradients)
        yield from (update.value for update in self.updates)


class _Cut(Generic[P]):
    """The state of cutting one graph."""

    def __init__(self, graph: Graph, places: Mapping[Node, P]) -> None:
        last = {update.variable: update for update in graph.updates}    # of several the last counts
        self.graph, self.places = replace(graph, updates=tuple(last.values())), places
        self.ranks = {place: rank for rank, place in enumerate(dict.fromkeys(places.values()))}
        self.operators = [node for node in self.graph.nodes if node.op is not None]
        levels = self._levels()
        self.keys = {node: (self._entry(node), levels[node], self.ranks[places[node]]) for node in self.operators}
        self.contents: dict[Key, _Contents] = {}
        self.borders: dict[Value, Node] = {}    # the variables as which values are read elsewhere

    def run(self) -> list[Segment[P]]:
        for node in self.operators:
            self._contents(self.keys[node]).nodes.append(node)
        self._hand_out_roots()
        self._connect()
        order = list(self.ranks)
        return [Segment(order[key[2]], self._graph_of(key), tuple(name for name, _ in self.contents[key].heads))
                for key in sorted(self.contents)]

    def _entry(self, node: Node) -> int:
        return FORWARD if node in self.graph.forward_nodes else BACKWARD

    def _contents(self, key: Key) -> _Contents:
        return self.contents.setdefault(key, _Contents())

    # ---- which nodes are computed together ----------------------------------------------------------------

    def _levels(self) -> dict[Node, int]:
        """How often values of its entry come from another place on the way to a node."""
        levels: dict[Node, int] = {}
        for node in self.operators:
            before = [value.node for value in node.inputs
                      if value.node in levels and self._entry(value.node) == self._entry(node)]
            levels[node] = max((levels[other] + self._is_elsewhere(other, node) for other in before), default=0)
        for node in reversed(self.operators):
            readers = [other for value in node.outputs for other in self.graph.readers.get(value, ())
                       if self._entry(other) == self._entry(node)]
            if readers and not levels[node] and not any(self._is_elsewhere(node, other) for other in readers):
                levels[node] = min(levels[other] for other in readers)
        return levels

    def _is_elsewhere(self, node: Node, other: Node) -> bool:
        return self.places[node] != self.places[other]

    # ---- what becomes of the roots ------------------------------------------------------------------------

    def _hand_out_roots(self) -> None:
        for name, head in zip(head_names(self.graph), self.graph.heads, strict=True):
            self._contents(self._home(head, FORWARD)).heads.append((name, head))
            if head.node.op is not None:
                self.borders.setdefault(head, variable(name, head.type, sources=head.node.sources))
        for gradient in self.graph.gradients:
            self._contents(self._home(gradient.value, BACKWARD)).gradients.append(gradient)
        last = self._last_readers()
        for update in self.graph.updates:
            entry = FORWARD if update.when == "forward" else BACKWARD
            home = max(self._home(update.value, entry), last.get((update.variable, entry), (entry, 0, 0)))
            self._contents(home).updates.append(update)

    def _home(self, value: Value, entry: int) -> Key:
        """The segment of an entry that computes a root, or copies what is there before."""
        key = self.keys.get(value.node)
        return key if key is not None and key[0] == entry else (entry, 0, self.ranks[self.places[value.node]])

    def _last_readers(self) -> dict[tuple[Node, int], Key]:
        """The last segment of each entry that reads a variable."""
        return {(value.node, key[0]): key for key in sorted(self.contents) for value in self.contents[key].wanted
                if value.node.is_variable}

    # ---- what passes between segments ---------------------------------------------------------------------

    def _connect(self) -> None:
        """Let values that other segments read leave those that compute them."""
        names = unique_names(self.graph)
        for key in sorted(self.contents):
            for value in dict.fromkeys(self.contents[key].wanted):
                home = self.keys.get(value.node, key)
                if home == key or value in self.borders:
                    continue
                name = BORDER.format(value_name(names[value.node], value.index))
                self.borders[value] = border = variable(name, value.type, sources=value.node.sources)
                if home[0] == FORWARD:
                    self._contents(home).heads.append((name, value))
                else:
                    self._contents(home).gradients.append(Gradient(border, value))

    def _graph_of(self, key: Key) -> Graph:
        """The graph of a segment, which reads what others compute as variables."""
        contents = self.contents[key]
        made: dict[Value, Value] = {}

        def moved(value: Value) -> Value:
            return made.get(value) or (value if value.node.op is None else Value(self.borders[value]))
        for node in contents.nodes:
            inputs = tuple(map(moved, node.inputs))
            new = node if inputs == node.inputs else replace(node, inputs=inputs)
            made.update(zip(node.outputs, new.outputs, strict=True))
        return Graph(tuple(moved(value) for _, value in contents.heads),
                     tuple(replace(gradient, value=moved(gradient.value)) for gradient in contents.gradients),
                     tuple(replace(update, value=moved(update.value)) for update in contents.updates))
