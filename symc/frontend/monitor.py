"""Watching values of executors while they run.  MXNet: mx.mon."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from symc.runtime.executor import Executor
from symc.runtime.ndarray import NDArray, array

Statistic = Callable[[NDArray], Any]


def root_mean_square(values: NDArray) -> NDArray:
    """The norm over the root of the size: what a monitor shows if nothing else is asked for."""
    norm = float(np.linalg.norm(values.asnumpy().astype(np.float64)))
    return array([norm / math.sqrt(values.size)])


class Monitor:
    """Collects a statistic of outputs and arguments, in one of `interval` batches: `tic`, forward, `toc`.

    stat_func: from an array to one or a list of them.  pattern: a regular expression that names begin with; outputs
    are called fc1_output.  sort: results by name, else in the order of computation.  monitor_all: of the operators'
    inputs too.  MXNet: mx.mon.Monitor.
    """

    def __init__(self, interval: int, stat_func: Statistic | None = None, pattern: str = ".*", sort: bool = False,
                 monitor_all: bool = False) -> None:
        self.interval, self.sort, self.monitor_all = interval, sort, monitor_all
        self.stat_func = stat_func or root_mean_square
        self.re_prog = re.compile(pattern)
        self.activated, self.step = False, 0
        self.queue: list[tuple[int, str, Any]] = []
        self.exes: list[Executor] = []

    def install(self, exe: Executor) -> None:
        """Watch an executor; there may be several."""
        exe.set_monitor_callback(self.stat_helper, self.monitor_all)
        self.exes.append(exe)

    def stat_helper(self, name: str, value: NDArray) -> None:
        """Note the statistic of an array, if this batch and this name are watched."""
        if self.activated and self.re_prog.match(name):
            self.queue.append((self.step, name, self.stat_func(value)))

    def tic(self) -> None:
        """To be called before the forward of a batch."""
        if self.step % self.interval == 0:
            self.queue, self.activated = [], True
        self.step += 1

    def toc(self) -> list[tuple[int, str, str]]:
        """To be called after a batch: (number of the batch, name, statistics as text); none of a batch left out."""
        for exe in self.exes:
            for name, value in {**exe.arg_dict, **exe.aux_dict}.items():
                self.stat_helper(name, value)
        found = sorted(self.queue, key=lambda entry: entry[1]) if self.sort else self.queue
        self.queue, self.activated = [], False
        return [(step, name, "".join(f"{_text(item)}\t" for item in (values if isinstance(values, list) else [values])))
                for step, name, values in found]

    def toc_print(self) -> None:
        """`toc`, to the log."""
        for step, name, text in self.toc():
            logging.info("Batch: %7d %30s %s", step, name, text)


def _text(value: Any) -> str:
    assert isinstance(value, NDArray), f"stat_func gives NDArrays, or a list of them, not {type(value)}"
    return str(value.asscalar() if value.shape == (1,) else value.asnumpy())
