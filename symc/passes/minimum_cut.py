"""Minimum cuts of networks of capacities.

Source: E. A. Dinic, Algorithm for solution of a problem of maximum flow in a network with power estimation, 1970.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable


class Network:
    """Edges with capacities between any hashable things."""

    def __init__(self) -> None:
        self.edges: dict[Hashable, list[int]] = {}      # numbers of the edges that leave a node; those back are odd
        self.heads: list[Hashable] = []
        self.left: list[int] = []                       # capacity that is not used up

    def add(self, tail: Hashable, head: Hashable, capacity: int) -> None:
        """`capacity` more from `tail` to `head`."""
        for start, end, room in ((tail, head, capacity), (head, tail, 0)):
            self.edges.setdefault(start, []).append(len(self.heads))
            self.heads.append(end)
            self.left.append(room)

    def source_side(self, source: Hashable, sink: Hashable) -> set[Hashable]:
        """The smallest set with `source` and without `sink` such that the capacity that leaves it is least."""
        while True:
            distances = self._distances(source)
            if sink not in distances:
                return set(distances)
            self._fill(source, sink, distances)

    def _distances(self, source: Hashable) -> dict[Hashable, int]:
        """In edges that have room, of all nodes that can be reached."""
        distances, waiting = {source: 0}, deque([source])
        while waiting:
            node = waiting.popleft()
            for edge in self.edges.get(node, ()):
                if self.left[edge] and self.heads[edge] not in distances:
                    distances[self.heads[edge]] = distances[node] + 1
                    waiting.append(self.heads[edge])
        return distances

    def _fill(self, source: Hashable, sink: Hashable, distances: dict[Hashable, int]) -> None:
        """Send along shortest paths until each has an edge without room."""
        tried = dict.fromkeys(distances, 0)
        path: list[int] = []
        node = source
        while True:
            if node == sink:
                self._send(path)
                path, node = [], source
            elif (edge := self._next(node, tried, distances)) is not None:
                path.append(edge)
                node = self.heads[edge]
            elif path:
                node = self.heads[path.pop() ^ 1]
                tried[node] += 1
            else:
                return

    def _next(self, node: Hashable, tried: dict[Hashable, int], distances: dict[Hashable, int]) -> int | None:
        """An edge with room to a node one further, from the first that is not known to lead nowhere."""
        edges = self.edges[node]
        while tried[node] < len(edges):
            edge = edges[tried[node]]
            if self.left[edge] and distances.get(self.heads[edge]) == distances[node] + 1:
                return edge
            tried[node] += 1
        return None

    def _send(self, path: list[int]) -> None:
        amount = min(self.left[edge] for edge in path)
        for edge in path:
            self.left[edge] -= amount
            self.left[edge ^ 1] += amount
