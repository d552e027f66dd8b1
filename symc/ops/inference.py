"""Bidirectional, partial shape and type inference over a graph (NNVM's InferShape and InferType).

Facts flow forward and backward through the operators' rules until nothing changes.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace

from symc.errors import InferenceError, raise_collected
from symc.ir.graph import Graph, Node, Value
from symc.ir.types import DType, PartialShape, TensorType
from symc.ops.operator import Operator, operation
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show

Types = dict[Value, TensorType]


def infer(graph: Graph, shapes: Mapping[str, PartialShape | None] | None = None,
          dtypes: Mapping[str, DType] | None = None) -> Types:
    """The types of all values as far as they follow from those of the named variables and the nodes' own types.

    Raises InferenceError listing the contradictions, each with its node, shapes and their producers.
    """
    known = {value: value.type for node in graph.nodes for value in node.outputs}
    for node in graph.variables:
        given = TensorType((shapes or {}).get(node.name), (dtypes or {}).get(node.name))
        known[Value(node)] = _chosen(node.types[0], given)
    _to_fixpoint(graph, known)
    return known


def infer_types_of(op: Operator, inputs: Sequence[Value]) -> tuple[TensorType, ...]:
    """Output types of a new node from its typed inputs."""
    types = tuple([value.type for value in inputs])
    return _types_of(op, types) if op.is_users or op.subgraphs else _types_of_alike(op, types)


def _types_of(op: Operator, types: tuple[TensorType, ...]) -> tuple[TensorType, ...]:
    given = tuple(Value(Node("", types=(type,))) for type in types)
    node = Node("", op, given, (TensorType(),) * op.output_count)
    known: Types = {value: value.type for value in (*given, *node.outputs)}
    _visit(node, known)
    return tuple(known[value] for value in node.outputs)


_types_of_alike = functools.lru_cache(maxsize=1 << 12)(_types_of)    # passes make many nodes that are


def with_types(graph: Graph, types: Mapping[Value, TensorType]) -> Graph:
    """`graph` with each node carrying its inferred types."""
    originals = list(graph.nodes)
    position = iter(originals)

    def visit(node: Node) -> Sequence[Value] | None:
        inferred = tuple(types[value] for value in next(position).outputs)
        return None if inferred == node.types else replace(node, types=inferred).outputs
    return graph.rewrite(visit)


def unresolved(graph: Graph, types: Mapping[Value, TensorType]) -> list[Node]:
    """Variables whose type is not fully known."""
    return [node for node in graph.variables if not types[Value(node)].known]


def _chosen(own: TensorType, given: TensorType) -> TensorType:
    """As in MXNet, a full shape given replaces the variable's own (`__shape__`); a partial one yields to it."""
    replaces = own.shape is None or given.shape is not None and None not in given.shape
    return TensorType(given.shape if replaces else own.shape, given.dtype or own.dtype, own.layout)


def _to_fixpoint(graph: Graph, known: Types) -> None:
    """Alternate forward and backward sweeps; a node is visited again only when a neighbour's fact changed."""
    operators = [node for node in graph.nodes if node.op is not None]
    writers = {value: node for node in operators for value in node.outputs}
    pending = set(operators)
    problems: dict[Node, str] = {}
    causes: list[BaseException | None] = []
    while pending and not problems:
        for sweep in (operators, operators[::-1]):
            for node in sweep:
                if node not in pending:
                    continue
                pending.discard(node)
                try:
                    changed = _visit(node, known)
                except Conflict as conflict:
                    problems.setdefault(node, _explain(node, conflict, known))
                    causes.append(conflict.__cause__)
                    continue
                for value in changed:
                    pending.update(reader for reader in graph.readers.get(value, ()) if reader is not node)
                    if value in writers and writers[value] is not node:
                        pending.add(writers[value])
    try:
        raise_collected(InferenceError, "shape and type inference", list(problems.values()))
    except InferenceError as error:
        raise error from next(filter(None, causes), None)


def _visit(node: Node, known: Types) -> list[Value]:
    """Apply the node's rules; returns the values whose types were refined."""
    op = operation(node)
    values = (*node.inputs, *node.outputs)
    names = (*op.input_names(), *op.output_names())
    count = len(node.inputs)
    shapes = [ShapeSlot(n, known[v].shape) for n, v in zip(names, values, strict=True)]
    shaped = Slots(shapes[:count], shapes[count:])
    op.infer_shape(shaped)
    op.check_elements(shaped)
    types = [TypeSlot(n, known[v].dtype) for n, v in zip(names, values, strict=True)]
    typed = Slots(types[:count], types[count:])
    op.infer_type(typed)
    op.check_dtype(typed)
    changed = []
    for value, shape, dtype in zip(values, shapes, types, strict=True):
        old = known[value]
        if shape.shape != old.shape or dtype.dtype is not old.dtype:
            known[value] = TensorType(shape.shape, dtype.dtype, old.layout)
            changed.append(value)
    return changed


def _explain(node: Node, conflict: Conflict, known: Types) -> str:
    """One line for the node, one for each input with its producer."""
    op = operation(node)
    index = node.sources[0].index if node.sources else None
    where = f"node '{node.name}' ({op.name}{'' if index is None else f', JSON node {index}'}): {conflict}"
    inputs = [f"      {name} {show(known[value].shape)} {dtype.name if (dtype := known[value].dtype) else '?'}"
              f" comes from '{value.node.name}'"
              for name, value in zip(op.input_names(), node.inputs, strict=True)]
    return "\n".join([where, *inputs])
