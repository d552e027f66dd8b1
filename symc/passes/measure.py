"""What the rules of one operator say of it by itself: which of its inputs get gradients, which dtypes it takes.

Nobody writes this down for an operator: it is found by applying the rules to arrays of small shapes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

from symc.errors import SymcError, UnsupportedOperatorError
from symc.ir.graph import Graph, Node, Value, variable
from symc.ir.types import DType, TensorType
from symc.ops.inference import infer
from symc.ops.operator import Operator
from symc.ops.slots import Conflict, Slots, TypeSlot
from symc.passes.base import run_passes
from symc.passes.gradient import Differentiate
from symc.passes.pipeline import training_pipeline, typed

SHAPES = ((2, 4, 4, 4), (4, 4), (2, 4, 4), (4,), (2, 4, 4, 4, 4), (1, 5), (1,), (3, 2, 12), (3, 5))   # tried in turn
ZEROS = ("_zeros", "zeros_like")


@functools.cache
def gradient_inputs(op: Operator) -> frozenset[int] | None:
    """The inputs to which the gradient of `op` gives more than zeros; None: it has no gradient.

    All inputs where the rules need other shapes than those tried, and of operators that hold graphs or users' code;
    but none on whose data shapes depend.
    """
    everything = frozenset(range(len(op.input_names())))
    if op.is_users or op.subgraphs or op.settled is not None:
        return everything - set(op.shape_inputs)
    for graph in _examples(op):
        try:
            return _reached(graph)
        except UnsupportedOperatorError:
            return None
        except Conflict:
            continue      # shapes that only the gradient finds wrong
    has_rule = any(rule is not None for rule in (op.gradient, op.rewrite, op.seeded))
    return everything if has_rule else None


def output_dtypes(op: Operator) -> dict[DType, tuple[DType | None, ...]]:
    """For each dtype that the first input may have, those of the visible outputs; None: it follows from another."""
    found = {}
    for dtype in DType:
        inputs = [TypeSlot(name, None if i else dtype) for i, name in enumerate(op.input_names())]
        outputs = [TypeSlot(name, None) for name in op.output_names()]
        try:
            op.infer_type(Slots(inputs, outputs))
            op.check_dtype(Slots(inputs, outputs))
        except Conflict:
            continue
        found[dtype] = tuple(slot.dtype for slot in outputs[:op.visible_count])
    return found


def _examples(op: Operator) -> Iterator[Graph]:
    """Typed graphs of this operator alone."""
    for shape in SHAPES:
        variables = [variable(name, TensorType()) for name in op.input_names()]
        node = Node("node", op, tuple(map(Value, variables)), (TensorType(),) * op.output_count)
        graph = Graph(node.outputs[:op.visible_count])
        try:
            yield typed(graph, _shapes(graph, shape))
        except SymcError:
            continue      # the operator is not for arrays of this rank


def _shapes(graph: Graph, shape: tuple[int, ...]) -> Mapping[str, tuple[int, ...]]:
    """Shapes of inputs: `shape` where none follows from those before, or the first other one that agrees with them."""
    shapes: dict[str, tuple[int, ...]] = {}
    for node in graph.variables:
        found = infer(graph, shapes)[Value(node)].shape
        if found is None or None in found:
            agreeing = (other for other in (shape, *SHAPES) if _agrees(graph, {**shapes, node.name: other}))
            shapes[node.name] = next(agreeing, shape)
    return shapes


def _agrees(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    try:
        infer(graph, shapes)
    except SymcError:
        return False
    return True


def _reached(graph: Graph) -> frozenset[int]:
    """Positions of the variables whose gradients are more than zeros.  UnsupportedOperatorError: there are none."""
    passes = training_pipeline({node.name: "write" for node in graph.variables})
    last = next(i for i, step in enumerate(passes) if isinstance(step, Differentiate))
    gradients = run_passes(graph, passes[:last + 1]).gradients
    named = {gradient.variable.name: gradient.value.node for gradient in gradients}
    return frozenset(i for i, value in enumerate(graph.heads[0].node.inputs)
                     if value.node.name in named and not _is_zeros(named[value.node.name]))


def _is_zeros(node: Node) -> bool:
    if node.value is not None:
        return not node.value.any()
    return node.op is not None and node.op.name in ZEROS
