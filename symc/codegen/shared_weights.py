"""One block of weights for several plans: what is equal lies in it once, whichever plans read it.

Plans for GPUs read a part at its end, which is all that is copied to a GPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

import numpy as np

from symc.codegen.lowered import Lowered
from symc.codegen.plan import Buffer, Plan
from symc.codegen.weights import Weights, bytes_of, in_pieces, weights_of
from symc.ops.record import Record, record
from symc.passes.plan_memory import rounded

BEGINNING = 256     # bytes
Moves = Mapping[int, int]       # offset in the block of one plan → offset in the block of all


@record
class SharedWeights(Record):
    """moves: of each plan.  contents: offset and value of each piece, in order.  bytes: of the whole block."""

    moves: tuple[Moves, ...]
    contents: tuple[tuple[int, np.ndarray], ...]
    bytes: int

    def pieces(self) -> Iterator[np.ndarray]:
        """The block, as `in_pieces`."""
        return in_pieces(self.contents, self.bytes)

    def moved(self, plan: Plan, place: int) -> Plan:
        """The plan at `place`, of whichever CPU level, over the block of all."""
        moves = self.moves[place]
        buffers = (buffer if (at := _offset(buffer)) is None else buffer._replace(offset=moves[at])
                   for buffer in plan.buffers)
        return plan._replace(buffers=tuple(buffers), weights_bytes=self.bytes)


def weights_of_all(lowered: Sequence[Lowered], grid: Sequence[Lowered] = ()) -> tuple[SharedWeights, SharedWeights]:
    """The block of weights of several plans, in which equal pieces lie once, and its end, which is all that those of
    `grid`, lowered for GPUs, read."""
    blocks = [weights_of(one.graph, one.initial) for one in (*lowered, *grid)]
    return part_for_others(share_weights(blocks), len(lowered))


def share_weights(blocks: Sequence[Weights]) -> SharedWeights:
    """The blocks of all plans, none of which has an entry `prepare`, as one."""
    block = _Block()
    moves = [{offset: block.place_of(bytes_of(value)) for offset, value in one.contents} for one in blocks]
    return SharedWeights(tuple(moves), tuple(block.contents), block.end)


class _Block:
    """Pieces behind each other, each once."""

    def __init__(self) -> None:
        self.contents: list[tuple[int, np.ndarray]] = []
        self.end = 0
        self._alike: dict[tuple[int, bytes], list[tuple[int, np.ndarray]]] = {}    # by size and beginning

    def place_of(self, piece: np.ndarray) -> int:
        """Where a piece of uint8 lies.  Few that are not equal begin alike: comparing these reads less than a hash of
        each would."""
        alike = self._alike.setdefault((len(piece), piece[:BEGINNING].tobytes()), [])
        for place, other in alike:
            if np.array_equal(piece, other):
                return place
        place, self.end = self.end, self.end + rounded(len(piece))
        for found in (alike, self.contents):
            found.append((place, piece))
        return place


def part_for_others(shared: SharedWeights, count: int) -> tuple[SharedWeights, SharedWeights]:
    """The same block in another order, for the first `count` plans and for the others: what these read is one part of
    it, at its end, and the second block is that part alone."""
    own, others = (frozenset(at for moves in some for at in moves.values())
                   for some in (shared.moves[:count], shared.moves[count:]))
    starts = sorted({at for at, _ in shared.contents})
    sizes = {at: end - at for at, end in zip(starts, [*starts, shared.bytes][1:], strict=True)}
    ordered = sorted(starts, key=lambda at: (at in others) + (at not in own))
    places = dict(zip(ordered, accumulate((sizes[at] for at in ordered), initial=0), strict=False))
    begin = min((places[at] for at in others), default=shared.bytes)
    moves = [{offset: places[at] for offset, at in one.items()} for one in shared.moves]
    contents = sorted(((places[at], value) for at, value in shared.contents), key=lambda piece: piece[0])
    return (SharedWeights(tuple(moves[:count]), tuple(contents), shared.bytes),
            SharedWeights(tuple({offset: at - begin for offset, at in one.items()} for one in moves[count:]),
                          tuple((at - begin, value) for at, value in contents if at >= begin), shared.bytes - begin))


def _offset(buffer: Buffer) -> int | None:
    """Where a buffer lies in the block of weights, if it does."""
    return None if buffer.kind == "arena" else buffer.offset
