"""Multi-head attention over interleaved projections, of GluonNLP's transformers.

A projection is (length, batch, heads·parts·depth): in each head lie the query, key and value (self-attention), or the
key and value (encoder to decoder), side by side.  Matrices of the heads are stacked to (batch·heads, ...).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from symc.ir.graph import Value
from symc.ir.types import PartialShape
from symc.ops.operator import REAL, Operator, operator
from symc.ops.record import record
from symc.ops.slots import Conflict, ShapeSlot, Slots, show


@record
class Attention(Operator):
    """Base; `parts` of the interleaved input are projections, of which the operator takes some."""

    dtypes = REAL
    takes_empty = True

    heads: int
    parts: ClassVar[int]

    def depth(self, shape: PartialShape, parts: int) -> int | None:
        """Elements of one projection in one head.  Conflict when the last dimension does not divide."""
        if len(shape) != 3 or self.heads < 1 or (shape[2] or 0) % (self.heads * parts):
            raise Conflict(f"{show(shape)} is not (length, batch, {self.heads} heads·{parts}·depth)")
        return None if shape[2] is None else shape[2] // (self.heads * parts)

    def stacked(self, g: Any, value: Value, part: int, parts: int) -> Value:
        """One projection of an interleaved value, as (batch·heads, length, depth)."""
        length, batch, _ = value.type.dims
        depth = self.depth(value.type.dims, parts) or 0
        split = g.reshape(value, (length, batch, self.heads, parts, depth))
        chosen = g.reshape(g.slice_axis(split, axis=3, begin=part, end=part + 1), (length, batch, self.heads, depth))
        return g.reshape(g.transpose(chosen, axes=(1, 2, 0, 3)),  # type: ignore[no-any-return]
                         (batch * self.heads, length, depth))

    def matrices(self, array: np.ndarray, part: int, parts: int) -> np.ndarray:
        """`stacked` in NumPy."""
        length, batch, _ = array.shape
        depth = self.depth(array.shape, parts) or 0
        split = array.reshape(length, batch, self.heads, parts, depth)[:, :, :, part]
        return split.transpose(1, 2, 0, 3).reshape(batch * self.heads, length, depth)

    def stack(self, batch: int | None) -> int | None:
        """Number of matrices."""
        return None if batch is None else batch * self.heads


class Scores(Attention):
    """Base of the products query·keyᵀ / √depth."""

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        queries, keys = s.inputs[0].shape, s.inputs[-1].shape
        if queries is None or keys is None:
            return
        self.depth(keys, self.parts)
        self.depth(queries, self.parts if len(s.inputs) == 1 else 1)
        if len(s.inputs) == 2:
            s.inputs[1].unify((None, queries[1], None if queries[2] is None else queries[2] * self.parts))
        s.output.unify((self.stack(queries[1]), queries[0], keys[0]))

    def rewrite(self, g: Any, *inputs: Value) -> list[Value]:
        own = self.parts if len(inputs) == 1 else 1
        queries = g._contrib_div_sqrt_dim(self.stacked(g, inputs[0], 0, own))
        return [g.batch_dot(queries, self.stacked(g, inputs[-1], self.parts - 2, self.parts), transpose_b=True)]

    def reference(self, *inputs: np.ndarray) -> np.ndarray:
        queries = self.matrices(inputs[0], 0, self.parts if len(inputs) == 1 else 1)
        keys = self.matrices(inputs[-1], self.parts - 2, self.parts)
        scale = np.asarray(np.sqrt(queries.shape[-1]), queries.dtype)
        return queries / scale @ keys.transpose(0, 2, 1)  # type: ignore[no-any-return]


class Mixture(Attention):
    """Base of the products attention·value, as (length, batch, heads·depth)."""

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        values, attention = (slot.shape for slot in s.inputs)
        if values is None:
            return
        depth = self.depth(values, self.parts)
        s.inputs[1].unify((self.stack(values[1]), None, values[0]))
        length = None if attention is None else attention[1]
        s.output.unify((length, values[1], None if depth is None else depth * self.heads))

    def rewrite(self, g: Any, values: Value, attention: Value) -> list[Value]:
        _, batch, _ = values.type.dims
        mixed = g.batch_dot(attention, self.stacked(g, values, self.parts - 1, self.parts))
        _, length, depth = mixed.type.dims
        heads = g.transpose(g.reshape(mixed, (batch, self.heads, length, depth)), axes=(2, 0, 1, 3))
        return [g.reshape(heads, (length, batch, self.heads * depth))]

    def reference(self, values: np.ndarray, attention: np.ndarray) -> np.ndarray:
        mixed = attention @ self.matrices(values, self.parts - 1, self.parts)
        batch, length = values.shape[1], attention.shape[1]
        depth = mixed.shape[-1]
        heads = mixed.reshape(batch, self.heads, length, depth).transpose(2, 0, 1, 3)
        return heads.reshape(length, batch, self.heads * depth)  # type: ignore[no-any-return]


@operator("_contrib_interleaved_matmul_selfatt_qk")
class SelfAttentionScores(Scores):
    """query·keyᵀ / √depth of each head.  MXNet: _contrib_interleaved_matmul_selfatt_qk."""

    parts = 3
    inputs = ("queries_keys_values",)


@operator("_contrib_interleaved_matmul_selfatt_valatt")
class SelfAttentionMixture(Mixture):
    """attention·value of each head.  MXNet: _contrib_interleaved_matmul_selfatt_valatt."""

    parts = 3
    inputs = ("queries_keys_values", "attention")


@operator("_contrib_interleaved_matmul_encdec_qk")
class EncoderDecoderScores(Scores):
    """query·keyᵀ / √depth of each head.  MXNet: _contrib_interleaved_matmul_encdec_qk."""

    parts = 2
    inputs = ("queries", "keys_values")


@operator("_contrib_interleaved_matmul_encdec_valatt")
class EncoderDecoderMixture(Mixture):
    """attention·value of each head.  MXNet: _contrib_interleaved_matmul_encdec_valatt."""

    parts = 2
    inputs = ("keys_values", "attention")
