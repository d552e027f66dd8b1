"""Loops and branches without what nobody needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symc.ir.graph import Graph, Node, Value
from symc.ops.families.control_flow import Branch, Scan
from symc.ops.record import record
from symc.passes.base import Pass


@record
class PruneBodies(Pass):
    """Remove the outputs of loops and branches that nothing reads, the states that then nothing needs, and the inputs
    that no body reads.

        %y = _scan(%x, %s, %w) count=9 slices=1 states=1 constants=1 {     →  %y = _scan(%x) count=9 slices=1 states=0 {
          %a = relu(%x0)                                                        %a = relu(%x0)
          %b = elemwise_add(%s0, %c0)                                           heads %a
          heads %a, %b                                                        }
        }                                                                     heads %y
        heads %y

    Needs a typed graph.
    """

    name = "prune-bodies"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        read = {*graph.readers, *graph.roots}
        originals = iter(graph.nodes)

        def visit(node: Node) -> Sequence[Value] | None:
            original = next(originals)
            used = [value in read for value in original.outputs]
            if isinstance(node.op, Scan):
                return _pruned_loop(node, node.op, used)
            return _pruned_branch(node, node.op, used) if isinstance(node.op, Branch) else None
        return graph.rewrite(visit)


def _pruned_loop(node: Node, op: Scan, used: Sequence[bool]) -> Sequence[Value] | None:
    states = _needed_states(op, used)
    heads = [*(i for i in range(op.stacked) if used[i]), *(op.stacked + i for i in states)]
    body = Graph(tuple(op.body.heads[i] for i in heads))
    read = {variable.name for variable in body.variables}
    slices = [i for i in range(op.slices) if f"x{i}" in read]
    constants = [i for i in range(op.constants) if f"c{i}" in read]
    if (len(slices), len(states), len(constants), len(heads)) == (op.slices, op.states, op.constants,
                                                                  len(op.body.heads)):
        return None
    kept = [*slices, *(op.slices + i for i in states), *(op.slices + op.states + i for i in constants)]
    names = {**_numbered("x", slices), **_numbered("s", states), **_numbered("c", constants)}
    new = replace(op, slices=len(slices), states=len(states), constants=len(constants),
                  graphs=(body.with_names(names),))
    inputs = (*(node.inputs[i] for i in kept), *node.inputs[len(node.inputs) - op.limited:])
    outputs = [*heads, *range(len(op.body.heads), len(node.types))]
    return _with_outputs(node, replace(node, op=new, inputs=inputs, types=tuple(node.types[i] for i in outputs)),
                         outputs)


def _needed_states(op: Scan, used: Sequence[bool]) -> list[int]:
    """The states that an output which is read depends on, or that are one."""
    needed = {i for i in range(op.states) if used[op.stacked + i] or (op.conditional and i == op.states - 1)}
    while True:
        heads = [op.body.heads[i] for i in range(op.stacked) if used[i]]
        graph = Graph((*heads, *(op.body.heads[op.stacked + i] for i in sorted(needed))))
        read = {variable.name for variable in graph.variables}
        found = needed | {i for i in range(op.states) if f"s{i}" in read}
        if found == needed:
            return sorted(needed)
        needed = found


def _pruned_branch(node: Node, op: Branch, used: Sequence[bool]) -> Sequence[Value] | None:
    heads = [i for i, is_used in enumerate(used) if is_used]
    bodies = [Graph(tuple(body.heads[i] for i in heads)) for body in op.graphs]
    read = {variable.name for body in bodies for variable in body.variables}
    constants = [i for i in range(op.constants) if f"c{i}" in read]
    if (len(constants), len(heads)) == (op.constants, len(used)):
        return None
    names = _numbered("c", constants)
    new = Branch(len(constants), tuple(body.with_names(names) for body in bodies))
    inputs = (node.inputs[0], *(node.inputs[1 + i] for i in constants))
    return _with_outputs(node, replace(node, op=new, inputs=inputs, types=tuple(node.types[i] for i in heads)), heads)


def _numbered(kind: str, kept: Sequence[int]) -> dict[str, str]:
    return {f"{kind}{old}": f"{kind}{new}" for new, old in enumerate(kept)}


def _with_outputs(old: Node, new: Node, outputs: Sequence[int]) -> list[Value]:
    """The values that replace the outputs of `old`: those of `new`, which has the `outputs` alone."""
    place = {output: Value(new, i) for i, output in enumerate(outputs)}
    return [place.get(i, Value(old, i)) for i in range(len(old.types))]
