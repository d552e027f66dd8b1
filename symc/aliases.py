"""MXNet's module names, importable: `import symc.symbol`, `from symc.ndarray import NDArray`.

symc's files lie by the flow of data (`symc/frontend/symbol_ops.py`), MXNet's names hang elsewhere (`mx.symbol`).  The
table in `symc/__init__.py` says which is which; a finder makes the import statement read it too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn, cast

from symc.errors import OutsideError


class OutsideModule(ModuleType):
    """A module of MXNet that symc leaves outside.  Programs that use it in some places only can import it, and derive
    classes from its `bases`, none of which can be made; whatever else they ask of it raises OutsideError."""

    def __init__(self, name: str, refusal: tuple[str, str], bases: Sequence[str]) -> None:
        super().__init__(name, refusal[0])
        self.refusal, self.bases = refusal, bases

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self.bases:
            raise OutsideError(*self.refusal)
        made = type(name, (), {"__module__": self.__name__, "__new__": self._refuse})
        setattr(self, name, made)
        return made

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise OutsideError(*self.refusal)


class AliasFinder:      # a finder and loader of modules; its abstract bases take longer to import than symc
    """Finds `root.a.b` as the attribute `b` of what `root.a` names, if that is a module or a namespace.

    is_name: whether the package `root` has such an attribute; asked before anything is imported.
    refusals: names that the package will not have; why, and what serves instead.  bases: see `OutsideModule`.
    """

    def __init__(self, root: str, is_name: Callable[[str], bool], refusals: Mapping[str, tuple[str, str]],
                 bases: Mapping[str, Sequence[str]]) -> None:
        self.root, self.is_name, self.refusals, self.bases = root, is_name, refusals, bases

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        parent, _, name = fullname.rpartition(".")
        if parent == self.root:
            found = self.is_name(name) or name in self.refusals
        elif isinstance(outside := sys.modules.get(parent), OutsideModule):
            # not name=fullname: `from parent import name` would drop the exception for a message of its own
            raise ModuleNotFoundError("\n  ".join(outside.refusal), name=name)
        else:
            found = parent.startswith(self.root + ".") and hasattr(sys.modules.get(parent), name)
        return ModuleSpec(fullname, cast(Any, self), is_package=True) if found else None

    def create_module(self, spec: ModuleSpec) -> Any:
        parent, _, name = spec.name.rpartition(".")
        if parent == self.root and name in self.refusals:
            return OutsideModule(spec.name, self.refusals[name], self.bases.get(name, ()))
        module = getattr(sys.modules[parent], name)
        if not hasattr(module, "__name__") or isinstance(module, type) or not hasattr(module, "__dict__"):
            raise ModuleNotFoundError(f"{spec.name} is no module", name=spec.name)
        spec.loader_state = getattr(module, "__spec__", None)
        return module

    def exec_module(self, module: Any) -> None:
        """The module is executed already; the import system is only shown that it may have parts."""
        module.__spec__ = module.__spec__.loader_state
        if not hasattr(module, "__path__"):
            module.__path__ = []
