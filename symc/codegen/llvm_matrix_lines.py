"""Windows that move by single pixels over an image in blocks of 16 channels, as rows of a product of matrices.

The panel of such a product has each pixel once: planes of 32 channels, in which one line of the image follows the
other, with the pixels of 0 that padding asks for.  There a tap is a distance, the same for all rows: tiles of lhs are
read at 16 pixels in a row, wherever a window stands.  So rows are numbered as the pixels of the panel are, and those
at the end of a line, whose windows would lie across two lines, are summed in vain and not written.
Pixels of 0 behind a line are those before the next one, and lines of 0 below an image those above the next.

Of an odd number of blocks planes have 16 channels, and a line of a tile two neighbouring taps; the last of an odd
number of taps has tiles of half as many pairs.

    image of 2 x 3, windows of 3 x 3, padding 1:    0 0 0 0        rows 0 1 2 are outputs, 3 none, 4 5 6 again;
                                                    0 a b c        the taps of row 0 lie at pixels 0 1 2, 4 5 6, 8 9 10
                                                    0 d e f
                                                    0 0 0 0 0 0 0
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from symc.codegen.llvm_matrix_product import Matrices
from symc.codegen.llvm_nest import Constraint, split_axis

BLOCK = 8               # pairs of a pixel in one block of the image
MOST_TAPS = 16          # that are written out, two by two


@dataclass(frozen=True, slots=True)
class Side:
    """One axis of the rows.

    step: pairs of lhs from one point to the next.  outputs: points.  extent, before: of the image, and of the padding
    in front of it.  reach: how far the last tap is from the first.  pitch: points of the panel.
    """

    axis: str
    step: int
    outputs: int
    extent: int
    before: int
    reach: int
    pitch: int

    @property
    def is_padded(self) -> bool:
        return self.before > 0 or self.pitch > self.extent


@dataclass(frozen=True, slots=True)
class Lines:
    """A product over windows, and the panel that its rows are read from.

    sides: of the rows, from the outermost to the innermost.  blocks: the axis that walks planes, or none.  half: pairs
    of lhs from the first block of a plane's channels to the second; 0: there is one.  taps: axes of the depth, and how
    many pixels of the panel lie between two of their points.
    """

    product: Matrices
    sides: tuple[Side, ...]
    blocks: str | None
    half: int
    taps: Mapping[str, int]

    @property
    def pixel(self) -> int:
        """Pairs of a pixel in the panel."""
        return 2 * BLOCK if self.half else BLOCK

    @property
    def rows(self) -> int:
        """Those that are no outputs among them."""
        return 1 + sum((side.outputs - 1) * self.pitch_of(i) for i, side in enumerate(self.sides))

    def pitch_of(self, number: int) -> int:
        """Pixels of the panel from one point of a side to the next."""
        return math.prod(side.pitch for side in self.sides[number + 1:])

    @property
    def halo(self) -> int:
        """Pixels that windows need behind their first one."""
        return sum((self.product.nest.extents[axis] - 1) * distance for axis, distance in self.taps.items())

    @property
    def planes(self) -> int:
        return self.product.nest.extents[self.blocks] if self.blocks else 1

    @property
    def has_odd_taps(self) -> bool:
        """Whether one is left where two make a line of a tile."""
        return not self.half and self.product.nest.extents[list(self.taps)[-1]] % 2 == 1

    @property
    def points(self) -> int:
        """Taps of a window."""
        return self.product.points(list(self.taps))


def lines_of(product: Matrices) -> Lines | None:
    """The product as one over lines; None: its windows move otherwise, or its channels lie otherwise."""
    if product.nest.lhs.address.coefficient(product.rows[-1]) != BLOCK:
        return None
    product = _with_halves(_with_blocks(product))
    *outer, last = product.depth
    if not _is_block(product, last):
        return None
    half = outer.pop() if outer and _is_half(product, outer[-1]) else None
    if half is None and not (outer and _is_next(product, outer[-1])):
        return None
    blocks = outer.pop(0) if outer and _is_far(product, outer[0]) else None
    sides = _sides(product, outer)
    if sides is None:
        return None
    distance = product.nest.lhs.address.coefficient(half) if half else 0
    found = Lines(product, tuple(sides), blocks, distance, {})
    taps = {axis: found.pitch_of(number) * points for axis, (number, points) in _walked(product, outer).items()}
    return replace(found, taps=taps)


def _is_block(product: Matrices, axis: str) -> bool:
    """Whether an axis walks the pairs of one block, in either operand."""
    return (product.nest.extents[axis] == BLOCK
            and product.nest.lhs.address.coefficient(axis) == product.step_of(axis) == 1)


def _is_half(product: Matrices, axis: str) -> bool:
    """Whether an axis walks two blocks that lie side by side in rhs."""
    return product.nest.extents[axis] == 2 and product.step_of(axis) == BLOCK and not _is_guarded(product, axis)


def _is_next(product: Matrices, axis: str) -> bool:
    """Whether an axis walks taps that lie side by side, in rhs too."""
    return (product.nest.lhs.address.coefficient(axis) == product.step_of(axis) == BLOCK
            and 1 < product.nest.extents[axis] <= MOST_TAPS)


def _is_far(product: Matrices, axis: str) -> bool:
    """Whether an axis leads to other blocks, beyond all outputs of an image."""
    lhs, extents = product.nest.lhs.address, product.nest.extents
    step = lhs.coefficient(axis)
    return not _is_guarded(product, axis) and all(
        step >= lhs.coefficient(row) * extents[row] for row in product.rows if lhs.coefficient(row) <= step)


def _is_guarded(product: Matrices, axis: str) -> bool:
    return any(axis in guard.position.axes for guard in product.nest.lhs.guards)


def _with_blocks(product: Matrices) -> Matrices:
    """Neighbouring pixels of a block apart, where the nest walks them as one."""
    *outer, last = product.depth
    if product.nest.extents[last] == BLOCK or product.nest.extents[last] % BLOCK:
        return product
    nest = split_axis(product.nest, last, [BLOCK])
    return replace(product, nest=nest, depth=(*outer, f"{last}/{BLOCK}", f"{last}%{BLOCK}"))


def _with_halves(product: Matrices) -> Matrices:
    """Blocks of an image in twos, where nothing lies between them."""
    if len(product.depth) < 2:
        return product
    *outer, blocks, last = product.depth
    extent = product.nest.extents[blocks]
    is_bounded = any(blocks in bound.position.axes for bound in product.nest.bounds)
    if outer or extent == 2 or extent % 2 or is_bounded or _is_guarded(product, blocks):
        return product
    nest = split_axis(product.nest, blocks, [2])
    return replace(product, nest=nest, depth=(f"{blocks}/2", f"{blocks}%2", last))


def _walked(product: Matrices, taps: Sequence[str]) -> dict[str, tuple[int, int]]:
    """The side that each axis moves windows along, by its number, and how far."""
    lhs = product.nest.lhs.address
    steps = [lhs.coefficient(axis) for axis in product.rows]
    found: dict[str, tuple[int, int]] = {}
    for axis in taps:
        step = lhs.coefficient(axis)
        number = next((i for i, one in enumerate(steps) if 0 < one <= step), None)
        if number is not None and step % steps[number] == 0:
            found[axis] = number, step // steps[number]
    return found


def _sides(product: Matrices, taps: Sequence[str]) -> list[Side] | None:
    """The rows' axes; None where an axis moves windows along none or two of them, or a guard is of none."""
    nest, walked = product.nest, _walked(product, taps)
    if set(walked) != set(taps) or any(bound.position.axes & {*product.depth} for bound in nest.bounds):
        return None
    guards = list(nest.lhs.guards)
    sides: list[Side] = []
    for number, axis in enumerate(product.rows):
        own = {tap: distance for tap, (side, distance) in walked.items() if side == number}
        found = [guard for guard in guards if axis in guard.position.axes]
        if len(found) > 1 or found and not _is_of(found[0], axis, own):
            return None
        guards = [guard for guard in guards if guard not in found]
        reach = sum((nest.extents[tap] - 1) * distance for tap, distance in own.items())
        outputs = nest.extents[axis]
        extent, before = (found[0].extent, -found[0].position.offset) if found else (outputs + reach, 0)
        pitch = _pitch(outputs, extent, before, reach) if number else outputs + reach
        sides.append(Side(axis, nest.lhs.address.coefficient(axis), outputs, extent, before, reach, pitch))
    inside = [inner.step * inner.extent <= outer.step for outer, inner in zip(sides, sides[1:], strict=False)]
    return sides if not guards and all(inside) and all(side.before >= 0 for side in sides) else None


def _is_of(guard: Constraint, axis: str, taps: Mapping[str, int]) -> bool:
    """Whether the guard is that of one side."""
    position = guard.position
    return (position.axes <= {axis, *taps} and position.coefficient(axis) == 1
            and all(position.coefficient(tap) == distance for tap, distance in taps.items()))


def _pitch(outputs: int, extent: int, before: int, reach: int) -> int:
    """The fewest points of the panel such that what windows find behind them, at the next line, is 0 where it should
    be: that line's own padding."""
    needed = outputs + reach

    def fits(pitch: int) -> bool:
        return all(point >= before + extent and point - pitch < before for point in range(pitch, needed))
    return next(pitch for pitch in range(outputs, needed + 1) if fits(pitch))
