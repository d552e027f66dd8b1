"""Random numbers as a function of (seed, salt, counter): the same on every run, for every thread and machine.

A counter is the number of a draw, a salt tells the operators of a graph apart.  The hash is the 32-bit finalizer of
C. Wellons ("lowbias32"), applied to the counter, and to that mixed with the key that seed and salt make.
`frontend/te.py` writes the same as TIR.
"""

from __future__ import annotations

import numpy as np

ROUNDS = ((16, 0x7FEB352D), (15, 0x846CA68B))   # x ^= x >> shift; x *= factor
LAST_SHIFT = 16
UNIT = 2.0 ** -24                               # the step of a uniform float32


def mixed(x: np.ndarray) -> np.ndarray:
    """The hash of uint32 numbers."""
    for shift, factor in ROUNDS:
        x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
    return x ^ (x >> np.uint32(LAST_SHIFT))


def uniform(counter: np.ndarray, seed: int, salt: int) -> np.ndarray:
    """float32 in [0, 1) for counters in [0, 2³²)."""
    low, high = (np.array([seed >> shift & 0xFFFFFFFF], np.uint32) for shift in (0, 32))
    with np.errstate(over="ignore"):
        key = mixed(mixed(low) ^ high ^ np.uint32(salt))
        bits = mixed(mixed(counter.astype(np.uint32)) ^ key)
    return (bits >> np.uint32(8)).astype(np.float32) * np.float32(UNIT)
