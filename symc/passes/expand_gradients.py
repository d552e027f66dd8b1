"""Networks' gradients as operators (`Symbol.gradient`), written out."""

from __future__ import annotations

from symc.ir.graph import Graph, Node, Value
from symc.ops.builder import GraphBuilder
from symc.ops.families.gradient import NetworkGradient
from symc.ops.inference import infer, with_types
from symc.ops.operator import operation
from symc.ops.record import record
from symc.passes.base import Pass, expand, rewrite, run_passes
from symc.passes.gradient import Differentiate, is_head_gradient
from symc.passes.inference_heads import UseInferenceForms
from symc.passes.legalize import Legalize
from symc.passes.lower_control_flow import LowerControlFlow
from symc.passes.seed_random import SEED, SeedRandom, seed_of


@record
class ExpandGradients(Pass):
    """Put the differentiated graph in the place of `_gradient` operators.

    Before: a typed graph without gradients.
        %g = _gradient(%x) wrt=(0,) { %x: f32[4]  %y = sin(%x)  heads %y }
    After: the heads that are no losses have got head gradients of ones.
        %g/ones1 = _ones() shape=(4,)
        %y/backward/backward_sin1 = _backward_sin(%x, %g/ones1)

    training: whether operators inside have their meaning in training.  Random operators inside draw from the one
    seed, and the same as those of their names outside.  Auxiliary states are not changed by what is inside.
    """

    training: bool
    name = "expand-gradients"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        seed = Value(seed_of(graph))

        def visit(node: Node) -> list[Value] | None:
            if not isinstance(node.op, NetworkGradient):
                return None
            inputs = dict(zip(node.op.input_names(), node.inputs, strict=True))
            inner = run_passes(_typed(node.op, inputs), [LowerControlFlow(), self])
            return self._gradients(node, inner, {**inputs, SEED: seed})
        return rewrite(graph, visit)

    def _gradients(self, node: Node, inner: Graph, inputs: dict[str, Value]) -> list[Value]:
        """The gradients of `inner`, typed and without `_gradient` operators, in terms of `inputs` by name."""
        op = node.op
        assert isinstance(op, NetworkGradient)
        forms: list[Pass] = [] if self.training else [UseInferenceForms(keep_losses=True)]
        inner = run_passes(inner, [*forms, SeedRandom(), Legalize(keep_differentiable=True)])
        wanted = dict.fromkeys(op.output_names(), "write")
        gradients = {g.variable.name: g.value for g in Differentiate(tuple(wanted.items()))(inner).gradients}
        g = GraphBuilder(node.name, node.sources)

        def connect(inside: Node) -> tuple[Value, ...] | None:
            if inside.is_variable:
                return (g.filled(1, inside.types[0]) if is_head_gradient(inside) else inputs[inside.name],)
            return _without_loss(inside)
        found = tuple(gradients[name] if name in gradients else g.filled(0, inputs[name].type) for name in wanted)
        return list(rewrite(Graph(found), connect).heads)


def _without_loss(node: Node) -> tuple[Value, ...] | None:
    """The output of a loss head that its gradient reads; nobody may take it for a loss of the outer graph."""
    if node.op is None or not operation(node).is_loss or operation(node).inference is None:
        return None
    return expand(node, operation(node).inference)


def _typed(op: NetworkGradient, inputs: dict[str, Value]) -> Graph:
    """The graph inside, with the types that its inputs have outside."""
    types = {name: value.type for name, value in inputs.items()}
    known = infer(op.graph, {name: t.shape for name, t in types.items()},
                  {name: t.element for name, t in types.items()})
    return with_types(op.graph, known)
