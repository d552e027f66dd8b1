"""Activations."""

from __future__ import annotations

from typing import Any

from symc.ops.elementwise import elementwise, real


@elementwise("relu", aliases=("_sparse_relu",),
             gradient=lambda F, y, dy: F.where(y > 0, dy, F.where(y == y, F.const(0, dy), y)))
def relu(F: Any, x: Any) -> Any:
    """max(x, 0); NaN stays NaN, forward and backward."""
    return F.max_nan(x, F.const(0, x))


@elementwise("sigmoid", aliases=("_sparse_sigmoid",), gradient=real(lambda F, y, dy: dy * y * (1 - y)))
@real
def sigmoid(F: Any, x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return F.sigmoid(x)
