"""Random numbers as a function of (seed, salt, element, number): the same in every run, for any number of threads.

The generator is Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as 1, 2, 3;
SC 2011), which passes BigCrush.  A seed and a salt, which tells the operators of a graph apart, make a key; the block
of 64 bits that a key has for the counter (element of the result, number of the draw) is what the element draws.
`codegen/llvm_random.py` writes the same function for kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from symc.ir.types import DType
from symc.ops.math import NumPyMath

Word = Any      # 32 bits that wrap: a NumPy array of uint32, or an i32 of LLVM
Bits = Any      # 64 random bits: a NumPy array of uint64, or an int64 of a kernel
Value = Any     # as in `ops.math`
Step = Callable[[Any, Sequence[Value], Sequence[Value]], tuple[Value, tuple[Value, ...]]]

PARITY = 0x1BD11BDA
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
HIGH_ELEMENT = 20       # draws of one element whose numbers do not meet those of the element 2³² further on: 2²⁰
CHUNK = 1 << 14         # elements that NumPy hashes at a time, so that they stay in the cache


def threefry(rotate: Callable[[Word, int], Word], key: tuple[Word, Word],
             counter: tuple[Word, Word]) -> tuple[Word, Word]:
    """The block of a counter.  `rotate(word, count)` rotates to the left."""
    keys = (*key, key[0] ^ key[1] ^ PARITY)
    x, y = counter[0] + keys[0], counter[1] + keys[1]
    for injection in range(1, 6):
        for count in ROTATIONS[(injection - 1) % 2]:
            x = x + y
            y = rotate(y, count) ^ x
        x = x + keys[injection % 3]
        y = y + keys[(injection + 1) % 3] + injection
    return x, y


class Draws(Protocol):
    """The draws of an element of a result, numbered from 0; in NumPy, of many elements at once.

    Distributions are written over this once (`ops.distributions`); kernels have another (`frontend/te_random.py`).
    """

    F: Any      # the math namespace of the values

    def bits(self, number: Any) -> Bits: ...

    def unit(self, bits: Bits, dtype: DType) -> Value:
        """Evenly from [0, 1), in steps of 2⁻¹¹ for float16 (whose value is computed in float32), 2⁻²⁴, and 2⁻⁵³."""

    def positive(self, bits: Bits, dtype: DType) -> Value:
        """Evenly from (0, 1], float32 or float64."""

    def is_odd(self, bits: Bits) -> Value:
        """A fair condition that `positive` does not depend on."""

    def below(self, bits: Bits, count: int) -> Value:
        """An int64 from [0, count); count ≤ 2⁶³."""

    def repeat(self, going: Value, operands: Sequence[Value], state: Sequence[Value], step: Step,
               at_most: int) -> tuple[Value, ...]:
        """The state after steps `(going, state) = step(n, operands, state)`, n = 0, 1, ..., while `going` holds."""


class NumPyDraws:
    """The draws of `elements`, an array of int64."""

    F = NumPyMath

    def __init__(self, seed: int, salt: int, elements: np.ndarray) -> None:
        self.key = key_of(seed, salt)
        self.elements = elements

    def bits(self, number: Any) -> np.ndarray:
        return blocks(self.key, self.elements, number)

    def unit(self, bits: np.ndarray, dtype: DType) -> np.ndarray:
        if dtype is DType.float64:
            return (bits >> np.uint64(11)).astype(np.float64) * 2.0 ** -53
        kept = 11 if dtype is DType.float16 else 24
        return (bits.astype(np.uint32) >> np.uint32(32 - kept)).astype(np.float32) * np.float32(2.0 ** -kept)

    def positive(self, bits: np.ndarray, dtype: DType) -> np.ndarray:
        if dtype is DType.float64:
            return (bits >> np.uint64(11)).astype(np.float64) * 2.0 ** -53 + 2.0 ** -54
        upper = (bits.astype(np.uint32) >> np.uint32(1)).astype(np.int32).astype(np.float32)
        return upper * np.float32(2.0 ** -31) + np.float32(2.0 ** -32)

    def is_odd(self, bits: np.ndarray) -> np.ndarray:
        return bits & np.uint64(1) != 0

    def below(self, bits: np.ndarray, count: int) -> np.ndarray:
        if count > 1 << 31:
            return (bits % np.uint64(count)).astype(np.int64)
        low, high = bits & np.uint64(0xFFFFFFFF), bits >> np.uint64(32)
        factor = np.uint64(count)
        return ((high * factor + (low * factor >> np.uint64(32))) >> np.uint64(32)).astype(np.int64)

    def repeat(self, going: Value, operands: Sequence[Value], state: Sequence[Value], step: Step,
               at_most: int) -> tuple[np.ndarray, ...]:
        shape = self.elements.shape
        results = tuple(np.broadcast_to(value, shape).copy() for value in state)
        wide = [np.broadcast_to(value, shape) for value in operands]
        active = np.flatnonzero(np.broadcast_to(going, shape))
        every = self.elements
        for number in range(at_most):
            if not active.size:
                break
            self.elements = every[active]
            still, made = step(number, [value[active] for value in wide], [value[active] for value in results])
            for result, value in zip(results, made, strict=True):
                result[active] = value
            active = active[still]
        self.elements = every
        return results


def key_of(seed: int, salt: int) -> tuple[np.ndarray, np.ndarray]:
    """The key that a seed of 64 bits and a salt of 32 make."""
    low, high, counter, zero = (np.array([word & 0xFFFFFFFF], np.uint32) for word in (seed, seed >> 32, salt, 0))
    return threefry(_rotate, (low, high), (counter, zero))


def blocks(key: tuple[np.ndarray, np.ndarray], elements: np.ndarray, number: Any) -> np.ndarray:
    """The 64 bits of each element for draws `number`, an integer or an array of as many."""
    result = np.empty(elements.shape, np.uint64)
    numbers = np.broadcast_to(np.asarray(number, np.int64), elements.shape)
    for start in range(0, len(elements), CHUNK):
        part = slice(start, start + CHUNK)
        low, high = elements[part].astype(np.uint32), elements[part] >> 32
        second = (numbers[part] ^ (high << HIGH_ELEMENT)).astype(np.uint32)
        x, y = threefry(_rotate, key, (low, second))
        result[part] = (y.astype(np.uint64) << np.uint64(32)) | x
    return result


def _rotate(word: np.ndarray, count: int) -> np.ndarray:
    return (word << np.uint32(count)) | (word >> np.uint32(32 - count))


def uniform(count: int, seed: int, salt: int, dtype: DType = DType.float32) -> np.ndarray:
    """The first draws of elements 0 to count - 1, from [0, 1)."""
    draws = NumPyDraws(seed, salt, np.arange(count))
    return draws.unit(draws.bits(0), dtype)
