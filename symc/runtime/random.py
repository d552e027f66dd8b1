"""The seeds of random operators.  MXNet: mx.random.seed.

Each context has a sequence of its own (SplitMix64); one of its numbers seeds one run of a program.
"""

from __future__ import annotations

import threading
from numbers import Integral

from symc.runtime.context import Context, current_context

SEED = "_seed"   # the input that seeds the random operators of a program; it is fed by those who run the program

MASK = 2**64 - 1
GAMMA = 0x9E3779B97F4A7C15

_lock = threading.Lock()
_states: dict[Context, int] = {}    # of the contexts that have drawn or were seeded
_common = [0]                       # the seed of the others


def seed(seed_state: int, ctx: Context | str = "all") -> None:
    """Make random operators repeat from here: equal seeds give equal draws, whatever the number of threads.

    ctx: the context whose sequence starts anew; all of them by default, each with a sequence of its own.  Seeded one by
    one, contexts have equal sequences.  ValueError: the seed is no integer.
    """
    if not isinstance(seed_state, Integral):
        raise ValueError("seed_state must be int")
    with _lock:
        if isinstance(ctx, str) and ctx == "all":
            _common[0] = int(seed_state)
            _states.clear()
        else:
            _states[Context(ctx)] = _mixed(int(seed_state))


def next_seed(context: Context | None = None) -> int:
    """A fresh 63-bit number for one run of a program on a context, the current one by default."""
    context = context or current_context()
    with _lock:
        before = _states.get(context, _mixed(_common[0]) + context.device_id * GAMMA * GAMMA)
        _states[context] = state = (before + GAMMA) & MASK
    return _mixed(state) >> 1


def _mixed(x: int) -> int:
    """The finalizer of SplitMix64."""
    x &= MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)
