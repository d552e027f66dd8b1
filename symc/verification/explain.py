"""Where wrong numbers begin, in words: the symbol node, its operator, the kernel, the shapes, the error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from symc.codegen.lowered import Options, output_names
from symc.ir.graph import Graph, Node, Value
from symc.ops.operator import operation
from symc.ops.slots import show
from symc.verification.blame import Prefix, first_wrong, operators_of
from symc.verification.compare import Difference, Tolerances
from symc.verification.inputs import Inputs
from symc.verification.steps import WrongStep


@dataclass(frozen=True)
class Explainer:
    """Explains differences of code from `network`, as its user wrote it, typed.

    options: with which it can be compiled here, to tell which node of several in a kernel is wrong, and whether passes
    are; None: it cannot be.
    """

    network: Graph
    tolerances: Tolerances
    options: Options | None
    trains: bool

    def explain(self, step: WrongStep | None, inputs: Inputs, wrong: Sequence[Difference]) -> str:
        """A sentence for the first step that is wrong by itself, or, where all steps are right, for the passes."""
        if step is not None:
            return self._of_step(step, inputs)
        if self.options is None or self.trains:
            return "each kernel computes what its node in graph.txt means, for what it reads"
        return self._of_passes(inputs, {difference.name for difference in wrong})

    def _of_step(self, step: WrongStep, inputs: Inputs) -> str:
        nodes = self._symbols(step.node)
        first = self._first_in_code(nodes, inputs) if len(nodes) > 1 else None
        named = first or (nodes[0] if len(nodes) == 1 else None)
        where = f"the first node that differs is {self._described(named)}" if named else \
            f"the first nodes that differ are {', '.join(map(self._described, nodes)) or repr(step.node.name)}"
        together = f", which is computed with {_listed(nodes, named)}" if named and len(nodes) > 1 else ""
        return f"{where}{together}; {_by_kernels(step)}; {step.difference.reason}"

    def _first_in_code(self, nodes: Sequence[Node], inputs: Inputs) -> Node | None:
        """The first of the nodes that one kernel computes which is wrong when what leads to it is compiled alone."""
        if self.options is None or self.trains:
            return None
        return next((node for node in nodes if self._prefix(node, inputs).wrong_in_code()), None)

    def _of_passes(self, inputs: Inputs, wrong: set[str]) -> str:
        heads = [head.node for head, name in zip(self.network.heads, output_names(self.network), strict=True)
                 if name in wrong and head.node.op is not None]
        for head in heads:
            if not self._prefix(head, inputs).wrong_in_passes():
                continue
            node = first_wrong(operators_of(self.network, [head]),
                               lambda node: self._prefix(node, inputs).wrong_in_passes() is not None)
            prefix = self._prefix(node, inputs)
            found, culprit = prefix.wrong_in_passes(), prefix.wrong_pass()
            by = f" by the pass {culprit}" if culprit else ""
            return f"the first node that differs is {self._described(node)}, made another{by}; " \
                   f"{found.reason if found else ''}"
        return "each kernel computes what its node means, and so do the passes for each output alone"

    def _prefix(self, node: Node, inputs: Inputs) -> Prefix:
        assert self.options is not None
        return Prefix(node, inputs.arrays, self.options, self.tolerances)

    @cached_property
    def _by_name(self) -> Mapping[str, Node]:
        return {node.name: node for node in self.network.nodes if node.op is not None}

    def _symbols(self, node: Node) -> list[Node]:
        """The operators of the symbol that a node stands for, in the symbol's order."""
        order = {other: number for number, other in enumerate(self._by_name.values())}
        found = {self._by_name[source.name] for source in node.sources if source.name in self._by_name}
        return sorted(found, key=lambda other: order[other])

    def _described(self, node: Node) -> str:
        op = operation(node)
        given = ", ".join(_shown(value) for value in node.inputs)
        made = ", ".join(_shown(value) for value in node.outputs[:op.visible_count])
        return f"'{node.name}' ({op.name}: {given} -> {made})"


def _shown(value: Value) -> str:
    return f"{value.type.element.name}{show(value.type.shape)}"


def _listed(nodes: Sequence[Node], named: Node | None) -> str:
    return ", ".join(repr(node.name) for node in nodes if node is not named)


def _by_kernels(step: WrongStep) -> str:
    first, end = step.steps
    steps = f"step {first}" if end == first + 1 else f"steps {first} to {end - 1}"
    return f"{steps} of the plan, {'kernel ' + ', '.join(step.kernels) if step.kernels else 'a loop or branch'}"
