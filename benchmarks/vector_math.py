"""Nanoseconds an element of the functions of one array in kernels, one thread, and how exact they are.

usage: python -m benchmarks.vector_math [--rounds N] [NAME ...]

ulp: the largest error in units in the last place of float32 against NumPy and SciPy in float64, over the range in
which the function is timed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

import symc
from symc.runtime.bench import Effort, step_times
from symc.runtime.team import TEAM

COUNT = 1 << 14    # elements: they stay in the second cache
Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Case:
    """An operator, what it computes in float64, and the range of its argument."""

    name: str
    exact: Function
    low: float = -8.0
    high: float = 8.0


CASES = [
    Case("exp", np.exp, -40, 40), Case("expm1", np.expm1), Case("log", np.log, 1e-3, 1e3),
    Case("log1p", np.log1p, -.9, 9), Case("log2", np.log2, 1e-3, 1e3), Case("log10", np.log10, 1e-3, 1e3),
    Case("tanh", np.tanh),
    Case("sigmoid", special.expit), Case("erf", special.erf, -4, 4), Case("sqrt", np.sqrt, 0, 9),
    Case("rsqrt", lambda x: 1 / np.sqrt(x), 1e-3, 9), Case("cbrt", np.cbrt), Case("sin", np.sin), Case("cos", np.cos),
    Case("tan", np.tan, -1.5, 1.5), Case("arcsin", np.arcsin, -1, 1), Case("arccos", np.arccos, -1, 1),
    Case("arctan", np.arctan), Case("sinh", np.sinh), Case("cosh", np.cosh), Case("arcsinh", np.arcsinh),
    Case("arccosh", np.arccosh, 1, 9), Case("arctanh", np.arctanh, -.99, .99), Case("gamma", special.gamma, .1, 9),
    Case("gammaln", special.gammaln, .1, 9), Case("_power_scalar", lambda x: x ** np.float64(np.float32(-0.75)), 1, 9),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    TEAM.resize(1)
    for case in CASES:
        if not options.names or case.name in options.names:
            print(line(case, options.rounds))


def line(case: Case, rounds: int) -> str:
    data = np.linspace(case.low, case.high, COUNT, dtype=np.float32)
    module = symc.compile(network(case.name), shapes={"data": data.shape})
    (found,) = module.forward(data=data)
    steps = range(*module.plan.entries["infer"])
    times = step_times(module.program, steps, Effort(warmup=0, repeats=rounds), time.thread_time)
    seconds = sum(times.values())
    error = worst(np.asarray(found), case.exact(data.astype("f8")))
    return f"{case.name:14} {1e9 * seconds / COUNT:7.2f} ns  {error:7.2f} ulp"


def network(name: str) -> symc.Symbol:
    data = symc.sym.Variable("data")
    return data ** -0.75 if name == "_power_scalar" else getattr(symc.sym, name)(data)


def worst(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.max(np.abs(found - exact) / np.spacing(np.abs(exact).astype(np.float32))))


if __name__ == "__main__":
    main()
