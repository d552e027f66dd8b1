"""The shapes for which a network is compiled: one set, several, or one whose batch may have any size.

    {"data": (1, 3, 224, 224)}
    [{"data": (1, 3, 224, 224)}, {"data": (8, 3, 224, 224)}]
    {"data": ("N", 3, 224, 224), "mask": (7, "N")}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from symc.errors import SymcError
from symc.ops.record import Record, record

Extents = tuple[int | str, ...]
Shapes = Mapping[str, Sequence[int | str]]
ONE = "one extent of an input may be a name, such as data=N,3,224,224; others that are the same have the same name"


@record
class ShapeSets(Record):
    """sets: shapes by name of input, different ones.  symbol: the name of the batch; then there is one set."""

    sets: tuple[Mapping[str, Extents], ...]
    symbol: str | None

    @property
    def names(self) -> list[str]:
        """Of all inputs that have a shape."""
        return list(dict.fromkeys(name for one in self.sets for name in one))

    @property
    def axes(self) -> dict[str, int]:
        """Where the inputs have the batch."""
        return {name: shape.index(self.symbol) for name, shape in self.sets[0].items() if self.symbol in shape}

    def beside(self, others: Mapping[str, Sequence[int]]) -> ShapeSets:
        """The sets, each with the shapes of further inputs."""
        return replace(self, sets=tuple({**{name: tuple(shape) for name, shape in others.items()}, **one}
                                        for one in self.sets))

    def fixed(self, size: int) -> dict[str, tuple[int, ...]]:
        """The first set, for a batch of this size."""
        return {name: tuple(size if extent == self.symbol else int(extent) for extent in shape)
                for name, shape in self.sets[0].items()}


def shape_sets(given: Shapes | Sequence[Shapes] | None) -> ShapeSets:
    """What users give, checked.  SymcError: an extent is none, or there are several names."""
    several = [given or {}] if given is None or isinstance(given, Mapping) else list(given) or [{}]
    sets = [{name: _extents(name, shape) for name, shape in one.items()} for one in several]
    distinct = [one for number, one in enumerate(sets) if one not in sets[:number]]
    shapes = [(name, shape) for one in distinct for name, shape in one.items()]
    symbols = dict.fromkeys(extent for _, shape in shapes for extent in shape if isinstance(extent, str))
    if len(symbols) > 1:
        raise SymcError(f"the shapes have several names, {', '.join(symbols)}", ONE)
    symbol = next(iter(symbols), None)
    for name, shape in shapes:
        if symbol is not None and shape.count(symbol) > 1:
            raise SymcError(f"input '{name}' has {symbol} twice", ONE)
    if symbol is not None and len(distinct) > 1:
        raise SymcError(f"a batch of any size, {symbol}, is one set of shapes; here are {len(distinct)}",
                        "give either several fixed shapes or one with a name")
    _refuse_ranks(shapes)
    return ShapeSets(tuple(distinct), symbol)


def _refuse_ranks(shapes: Iterable[tuple[str, Extents]]) -> None:
    """A package describes each input once, its extents open where they differ."""
    ranks: dict[str, int] = {}
    for name, shape in shapes:
        if ranks.setdefault(name, len(shape)) != len(shape):
            raise SymcError(f"input '{name}' has {ranks[name]} dimensions in one shape and {len(shape)} in another",
                            "compile a package for each number of dimensions")


def _extents(name: str, shape: Iterable[int | str]) -> Extents:
    extents = tuple(shape)
    wrong = [extent for extent in extents if not (extent.isidentifier() if isinstance(extent, str) else extent >= 0)]
    if wrong:
        raise SymcError(f"input '{name}' has an extent {wrong[0]!r}", "an extent is a number, or a name for the batch")
    return tuple(extent if isinstance(extent, str) else int(extent) for extent in extents)


def repeated(items: Iterable[tuple[str, Extents]]) -> list[dict[str, Extents]]:
    """The sets that an option gives which may stand for one input several times: its first shape belongs to the first
    set, its second one to the second; what is there once belongs to all.  SymcError: other numbers of them."""
    by_name: dict[str, list[Extents]] = {}
    for name, shape in items:
        by_name.setdefault(name, []).append(shape)
    counts = {name: len(shapes) for name, shapes in by_name.items() if len(shapes) > 1}
    if len(set(counts.values())) > 1:
        raise SymcError("the shapes of the inputs make no sets: "
                        + ", ".join(f"'{name}' has {count}" for name, count in counts.items()),
                        "give each input one shape, or as many as the others")
    count = next(iter(counts.values()), 1)
    return [{name: shapes[place if len(shapes) > 1 else 0] for name, shapes in by_name.items()}
            for place in range(count)]
