"""The memory plan: every intermediate of a fused graph gets a place in one arena.

Liveness is counted in phases (the steps between two barriers), so that values of one phase never share a place; a
step may write over an input that dies with it where its kernel allows.  Places are given greedily by size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from symc.ops.record import Record, record

ALIGNMENT = 64
NOWHERE = 2**62      # bytes: more than any arena has


@record
class Block(Record):
    """`bytes` that must stay intact from phase `first` through phase `last`."""

    name: str
    bytes: int
    first: int
    last: int


@record
class MemoryPlan(Record):
    """Offsets of the blocks in one arena, in bytes; `lower_bound` is the largest sum of live bytes of a phase."""

    offsets: Mapping[str, int]
    arena_bytes: int
    lower_bound: int


def rounded(size: int) -> int:
    """A block takes whole cache lines; one of no bytes takes a line too, so that no two share an address."""
    return max(ALIGNMENT, -(-size // ALIGNMENT) * ALIGNMENT)


def plan_memory(blocks: Sequence[Block]) -> MemoryPlan:
    """Greedy by size: largest first, each at the lowest place that is free while it lives.

    When the result exceeds the lower bound, other orders (by lifetime, by first phase) are tried and the best kept.
    """
    bound = lower_bound(blocks)
    orders = (lambda b: (-rounded(b.bytes), b.first, b.name),
              lambda b: (b.first - b.last, -rounded(b.bytes), b.name),
              lambda b: (b.first, -rounded(b.bytes), b.name),
              lambda b: (-rounded(b.bytes) * (b.last - b.first + 1), b.name))
    best: MemoryPlan | None = None
    for order in orders:
        offsets = _place(sorted(blocks, key=order))
        peak = max((offsets[b.name] + rounded(b.bytes) for b in blocks), default=0)
        if best is None or peak < best.arena_bytes:
            best = MemoryPlan(offsets, peak, bound)
        if peak == bound:
            break
    assert best is not None
    return best


def lower_bound(blocks: Sequence[Block]) -> int:
    """The largest sum, over the phases, of the bytes live in it."""
    change: dict[int, int] = {}
    for block in blocks:
        change[block.first] = change.get(block.first, 0) + rounded(block.bytes)
        change[block.last + 1] = change.get(block.last + 1, 0) - rounded(block.bytes)
    live = peak = 0
    for phase in sorted(change):
        live += change[phase]
        peak = max(peak, live)
    return peak


def _place(blocks: Sequence[Block]) -> dict[str, int]:
    """Each block in turn at the lowest offset that no placed block it meets occupies."""
    placed = np.empty((4, len(blocks)), np.int64)   # sorted by offset: offset, end, first and last phase
    offsets: dict[str, int] = {}
    for count, block in enumerate(blocks):
        starts, ends, firsts, lasts = placed[:, :count]
        met = (firsts <= block.last) & (lasts >= block.first)
        reach = np.concatenate([[0], np.maximum.accumulate(ends[met])])   # where all up to here have ended
        fits = np.append(starts[met], NOWHERE) - reach >= rounded(block.bytes)
        offset = int(reach[np.argmax(fits)])
        at = int(np.searchsorted(starts, offset, "right"))
        placed[:, at + 1:count + 1] = placed[:, at:count]
        placed[:, at] = offset, offset + rounded(block.bytes), block.first, block.last
        offsets[block.name] = offset
    return offsets
