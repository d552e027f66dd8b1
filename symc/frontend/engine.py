"""MXNet's module `engine`: how many operators its engine takes at once.  symc runs compiled kernels in the caller's
thread and its team, so that the number has no effect; it is kept for programs that ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_bulk_size = 15     # MXNet's default


def set_bulk_size(size: int) -> int:
    """Set the number; returns what it was."""
    global _bulk_size
    before, _bulk_size = _bulk_size, size
    return before


@contextmanager
def bulk(size: int) -> Iterator[None]:
    """The number within a `with` block."""
    before = set_bulk_size(size)
    try:
        yield
    finally:
        set_bulk_size(before)
