"""Outputs behind decisions: what sorting, suppression of boxes and the like make of what the code has computed.

A score that a rounding moves past another, or past a threshold, gives another box, and no tolerance is wide enough for
that.  So the meaning is cut in front of the operators that decide: what they read is compared like an output, and what
they make is what they mean for that which the code has given them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from symc.interpreter import Results, run
from symc.ir.graph import Graph, Node, Value, variable
from symc.ops.group import Group
from symc.ops.operator import operation
from symc.passes.base import run_passes
from symc.passes.legalize import Legalize
from symc.verification.compare import Comparison, Difference, Numbers, Tolerances, dtypes_of, spread_of
from symc.verification.steps import arguments_of_steps
from symc.verification.subject import Code, Subject, numbers

Arrays = Mapping[str, np.ndarray]
Operands = Mapping[str, Sequence[np.ndarray]]       # by the name of the operator that reads them
DECIDED = "right for the numbers that the code has sorted or chosen by, which are compared by themselves"


def differences_by_decisions(subject: Subject, code: Code, arrays: Arrays, found: Numbers) -> list[Difference] | None:
    """How what the code has written, `found`, differs from what the meaning makes of the operands of its decisions, and
    those from what they should be; None: the code has no such operands.

    arrays: the inputs, for which the code is run once more, step by step.
    """
    meaning = run_passes(subject.meaning, [Legalize()])     # operators of several decisions as these
    deciding = {name: node for name, node in _unique(meaning.nodes).items() if _decides(node)}
    read = _operands_read(subject, code, arrays, deciding) if subject.lowered is not None and deciding else {}
    cut, operands = _cut(meaning, read)
    if not operands or not _means_the_same(meaning, subject, arrays):
        return None
    names = [subject.plan.buffers[number].name for number in subject.plan.of_kind("output")]

    def collect(results: Results) -> Numbers:
        count = len(names)
        extra = {("operand", name): array for name, array in zip(operands, results.heads[count:], strict=True)}
        return numbers(replace(results, heads=results.heads[:count]), names) | extra
    given = {**arrays, **operands}
    right = collect(run(cut, given))
    spread = partial(spread_of, cut, given, right, subject.tolerances, collect)
    kept = {("operand", name): array for name, array in operands.items()}
    compared = Comparison(right, dtypes_of(cut), subject.tolerances, spread).differences({**found, **kept})
    return [replace(one, explained=one.explained or DECIDED) if one.kind != "operand" else one for one in compared]


def _means_the_same(graph: Graph, subject: Subject, arrays: Arrays) -> bool:
    """Whether a graph made of the subject's meaning computes what this does, with the same numbers to decide by."""
    right, found = ({("output", str(i)): head for i, head in enumerate(run(one, arrays).heads)}
                    for one in (subject.meaning, graph))
    still = {key: np.zeros(head.shape) for key, head in right.items()}      # the same numbers move nothing
    exact = Comparison(right, dtypes_of(subject.meaning), Tolerances(is_step=True), lambda _: still)
    return not any(difference.reason for difference in exact.differences(found))


def _decides(node: Node) -> bool:
    """Whether the operator is one that may: a loop written by hand, be it a group of its own in a stored graph."""
    if node.op is None:
        return False
    return node.op.master == "imperative" if isinstance(node.op, Group) else operation(node).imperative is not None


def _unique(nodes: Sequence[Node]) -> dict[str, Node]:
    """The operators by their names, those of the same name left out."""
    counts = Counter(node.name for node in nodes)
    return {node.name: node for node in nodes if node.op is not None and counts[node.name] == 1}


def _operands_read(subject: Subject, code: Code, arrays: Arrays, deciding: Mapping[str, Node]) -> Operands:
    """What the code gives the operators that decide, as far as its steps have operators of these names and types."""
    found: dict[str, Sequence[np.ndarray]] = {}
    for step, arguments in arguments_of_steps(subject, code, arrays):
        if _is_same(step, deciding.get(step.name)):
            found[step.name] = arguments
        elif isinstance(step.op, Group):
            inner = step.op.graph
            given = {one.name: array for one, array in zip(inner.variables, arguments, strict=True)}
            for name, node in _unique(inner.nodes).items():
                if _is_same(node, deciding.get(name)):
                    found[name] = run(Graph(node.inputs), given).heads
    return found


def _is_same(node: Node, meant: Node | None) -> bool:
    """Whether a node of the lowered graph does what one of the meaning does, with operands of the same types."""
    return meant is not None and type(node.op) is type(meant.op) and len(node.inputs) == len(meant.inputs) and all(
        (a.type.dims, a.type.element) == (b.type.dims, b.type.element)
        for a, b in zip(node.inputs, meant.inputs, strict=True))


def _cut(graph: Graph, read: Operands) -> tuple[Graph, dict[str, np.ndarray]]:
    """The graph in which these operators read variables, and whose last heads are what they read before; values of the
    variables, in the order of these heads.  What the user gives, and constants, are read as they are."""
    given: dict[str, np.ndarray] = {}
    before: list[Value] = []

    def visit(node: Node) -> Sequence[Value] | None:
        if node.name not in read or node.op is None:
            return None
        inputs = list(node.inputs)
        for place, (value, array) in enumerate(zip(node.inputs, read[node.name], strict=True)):
            if value.node.op is not None:
                name = f"{node.name}: operand {place}"
                given[name] = array
                before.append(value)
                inputs[place] = Value(variable(name, value.type))
        return replace(node, inputs=tuple(inputs)).outputs
    made = graph.rewrite(visit)
    return replace(made, heads=(*made.heads, *before)), given
