"""Executors of networks in which shapes depend on data, as behind a mask.

Before each forward the numbers that decide are computed by programs of their own (probes), and then what was compiled
for just these shapes runs.  Each combination of shapes is compiled when it is first met.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from symc.runtime import random
from symc.runtime.context import Context
from symc.runtime.executor import Bound, Executor, Network
from symc.runtime.ndarray import NDArray

KEPT = 64       # networks and executors kept for shapes met before


@runtime_checkable
class OpenNetwork(Network, Protocol):
    """A network of which a shape is open.  It has no outputs, and no programs of its own."""

    @property
    def probe(self) -> Network:
        """Computes what the first open shape depends on."""
        ...

    def settled(self, arrays: Sequence[np.ndarray]) -> Network:
        """The network for the shape that these outputs of the probe mean; still open where others follow."""
        ...


class DynamicExecutor(Executor):
    """Runs a network whose shapes depend on data.  It has outputs after the first forward, of the shapes met there."""

    def __init__(self, network: Network, bound: Bound, context: Context) -> None:
        super().__init__(network, bound, context)
        self._current: Executor | None = None
        self._monitor: tuple[Callable[[str, NDArray], object] | None, bool] = None, False
        self._executors: dict[Network, Executor] = {}

    @property
    def output_dict(self) -> dict[str, NDArray]:
        return self._current.output_dict if self._current else {}

    def compute(self, is_train: bool, seed: int | None = None) -> list[NDArray]:
        """The probe draws as what follows it does."""
        with self._lock:
            seed = random.next_seed(self._ctx) if seed is None else seed
            network = self._network
            while isinstance(network, OpenNetwork):
                found = self._executor(network.probe, watched=False).compute(is_train, seed)
                network = network.settled([np.asarray(array.memory) for array in found])
            self._current = self._executor(network, watched=True)
            self.outputs = self._current.compute(is_train, seed)
            return self.outputs

    def backward(self, out_grads: Any = None, is_train: bool = True) -> None:
        with self._lock:
            if self._current is None:
                self.forward(is_train)
            assert self._current is not None
            self._current.backward(out_grads, is_train)

    def reshape(self, partial_shaping: bool = False, allow_up_sizing: bool = False,
                **shapes: Sequence[int]) -> Executor:
        made = super().reshape(partial_shaping, allow_up_sizing, **shapes)
        made.set_monitor_callback(*self._monitor)
        return made

    def set_monitor_callback(self, callback: Callable[[str, NDArray], object] | None,
                             monitor_all: bool = False) -> None:
        with self._lock:
            self._monitor = callback, monitor_all
            self._executors.clear()

    def debug_str(self) -> str:
        return self._current.debug_str() if self._current else self._network.describe()

    def _executor(self, network: Network, watched: bool) -> Executor:
        """The executor of one of the networks, on the bound arrays."""
        if network not in self._executors:
            if len(self._executors) >= KEPT:
                self._executors.clear()
            self._executors[network] = made = Executor(network, self._bound, self._ctx)
            if watched:
                made.set_monitor_callback(*self._monitor)
        return self._executors[network]
