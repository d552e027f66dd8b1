"""Calls on small NDArrays against NumPy's, turn by turn: microseconds of the thread, least and median of the rounds.

    python benchmarks/ndarray.py [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import time
import timeit
from collections.abc import Callable
from typing import Any

import numpy as np

import symc as mx

CALLS = 1000
SHAPES = ((4, 4), (100, 100))


def pairs(shape: tuple[int, int]) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """What is measured: of NumPy, of symc."""
    a, b = (np.random.default_rng(seed).normal(size=shape).astype("float32") for seed in (1, 2))
    nd: Any = mx.nd
    x, y = nd.array(a), nd.array(b)
    base, positive = np.abs(a), nd.abs(x)
    half, size = shape[0] // 2, a.size

    def in_place(left: Any, right: Any) -> Any:
        left += right
        return left

    def scale(left: Any, right: Any) -> Any:
        left *= right
        return left

    zero_a, zero_x = np.zeros_like(a), nd.zeros_like(x)
    return {
        "a + b": (lambda: a + b, lambda: x + y), "a * 2": (lambda: a * 2, lambda: x * 2),
        "1.5 - a": (lambda: 1.5 - a, lambda: 1.5 - x), "a / b": (lambda: a / b, lambda: x / y),
        "a % b": (lambda: a % b, lambda: x % y), "a ** 2": (lambda: a ** 2, lambda: x ** 2),
        "a ** b": (lambda: base ** b, lambda: positive ** y), "a + b[0]": (lambda: a + b[0], lambda: x + y[0]),
        "a > b": (lambda: (a > b).astype("float32"), lambda: x > y), "-a": (lambda: -a, lambda: -x),
        "a == 0": (lambda: (a == 0).astype("float32"), lambda: x == 0), "abs": (lambda: abs(a), lambda: abs(x)),
        "a += 0": (lambda: in_place(a, zero_a), lambda: in_place(x, zero_x)),
        "a *= 1": (lambda: scale(a, 1), lambda: scale(x, 1)),
        "relu": (lambda: np.maximum(a, 0), lambda: nd.relu(x)), "exp": (lambda: np.exp(a), lambda: nd.exp(x)),
        "tanh": (lambda: np.tanh(a), lambda: x.tanh()), "sqrt": (lambda: np.sqrt(a * a), lambda: nd.sqrt(x * x)),
        "maximum": (lambda: np.maximum(a, b), lambda: nd.maximum(x, y)),
        "clip": (lambda: np.clip(a, 0, 1), lambda: nd.clip(x, 0, 1)),
        "sum": (lambda: a.sum(), lambda: x.sum()), "sum(axis=1)": (lambda: a.sum(axis=1), lambda: x.sum(axis=1)),
        "mean": (lambda: a.mean(), lambda: x.mean()), "max": (lambda: a.max(), lambda: x.max()),
        "dot": (lambda: a @ b, lambda: nd.dot(x, y)), "transpose": (lambda: a.T.copy(), lambda: x.T),
        "concat": (lambda: np.concatenate((a, b)), lambda: nd.concat(x, y, dim=0)),
        "a[1]": (lambda: a[1], lambda: x[1]), f"a[1:{half}]": (lambda: a[1:half], lambda: x[1:half]),
        "a[:, 1]": (lambda: a[:, 1].copy(), lambda: x[:, 1]),
        "reshape": (lambda: a.reshape(size), lambda: x.reshape(size)),
        "reshape(-1)": (lambda: a.reshape(-1), lambda: x.reshape(-1)),
        "array": (lambda: np.array(a), lambda: nd.array(a)), "asnumpy": (lambda: a.copy(), x.asnumpy),
        "zeros": (lambda: np.zeros(shape, "float32"), lambda: nd.zeros(shape)),
        "ones": (lambda: np.ones(shape, "float32"), lambda: nd.ones(shape)), "copy": (lambda: a.copy(), x.copy),
    }


def main(rounds: int) -> None:
    print(f"{'':16s}" + "".join(f"{str(shape):>50s}" for shape in SHAPES))
    print(f"{'':16s}" + f"{'NumPy':>16s}{'symc':>20s}{'ratio':>14s}" * len(SHAPES))
    tables = [pairs(shape) for shape in SHAPES]
    for name, other in zip(*tables, strict=True):
        cells = []
        for calls in (tables[0][name], tables[1][other]):
            times: list[list[float]] = [[], []]
            for _ in range(rounds):
                for own, call in zip(times, calls, strict=True):
                    own.append(timeit.timeit(call, number=CALLS, timer=time.thread_time) / CALLS * 1e6)
            least, middle = ([f(own) for own in times] for f in (min, statistics.median))
            cells.append(f"{least[0]:8.2f}{middle[0]:8.2f}{least[1]:12.2f}{middle[1]:8.2f}{least[1] / least[0]:7.1f}"
                         f"{middle[1] / middle[0]:7.1f}")
        print(f"{name:16s}" + "".join(cells))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
