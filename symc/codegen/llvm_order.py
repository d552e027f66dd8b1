"""In which order the products of a step are added, where not all vectors of both factors fit in registers.

Vectors of one factor are read one after the other, each multiplied with all that it meets.  Those of the other factor
stay at hand: of that which has fewer, if they fit beside the sums.  If not, these are walked, and the others read each
time.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from symc.codegen.llvm_schedule import UNDER_WAY

Reads = tuple[int, ...]      # of a factor's vector: where each lane is read


class Order(NamedTuple):
    """groups: products, by number, that read one vector of the factor that is walked; all in one, where they may be
    mixed.  held: the number of the factor whose vectors stay at hand between groups, if one's do."""

    groups: list[list[int]]
    held: int | None = None


def order_of(reads: Sequence[Sequence[Reads]], sums: int, registers: int) -> Order:
    """reads: of both factors, for each product.  Shuffled vectors are shared, so their products are not parted."""
    counts = [len(set(factor)) for factor in reads]
    shuffles = any(not (are_neighbours(read) or _is_element(read)) for factor in reads for read in factor)
    if shuffles or sums + sum(counts) < registers:
        return Order([list(range(len(reads[0])))])
    fewer = counts.index(min(counts))
    held = fewer if sums + counts[fewer] + 1 < registers else None
    walked = reads[fewer if held is None else 1 - held]
    return Order(_far_apart(walked) if _is_element(walked[0]) else _alike(walked), held)


def are_neighbours(offsets: Sequence[int]) -> bool:
    return [offset - offsets[0] for offset in offsets] == list(range(len(offsets)))


def _is_element(offsets: Sequence[int]) -> bool:
    """Whether all lanes read the same one."""
    return len(set(offsets)) == 1


def _alike(reads: Sequence[Reads]) -> list[list[int]]:
    """Their numbers, in groups that read the same."""
    order = sorted(range(len(reads)), key=reads.__getitem__)
    return [list(group) for _, group in itertools.groupby(order, reads.__getitem__)]


def _far_apart(reads: Sequence[Reads]) -> list[list[int]]:
    """The same, such that neighbouring elements, which meet the same sums, are not multiplied right after each other.
    """
    groups = _alike(reads)
    parts = -(-UNDER_WAY * len(groups) // len(reads))
    distance = -(-len(groups) // parts)
    return [group for first in range(distance) for group in groups[first::distance]]
