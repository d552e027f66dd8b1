"""The operator registry: one block an operator, one file a family.  `load()` fills the registry."""

from __future__ import annotations

import functools
import importlib
import pkgutil


@functools.cache
def load() -> None:
    """Import every family once, so that the registry is complete."""
    from symc.ops import families

    for module in pkgutil.iter_modules(families.__path__):
        importlib.import_module(f"symc.ops.families.{module.name}")
