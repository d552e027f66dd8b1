"""Milliseconds from a graph of one operator to its first result, in one process with its compile worker running.

usage: python -m benchmarks.latency [--operators NAME ...] [--seed N]

For each operator of the registry, from `bind` to the outputs: with an empty kernel cache; in another process, with the
kernels in the cache on disk; and once more there, with the kernels mapped.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from symc.compiler import bind
from symc.errors import SymcError
from symc.ir.graph import Graph
from symc.ops.operator import states_of
from symc.runtime.context import cpu
from symc.runtime.ndarray import NDArray
from tests.random_graphs.registry import blocks, random_graph
from tests.random_graphs.values import values_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operators", nargs="*", default=sorted(blocks()))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(_latencies(options.operators, options.seed)))
        return
    with tempfile.TemporaryDirectory() as folder:
        cold, warm = (_in_a_process(options, folder) for _ in range(2))
    _report("cold", {name: times[0] for name, times in cold.items()})
    _report("from the cache on disk", {name: times[0] for name, times in warm.items()})
    _report("once more in the process", {name: times[1] for name, times in warm.items()})


def _in_a_process(options: argparse.Namespace, folder: str) -> dict[str, tuple[float, float]]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.latency", "--once", "--seed", str(options.seed),
               "--operators", *options.operators]
    environment = os.environ | {"SYMC_CACHE_DIR": folder}
    found = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(found.stdout)  # type: ignore[no-any-return]


def _latencies(names: list[str], seed: int) -> dict[str, tuple[float, float]]:
    _milliseconds(random_graph(seed, ["tanh"], 1), seed)      # starts the worker
    found = {}
    for name in names:
        try:
            graph = random_graph(seed, [name], 1)
            found[name] = (_milliseconds(graph, seed), _milliseconds(graph, seed))
        except SymcError as refusal:
            print(f"{name}: {refusal}", file=sys.stderr)
    return found


def _milliseconds(graph: Graph, seed: int) -> float:
    states = {node.name for node in states_of(graph)}
    arrays = {name: NDArray(np.array(value)) for name, value in values_of(graph, seed).items()}
    arguments, held = ({name: array for name, array in arrays.items() if (name in states) == wanted}
                       for wanted in (False, True))
    start = time.perf_counter()
    bind(graph, cpu(), arguments, {}, dict.fromkeys(arguments, "null"), held).forward()
    return 1000 * (time.perf_counter() - start)


def _report(title: str, times: dict[str, float]) -> None:
    slowest = sorted(times, key=times.__getitem__, reverse=True)[:8]
    print(f"{title}: {len(times)} operators, median {statistics.median(times.values()):.1f} ms, "
          f"90 % under {statistics.quantiles(times.values(), n=10)[-1]:.1f} ms; slowest: "
          + ", ".join(f"{name} {times[name]:.0f}" for name in slowest))


if __name__ == "__main__":
    main()
