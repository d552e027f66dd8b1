"""Scopes: objects that, within a `with` block, change how this thread makes symbols."""

from __future__ import annotations

import functools
import threading
from typing import Any, Self


class ScopeType(type):
    """The type of scope classes.  Each direct subclass of `Scope` has its own scopes, shared by its subclasses."""

    @property
    def current(cls) -> Any:
        """The innermost scope that this thread has entered; outside of any, one that changes nothing.

        Another scope may be put in its place, for this thread: `NameManager.current = NameManager()`.
        """
        return cls.stack()[-1]

    @current.setter
    def current(cls, scope: Any) -> None:
        cls.stack()[-1] = scope

    def stack(cls) -> list[Any]:
        """The scopes this thread has entered, the innermost last."""
        family = _family(cls)
        stack = _entered.scopes.get(family)
        if stack is None:
            stack = _entered.scopes[family] = [family.outermost()]
        return stack


@functools.cache
def _family(kind: ScopeType) -> Any:
    """The direct subclass of `Scope` that `kind` is or comes from."""
    return next(base for base in reversed(kind.__mro__) if isinstance(base, ScopeType) and base is not Scope)


class _Entered(threading.local):
    """The scopes that a thread has entered, by family."""

    def __init__(self) -> None:
        self.scopes: dict[ScopeType, list[Any]] = {}


_entered = _Entered()


class Scope(metaclass=ScopeType):
    """Base of NameManager and AttrScope."""

    @classmethod
    def outermost(cls) -> Self:
        """The scope of threads that have entered none."""
        return cls()

    def __enter__(self) -> Self:
        type(self).stack().append(self)
        return self

    def __exit__(self, *_: object) -> None:
        type(self).stack().pop()
