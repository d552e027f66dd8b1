"""One block of weights for several plans: what is equal lies in it once, whichever plans read it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from symc.codegen.assemble import Assembly
from symc.codegen.plan import Buffer, Plan
from symc.passes.plan_memory import rounded

Moves = Mapping[int, int]       # offset in the block of one plan → offset in the block of all


@dataclass(frozen=True)
class SharedWeights:
    """moves: of each plan.  contents: offset and value of each piece, in order.  bytes: of the whole block."""

    moves: tuple[Moves, ...]
    contents: tuple[tuple[int, np.ndarray], ...]
    bytes: int

    def moved(self, plan: Plan, place: int) -> Plan:
        """The plan at `place`, of whichever CPU level, over the block of all."""
        moves = self.moves[place]
        buffers = (buffer if (at := _offset(buffer)) is None else buffer._replace(offset=moves[at])
                   for buffer in plan.buffers)
        return plan._replace(buffers=tuple(buffers), weights_bytes=self.bytes)


def share_weights(assemblies: Sequence[Assembly]) -> SharedWeights:
    """The blocks of all plans as one.  No plan has an entry `prepare`, so each piece has a value."""
    places: dict[tuple[int, bytes], int] = {}
    contents: list[tuple[int, np.ndarray]] = []
    end, moves = 0, []
    for assembly in assemblies:
        move: dict[int, int] = {}
        for offset, size, value in _pieces(assembly):
            key = size, hashlib.sha256(np.ascontiguousarray(value).data).digest()
            if key not in places:
                places[key] = end
                contents.append((end, value))
                end += rounded(size)
            move[offset] = places[key]
        moves.append(move)
    return SharedWeights(tuple(moves), tuple(contents), end)


def _pieces(assembly: Assembly) -> Iterator[tuple[int, int, np.ndarray]]:
    """Offset, bytes and value of each piece of a plan's block, in order."""
    values = dict(assembly.contents)
    sizes = {at: buffer.bytes for buffer in assembly.plan.buffers if (at := _offset(buffer)) is not None}
    for offset in sorted(sizes):
        yield offset, sizes[offset], values[offset]


def _offset(buffer: Buffer) -> int | None:
    """Where a buffer lies in the block of weights, if it does."""
    return None if buffer.kind == "arena" else buffer.offset
