"""Work on large constants beside other work: NumPy and hashes hold no lock of Python while they compute.

Not by `concurrent.futures`, which takes longer to import than small networks to compile.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Beside(Generic[R]):
    """A call that another thread makes from now on."""

    def __init__(self, function: Callable[[], R]) -> None:
        self._function = function
        self._found: list[R] = []
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found.append(self._function())
        except BaseException as problem:    # raised where the result is asked for
            self._problem = problem

    def result(self) -> R:
        """What the function gave, or raises."""
        self._thread.join()
        if self._problem is not None:
            raise self._problem
        return self._found[0]


def map_in_threads(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """[function(item) for item in items], by as many threads as this process has cores."""
    threads = min(len(items), len(os.sched_getaffinity(0)))
    if threads < 2:
        return [function(item) for item in items]
    left = iter(range(len(items)))          # from which the threads take

    def take() -> dict[int, R]:
        return {number: function(items[number]) for number in left}
    found: dict[int, R] = {}
    for thread in [Beside(take) for _ in range(threads)]:
        found |= thread.result()
    return [found[number] for number in range(len(items))]
