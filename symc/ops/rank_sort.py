"""Sorting by many threads, and groups of equals: runs are sorted in the memory of a block, then merged by all threads.

When two runs become one, an element goes behind those of its own run, and those of the other one that stand before it,
which a binary search counts (Odeh, Green et al., Merge Path, 2012, in its simplest form).  Stable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from symc.ir.types import DType

RUN = 1024      # elements that a block of threads sorts in its own memory


def equal_places(k: Any, count: int, extent: int, place: Callable[[Any], Any]) -> Groups:
    """The numbers below `count`, so that those with the same place(number), an index below `extent`, are neighbours."""
    dtype = DType.int32 if extent <= np.iinfo(np.int32).max else DType.int64
    places = k.scratch((1, count), dtype)
    order, scratch = (k.scratch((1, count), DType.int32) for _ in range(2))
    with k.jobs(count) as i:
        k.store(places, (0, i), k.value(place(i), dtype))
    RankSort(k, places, lambda a, b: a < b).write(order, scratch)
    return Groups(k, count, places, order)


@dataclass(frozen=True)
class Groups:
    """Numbers in the order of their places, those of one place as they were."""

    k: Any
    count: int
    places: Any
    order: Any

    def number(self, i: Any) -> Any:
        """The number that is at `i` in the order."""
        return self.k.index(self.order[0, self.k.clamp(i, 0, self.count - 1)])

    def place(self, i: Any) -> Any:
        return self.places[0, self.number(i)]

    def begins(self, i: Any) -> Any:
        """Whether the number at `i` is the first of its place."""
        return self.k.any(i == 0, self.place(i - 1) != self.place(i))

    def ends(self, i: Any) -> Any:
        return self.k.any(i == self.count - 1, self.place(i + 1) != self.place(i))

    def total(self, first: Any, dtype: DType, value: Callable[[Any], Any]) -> Any:
        """The sum of value(number) over those of the same place as the one at `first`, which begins it, in order."""
        k = self.k
        total, going = k.cell(dtype, 0), k.cell(DType.bool, True)
        with k.repeat(going, self.count) as step:
            total.set(total.get() + value(self.number(first + step)))
            going.set(k.F.logical_not(self.ends(first + step)))
        return total.get()


@dataclass(frozen=True)
class RankSort:
    """Writes kernels of `k` that sort the rows of the matrix `data`.  before(a, b): whether a must stand before b."""

    k: Any
    data: Any
    before: Callable[[Any, Any], Any]

    def write(self, order: Any, scratch: Any) -> None:
        """Into `order`: for each row the places (int32) of its elements in order; `scratch` is of the same kind."""
        extent = self.data.shape[1]
        run = min(RUN, extent)
        passes = (-(-extent // run) - 1).bit_length() if extent else 0
        source, target = (order, scratch) if passes % 2 == 0 else (scratch, order)
        self._sort_runs(run, source)
        for number in range(passes):
            self._merge_runs(run << number, source, target)
            source, target = target, source

    def _sort_runs(self, run: int, order: Any) -> None:
        k, (rows, extent) = self.k, self.data.shape
        runs = -(-extent // max(run, 1))
        with k.jobs(rows * runs, width=run) as job:
            row, begin = job // runs, job % runs * run
            size = run if runs == 1 else k.clamp(extent - begin, 0, run)
            keys, source, target = (k.shared(dtype, run) for dtype in (self.data.dtype, DType.int32, DType.int32))
            with k.each(size) as i:
                keys.put(i, self.data[row, begin + i])
                source.put(i, k.value(i, DType.int32))
            for width in (1 << step for step in range((run - 1).bit_length())):
                with k.each(size) as i:
                    own = source.get(i)
                    elements = lambda at, source=source: keys.get(k.index(source.get(at)))  # noqa: E731
                    target.put(self._place(width, size, i, keys.get(k.index(own)), elements), own)
                source, target = target, source
            with k.each(size) as i:
                k.store(order, (row, begin + i), source.get(i) + k.value(begin, DType.int32))

    def _merge_runs(self, width: int, source: Any, target: Any) -> None:
        k, (rows, extent) = self.k, self.data.shape
        with k.jobs(rows * extent) as job:
            row, i = job // extent, job % extent
            own = source[row, i]
            place = self._place(width, extent, i, self.data[row, k.index(own)],
                                lambda at: self.data[row, k.index(source[row, at])])
            k.store(target, (row, place), own)

    def _place(self, width: int, extent: Any, i: Any, own: Any, elements: Callable[[Any], Any]) -> Any:
        """Where element `i`, which is `own`, goes when pairs of runs of `width` elements become one each."""
        k, first = self.k, i // (2 * width) * (2 * width)
        middle, end = (k.clamp(first + width * runs, 0, extent) for runs in (1, 2))
        is_left = k.all(i < middle)
        begin, count = (k.index(k.select(is_left, k.value(left, DType.int32), k.value(right, DType.int32)))
                        for left, right in ((middle, first), (end - middle, middle - first)))
        found = k.cell(DType.int32, 0)
        with k.loop(width.bit_length()) as turn:
            reached = k.index(found.get()) + ((turn * 0 + width) >> turn)
            other = elements(k.clamp(begin + reached - 1, 0, extent - 1))
            passed = k.select(is_left, self.before(other, own), k.F.logical_not(self.before(own, other)))
            found.set(k.select(k.all(reached <= count, passed), k.value(reached, DType.int32), found.get()))
        behind = k.select(is_left, k.number(0, DType.int32), k.value(middle - first, DType.int32))
        return i + k.index(found.get() - behind)
