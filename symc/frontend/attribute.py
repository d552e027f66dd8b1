"""Attributes of all symbols made in a block.  MXNet: mx.attribute."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import ClassVar, Self

from symc.frontend.scope import Scope


class AttrScope(Scope):
    """Gives its attributes to every symbol made in its `with` block; scopes inside one another add up.

    ValueError: a value is no string.
    """

    _subgraph_names: ClassVar[defaultdict[str, int]] = defaultdict(int)     # of loops and branches: how many of a name

    def __init__(self, **attributes: str) -> None:
        if not all(isinstance(value, str) for value in attributes.values()):
            raise ValueError("Attributes need to be string")
        self._attr = attributes

    def get(self, attr: Mapping[str, str] | None) -> dict[str, str]:
        """The attributes of a symbol: those of the scope, and `attr`, which come first."""
        return {**self._attr, **(attr or {})}

    def __enter__(self) -> Self:
        self._attr = AttrScope.current.get(self._attr)
        return super().__enter__()
