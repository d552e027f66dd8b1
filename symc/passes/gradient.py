"""The gradient, as a pass over the graph (NNVM's Gradient)."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace

from symc.errors import UnsupportedOperatorError, raise_collected
from symc.ir.graph import Gradient, Graph, Node, Update, Value, variable
from symc.ops.builder import GraphBuilder
from symc.ops.families.control_flow import Branch, ControlFlow, Scan
from symc.ops.operator import operation
from symc.ops.record import record
from symc.passes.base import Pass
from symc.passes.gradient_of_bodies import BodyGradient, LoopGradient, gradient_of_branch, gradient_of_loop

HEAD_GRADIENT = "_head_gradient{}"   # variable name of the gradient of head number {}


@record
class Differentiate(Pass):
    """Add the gradients of the heads with respect to variables, and what backward does to auxiliary states.

    Before: a typed graph without gradients, random operators seeded.
        %y = relu(%x)
        heads %y
    After, for requests (("x", "write"),):
        %y = relu(%x)
        %_head_gradient0: f32[4]
        %y/backward/backward_relu1 = _backward_relu(%x, %y, %_head_gradient0)
        heads %y
        gradient %x = %y/backward/backward_relu1

    requests: variable name and 'write', 'add' or 'null'; variables without one get no gradient.
    As in MXNet: loss heads take no head gradient, and push their own wherever they stand, behind a BlockGrad or not;
    of a value that is a head twice, the last head's gradient counts; a variable that nothing reaches gets zeros;
    states are updated by each operator that a wanted variable feeds, the last one first.
    UnsupportedOperatorError lists the operators that a gradient must pass and cannot.
    """

    requests: tuple[tuple[str, str], ...]
    name = "differentiate"

    def __call__(self, graph: Graph) -> Graph:
        assert not graph.gradients, "the graph has gradients already"
        requests = {name: req for name, req in self.requests if req != "null"}
        wanted = [node for node in graph.variables if node.name in requests]
        if not wanted:
            return graph
        backward = _Backward(graph, wanted, _head_gradients(graph))
        gradients = tuple(Gradient(node, backward.of_variable(node), requests[node.name]) for node in wanted)
        return backward.with_saved(Graph(graph.heads, gradients, (*graph.updates, *backward.updates)))


def _head_gradients(graph: Graph) -> dict[Value, list[Value]]:
    """For each head the variable that stands for its gradient."""
    return {head: [Value(variable(HEAD_GRADIENT.format(number), head.type))]
            for number, head in enumerate(graph.heads) if not _is_loss(head.node)}


def _gradient_of_body(body: Graph, wanted: Sequence[Node], parts: Mapping[Value, list[Value]]) -> BodyGradient:
    backward = _Backward(body, wanted, parts)
    gradients = [backward.of_variable(node) for node in wanted]
    heads = backward.with_saved(Graph((*body.heads, *gradients))).heads
    return BodyGradient(heads[:len(body.heads)], heads[len(body.heads):])


class _Backward:
    """The state of one walk from the heads to the variables."""

    def __init__(self, graph: Graph, wanted: Sequence[Node], parts: Mapping[Value, list[Value]]) -> None:
        """parts: the gradients that come from outside."""
        self.graph = graph
        self.leading = nodes_fed_by(graph, wanted)
        self.parts = {value: list(given) for value, given in parts.items()}   # what a value's gradient is the sum of
        self.loops: dict[Node, LoopGradient] = {}
        self.states: dict[Value, Value] = {}          # of auxiliary states, what backward makes of them
        self.lacking: dict[str, list[str]] = {}       # operators without a rule that a gradient reaches: their nodes
        for node in reversed(graph.nodes):
            if node.op is not None and node in self.leading:
                self._visit(node)
        raise_collected(UnsupportedOperatorError, "the gradient",
                        [f"operator {name} has no gradient; needed by {', '.join(nodes[::-1])}"
                         for name, nodes in self.lacking.items()],
                        "choose heads or variables that need no gradient through it, or put BlockGrad behind it")

    @property
    def updates(self) -> tuple[Update, ...]:
        """What backward does to auxiliary states, in the order of the graph."""
        return tuple(Update(state.node, value) for state, value in reversed(self.states.items()))

    def of_variable(self, node: Node) -> Value:
        """The gradient of a variable, zeros where nothing reaches it."""
        total = self._total(Value(node))
        if total is not None:
            return total
        return GraphBuilder(f"{node.name}/backward", node.sources).filled(0, node.types[0])

    def with_saved(self, graph: Graph) -> Graph:
        """`graph`, made of what backward computes, with loops that also give back what their gradients read."""
        originals = iter(graph.nodes)    # those of the forward part, the loops, come first
        saved: dict[Node, Value] = {}

        def visit(node: Node) -> Sequence[Value] | None:
            original = next(originals)
            if (loop := self.loops.get(original)) is not None:
                made = replace(node, op=loop.forward, types=loop.types)
                saved.update({inner: Value(made, number) for inner, number in loop.saved.items()})
                return [Value(made, number) for number in loop.outputs]
            return (saved[original],) if original in saved else None
        return graph.rewrite(visit) if self.loops else graph

    def _visit(self, node: Node) -> None:
        """Apply the rules of one operator; all its readers have been visited."""
        op = operation(node)
        g = GraphBuilder(f"{node.name}/backward", node.sources)
        incoming: list[Value | None] = [None] * len(node.types)
        if not op.is_loss:
            incoming = [self._total(value) for value in node.outputs]
        if op.is_loss or op.always_backward or any(value is not None for value in incoming):
            self._distribute(node, g, incoming)
        if op.updates is not None:
            inputs = [self.states.get(value, value) for value in node.inputs]
            self.states.update({node.inputs[position]: value
                                for position, value in op.updates(g, node, inputs).items()})

    def _distribute(self, node: Node, g: GraphBuilder, incoming: list[Value | None]) -> None:
        """Hand the gradients of the inputs on."""
        op = operation(node)
        if op.gradient is None and not isinstance(op, ControlFlow):
            self.lacking.setdefault(op.name, []).append(repr(node.name))
            return
        gradients = self._gradients(node, g, incoming)
        assert len(gradients) == len(node.inputs), f"{node} has {len(node.inputs)} inputs, {len(gradients)} gradients"
        for value, gradient in zip(node.inputs, gradients, strict=True):
            if gradient is not None and value.node in self.leading:
                assert (gradient.type.shape, gradient.type.dtype) == (value.type.shape, value.type.dtype), \
                    f"{node}: gradient of {value!r} is {gradient.type}, expected {value.type}"
                self.parts.setdefault(value, []).append(gradient)

    def _gradients(self, node: Node, g: GraphBuilder, incoming: list[Value | None]) -> Sequence[Value | None]:
        """The gradients of the inputs."""
        op, leading = operation(node), [value.node in self.leading for value in node.inputs]
        if isinstance(op, Scan):
            self.loops[node] = gradient_of_loop(g, node, incoming, leading, _gradient_of_body)
            return self.loops[node].gradients
        if isinstance(op, Branch):
            return gradient_of_branch(g, node, incoming, leading, _gradient_of_body)
        return op.gradient(g, node, *incoming)

    def _total(self, value: Value) -> Value | None:
        """The sum of all gradients of `value`.

        They are added one by one, in the order in which backward computes them: the kernel of a product adds what
        there is to its own, and no part waits for the others (a recurrent network has one for each time step).
        """
        parts = self.parts.pop(value, [])
        g = GraphBuilder(f"{value.node.name}/backward", value.node.sources)
        return functools.reduce(g.elemwise_add, parts) if parts else None


def nodes_fed_by(graph: Graph, variables: Sequence[Node]) -> set[Node]:
    """The nodes whose value depends on one of `variables`, these included."""
    fed = set(variables)
    for node in graph.nodes:
        if any(value.node in fed for value in node.inputs):
            fed.add(node)
    return fed


def is_head_gradient(node: Node) -> bool:
    """Whether a variable stands for what comes from outside."""
    return node.name.startswith(HEAD_GRADIENT.format(""))


def _is_loss(node: Node) -> bool:
    return node.op is not None and operation(node).is_loss
