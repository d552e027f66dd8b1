"""Elements of tensors in memory and in registers: bfloat16 is computed as float32, alone or in pairs.

A pair is two neighbouring bfloat16 of a sum in 32 bits, the first one in the lower half.  x86 has an instruction that
multiplies pairs and adds both products (AVX512_BF16); elsewhere a pair is two float32 after a shift and a mask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from symc.codegen.llvm_builder import Builder, Type, Value
from symc.ir.types import DType

UPPER = -65536      # the mask of the second element of a pair
NAN = 0x7FC0
DOT = "llvm.x86.avx512bf16.dpbf16ps.{bits}"


@dataclass(frozen=True, slots=True)
class Element:
    """LLVM's types of an element in memory, and in a register.

    rounds: the CPU has an instruction that makes the one in memory of the one in a register.
    """

    memory: str
    register: str
    rounds: bool = False

    @property
    def bytes(self) -> int:
        """In memory."""
        return Type(self.memory).bits // 8

    @property
    def is_half(self) -> bool:
        return self.memory != self.register

    def load(self, builder: Builder, pointer: Value, lanes: int = 0) -> Value:
        """A vector of neighbouring elements; without lanes one element."""
        return self._widened(builder, builder.load(pointer, Type(self.memory, lanes)))

    def load_lanes(self, builder: Builder, pointer: Value, valid: Sequence[bool]) -> Value:
        """A vector of which only the valid lanes are read; the others are 0."""
        return self._widened(builder, builder.load_lanes(pointer, Type(self.memory, len(valid)), valid))

    def splat(self, builder: Builder, pointer: Value, lanes: int) -> Value:
        """One element in all lanes."""
        loaded = builder.load(pointer, Type(self.memory))
        if not self.is_half:
            return builder.splat(loaded, lanes)
        return _first(builder, builder.reinterpret(builder.splat(loaded, 2 * lanes), Type("i32", lanes)))

    def store_lanes(self, builder: Builder, value: Value, pointer: Value, valid: Sequence[bool]) -> None:
        """Write the valid lanes and touch nothing else."""
        builder.store_lanes(self._narrowed(builder, value), pointer, valid)

    def store_lane(self, builder: Builder, value: Value, lane: int, pointer: Value) -> None:
        builder.store(builder.extract(self._narrowed(builder, value), lane), pointer)

    def _widened(self, builder: Builder, loaded: Value) -> Value:
        return _first(builder, builder.convert("zext", loaded, "i32")) if self.is_half else loaded

    def _narrowed(self, builder: Builder, value: Value) -> Value:
        """Rounded to the nearest, ties to even; NaN stays NaN."""
        if not self.is_half:
            return value
        if self.rounds:
            return builder.convert("bitcast", builder.convert("fptrunc", value, "bfloat"), self.memory)
        bits = builder.convert("bitcast", value, "i32")
        rounded = (bits + ((bits >> 16) & 1) + 0x7FFF) >> 16
        return builder.convert("trunc", builder.select(value != value, NAN, rounded), self.memory)


FLOAT32, FLOAT64 = Element("float", "float"), Element("double", "double")
BFLOAT16, PAIR = Element("i16", "float"), Element("i32", "i32")
ROUNDED_BFLOAT16 = Element("i16", "float", rounds=True)
ELEMENTS = {DType.float32: FLOAT32, DType.float64: FLOAT64, DType.bfloat16: BFLOAT16, DType.int32: PAIR}

Multiplication = Callable[[Builder, Value, Value, Value], Value]    # (builder, a, b, c): a·b + c


def element_of(dtype: DType, has_pairs: bool) -> Element:
    """The element of a dtype; int32 stands for pairs.  has_pairs: whether the CPU has AVX512_BF16."""
    return ROUNDED_BFLOAT16 if has_pairs and dtype is DType.bfloat16 else ELEMENTS[dtype]


def multiplications(element: Element, lanes: int, has_pairs: bool) -> tuple[Multiplication, ...]:
    """What adds the products of two operands to an accumulator, one after the other."""
    if element is not PAIR:
        return (Builder.fma,)
    return (_dot,) if has_pairs and lanes > 1 else (_multiply_second, _multiply_first)


def _dot(builder: Builder, a: Value, b: Value, total: Value) -> Value:
    """The product of the second elements is added first, then that of the first ones; denormals count as 0."""
    pairs = Type("bfloat", 2 * total.type.lanes)
    name = DOT.format(bits=32 * total.type.lanes)
    return builder.call(name, total.type, total, builder.reinterpret(a, pairs), builder.reinterpret(b, pairs))


def _multiply_first(builder: Builder, a: Value, b: Value, total: Value) -> Value:
    return builder.fma(_first(builder, a), _first(builder, b), total)


def _multiply_second(builder: Builder, a: Value, b: Value, total: Value) -> Value:
    return builder.fma(_second(builder, a), _second(builder, b), total)


def _first(builder: Builder, bits: Value) -> Value:
    """Of the lower halves float32."""
    return builder.convert("bitcast", bits << 16, "float")


def _second(builder: Builder, bits: Value) -> Value:
    """Of the upper halves float32."""
    return builder.convert("bitcast", bits & UPPER, "float")
