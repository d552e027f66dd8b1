"""Writes any contraction point by point: right for every spec and layout, and slow.

Serves what `llvm_nest` cannot bring into affine form, such as groups of 24 channels in blocks of 16.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from symc.codegen.llvm_builder import I64, Builder, Integer, Type, Value, total
from symc.codegen.llvm_elements import Element
from symc.codegen.llvm_math import VectorMath
from symc.ir.types import TensorType, parse_layout
from symc.ops.contraction import Contraction, Index


class PointWriter:
    """A job is all points of the innermost output axis; vectors have one lane.

    types, elements, pointers: of lhs, rhs, the operands and the outputs; along: for each operand, the dimension
    of the output that each of its dimensions runs along.
    """

    def __init__(self, builder: Builder, spec: Contraction, types: Sequence[TensorType],
                 along: Sequence[Sequence[int | None]], elements: Sequence[Element], pointers: Sequence[Value],
                 epilogue: Callable[..., object]) -> None:
        self.builder, self.spec, self.types, self.along = builder, spec, types, along
        self.elements, self.pointers, self.epilogue = elements, pointers, epilogue
        self.type = Type(elements[0].register, 1)

    @property
    def jobs(self) -> int:
        sizes = [self.spec.sizes[axis] for axis in self.spec.parallel]
        return math.prod(sizes[:-1]) if all(sizes) else 0

    def write_job(self, number: Integer) -> None:
        values: dict[str, Integer] = {}
        sizes = self.spec.sizes
        for axis in reversed(self.spec.parallel[:-1]):
            values[axis] = number % sizes[axis]
            number = number // sizes[axis]
        last = self.spec.parallel[-1:]

        def point(index: Integer, _: list[Value]) -> list[Value]:
            self._write_point({**values, **dict.fromkeys(last, index)})
            return []
        self.builder.loop(0, sizes[last[0]] if last else 1, 1, point)

    def _write_point(self, values: Mapping[str, Integer]) -> None:
        sums = self._reduce(self.spec.reduced, values, [self.builder.zero(self.type)])
        positions = [self._affine(index, values) for index in self.spec.output]
        operands = [self._load(i, [0 if dim is None else positions[dim] for dim in self.along[i - 2]])
                    for i in range(2, 2 + len(self.along))]
        results = self.epilogue(VectorMath(self.builder), sums[0], *operands)
        outputs = range(2 + len(self.along), len(self.types))
        for i, result in zip(outputs, results if isinstance(results, tuple) else (results,), strict=True):
            self.elements[i].store_lanes(self.builder, result, self._address(i, positions), [True])

    def _reduce(self, axes: Sequence[str], values: Mapping[str, Integer], sums: list[Value]) -> list[Value]:
        if not axes:
            factors = [self._factor(i, indices, values) for i, indices in enumerate((self.spec.lhs, self.spec.rhs))]
            return [self.builder.fma(factors[0], factors[1], sums[0])]
        axis, *inner = axes
        return self.builder.loop(0, self.spec.sizes[axis], 1,
                                 lambda index, sums: self._reduce(inner, {**values, axis: index}, sums), sums)

    def _factor(self, operand: int, indices: Sequence[Index], values: Mapping[str, Integer]) -> Value:
        """The operand's element, 0 where an index leaves a remainder or the tensor."""
        positions: list[Integer] = []
        inside = Value(self.builder, "true", Type("i1"))
        for index, extent in zip(indices, self.types[operand].dims, strict=True):
            position, holds = self._position(index, extent, values)
            inside = inside & holds
            positions.append(self.builder.select(holds, self.builder.like(position, I64), 0))
        return self.builder.select(inside, self._load(operand, positions), self.builder.zero(self.type))

    def _position(self, index: Index, extent: int, values: Mapping[str, Integer]) -> tuple[Integer, Value]:
        """(Σ + offset) / divisor, and whether it is a position of a dimension of `extent`.

        The number is lifted above 0 to be divided: the builder's division is unsigned.
        """
        number = self.builder.like(self._affine(index, values), I64)
        lift = sum(abs(c) * self.spec.sizes[axis] for axis, c in index.terms) + abs(index.offset) + 1
        lifted = number + lift * index.divisor
        position = self.builder.like(lifted // index.divisor - lift, I64)
        holds = (position >= 0) & (position < extent)
        return position, holds if index.divisor == 1 else holds & (lifted % index.divisor == 0)

    def _affine(self, index: Index, values: Mapping[str, Integer]) -> Integer:
        return total([(c, values[axis]) for axis, c in index.terms], index.offset)

    def _load(self, tensor: int, positions: Sequence[Integer]) -> Value:
        return self.elements[tensor].load(self.builder, self._address(tensor, positions), 1)

    def _address(self, tensor: int, positions: Sequence[Integer]) -> Value:
        type = self.types[tensor]
        offset: Integer = 0
        rest = list(positions)     # of each position, what the inner blocks met so far have left
        if type.layout is None:
            digits = list(zip(positions, type.dims, strict=True))
        else:
            digits = []
            for dim, extent in zip(reversed(parse_layout(type.layout)), reversed(type.physical), strict=True):
                digits.insert(0, (rest[dim.axis] % dim.block if dim.block > 1 else rest[dim.axis], extent))
                rest[dim.axis] = rest[dim.axis] // dim.block
        for digit, extent in digits:
            offset = total([(extent, offset), (1, digit)])
        return self.builder.offset(self.pointers[tensor], offset, self.elements[tensor].memory)
