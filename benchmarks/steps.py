"""Microseconds of processor time of each step of a compiled network, one thread: where its time goes.

usage: python -m benchmarks.steps SYMBOL [PARAMS] --data NAME=1,3,224,224 ... [--train | --precision bf16]
                                  [--rounds N] [--top N]

Every step is timed alone, the steps in their order, round after round; the least time of each counts.  Behind the
times: billions of operations a second of contractions, billions of bytes a second of what the step reads and writes.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict

import numpy as np

import symc
from symc.codegen.lowered import Options
from symc.runtime.bench import Effort, step_name, step_times, step_work
from symc.runtime.plan import KernelStep, buffer_ids
from symc.runtime.program import Program
from symc.runtime.team import TEAM


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("symbol")
    parser.add_argument("params", nargs="?")
    parser.add_argument("--data", action="append", default=[], metavar="NAME=SHAPE")
    parser.add_argument("--train", action="store_true", help="forward and backward, with gradients of all parameters")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--top", type=int, default=40)
    options = parser.parse_args()
    shapes = {name: tuple(map(int, dims.split(","))) for name, dims in (item.split("=") for item in options.data)}
    TEAM.resize(1)
    module = symc.compile(options.symbol, options.params, shapes=shapes, train=options.train,
                          options=Options(precision=options.precision))
    draws = np.random.default_rng(1)
    inputs = {entry.name: draws.uniform(0, 0.1, entry.shape).astype(entry.dtype) for entry in module.inputs}
    module.forward(is_train=options.train, **inputs)
    if options.train:
        heads = [module.plan.buffers[number] for number in module.plan.of_kind("head_gradient")]
        module.backward([np.ones(head.shape, head.dtype) for head in heads])
    for entry in ("forward", "backward") if options.train else ("infer",):
        print(entry)
        numbers = range(*module.plan.entries[entry])
        effort = Effort(warmup=0, repeats=options.rounds)
        report(module.program, step_times(module.program, numbers, effort, time.thread_time), options.top)


def report(program: Program, times: dict[int, float], top: int) -> None:
    kinds: dict[str, float] = defaultdict(float)
    for number, seconds in times.items():
        kinds[kind_of(program, number)] += seconds
    print(f"{1e3 * sum(times.values()):.3f} ms in {len(times)} steps; " +
          ", ".join(f"{kind} {1e3 * seconds:.3f}" for kind, seconds in sorted(kinds.items(), key=lambda k: -k[1])))
    for number in sorted(times, key=lambda number: -times[number])[:top]:
        print(line(program, number, times[number]))


def kind_of(program: Program, number: int) -> str:
    step = program.plan.steps[number]
    if not isinstance(step, KernelStep):
        return type(step).__name__
    return "contractions" if program.plan.kernels[step.kernel].flops else "others"


def line(program: Program, number: int, seconds: float) -> str:
    step = program.plan.steps[number]
    flops, touched = step_work(program, step)
    rate = f"{flops / seconds / 1e9:6.1f} GF/s" if flops else " " * 11
    shapes = " ".join("x".join(map(str, program.plan.buffers[i].shape)) for i in buffer_ids(step))
    names = ",".join(name.split("@")[0] for name in step.nodes) if isinstance(step, KernelStep) \
        else step_name(program, step)
    return f"{1e6 * seconds:9.1f} us {rate} {touched / seconds / 1e9:6.1f} GB/s  {shapes}  {names[:70]}"


if __name__ == "__main__":
    main()
