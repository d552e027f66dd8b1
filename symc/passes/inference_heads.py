"""Operators that mean something else outside training: loss heads, Dropout, BatchNorm."""

from __future__ import annotations

from symc.ir.graph import Graph, Node, Value
from symc.ops.operator import operation
from symc.ops.record import record
from symc.passes.base import Pass, expand, rewrite


@record
class UseInferenceForms(Pass):
    """Put each operator's form in inference in its place.

    Before: a typed graph without gradients.
        %softmax = SoftmaxOutput(%fc, %label)
        %drop = Dropout(%x) p=0.5
        heads %softmax, %drop
    After: nothing depends on training any more; labels are no inputs.
        %softmax = softmax(%fc)
        heads %softmax, %x

    keep_losses: leave loss heads as they are, for the gradients of what inference computes; custom operators, which
    are told whether they train, stay what they are anyway.
    """

    name = "use-inference-forms"
    enters_bodies = True
    keep_losses: bool = False

    def __call__(self, graph: Graph) -> Graph:
        assert not graph.gradients, "a graph with gradients is one for training"
        return rewrite(graph, self._inference_form)

    def _inference_form(self, node: Node) -> tuple[Value, ...] | None:
        if node.op is None or operation(node).inference is None:
            return None
        if self.keep_losses and operation(node).is_loss and not operation(node).is_host:
            return None
        return expand(node, operation(node).inference)
