"""Activations."""

from __future__ import annotations

from typing import Any

from symc.ops.elementwise import elementwise


@elementwise("relu", gradient=lambda F, x, y, dy: F.where(y > 0, dy, F.where(y == y, F.const(0, dy), y)))
def relu(F: Any, x: Any) -> Any:
    """max(x, 0); NaN stays NaN, forward and backward."""
    return F.max_nan(x, F.const(0, x))


@elementwise("sigmoid", gradient=lambda F, x, y, dy: dy * y * (1 - y))
def sigmoid(F: Any, x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return F.sigmoid(x)
