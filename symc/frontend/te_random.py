"""Random draws in kernels: `ops.random.Draws` over tensor elements.

The generator itself is a function that codegen defines (`codegen/llvm_random.py`); a block of 64 bits is an int64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tvm import tirx

from symc.frontend.te_math import (
    Expr,
    Scalar,
    TensorMath,
    computed_dtype,
    evaluator,
    lanes_of,
    vector_dtype,
    widened,
)
from symc.ir.types import DType
from symc.ops.random import HIGH_ELEMENT, Step

Repeat = Callable[[Any, Sequence[Scalar], Step, int], tuple[Scalar, ...]]



class TensorDraws:
    """The draws of the element number `element`, an index; a ramp of indices gives vectors.

    seed: an int64, which makes the key with `salt`.
    repeat: runs a loop whose state are values; only kernels of an `imperative` operator can.
    """

    F = TensorMath

    def __init__(self, seed: Scalar, salt: int, element: Any, repeat: Repeat | None = None) -> None:
        self.key = self.block(tirx.const(salt, "int32"), tirx.const(0, "int32"), seed)    # `ops.random.key_of`
        self.element = tirx.const(element, "int32") if isinstance(element, int) else element
        self._repeat = repeat

    def bits(self, number: Any) -> Scalar:
        lanes = lanes_of(self.element)
        second = _word(number, lanes)
        if str(self.element.ty).startswith("int64"):
            high = tirx.shift_left(tirx.shift_right(self.element, _integer(32, self.element)),
                                   _integer(HIGH_ELEMENT, self.element))
            second = tirx.bitwise_xor(second, _word(high, lanes))
        uses = evaluator().uses_of_index(self.element) | evaluator().uses_of_index(number)
        return self.block(_word(self.element, lanes), second, self.key, uses)

    @staticmethod
    def block(element: Expr, number: Expr, key: Scalar, uses: frozenset[Any] = frozenset()) -> Scalar:
        """The block of a counter, whose words are i32, for a key, both as int64."""
        lanes = lanes_of(element)
        name = f"symc.threefry.{f'v{lanes}' if lanes > 1 else ''}i32"
        expr = tirx.call_pure_extern(vector_dtype("int64", lanes), name, element, number, key.expr)
        return evaluator().shared(Scalar(expr, DType.int64, key.uses | uses))

    def unit(self, bits: Scalar, dtype: DType) -> Scalar:
        if dtype is DType.float64:
            return _number(_shifted(bits, "uint64", 11), "int64", DType.float64, bits) * 2.0 ** -53
        kept = 11 if dtype is DType.float16 else 24
        return _number(_shifted(bits, "uint32", 32 - kept), "int32", DType.float32, bits) * 2.0 ** -kept

    def positive(self, bits: Scalar, dtype: DType) -> Scalar:
        if dtype is DType.float64:
            return self.unit(bits, dtype) + 2.0 ** -54
        return _number(_shifted(bits, "uint32", 1), "int32", DType.float32, bits) * 2.0 ** -31 + 2.0 ** -32

    def is_odd(self, bits: Scalar) -> Scalar:
        word = tirx.bitwise_and(_word(bits.expr, bits.lanes), widened(tirx.const(1, "int32"), bits.lanes))
        return Scalar(word, DType.int32, bits.uses) != 0

    def below(self, bits: Scalar, count: int) -> Scalar:
        factor = widened(tirx.const(count, "uint64"), bits.lanes)
        wide = tirx.Cast(vector_dtype("uint64", bits.lanes), bits.expr)
        if count > 1 << 31:
            return _number(tirx.Mod(wide, factor), "int64", DType.int64, bits)
        low = tirx.Cast(wide.ty.dtype, tirx.Cast(vector_dtype("uint32", bits.lanes), bits.expr))
        products = [tirx.Mul(word, factor) for word in (low, _right(wide, 32))]
        return _number(_right(tirx.Add(products[1], _right(products[0], 32)), 32), "int64", DType.int64, bits)

    def repeat(self, going: Any, operands: Sequence[Scalar], state: Sequence[Scalar], step: Step,
               at_most: int) -> tuple[Scalar, ...]:
        assert self._repeat is not None, "only an imperative kernel has loops"
        return self._repeat(going, state, lambda n, _, values: step(n, operands, values), at_most)


def _word(value: Any, lanes: int) -> Expr:
    """The lower 32 bits of an integer."""
    if isinstance(value, int):
        return widened(tirx.const(value, "int32"), lanes)
    name = vector_dtype("int32", lanes_of(value))
    return widened(value if str(value.ty) == name else tirx.Cast(name, value), lanes)


def _integer(value: int, like: Expr) -> Expr:
    return widened(tirx.const(value, str(like.ty).split("x")[0]), lanes_of(like))


def _right(expr: Expr, count: int) -> Expr:
    return tirx.shift_right(expr, _integer(count, expr))


def _shifted(bits: Scalar, words: str, count: int) -> Expr:
    """The lower word of that type (all bits, for uint64) without its lowest bits."""
    return _right(tirx.Cast(vector_dtype(words, bits.lanes), bits.expr), count)


def _number(expr: Expr, integers: str, dtype: DType, bits: Scalar) -> Scalar:
    """An unsigned integer that fits the signed type `integers` too, as a value."""
    signed = tirx.Cast(vector_dtype(integers, bits.lanes), expr)
    name = computed_dtype(dtype)
    made = signed if name == integers else tirx.Cast(vector_dtype(name, bits.lanes), signed)
    return evaluator().shared(Scalar(made, dtype, bits.uses))

