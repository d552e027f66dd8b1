"""The seed of random operators.  MXNet: mx.random.seed."""

from __future__ import annotations

import itertools
import threading

SEED = "_seed"   # the input that seeds the random operators of a program; it is fed by those who run the program

_lock = threading.Lock()
_state = {"seed": 0}
_counter = itertools.count()


def seed(seed_state: int, ctx: object = "all") -> None:
    """Make all random operators repeat from here: equal seeds give equal draws, whatever the thread count."""
    global _counter
    with _lock:
        _state["seed"] = int(seed_state)
        _counter = itertools.count()


def next_seed() -> int:
    """A fresh 63-bit number for one run of a program, in a sequence that `seed` determines (SplitMix64)."""
    with _lock:
        x = (_state["seed"] * 0x9E3779B97F4A7C15 + (next(_counter) + 1) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    return (x ^ (x >> 31)) >> 1
