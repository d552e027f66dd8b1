"""Steps of factorisations on rows of matrices, in kernels: loops over neighbouring elements, which LLVM vectorises."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from symc.ir.types import DType

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
    with k.each(columns) as column:
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


def largest(k: Any, columns: Any, tensor: Any, row: Row) -> tuple[Any, Any]:
    """The largest absolute value in some columns of a row, and where it is first met, int32; NaN are passed over."""
    low, high = columns
    best = k.cell(tensor.dtype, k.F.abs(tensor[row(low)]))
    place = k.cell(DType.int32, k.value(low, DType.int32))
    with k.loop((low + 1, high)) as column:
        size = k.F.abs(tensor[row(column)])
        larger = size > best.get()
        place.set(k.select(larger, k.value(column, DType.int32), place.get()))
        best.set(k.select(larger, size, best.get()))
    return best.get(), place.get()


def reflection(k: Any, tensor: Any, row: Row, first: Any, last: int) -> tuple[Any, Any]:
    """The reflection I - tau·v·vᵀ that takes the elements [first, last) of a row to (beta, 0, 0, ...).

    tau and beta, as LAPACK's larfg finds them; v, less its first element, which is 1, takes the place of the elements.
    tau is 0 where these are zero but for the first.
    """
    alpha, columns = tensor[row(first)], (first + 1, last)
    tau, beta = k.cell(tensor.dtype, 0), k.cell(tensor.dtype, alpha)
    rest = k.cell(tensor.dtype, 0)
    with k.loop(columns) as column:
        rest.set(k.F.max_nan(rest.get(), k.F.abs(tensor[row(column)])))
    with k.when(rest.get() != 0):
        scale = k.F.max_nan(rest.get(), k.F.abs(alpha))
        tail = dot(k, columns, tensor.dtype, *2 * [lambda column: tensor[row(column)] / scale])
        length = scale * k.F.sqrt(alpha / scale * (alpha / scale) + tail)
        beta.set(k.select(alpha >= 0, -length, length))
        tau.set((beta.get() - alpha) / beta.get())
        divisor = alpha - beta.get()
        with k.loop(columns) as column:
            k.store(tensor, row(column), tensor[row(column)] / divisor)
    return tau.get(), beta.get()


@contextlib.contextmanager
def parts(k: Any, count: int, extent: int, width: int) -> Iterator[tuple[Any, tuple[Any, Any]]]:
    """Jobs of `count` matrices, each cut into parts of `width` of `extent` columns: the matrix, and the columns."""
    pieces = -(-extent // width)
    with k.jobs(count * pieces, width=min(width, extent)) as job:
        first = job % pieces * width
        yield job // pieces, (first, k.clamp(first + width, 0, extent))
