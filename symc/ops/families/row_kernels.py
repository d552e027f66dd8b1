"""Steps of factorisations on rows of matrices, in kernels: loops over neighbouring elements, which LLVM vectorises."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

AT_ONCE = 4     # rows subtracted in one go: each element of the target is loaded and stored once for so many

Row = Callable[[Any], tuple[Any, ...]]      # the indices of element `column` of a row


def at_row(*lead: Any) -> Row:
    """A row of a tensor: its last index runs."""
    return lambda column: (*lead, column)


def subtract_rows(k: Any, target: Any, row: Row, columns: Any, count: Any, factor: Callable[[Any], Any],
                  source: Any, source_row: Callable[[Any], Row]) -> None:
    """target[row(c)] -= Σ over j < count of factor(j)·source[source_row(j)(c)], c in `columns`.

    `factor` must not depend on the elements that are written.
    """
    groups = count // AT_ONCE
    with k.loop(groups) as group:
        _subtract(k, target, row, columns, [group * AT_ONCE + i for i in range(AT_ONCE)], factor, source, source_row)
    with k.loop((groups * AT_ONCE, count)) as j:
        _subtract(k, target, row, columns, [j], factor, source, source_row)


def _subtract(k: Any, target: Any, row: Row, columns: Any, terms: list[Any], factor: Callable[[Any], Any],
              source: Any, source_row: Callable[[Any], Row]) -> None:
    factors = [factor(j) for j in terms]
    with k.loop(columns) as column:
        value = target[row(column)]
        for j, f in zip(terms, factors, strict=True):
            value = value - f * source[source_row(j)(column)]
        k.store(target, row(column), value)


def dot(k: Any, columns: tuple[Any, Any], dtype: Any, a: Callable[[Any], Any], b: Callable[[Any], Any]) -> Any:
    """Σ a(c)·b(c) over c in [low, high), in eight partial sums."""
    low, high = columns
    cells = [k.cell(dtype, 0) for _ in range(2 * AT_ONCE)]
    groups = (high - low) // len(cells)
    with k.loop(groups) as group:
        for i, cell in enumerate(cells):
            at = low + group * len(cells) + i
            cell.set(cell.get() + a(at) * b(at))
    with k.loop((low + groups * len(cells), high)) as at:
        cells[0].set(cells[0].get() + a(at) * b(at))
    sums = [cell.get() for cell in cells]
    while len(sums) > 1:
        sums = [x + y for x, y in zip(sums[::2], sums[1::2], strict=True)]
    return sums[0]


@contextlib.contextmanager
def parts(k: Any, count: int, extent: int, width: int) -> Iterator[tuple[Any, tuple[Any, Any]]]:
    """Jobs of `count` matrices, each cut into parts of `width` of `extent` columns: the matrix, and the columns."""
    pieces = -(-extent // width)
    with k.jobs(count * pieces) as job:
        first = job % pieces * width
        yield job // pieces, (first, k.clamp(first + width, 0, extent))
