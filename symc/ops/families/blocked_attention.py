"""Attention as one operator: scores of queries and keys, what becomes of them, their softmax, mixtures of values."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from symc.ir.graph import Graph
from symc.ir.types import TensorType
from symc.ops.contraction import Contraction, Index, axes, evaluator
from symc.ops.families.strided_product import STILL
from symc.ops.operator import Array, Operator, operator
from symc.ops.parameters import Dims, internal
from symc.ops.record import Record, record
from symc.ops.slots import ShapeSlot, Slots

SCORES, QUERY = "scores", "query"     # the variables of the graphs that stand for them
ROWS, KEYS, SUMMED, COLUMNS = "mnkv"  # the axes of each head: queries, keys, the depth of both, that of values


@record
class Strides(Record):
    """Where a matrix lies in an array: it starts `offset` elements in; the next point of an axis is `steps` further."""

    offset: int
    steps: dict[str, int]

    @staticmethod
    def of(names: str, shape: Dims, begin: Dims = ()) -> Strides:
        """Of a plain array, along whose dimensions these axes run from `begin` on."""
        sizes = [math.prod(shape[i + 1:]) for i in range(len(shape))]
        offset = sum(at * size for at, size in zip(begin, sizes, strict=False))
        return Strides(offset, {name: size for name, size in zip(names, sizes, strict=True) if name != STILL})


@operator("_blocked_attention", hidden=True)
class BlockedAttention(Operator):
    """Σ over keys of softmax(f(g(query)·key) / temperature)·value; an axis is a letter of `axes`, with its extent.

    query, key, value, result: the axis along which each dimension runs; '.' for none.  query_begin, key_begin,
    value_begin: the position in each dimension at which its axis starts.  The heads are numbered by the axes in front
    of the last four.  graphs: f, of elementwise operators over `scores` (heads.., m, n) and the other inputs, as
    variables `in3`, `in4`, ..., which are broadcast to that shape and have as many dimensions; a second head is what
    the softmax is multiplied with.  And g, over `query`.
    """

    axes: str
    extents: Dims
    query: str
    key: str
    value: str
    result: str
    query_begin: Dims
    key_begin: Dims
    value_begin: Dims
    temperature: float = 1.0
    others: int = 0
    graphs: tuple[Graph, ...] = internal(())
    inputs = ()
    has_kernel = True

    def input_names(self) -> list[str]:
        return ["query", "key", "value", *(f"in{3 + i}" for i in range(self.others))]

    @property
    def sizes(self) -> dict[str, int]:
        return dict(zip(self.axes, self.extents, strict=True))

    @property
    def heads(self) -> str:
        """The axes that number the heads."""
        return self.axes[:-4]

    @property
    def flops(self) -> int:
        """Of both products, nominal."""
        heads, (rows, keys, summed, columns) = math.prod(self.extents[:-4]), self.extents[-4:]
        return 2 * heads * rows * keys * (summed + columns)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(tuple(self.sizes[name] for name in self.result))

    def reference(self, run: Callable[..., tuple[Array, ...]], query: Array, key: Array, value: Array,
                  *others: Array) -> Array:
        products = _products(self)
        shape = tuple(self.sizes[name] for name in self.heads + ROWS + KEYS)
        (query,) = run(self.graphs[1], {QUERY: query})
        scores = evaluator(products[0])(query, key, shape)
        named = {SCORES: scores, **dict(zip(self.input_names()[3:], others, strict=True))}
        scores, *factors = run(self.graphs[0], {node.name: named[node.name] for node in self.graphs[0].variables})
        distances = (scores - scores.max(-1, keepdims=True)) / scores.dtype.type(self.temperature)
        weights = np.exp(distances)
        weights = weights / weights.sum(-1, keepdims=True)
        return evaluator(products[1])(weights * factors[0] if factors else weights, value,
                                      tuple(self.sizes[name] for name in self.result))

    def strides(self, types: list[TensorType]) -> list[Strides]:
        """Of query, key, value and result, whose types these are."""
        names = (self.query, self.key, self.value, self.result)
        begins = (self.query_begin, self.key_begin, self.value_begin, ())
        return [Strides.of(*operand) for operand in zip(names, (type.dims for type in types), begins, strict=True)]


@functools.lru_cache(1024)
def _products(op: BlockedAttention) -> tuple[Contraction, Contraction]:
    """The scores, and the mixtures of values, as contractions."""
    scores, sizes = op.heads + ROWS + KEYS, op.sizes

    def indices(names: str, begin: Dims) -> tuple[Index, ...]:
        return tuple(Index(() if name == STILL else ((name, 1),), at) for name, at in zip(names, begin, strict=True))

    def extents(without: str) -> tuple[tuple[str, int], ...]:
        return tuple((name, extent) for name, extent in sizes.items() if name != without)
    return (Contraction(extents(COLUMNS), axes(scores), indices(op.query, op.query_begin),
                        indices(op.key, op.key_begin)),
            Contraction(extents(SUMMED), axes(op.result), axes(scores), indices(op.value, op.value_begin)))
