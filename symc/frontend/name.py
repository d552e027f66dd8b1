"""How symbols that are not given a name get one.  MXNet: mx.name."""

from __future__ import annotations

from symc.frontend.scope import Scope


class NameManager(Scope):
    """Names symbols by counting: fullyconnected0, fullyconnected1, ...

    Within a `with` block it names the symbols made there, counting from 0 again.  Subclasses may override `get`.
    """

    def __init__(self) -> None:
        self._counter: dict[str, int] = {}

    def get(self, name: str | None, hint: str) -> str:
        """`name` if the user gave one, else `hint` and the next number."""
        if name:
            return name
        count = self._counter.get(hint, 0)
        self._counter[hint] = count + 1
        return f"{hint}{count}"


class Prefix(NameManager):
    """A name manager that puts `prefix` before all names, given or made."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def get(self, name: str | None, hint: str) -> str:
        return self._prefix + super().get(name, hint)
