"""CTCLoss: connectionist temporal classification (Graves et al. 2006).

A label of L classes has 2·L + 1 states: its classes, with blanks between and around them.  An alignment walks through
the states, one step of data at a time: it stays, goes on to the next state, or passes over a blank between two
different classes.  All sums over alignments are of logarithms, a column of states at a time.

Columns have three places more than there are states, so that the rules of the walk hold at its ends: alignments come
from a place before the first state, and go to one behind the last.  W = 2·L + 4 is the width of columns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType
from symc.ops.families.indexing import same_type
from symc.ops.families.statistics import wide
from symc.ops.families.unary import round_away
from symc.ops.math import NumPyMath
from symc.ops.operator import REAL, Operator, Optional, operator
from symc.ops.record import record
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show

NEVER = float("-inf")       # the logarithm of the probability 0


def log_sum(F: Any, terms: list[Any]) -> Any:
    """log Σ exp(terms); -inf where all are."""
    largest = terms[0]
    for term in terms[1:]:
        largest = F.max_nan(largest, term)
    base = F.where(largest == NEVER, F.const(0, largest), largest)
    first, *rest = (F.exp(term - base) for term in terms)
    return base + F.log(sum(rest, first))


def whole(F: Any, x: Any) -> Any:
    """A label or a length; those that are floats are rounded, halves away from zero."""
    return round_away(F, x) if F.dtype(x).is_float else x


@record
class WithLengths(Operator):
    """Base: the inputs of CTCLoss."""

    use_data_lengths: bool = False
    use_label_lengths: bool = False
    blank_label: Literal["first", "last"] = "first"
    inputs = ("data", "label", Optional("data_lengths", when=lambda op: op.use_data_lengths),
              Optional("label_lengths", when=lambda op: op.use_label_lengths))

    def lengths(self, inputs: tuple[Any, ...]) -> tuple[Any, Any]:
        """data_lengths and label_lengths, None where they are not given."""
        given = list(inputs)
        return given.pop(0) if self.use_data_lengths else None, given.pop(0) if self.use_label_lengths else None

    def blank(self, classes: int) -> int:
        return 0 if self.blank_label == "first" else classes - 1

    @property
    def padding(self) -> int:
        """What ends a label whose length is not given."""
        return 0 if self.blank_label == "first" else -1


@operator("CTCLoss", aliases=("ctc_loss", "_contrib_CTCLoss", "_contrib_ctc_loss"))
class CTCLoss(WithLengths):
    """Negative logarithms (N,) of the probabilities of labels (N, L), summed over all alignments with data (T, N, C).

    data holds activations, of which the softmax is taken here.  The blank is the first class, and labels are in [1, C)
    and end at the first 0; or the last, they are in [0, C - 1) and end at the first -1; or label_lengths (N,) gives
    their lengths.  Of data, the first data_lengths (N,) steps count.  A label that is too long for its data (its
    length, and one for each class that follows itself) has loss 0 and no gradient, as in MXNet.  The hidden output
    is the gradient of data.  MXNet: CTCLoss.
    """

    dtypes = REAL
    takes_empty = True
    outputs = ("output0", "output1")
    visible_count = 1
    deviations = ("data may be float16 or float64 too; lengths may have any type",
                  "where one alignment has all the probability, or a label holds the blank, the gradient is that of "
                  "the loss; MXNet's is not")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        for slot, rank in ((s.data, 3), (s.label, 2), (s.data_lengths, 1), (s.label_lengths, 1)):
            if slot is not None and slot.rank not in (None, rank):
                raise Conflict(f"{slot.name} {show(slot.shape)} must have {rank} dimensions")
        steps, batch, classes = s.data.shape or (None,) * 3
        labels = s.label.shape[1] if s.label.rank else None
        batch = batch if batch is not None else s.label[0]
        if steps is not None and labels is not None and labels > steps:
            raise Conflict(f"label holds {labels} classes, more than the {steps} steps of data")
        if classes == 0:
            raise Conflict(f"data {show(s.data.shape)} has no classes, not even the blank")
        s.data.unify((steps, batch, classes))
        s.label.unify((batch, labels))
        for slot in (s.data_lengths, s.label_lengths, s.outputs[0]):
            if slot is not None:
                slot.unify((batch,))
        s.outputs[1].unify(s.data.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for slot in t.outputs:
            same_type(slot, t.data)

    def rewrite(self, g: Any, data: Value, *others: Value) -> list[Value]:
        narrow = data.type.element
        logs = g.log_softmax(data, axis=-1, dtype=wide(narrow).name)
        found = g.node(Alignments(**self.parameters()), (logs, *others))
        slope = g.node(AlignmentSlopes(), (logs, *found.outputs[1:]))
        return [g.cast(value, dtype=narrow.name) if value.type.element is not narrow else value
                for value in (Value(found), Value(slope))]

    def reference(self, data: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = NumPyMath.cast(data, wide(DType.of(data.dtype)))
        x = x - x.max(-1, keepdims=True)
        logs = x - np.log(np.exp(x).sum(-1, keepdims=True))
        cost, *found = Alignments(**self.parameters()).reference(logs, *others)
        slope, *_ = AlignmentSlopes().reference(logs, *found)
        return cost.astype(data.dtype), slope.astype(data.dtype)

    def gradient(self, g: Any, node: Node, dy: Value, *_: Value | None) -> list[Value | None]:
        dx = g.broadcast_mul(Value(node, 1), g.reshape(dy, (1, dy.type.dims[0], 1)))
        return [dx, *[None] * (len(node.inputs) - 1)]


def column(F: Any, emitted: Any, same: Any, before: Any, skipped: Any, penalty: Any) -> Any:
    """An element of the next column: what is emitted there, after the three states that an alignment may come from."""
    return emitted + log_sum(F, [same, before, skipped + penalty])


@operator("_ctc_alignments", hidden=True)
class Alignments(WithLengths):
    """Sums over the beginnings of alignments, from logarithms of probabilities `logs` (T, N, C).

    cost (N,); likelihood (N,): log of the probability of the label; extents (N, 2): steps of data, 0 if the label is
    too long, and states; classes (N, W) of states; penalties (N, W): 0 where an alignment may come to a state
    over the one before, else -inf; forward (N, T + 1, W): state s behind step t, its emission included, at
    [t + 1, s + 2].  What lies behind the extents is unset.
    """

    inputs = ("logs", *WithLengths.inputs[1:])
    outputs = ("cost", "likelihood", "extents", "classes", "penalties", "forward")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        steps, batch, _ = s.logs.dims
        width = 2 * s.label.dims[1] + 4
        for slot, shape in zip(s.outputs, ((batch,), (batch,), (batch, 2), (batch, width), (batch, width),
                                           (batch, steps + 1, width)), strict=True):
            slot.unify(shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for slot in t.outputs:
            slot.unify(DType.int32 if slot.name in ("extents", "classes") else t.logs.dtype)

    # ---- kernel --------------------------------------------------------------------------------------------------

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        logs, label, *lengths = inputs
        cost, likelihood, extents, classes, penalties, forward = outputs
        with k.jobs(logs.shape[1], width=forward.shape[2]) as n:
            self.write_extents(k, n, logs, label, tuple(lengths), extents)
            self.write_states(k, n, label, logs.shape[2], extents, classes, penalties)
            steps, states = (k.index(extents[n, i]) for i in (0, 1))
            self.write_columns(k, n, logs, steps, classes, penalties, forward)
            total = log_sum(k.F, [forward[n, steps, states + 1], forward[n, steps, states]])
            k.store(likelihood, n, total)
            k.store(cost, n, k.F.where(extents[n, 0] > 0, 0 - total, 0))

    def write_extents(self, k: Any, n: Any, logs: Any, label: Any, inputs: tuple[Any, ...], extents: Any) -> None:
        data_lengths, label_lengths = self.lengths(inputs)
        steps, room = logs.shape[0], label.shape[1]
        length = k.cell(DType.int32, 0)
        if label_lengths is not None:
            length.set(k.value(k.clamp(k.index(whole(k.F, label_lengths[n])), 0, room), DType.int32))
        else:
            with k.loop(room) as i:
                is_end = k.index(whole(k.F, label[n, i])) == self.padding
                is_next = k.value(i, DType.int32) == length.get()
                length.set(k.select(k.all(is_next, ~k.all(is_end)), length.get() + 1, length.get()))
        needed = k.cell(DType.int32, length.get())
        with k.loop((1, k.index(length.get()))) as i:
            repeats = k.all(k.index(whole(k.F, label[n, i])) == k.index(whole(k.F, label[n, i - 1])))
            needed.set(k.select(repeats, needed.get() + 1, needed.get()))
        count = k.number(steps, DType.int32)
        if data_lengths is not None:
            count = k.value(k.clamp(k.index(whole(k.F, data_lengths[n])), 0, steps), DType.int32)
        k.store(extents, (n, 0), k.select(needed.get() <= count, count, 0))
        k.store(extents, (n, 1), 2 * length.get() + 1)

    def write_states(self, k: Any, n: Any, label: Any, count: int, extents: Any, classes: Any, penalties: Any) -> None:
        """Blanks, and the classes between them; an alignment comes over a blank from another class, or from before the
        first state."""
        blank, width = self.blank(count), classes.shape[1]

        def kind(i: Any) -> Any:
            return k.value(k.clamp(k.index(whole(k.F, label[n, k.clamp(i, 0, label.shape[1] - 1)])), 0, count - 1),
                           DType.int32)
        with k.each(width) as i:
            k.store(classes, (n, i), blank)
            k.store(penalties, (n, i), NEVER)
        with k.each(k.index(extents[n, 1]) // 2) as i:
            own = kind(i)
            k.store(classes, (n, 2 * i + 1), own)
            with k.when(k.any(i == 0, k.all(own != blank, own != kind(i - 1)))):
                k.store(penalties, (n, 2 * i + 1), 0)
        k.store(penalties, (n, k.index(extents[n, 1])), 0)

    def write_columns(self, k: Any, n: Any, logs: Any, steps: Any, classes: Any, penalties: Any, forward: Any) -> None:
        width = forward.shape[2]
        with k.each(width) as i:
            k.store(forward, (n, 0, i), NEVER)
        k.store(forward, (n, 0, 1), 0)
        with k.loop(steps) as t:
            k.store(forward, (n, t + 1, 0), NEVER)
            k.store(forward, (n, t + 1, 1), NEVER)

            def step(i: Any) -> None:
                same, before, skipped = (forward[n, t, i + 2 - back] for back in (0, 1, 2))
                emitted = logs[t, n, k.index(classes[n, i])]
                k.store(forward, (n, t + 1, i + 2), column(k.F, emitted, same, before, skipped, penalties[n, i]))
            k.vectors(width - 2, logs.dtype, step)

    # ---- NumPy ---------------------------------------------------------------------------------------------------

    def reference(self, logs: np.ndarray, label: np.ndarray, *lengths: np.ndarray) -> tuple[np.ndarray, ...]:
        steps, batch, count = logs.shape
        extents, classes, penalties = self.states_of(*(whole(NumPyMath, x).astype(np.int64) for x in (label, *lengths)),
                                                     steps=steps, count=count)
        forward = np.full((batch, steps + 1, classes.shape[1]), NEVER, logs.dtype)
        forward[:, 0, 1] = 0
        penalties = penalties.astype(logs.dtype)
        for t in range(steps):
            emitted = np.take_along_axis(logs[t], classes[:, :-2], 1)
            past = forward[:, t]
            forward[:, t + 1, 2:] = column(NumPyMath, emitted, past[:, 2:], past[:, 1:-1], past[:, :-2],
                                           penalties[:, :-2])
        n = np.arange(batch)
        last = forward[n, extents[:, 0]]
        likelihood = log_sum(NumPyMath, [last[n, extents[:, 1] + 1], last[n, extents[:, 1]]])
        cost = np.where(extents[:, 0] > 0, 0 - likelihood, likelihood.dtype.type(0))
        return cost, likelihood, extents.astype(np.int32), classes.astype(np.int32), penalties, forward

    def states_of(self, label: np.ndarray, *inputs: np.ndarray, steps: int,
                  count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        data_lengths, label_lengths = self.lengths(inputs)
        batch, room = label.shape
        length = (np.argmax(np.pad(label, ((0, 0), (0, 1)), constant_values=self.padding) == self.padding, 1)
                  if label_lengths is None else np.clip(label_lengths, 0, room))
        counts = np.clip(np.full(batch, steps) if data_lengths is None else data_lengths, 0, steps)
        is_class = np.arange(room) < length[:, None]
        is_repeat = np.zeros_like(is_class)
        is_repeat[:, 1:] = (label[:, 1:] == label[:, :-1]) & is_class[:, 1:]
        extents = np.stack([np.where(length + is_repeat.sum(1) <= counts, counts, 0), 2 * length + 1], 1)
        classes = np.full((batch, 2 * room + 4), self.blank(count))
        penalties = np.full(classes.shape, NEVER)
        own = np.clip(label, 0, count - 1)
        classes[:, 1:2 * room:2] = np.where(is_class, own, self.blank(count))
        first = np.arange(room) == 0
        penalties[:, 1:2 * room:2] = np.where(is_class & (first | (own != self.blank(count)) & (
            own != np.roll(own, 1, 1))), 0, NEVER)
        penalties[np.arange(batch), extents[:, 1]] = 0
        return extents, classes, penalties


@operator("_ctc_slopes", hidden=True)
class AlignmentSlopes(Operator):
    """The gradient (T, N, C) of the cost by the activations: probabilities, less those that alignments are in a class.

    backward (N, W) is where sums over the ends of alignments are made, column after column from the last one;
    share (N, W - 2): the probability that an alignment is in a state at the step.
    """

    inputs = ("logs", "likelihood", "extents", "classes", "penalties", "forward")
    outputs = ("output", "backward", "share")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.logs.shape)
        s.backward.unify(s.penalties.shape)
        s.share.unify((s.penalties[0], s.penalties.dims[1] - 2))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for slot in t.outputs:
            slot.unify(t.logs.dtype)

    def ending(self, F: Any, emitted: Any, own: Any, after: Any, over: Any, penalty: Any, counts: Any) -> Any:
        """An element of the column before; nothing ends in a state that does not count."""
        return column(F, F.where(counts, emitted, F.const(NEVER, emitted)), own, after, over, penalty)

    def posterior(self, F: Any, begun: Any, ended: Any, emitted: Any, likelihood: Any) -> Any:
        """The probability to be in a state, which both sums have in them."""
        both = begun + ended
        return F.where(both > NEVER, F.exp(both - emitted - likelihood), F.const(0, both))

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        self.write(k, inputs, outputs, self.subtract)

    def cooperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        self.write(k, inputs, outputs, self.subtract_at_once)

    def write(self, k: Any, inputs: list[Any], outputs: list[Any], subtract: Callable[..., None]) -> None:
        (logs, likelihood, extents, classes, penalties, forward), (output, backward, share) = inputs, outputs
        steps, batch, count = logs.shape
        with k.jobs(batch, width=max(count, share.shape[1])) as n:
            counted, states = k.index(extents[n, 0]), k.index(extents[n, 1])
            with k.loop((counted, steps)) as t, k.each(count) as c:
                k.store(output, (t, n, c), 0)
            with k.each(backward.shape[1]) as i:
                k.store(backward, (n, i), NEVER)
            k.store(backward, (n, states), 0)
            total = likelihood[n]
            with k.loop(counted) as past:
                t = counted - 1 - past

                def step(i: Any, t: Any = t) -> None:
                    emitted = logs[t, n, k.index(classes[n, i])]
                    own, after, over = (backward[n, i + ahead] for ahead in (0, 1, 2))
                    ended = self.ending(k.F, emitted, own, after, over, penalties[n, i + 2], i < states)
                    k.store(backward, (n, i), ended)
                    k.store(share, (n, i), self.posterior(k.F, forward[n, t + 1, i + 2], ended, emitted, total))
                k.vectors(share.shape[1], logs.dtype, step)
                k.vectors(count, logs.dtype, lambda c, t=t: k.store(output, (t, n, c), k.F.exp(logs[t, n, c])))
                subtract(k, n, t, states, classes, share, output)

    def subtract(self, k: Any, n: Any, t: Any, states: Any, classes: Any, share: Any, output: Any) -> None:
        """The states of a class are summed there; those of the blank in a variable, for they are many."""
        blank = k.index(classes[n, 0])
        blanks = k.cell(output.dtype, share[n, states - 1])
        with k.loop(states // 2) as i:
            own = k.index(classes[n, 2 * i + 1])
            blanks.set(blanks.get() + share[n, 2 * i])
            k.store(output, (t, n, own), output[t, n, own] - share[n, 2 * i + 1])
        k.store(output, (t, n, blank), output[t, n, blank] - blanks.get())

    def subtract_at_once(self, k: Any, n: Any, t: Any, states: Any, classes: Any, share: Any, output: Any) -> None:
        """The first state of each class takes those of all others along."""
        blank, count = k.index(classes[n, 0]), states // 2
        blanks = k.reduce("sum", output.dtype, count + 1, lambda i: share[n, 2 * i])
        with k.each(count) as i:
            own = classes[n, 2 * i + 1]
            earlier = k.reduce("max", DType.int32, i, lambda j: k.F.cast(classes[n, 2 * j + 1] == own, DType.int32))
            total = k.reduce("sum", output.dtype, (i, count), lambda j: k.F.where(
                classes[n, 2 * j + 1] == own, share[n, 2 * j + 1], 0))
            with k.when(k.F.logical_not(earlier > 0)):
                k.store(output, (t, n, k.index(own)), output[t, n, k.index(own)] - total)
        k.store(output, (t, n, blank), output[t, n, blank] - blanks)

    def reference(self, logs: np.ndarray, likelihood: np.ndarray, extents: np.ndarray, classes: np.ndarray,
                  penalties: np.ndarray, forward: np.ndarray) -> tuple[np.ndarray, ...]:
        steps, batch, _ = logs.shape
        n, width = np.arange(batch)[:, None], classes.shape[1]
        backward = np.full((batch, width), NEVER, logs.dtype)
        output, share = np.zeros_like(logs), np.zeros((batch, width - 2), logs.dtype)
        for t in reversed(range(steps)):
            backward[extents[:, 0] == t + 1, extents[extents[:, 0] == t + 1, 1]] = 0
            emitted = np.take_along_axis(logs[t], classes[:, :-2], 1)
            backward[:, :-2] = self.ending(NumPyMath, emitted, backward[:, :-2], backward[:, 1:-1], backward[:, 2:],
                                           penalties[:, 2:], np.arange(width - 2) < extents[:, 1:])
            backward[:, -2:] = NEVER
            share = self.posterior(NumPyMath, forward[:, t + 1, 2:], backward[:, :-2], emitted, likelihood[:, None])
            output[t] = np.where(extents[:, :1] > t, np.exp(logs[t]), 0)
            np.subtract.at(output[t], (n, classes[:, :-2]), np.where(extents[:, :1] > t, share, 0))
        return output, backward, share
