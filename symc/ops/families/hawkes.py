"""_contrib_hawkesll: the log likelihood of marked points in time under self-exciting Hawkes processes.

Each mark has a process of its own, whose state is what its past points still excite: 1 more with each point, and less
by the factor exp(-beta·d) after a time d.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType
from symc.ops.math import NumPyMath
from symc.ops.operator import REAL, Operator, operator
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show

RANKS = {"lda": 2, "alpha": 1, "beta": 1, "state": 2, "lags": 2, "marks": 2, "valid_length": 1, "max_time": 1}


class HawkesProcesses(Operator):
    """Base: the inputs, and the walk through the points of samples."""

    dtypes = REAL
    inputs = tuple(RANKS)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.marks.unify(DType.int32)
        plain = [slot for slot in (*t.inputs, *t.outputs) if slot is not t.marks]
        found = next((slot.dtype for slot in plain if slot.known), None)
        for slot in plain:
            slot.unify(found)

    def parameters_at(self, inputs: Any, n: Any, mark: Any) -> tuple[Any, Any, Any]:
        """lda, alpha and beta of a mark of a sample."""
        lda, alpha, beta = inputs[:3]
        return lda[n, mark], alpha[mark], beta[mark]

    # ---- kernels -------------------------------------------------------------------------------------------------

    def begin(self, k: Any, n: Any, marks: int, state: Any, *cleared: tuple[Any, Any]) -> None:
        """The states of a sample as they are given, and zeros."""
        target, given = state
        with k.loop(marks) as m:
            k.store(target, (n, m), given[n, m])
            for array in cleared:
                k.store(array, (n, m), 0)

    @contextmanager
    def each_point(self, k: Any, n: Any, inputs: Any, last: Any) -> Iterator[tuple[Any, Any]]:
        """A loop over the points of a sample: the mark, and the time since the last point of this mark."""
        *_, lags, marks, valid_length, _ = inputs
        now, points = k.cell(lags.dtype, 0), lags.shape[1]
        count = k.clamp(k.index(k.F.ceil(valid_length[n])), 0, points)
        with k.loop(count) as j:
            mark = k.clamp(k.index(marks[n, j]), 0, inputs[0].shape[1] - 1)
            now.set(now.get() + lags[n, j])
            yield mark, now.get() - last[n, mark]
            k.store(last, (n, mark), now.get())

    # ---- NumPy ---------------------------------------------------------------------------------------------------

    def points(self, inputs: Any, last: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """The same for all samples that have a further point, by number."""
        *_, lags, marks, valid_length, _ = inputs
        now = np.zeros(len(lags), lags.dtype)
        for j in range(lags.shape[1]):
            n = np.flatnonzero(valid_length > j)
            mark = np.clip(marks[n, j], 0, last.shape[1] - 1)
            now[n] += lags[n, j]
            yield n, mark, now[n] - last[n, mark]
            last[n, mark] = now[n]


@operator("_contrib_hawkesll")
class HawkesLogLikelihood(HawkesProcesses):
    """Log likelihoods (N,) of points at the times Σ lags (N, T) with marks (N, T) in [0, K), up to max_time (N,).

    lda (N, K): background rates; alpha (K,): how many points one excites; beta (K,): rates of decay; state (N, K): what
    is excited at time 0.  Of each row, valid_length (N,) points count.  The second output is the state at max_time.
    Gradients are those of the likelihood, by lda, alpha and beta.  MXNet: _contrib_hawkesll.
    """

    takes_empty = True
    outputs = ("output", "out_state", "last")
    visible_count = 2
    deviations = ("the gradients of alpha and beta do not depend on whether that of lda is asked for",)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        for slot in s.inputs:
            if slot.rank not in (None, RANKS[slot.name]):
                raise Conflict(f"{slot.name} {show(slot.shape)} must have {RANKS[slot.name]} dimensions")
        axes = {"N": [(s.lda, 0), (s.state, 0), (s.lags, 0), (s.marks, 0), (s.valid_length, 0), (s.max_time, 0)],
                "K": [(s.lda, 1), (s.alpha, 0), (s.beta, 0), (s.state, 1)], "T": [(s.lags, 1), (s.marks, 1)]}
        batch, marks, points = (next((slot[i] for slot, i in places if slot[i] is not None), None)
                                for places in axes.values())
        if marks == 0:
            raise Conflict("there are no marks: lda, alpha, beta and state have no elements")
        for slot in (s.lda, s.state, *s.outputs[1:]):
            slot.unify((batch, marks))
        for slot in (s.lags, s.marks):
            slot.unify((batch, points))
        for slot in (s.alpha, s.beta):
            slot.unify((marks,))
        for slot in (s.valid_length, s.max_time, s.outputs[0]):
            slot.unify((batch,))

    def expected(self, F: Any, parameters: tuple[Any, Any, Any], state: Any, time: Any) -> tuple[Any, Any]:
        """How many points are expected in a time without any, and the factor by which the state decays."""
        lda, alpha, beta = parameters
        decay = F.exp(-beta * time)
        return lda * time + alpha * state * (1 - decay), decay

    def rate(self, parameters: tuple[Any, Any, Any], state: Any, decay: Any) -> Any:
        """At which points come, after that time."""
        lda, alpha, beta = parameters
        return lda + alpha * beta * state * decay

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        likelihood, state, last = outputs
        batch, marks = state.shape
        with k.jobs(batch) as n:
            self.begin(k, n, marks, (state, inputs[3]), last)
            total = k.cell(state.dtype, 0)
            with self.each_point(k, n, inputs, last) as (mark, time):
                parameters, before = self.parameters_at(inputs, n, mark), state[n, mark]
                expected, decay = self.expected(k.F, parameters, before, time)
                total.set(total.get() + (k.F.log(self.rate(parameters, before, decay)) - expected))
                k.store(state, (n, mark), 1 + before * decay)
            with k.loop(marks) as mark:
                left = inputs[-1][n] - last[n, mark]
                expected, decay = self.expected(k.F, self.parameters_at(inputs, n, mark), state[n, mark], left)
                total.set(total.get() - expected)
                k.store(state, (n, mark), decay * state[n, mark])
            k.store(likelihood, n, total.get())

    def reference(self, *inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        state, last = inputs[3].copy(), np.zeros_like(inputs[3])
        total = np.zeros(len(state), state.dtype)
        for n, mark, time in self.points(inputs, last):
            parameters, before = self.parameters_at(inputs, n, mark), state[n, mark]
            expected, decay = self.expected(NumPyMath, parameters, before, time)
            total[n] += np.log(self.rate(parameters, before, decay)) - expected
            state[n, mark] = 1 + before * decay
        left = inputs[-1][:, None] - last
        expected, decay = self.expected(NumPyMath, (inputs[0], inputs[1], inputs[2]), state, left)
        return total - expected.sum(1), decay * state, last

    def gradient(self, g: Any, node: Node, dy: Value | None, *_: Value | None) -> list[Value | None]:
        if dy is None:
            return [None] * len(node.inputs)
        slopes = g.node(HawkesSlopes(), node.inputs).outputs[:3]
        heads = g.reshape(dy, (dy.type.dims[0], 1))
        dlda, dalpha, dbeta = (g.broadcast_mul(slope, heads) for slope in slopes)
        return [dlda, g.sum(dalpha, axis=(0,)), g.sum(dbeta, axis=(0,)), *[None] * 5]


@operator("_backward_hawkesll", hidden=True)
class HawkesSlopes(HawkesProcesses):
    """Derivatives (N, K) of the log likelihood of each sample by its lda, and by alpha and beta as if it had its own.

    state, dstate, last (N, K) are walked along: the states, their derivatives by beta, and when they were last changed.
    """

    outputs = ("dlda", "dalpha", "dbeta", "state_now", "dstate", "last")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        for output in s.outputs:
            output.unify(s.lda.shape)

    def of_waiting(self, F: Any, parameters: tuple[Any, Any, Any], state: Any, dstate: Any,
                   time: Any) -> tuple[tuple[Any, Any, Any], Any]:
        """Derivatives of -expected, see HawkesLogLikelihood; and the factor of decay."""
        _, alpha, beta = parameters
        decay = F.exp(-beta * time)
        return (-time, -state * (1 - decay), -alpha * (dstate * (1 - decay) + state * time * decay)), decay

    def of_point(self, parameters: tuple[Any, Any, Any], state: Any, dstate: Any, time: Any,
                 decay: Any) -> tuple[Any, Any, Any]:
        """Derivatives of log(rate)."""
        lda, alpha, beta = parameters
        rate = lda + alpha * beta * state * decay
        return (1 / rate, beta * state * decay / rate,
                alpha * decay * (state * (1 - beta * time) + beta * dstate) / rate)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        *slopes, state, dstate, last = outputs
        batch, marks = state.shape

        def add(place: tuple[Any, Any], terms: tuple[Any, Any, Any]) -> None:
            for target, term in zip(slopes, terms, strict=True):
                k.store(target, place, target[place] + term)
        with k.jobs(batch) as n:
            self.begin(k, n, marks, (state, inputs[3]), *slopes, dstate, last)
            with self.each_point(k, n, inputs, last) as (mark, time):
                parameters, now = self.parameters_at(inputs, n, mark), (state[n, mark], dstate[n, mark])
                waiting, decay = self.of_waiting(k.F, parameters, *now, time)
                point = self.of_point(parameters, *now, time, decay)
                add((n, mark), tuple(a + b for a, b in zip(point, waiting, strict=True)))
                k.store(dstate, (n, mark), decay * (now[1] - time * now[0]))
                k.store(state, (n, mark), 1 + now[0] * decay)
            with k.loop(marks) as mark:
                left = inputs[-1][n] - last[n, mark]
                parameters = self.parameters_at(inputs, n, mark)
                add((n, mark), self.of_waiting(k.F, parameters, state[n, mark], dstate[n, mark], left)[0])

    def reference(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        state = inputs[3].copy()
        dstate, last, *slopes = (np.zeros_like(state) for _ in range(5))
        for n, mark, time in self.points(inputs, last):
            parameters, now = self.parameters_at(inputs, n, mark), (state[n, mark], dstate[n, mark])
            waiting, decay = self.of_waiting(NumPyMath, parameters, *now, time)
            for target, a, b in zip(slopes, self.of_point(parameters, *now, time, decay), waiting, strict=True):
                target[n, mark] += a + b
            dstate[n, mark] = decay * (now[1] - time * now[0])
            state[n, mark] = 1 + now[0] * decay
        left = inputs[-1][:, None] - last
        waiting, _ = self.of_waiting(NumPyMath, (inputs[0], inputs[1], inputs[2]), state, dstate, left)
        return (*(target + term for target, term in zip(slopes, waiting, strict=True)), state, dstate, last)
