"""Sorting by many threads, and groups of equals: runs are sorted in the memory of a block, then merged by all threads.

When two runs become one, an element goes behind those of its own run, and those of the other one that stand before it,
which a binary search counts (Odeh, Green et al., Merge Path, 2012, in its simplest form).  Stable.  Where a few are
asked for, no run keeps more of its elements than these.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from symc.ir.types import DType
from symc.ops.record import Record, record

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


@record
class Groups(Record):
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


@record
class RankSort(Record):
    """Writes kernels of `k` that sort the rows of the matrix `data`.  before(a, b): whether a must stand before b."""

    k: Any
    data: Any
    before: Callable[[Any, Any], Any]

    def write(self, order: Any, *scratch: Any) -> None:
        """Into `order`: for each row the places (int32) of its first elements, as many as there is room for, in order.

        scratch: a matrix of int32 as large as `data`; two of them where `order` is smaller.
        """
        (rows, count), places, extent = order.shape, None, self.data.shape[1]
        while extent > RUN and 2 * count <= RUN:    # those that are first in no run are not first in all
            left = extent // RUN * count + min(extent % RUN, count)
            first = self.k.scratch((rows, left), DType.int32)
            self._sort_runs(places, extent, first, count)
            places, extent = first, left
        passes = (-(-extent // RUN) - 1).bit_length() if extent else 0
        spare = (*scratch, order)[:2]
        targets = [order, *(spare[number % 2] for number in range(passes))][::-1]
        self._sort_runs(places, extent, targets[0], RUN if passes else count)
        for number, (source, target) in enumerate(itertools.pairwise(targets)):
            self._merge_runs(RUN << number, source, target)

    def _sort_runs(self, places: Any, extent: int, order: Any, keep: int) -> None:
        """The first `keep` elements of each run of the `extent` elements of a row, which stand at `places` (None: all),
        one run behind the other."""
        k, rows, run = self.k, self.data.shape[0], min(RUN, extent)
        runs = -(-extent // max(run, 1))
        with k.jobs(rows * runs, width=run) as job:
            row, begin = job // runs, job % runs * run

            def place(i: Any) -> Any:
                return k.value(begin + i, DType.int32) if places is None else places[row, begin + i]
            size = run if runs == 1 else k.clamp(extent - begin, 0, run)
            keys, source, target = (k.shared(dtype, run) for dtype in (self.data.dtype, DType.int32, DType.int32))
            with k.each(size) as i:
                keys.put(i, self.data[row, k.index(place(i))])
                source.put(i, k.value(i, DType.int32))
            length, stands_for = 1, 1       # of a run: what is kept of it, and of how many
            while stands_for < run:
                size, length = self._merge_kept(keys, source, target, size, length, keep), min(2 * length, keep)
                source, target, stands_for = target, source, 2 * stands_for
            with k.each(size) as i:
                k.store(order, (row, job % runs * keep + i), place(k.index(source.get(i))))

    def _merge_kept(self, keys: Any, source: Any, target: Any, size: Any, length: int, keep: int) -> Any:
        """Merge pairs of runs of `length`, of which the first `keep` elements stay; how many are left of `size`."""
        k, pair, kept = self.k, 2 * length, min(2 * length, keep)
        with k.each(size) as i:
            own = source.get(i)
            place = self._place(length, size, i, keys.get(k.index(own)), lambda at: keys.get(k.index(source.get(at))))
            if kept == pair:
                target.put(place, own)
            else:
                rank = place - i // pair * pair
                with k.when(rank < kept):
                    target.put(i // pair * kept + rank, own)
        rest = min(size % pair, kept) if isinstance(size, int) else k.clamp(size % pair, 0, kept)
        return size if kept == pair else size // pair * kept + rest

    def _merge_runs(self, width: int, source: Any, target: Any) -> None:
        k, (rows, extent), count = self.k, self.data.shape, target.shape[1]
        with k.jobs(rows * extent) as job:
            row, i = job // extent, job % extent
            own = source[row, i]
            place = self._place(width, extent, i, self.data[row, k.index(own)],
                                lambda at: self.data[row, k.index(source[row, at])])
            if count == extent:
                k.store(target, (row, place), own)
            else:
                with k.when(place < count):
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
            reached = k.index(found.get()) + ((turn * 0 + (1 << width.bit_length() - 1)) >> turn)
            other = elements(k.clamp(begin + reached - 1, 0, extent - 1))
            passed = k.select(is_left, self.before(other, own), k.F.logical_not(self.before(own, other)))
            found.set(k.select(k.all(reached <= count, passed), k.value(reached, DType.int32), found.get()))
        behind = k.select(is_left, k.number(0, DType.int32), k.value(middle - first, DType.int32))
        return i + k.index(found.get() - behind)
