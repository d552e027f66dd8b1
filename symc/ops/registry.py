"""The blocks of all operators by name: a family is imported when one of its operators is first asked for.

`data/families.json` says which family has which names.  It is a hint: what it does not have is looked for in all
families.  `python -m symc.ops.registry` writes it anew.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, MutableMapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from symc.ops.operator import Operator

FAMILIES = "symc.ops.families"
INDEX = Path(__file__).parent / "data" / "families.json"


class Registry(MutableMapping[str, "type[Operator]"]):
    """Blocks by name and alias.  Listing them imports all families."""

    def __init__(self) -> None:
        self.loaded: dict[str, type[Operator]] = {}

    def add(self, name: str, block: type[Operator]) -> None:
        """Register a block whose family is being imported."""
        assert name not in self.loaded, f"operator {name} is registered twice"
        self.loaded[name] = block

    def __getitem__(self, name: str) -> type[Operator]:
        if name not in self.loaded and name in _index():
            import_module(f"{FAMILIES}.{_index()[name]}")
        if name not in self.loaded:
            load()
        return self.loaded[name]

    def __setitem__(self, name: str, block: type[Operator]) -> None:
        self.loaded[name] = block

    def __delitem__(self, name: str) -> None:
        del self.loaded[name]

    def __iter__(self) -> Iterator[str]:
        load()
        return iter(sorted(self.loaded))

    def __len__(self) -> int:
        load()
        return len(self.loaded)


REGISTRY = Registry()


@functools.cache
def load() -> None:
    """Import every family once."""
    for name in _families():
        import_module(f"{FAMILIES}.{name}")


def _families() -> list[str]:
    import pkgutil  # few processes list all

    return sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent / "families")]))


@functools.cache
def _index() -> dict[str, str]:
    """The family of each name."""
    families = json.loads(INDEX.read_text(encoding="utf-8"))
    return {name: family for family, names in families.items() for name in names}


def index_text() -> str:
    """What `data/families.json` must be."""
    names: dict[str, list[str]] = {}
    for name, block in REGISTRY.items():
        package, _, family = block.__module__.rpartition(".")
        if package == FAMILIES:
            names.setdefault(family, []).append(name)
    return json.dumps(dict(sorted(names.items())), indent=1) + "\n"


if __name__ == "__main__":
    from symc.ops import registry  # the one that families register in

    INDEX.write_text(registry.index_text(), encoding="utf-8")
