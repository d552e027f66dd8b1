"""The layout in which the generator reads constant weights best.  It is the same for every CPU level."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from symc.ops.contraction import Contraction, Index

BLOCK = 16
FEW_OUTPUTS = BLOCK // 2    # channels, which would leave half of their lanes empty


def weight_layout(spec: Contraction, shape: tuple[int, ...], paired: int | None = None) -> str | None:
    """Layout tag for the right operand of `spec`, of logical `shape`, when it can be packed beforehand; None: as it is.

    The dimension of the output channels comes innermost in blocks of 16, for the lanes of vectors.  Convolutions have
    the summed channels beside it, in blocks of 16 too where there are as many.  Pad lanes may hold anything.
    ABcd16b16a for a convolution, Acdb16a for one of an RGB image and for depthwise, Ab16a for FullyConnected; bcda
    where groups of output channels lie across its blocks; aBcd16b where they are few and many are summed, which lanes
    walk instead.  cdBA16a16b, and cdAb16a, for a transposed convolution: a point of the output meets some taps alone,
    so that all taps of a channel, side by side, would be read from few sets of the caches.
    paired: the dimension of which two neighbours lie side by side, as bfloat16 is multiplied: ABcd16b16a2b, so that
    tiles of AMX have 16 pairs of a tap, ABcd8b16a2b where the blocks of an image are no twos, AB16a2b for
    FullyConnected; AbcD16a2d where these are columns.
    """
    lanes, summed = _lane_dimension(spec), _channel_dimension(spec)
    apart = _taps_met_apart(spec) if paired is None else []
    if paired is None and summed is not None and _is_narrow(spec, shape, lanes, summed):
        return _tag(sorted(range(len(shape)), key=lambda dim: dim not in apart), [summed])
    if lanes is None:
        return None
    has_blocks, has_summed_blocks = (all(spec.fits_blocks(index, BLOCK) for index in indices)
                                     for indices in ((*spec.rhs, *spec.output), spec.lhs))
    if not has_blocks and (paired is not None or spec.fits_blocks(spec.rhs[lanes], BLOCK)):
        return None
    blocked = [summed] if summed is not None and has_summed_blocks and shape[summed] >= BLOCK else []
    blocked = [*blocked, lanes] if has_blocks else []

    def rank(dim: int) -> int:
        """Batches and groups outermost, then taps that are met apart; single channels last."""
        if dim != lanes and _is_shared(spec, dim):
            return -1
        if dim in apart:
            return 0
        if dim == summed and paired is not None and paired != summed:
            return 2        # pairs of columns are innermost, as in the image
        return {lanes: 1 if has_blocks else 5, summed: 2 if summed in blocked else 4}.get(dim, 3)
    pairs = BLOCK if paired is not None and shape[paired] % (2 * BLOCK) == 0 else BLOCK // 2
    return _tag(sorted(range(len(shape)), key=rank), blocked, paired, pairs)


def _tag(outer: Iterable[int], blocked: Sequence[int], paired: int | None = None, pairs: int = 0) -> str:
    """The tag of these dimensions from the outermost on, of which the blocked ones have blocks inside, that of the
    paired one of so many pairs."""
    letters = "abcdefghijklmnop"
    dims = "".join(letters[dim].upper() if dim in (*blocked, paired) else letters[dim] for dim in outer)
    inner = "".join(f"{pairs if dim == paired else BLOCK}{letters[dim]}" for dim in blocked)
    return dims + inner + (f"2{letters[paired]}" if paired is not None else "")


def _is_narrow(spec: Contraction, shape: tuple[int, ...], lanes: int | None, summed: int) -> bool:
    """Whether blocks of summed channels are full, and those of output channels would not be."""
    outputs = 1 if lanes is None else shape[lanes]
    in_blocks = all(spec.fits_blocks(index, BLOCK) for index in (*spec.lhs, *spec.rhs, *spec.output))
    return outputs <= FEW_OUTPUTS and shape[summed] >= BLOCK and in_blocks


def _axes(spec: Contraction, index: Index) -> list[str]:
    """Those of more than one point; of depthwise convolutions only the group is left."""
    return [name for name, _ in index.terms if spec.sizes[name] > 1]


def _lane_dimension(spec: Contraction) -> int | None:
    """A dimension that only axes of the output walk, if possible such as the left operand does not have."""
    left = {name for index in spec.lhs for name, _ in index.terms}
    found = [dim for dim, index in enumerate(spec.rhs)
             if _axes(spec, index) and all(name in spec.parallel for name in _axes(spec, index))]
    own = [dim for dim in found if any(name not in left for name in _axes(spec, spec.rhs[dim]))]
    return next(iter(own or found), None)


def _channel_dimension(spec: Contraction) -> int | None:
    """Of a convolution: the summed dimension that the left operand walks without a window."""
    indices = [index for index in spec.lhs if len(index.terms) > 1 and not spec.is_grouped(index)]
    windows = {name for index in indices for name, _ in index.terms}
    if not windows:
        return None
    return next((dim for dim, index in enumerate(spec.rhs)
                 if any(name in spec.reduced and name not in windows for name in _axes(spec, index))), None)


def _taps_met_apart(spec: Contraction) -> list[int]:
    """The dimensions of a window that moves by less than a point of the left operand."""
    divided = {name for index in spec.lhs if index.divisor > 1 for name, _ in index.terms}
    return [dim for dim, index in enumerate(spec.rhs) if divided & {name for name, _ in index.terms}]


def _is_shared(spec: Contraction, dim: int) -> bool:
    """Whether an axis of the output walks this dimension and the left operand too."""
    left = {name for index in spec.lhs for name, _ in index.terms}
    return any(name in spec.parallel and name in left for name in _axes(spec, spec.rhs[dim]))
