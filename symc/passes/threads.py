"""Work on large constants, split among threads: NumPy holds no lock of Python while it copies and computes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def map_in_threads(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """[function(item) for item in items], by as many threads as this process has cores."""
    threads = min(len(items), len(os.sched_getaffinity(0)))
    if threads < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))
