"""Squares of elements, turned in registers."""

from __future__ import annotations

from collections.abc import Sequence

from symc.codegen.llvm_builder import Builder, Value


def transposed(builder: Builder, rows: Sequence[Value]) -> list[Value]:
    """The columns of as many vectors as each has lanes, a power of two: halves change places, then halves of halves."""
    rows, count = list(rows), len(rows)
    step = count // 2
    while step:
        for i in (i for i in range(count) if not i & step):
            low = [lane if not lane & step else count + lane - step for lane in range(count)]
            high = [lane + step if not lane & step else count + lane for lane in range(count)]
            upper, lower = rows[i], rows[i + step]
            rows[i], rows[i + step] = builder.shuffle(upper, low, lower), builder.shuffle(upper, high, lower)
        step //= 2
    return rows
