"""What this machine can do at most, measured: float32 operations and bytes read from memory in a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from symc.runtime.library import Library
from symc.runtime.memory import address_of, aligned_empty

SAMPLES = 7                     # the best of which counts
ROUNDS = 1_000_000              # of multiply-adds in a sample, some 10 ms
SCRATCH = 4096                  # bytes for the probe of arithmetic
MEMORY = 256 * 2**20            # bytes that all threads together read: beyond the caches

Probe = Callable[[int, int], int]


@dataclass(frozen=True, slots=True)
class Peak:
    """Float32 operations a second, a multiply-add being two, and bytes read a second, by all threads together."""

    flops: float
    bytes: float


def measure_peak(library: Library, threads: int) -> Peak | None:
    """What `threads` threads of this machine reach with the vectors of the library's CPU level; None: the library is
    older than the probes.
    """
    if library.probe_arithmetic is None or library.probe_memory is None:
        return None
    share = MEMORY // threads
    return Peak(_rate(library.probe_arithmetic, SCRATCH, ROUNDS, threads),
                _rate(library.probe_memory, share, share, threads))


def _rate(probe: Probe, size: int, count: int, threads: int) -> float:
    """What all threads do in a second, each on `size` bytes of its own; the best of some samples."""
    blocks = [_block(size) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        return max(_sample(pool, probe, blocks, count) for _ in range(SAMPLES))


def _block(size: int) -> np.ndarray:
    block = aligned_empty((size // 4,), np.dtype(np.float32), "the memory of a probe")
    block[...] = 0.5            # a chain of x/2 + 1/2 stays at one: no denormals
    return block


def _sample(pool: ThreadPoolExecutor, probe: Probe, blocks: list[np.ndarray], count: int) -> float:
    start = threading.Barrier(len(blocks))

    def run(block: np.ndarray) -> tuple[int, float, float]:
        start.wait()
        begin = time.perf_counter()
        done = probe(address_of(block), count)
        return done, begin, time.perf_counter()
    results = list(pool.map(run, blocks))
    seconds = max(end for _, _, end in results) - min(begin for _, begin, _ in results)
    return sum(done for done, _, _ in results) / seconds
