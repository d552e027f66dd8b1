"""Gradients of loops and branches: loops and branches over the gradients of their bodies.

    %y = _scan(%x, %s, %w) ...  with the body  (x0, s0, c0) → (y, s')

becomes a loop that also gives back what the gradient of its body needs of each step (`saved`), and backward is a loop
over the same steps, last first:

    (x0, saved.., dy; ds, dc; c0) → (dx; ds of the step before, dc + its part of this step)

What follows from constants alone is computed anew in the backward body, from which it is hoisted.  A branch computes
its forward part anew, in the arm that was taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from symc.ir.graph import Graph, Node, Value, rewritten_values, topological, variable
from symc.ir.types import TensorType
from symc.ops.builder import GraphBuilder
from symc.ops.families.control_flow import Branch, Scan
from symc.ops.operator import is_view
from symc.ops.record import Record, record
from symc.passes.frontier import invariant_nodes

Incoming = Sequence[Value | None]          # the gradient of each output, where there is one


@record
class BodyGradient(Record):
    """heads: of the body, in a form that has what backward needs.  gradients: of the wanted variables."""

    heads: tuple[Value, ...]
    gradients: tuple[Value, ...]


# (body, wanted variables, parts of the gradients of its values) → its gradients
DifferentiateBody = Callable[[Graph, Sequence[Node], Mapping[Value, list[Value]]], BodyGradient]


@record
class LoopGradient(Record):
    """forward: the operator in place of the loop's.  outputs: for each output of the loop the one of `forward` that it
    is.  saved: variables that stand for further outputs of `forward`, with their numbers.  gradients: of the inputs."""

    forward: Scan
    types: tuple[TensorType, ...]
    outputs: tuple[int, ...]
    saved: Mapping[Node, int]
    gradients: list[Value | None]


def gradient_of_loop(g: GraphBuilder, node: Node, incoming: Incoming, leading: Sequence[bool],
                     differentiate: DifferentiateBody) -> LoopGradient:
    """leading: which inputs need a gradient."""
    op = node.op
    assert isinstance(op, Scan)
    active = _active(op, leading)
    if not active:
        return LoopGradient(op, node.types, tuple(range(len(node.types))), {}, [None] * len(node.inputs))
    work = _Loop(node, op, incoming, active)
    return work.build(g, differentiate(op.body, work.wanted, work.parts()))


def _active(op: Scan, leading: Sequence[bool]) -> dict[str, Node]:
    """The variables of the body that need a gradient, by name: a state also if a step makes it of such variables."""
    variables = {inner.name: inner for inner in op.body.variables}
    names = {name for name, leads in zip(op.body_names(), leading, strict=True) if leads}
    while True:
        fed: set[Node] = set()
        for inner in op.body.nodes:
            if (inner.is_variable and inner.name in names) or any(value.node in fed for value in inner.inputs):
                fed.add(inner)
        states = {f"s{i}" for i in range(op.states) if op.body.heads[op.stacked + i].node in fed}
        if states <= names:
            return {name: variables[name] for name in op.body_names()
                    if name in names and name in variables and variables[name].types[0].element.is_float}
        names |= states


class _Loop:
    """The backward loop of one loop in the making."""

    def __init__(self, node: Node, op: Scan, incoming: Incoming, active: Mapping[str, Node]) -> None:
        self.node, self.op, self.incoming, self.active = node, op, incoming, active
        self.wanted = list(active.values())
        self.slices = [inner for name, inner in active.items() if name.startswith("x")]
        self.states = [inner for name, inner in active.items() if name.startswith("s")]
        self.constants = [inner for name, inner in active.items() if name.startswith("c")]
        # the gradients of a step's heads: slices of what comes in, and carried from the step behind it
        self.stacked = {i: variable(f"dy{i}", op.body.heads[i].type) for i in range(op.stacked)
                        if incoming[i] is not None}
        self.carried = {inner: variable(f"d{inner.name}", inner.types[0]) for inner in (*self.states, *self.constants)}

    def parts(self) -> dict[Value, list[Value]]:
        """What comes in for the heads of the body."""
        parts: dict[Value, list[Value]] = {}
        for i, inner in self.stacked.items():
            parts.setdefault(self.op.body.heads[i], []).append(Value(inner))
        for state in self.states:
            head = self.op.body.heads[self.op.stacked + int(state.name[1:])]
            parts.setdefault(head, []).append(Value(self.carried[state]))
        return parts

    def build(self, g: GraphBuilder, body: BodyGradient) -> LoopGradient:
        by_variable = dict(zip(self.wanted, body.gradients, strict=True))
        sums = [GraphBuilder(f"{self.node.name}/d{inner.name}", inner.sources).elemwise_add(
            by_variable[inner], Value(self.carried[inner])) for inner in self.constants]
        heads = (*(by_variable[inner] for inner in (*self.slices, *self.states)), *sums)
        backward, saved = _cut(Graph(heads), Graph(body.heads))
        outer = {inner: variable(f"{self.node.name}/{inner.name}", self._whole(inner.types[0])) for inner in saved}
        stacked, states = body.heads[:self.op.stacked], body.heads[self.op.stacked:]
        forward = replace(self.op, graphs=(Graph((*stacked, *saved.values(), *states)),))
        types = (*self.node.types[:len(stacked)], *(inner.types[0] for inner in outer.values()),
                 *self.node.types[len(stacked):])
        shifted = range(len(stacked) + len(saved), len(types))
        return LoopGradient(forward, types, (*range(len(stacked)), *shifted),
                            {inner: len(stacked) + i for i, inner in enumerate(outer.values())},
                            self._gradients(g, backward, outer))

    def _whole(self, type: TensorType) -> TensorType:
        return TensorType((self.op.count, *type.dims), type.element)

    def _gradients(self, g: GraphBuilder, backward: Graph, saved: Mapping[Node, Node]) -> list[Value | None]:
        """The gradient of each input, by the backward loop."""
        given = dict(zip(self.op.body_names(), self.node.inputs, strict=True))
        read = [inner for inner in backward.variables if inner.name in given and inner not in self.carried.values()]
        slices = {inner: given[inner.name] for inner in read if inner.name.startswith("x")}
        slices |= {inner: Value(outer) for inner, outer in saved.items()}
        slices |= {inner: value for i, inner in self.stacked.items() if (value := self.incoming[i]) is not None}
        states = {inner: self._initial(g, of) for of, inner in self.carried.items()}
        constants = {inner: given[inner.name] for inner in read if inner.name.startswith("c")}
        names = {inner: f"{kind}{i}" for kind, group in (("x", slices), ("s", states), ("c", constants))
                 for i, inner in enumerate(group)}
        steps = [self.node.inputs[-1]] if self.op.limited else [self.node.outputs[-1]] if self.op.conditional else []
        op = Scan(self.op.count, len(slices), len(states), len(constants), reverse=not self.op.reverse,
                  limited=bool(steps), graphs=(_renamed(backward, names),))
        made = g.node(op, [*slices.values(), *states.values(), *constants.values(), *steps])
        found = dict(zip([inner.name for inner in (*self.slices, *self.states, *self.constants)], made.outputs,
                         strict=True))
        return [found.get(name) for name in self.op.body_names()]

    def _initial(self, g: GraphBuilder, of: Node) -> Value:
        """What the backward loop begins with: the gradient of the final state; nothing of a constant yet."""
        if of in self.states and (value := self.incoming[self.op.stacked + int(of.name[1:])]) is not None:
            return value
        return g.filled(0, of.types[0])


def _cut(backward: Graph, forward: Graph) -> tuple[Graph, dict[Node, Value]]:
    """`backward` without the nodes of `forward` that depend on the step: variables stand for the values it needs of
    them.  Returns these variables with their values."""
    steady, inside = invariant_nodes(forward), set(forward.nodes)
    originals = iter(nodes := topological(value.node for value in backward.heads))
    stands_for: dict[Node, Value] = {}

    def visit(node: Node) -> Sequence[Value] | None:
        original = next(originals)
        if original not in inside or original in steady or _is_slice(original) or is_view(original):
            return None
        for value in original.outputs:
            stands_for[variable(f"saved{len(stands_for)}", value.type, sources=node.sources)] = value
        return [Value(inner) for inner in list(stands_for)[-len(original.outputs):]]
    new = rewritten_values(nodes, visit)
    cut = Graph(tuple(new.get(head, head) for head in backward.heads))
    return cut, {node: stands_for[node] for node in cut.variables if node in stands_for}


def _is_slice(node: Node) -> bool:
    return node.is_variable and node.name.startswith("x")


def _renamed(body: Graph, names: Mapping[Node, str]) -> Graph:
    return body.rewrite(lambda node: replace(node, name=names[node]).outputs if node in names else None)


def gradient_of_branch(g: GraphBuilder, node: Node, incoming: Incoming, leading: Sequence[bool],
                       differentiate: DifferentiateBody) -> list[Value | None]:
    """The gradient of each input.  leading: which inputs need one."""
    op = node.op
    assert isinstance(op, Branch)
    wanted = [(name, value.type) for name, value, leads in zip(op.body_names(), node.inputs, leading, strict=True)
              if leads and name and value.type.element.is_float]
    given = {i: value for i, value in enumerate(incoming) if value is not None}
    arms = tuple(_gradient_of_arm(arm, op.constants, wanted, list(given), differentiate) for arm in op.graphs)
    made = g.node(Branch(op.constants + len(given), arms), [*node.inputs, *given.values()])
    found = dict(zip([name for name, _ in wanted], made.outputs, strict=True))
    return [found.get(name) for name in op.body_names()]


def _gradient_of_arm(arm: Graph, constants: int, wanted: Sequence[tuple[str, TensorType]], given: Sequence[int],
                     differentiate: DifferentiateBody) -> Graph:
    """The gradients of the wanted constants; incoming gradients are further constants."""
    parts: dict[Value, list[Value]] = {}
    for number, i in enumerate(given):
        parts.setdefault(arm.heads[i], []).append(Value(variable(f"c{constants + number}", arm.heads[i].type)))
    present = {node.name: node for node in arm.variables}
    nodes = [present.get(name) or variable(name, type) for name, type in wanted]
    return Graph(differentiate(arm, nodes, parts).gradients)
