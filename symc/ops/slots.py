"""What an operator's inference rules see: its inputs and outputs as slots that unify.

Rules run in both directions until nothing changes, so a rule may refine inputs from outputs.  A rule never reads a
slot it has not tested with `known` or `rank`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from symc.ir.types import DType, PartialShape


class Conflict(Exception):
    """Two facts about one slot contradict each other; inference adds the node and who produced what."""


class ShapeSlot:
    """The partly known shape of one input or output."""

    def __init__(self, name: str, shape: PartialShape | None) -> None:
        self.name = name
        self.shape: Any = shape  # a rule reads it behind a test of `rank`

    @property
    def rank(self) -> int | None:
        return None if self.shape is None else len(self.shape)

    @property
    def known(self) -> bool:
        return self.shape is not None and None not in self.shape

    @property
    def dims(self) -> tuple[int, ...]:
        """The shape, which must be known."""
        assert self.known
        return self.shape  # type: ignore[return-value]

    def __getitem__(self, axis: int) -> int | None:
        """Extent of one axis, None while unknown."""
        return None if self.shape is None else self.shape[axis]

    def unify(self, shape: PartialShape | None) -> None:
        """Take in what `shape` knows.  Conflict when ranks or known extents differ."""
        if shape is None or shape == self.shape:
            return
        if self.shape is None:
            self.shape = tuple(shape)
            return
        if len(shape) != len(self.shape) or any(None not in (a, b) and a != b
                                                for a, b in zip(self.shape, shape, strict=True)):
            raise Conflict(f"{self.name} is {show(self.shape)}, expected {show(tuple(shape))}")
        self.shape = tuple(b if a is None else a for a, b in zip(self.shape, shape, strict=True))

    def unify_axis(self, axis: int, extent: int | None) -> None:
        """Take in one extent; the rank must be known."""
        assert self.shape is not None
        axis %= len(self.shape)
        self.unify(tuple(extent if i == axis else None for i in range(len(self.shape))))


class TypeSlot:
    """The perhaps unknown dtype of one input or output."""

    def __init__(self, name: str, dtype: DType | None) -> None:
        self.name = name
        self.dtype = dtype

    @property
    def known(self) -> bool:
        return self.dtype is not None

    def unify(self, dtype: DType | None) -> None:
        """Take in what is known.  Conflict when the dtypes differ."""
        if dtype is not None and self.dtype is not None and dtype is not self.dtype:
            raise Conflict(f"{self.name} is {self.dtype.name}, expected {dtype.name}")
        self.dtype = self.dtype or dtype


S = TypeVar("S", ShapeSlot, TypeSlot)


class Slots(Generic[S]):
    """The slots of a node: `inputs` (auxiliary states last) and `outputs` in order, and each by its name.

    A missing optional input is None when asked for by name.
    """

    def __init__(self, inputs: Sequence[S], outputs: Sequence[S]) -> None:
        self.inputs: list[S] = list(inputs)
        self.outputs: list[S] = list(outputs)
        self._by_name = {slot.name: slot for slot in (*outputs, *inputs)}

    @property
    def output(self) -> S:
        return self.outputs[0]

    def __getattr__(self, name: str) -> Any:
        return self.__dict__["_by_name"].get(name)

    def unify_all(self) -> None:
        """All inputs and outputs are alike."""
        for _ in range(2):
            for a, b in zip(self.inputs + self.outputs, (self.inputs + self.outputs)[1:], strict=False):
                a.unify(_fact(b))
                b.unify(_fact(a))


def _fact(slot: ShapeSlot | TypeSlot) -> Any:
    return slot.shape if isinstance(slot, ShapeSlot) else slot.dtype


def unify(*slots: ShapeSlot) -> None:
    """Make the shapes of all `slots` one."""
    for _ in range(2):
        for a, b in zip(slots, slots[1:], strict=False):
            b.unify(a.shape)
            a.unify(b.shape)


def show(shape: PartialShape | None) -> str:
    """A shape for messages, '?' where unknown."""
    if shape is None:
        return "(unknown)"
    return "(" + ", ".join("?" if d is None else str(d) for d in shape) + ("," if len(shape) == 1 else "") + ")"
