"""Recurrent layers over whole sequences: RNN."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Any, Literal

import numpy as np

from symc.ir.graph import Value
from symc.ir.types import DType, Shape
from symc.ops.families.recurrence import CELLS, OnArrays, OnGraph, Weights
from symc.ops.operator import REAL, Operator, Optional, operator
from symc.ops.parameters import within
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show

Between = Callable[[Any, int], Any]     # what happens to the output of a layer before the next one reads it


@dataclass(frozen=True)
class ParameterLayout:
    """How MXNet lays the parameters of an RNN into one vector: the weights of all layers, then all biases.

    In each part lie layer after layer, and in a layer the forward before the reverse direction.  Weights of one
    direction: of the input (gates·state, input), of the state (gates·state, output), and the projection (output,
    state) if there is one.  Biases: of the input, of the state, each (gates·state,).
    """

    gates: int
    state: int
    layers: int
    directions: int
    projection: int | None

    @property
    def output(self) -> int:
        """Width of what one direction hands on."""
        return self.projection or self.state

    def weights(self, width: int) -> list[Shape]:
        """Shapes of one direction's weights, `width` being that of its input."""
        rows = self.gates * self.state
        return [(rows, width), (rows, self.output), *([(self.projection, self.state)] if self.projection else [])]

    def shapes(self, width: int) -> list[Shape]:
        """Shapes of all blocks, in the order of the vector; `width` of the first layer's input."""
        widths = [width] + [self.directions * self.output] * (self.layers - 1)
        weights = [shape for width in widths for shape in self.weights(width) * self.directions]
        return weights + [(self.gates * self.state,)] * (2 * self.layers * self.directions)

    def size(self, width: int) -> int:
        """Elements of the vector."""
        return sum(map(prod, self.shapes(width)))

    def width(self, size: int) -> int:
        """Width of the first layer's input that a vector of `size` elements is for.  Conflict if there is none."""
        width, rest = divmod(size - self.size(0), self.gates * self.state * self.directions)
        if rest or width < 0:
            raise Conflict(f"{size} parameters fit no width of data")
        return width

    def cut(self, a: Any, parameters: Any, width: int) -> list[list[Weights]]:
        """The blocks of each layer and direction."""
        shapes = self.shapes(width)
        ends = list(accumulate(map(prod, shapes)))
        blocks = [a.reshape(part, shape) for part, shape in zip(a.pieces(parameters, [0, *ends]), shapes, strict=True)]
        cells, each = self.layers * self.directions, len(self.weights(width))
        weights, biases = blocks[:cells * each], blocks[cells * each:]
        made = [Weights(weights[i * each], weights[i * each + 1], biases[2 * i], biases[2 * i + 1],
                        weights[i * each + 2] if self.projection else None) for i in range(cells)]
        return [made[i:i + self.directions] for i in range(0, cells, self.directions)]


@operator("RNN")
class RNN(Operator):
    """Layers of recurrent cells over data (time, batch, features), in one or both directions.

    mode: rnn_relu, rnn_tanh (Elman, 1990), lstm (Hochreiter and Schmidhuber, 1997; with projection_size Sak et al.,
    2014), gru (Cho et al., 2014, as cuDNN computes it).  parameters is one vector (`ParameterLayout`); state and, of
    lstm, state_cell are (layers·directions, batch, size), and so are the further outputs that state_outputs asks
    for.  In training the outputs of all layers but the last go through dropout of probability p.

    Lengths of sequences (use_sequence_length: outputs behind the end are 0, states those of the last step) and the
    clipping of the cell (lstm_state_clip_*) are what MXNet computes on a GPU.  Its CPU kernel for float32 accepts and
    ignores them, and so does this operator where that kernel serves (`heeds_cudnn_options`).  MXNet: RNN.
    """

    dtypes = REAL
    takes_empty = True

    deviations = (
        "with a projection, in float64, or with `MXNET_USE_MKLDNN_RNN=0`, sequence lengths and the clipping of the "
        "cell do what they do on a GPU, where MXNet's CPU kernel refuses them; its oneDNN kernel, which serves "
        "float32, accepts and ignores them, and so does symc",)
    state_size: int
    num_layers: int
    mode: Literal["gru", "lstm", "rnn_relu", "rnn_tanh"]
    bidirectional: bool = False
    p: float = within(0, 1, 0.0)
    state_outputs: bool = False
    projection_size: int | None = None
    lstm_state_clip_min: float | None = None
    lstm_state_clip_max: float | None = None
    lstm_state_clip_nan: bool = False
    use_sequence_length: bool = False
    parameter_order = ("state_size", "num_layers", "bidirectional", "mode")
    inputs = ("data", "parameters", "state", Optional("state_cell", when=lambda op: op.mode == "lstm"),
              Optional("sequence_length", when=lambda op: op.use_sequence_length))

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        return self.p > 0 and self.num_layers > 1

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def layout(self) -> ParameterLayout:
        return ParameterLayout(CELLS[self.mode].gates, self.state_size, self.num_layers, self.directions,
                               self.projection_size)

    def output_names(self) -> list[str]:
        if not self.state_outputs:
            return ["output"]
        return ["output", "state_output", "statecell_output"][:2 + (self.mode == "lstm")]

    # ---- inference ---------------------------------------------------------------------------------------

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        self._check_parameters()
        cells, layout = self.num_layers * self.directions, self.layout
        if s.data.rank not in (None, 3):
            raise Conflict(f"data {show(s.data.shape)} is not (time, batch, features)")
        s.data.unify((None, None, None))
        s.output.unify((None, None, self.directions * layout.output))
        states = {"state": layout.output, "state_cell": self.state_size, "state_output": layout.output,
                  "statecell_output": self.state_size}
        sequences = [(s.data, 1), (s.output, 1), *((slot, 1) for name in states if (slot := getattr(s, name))),
                     *([(s.sequence_length, 0)] if s.sequence_length else [])]
        for name, size in states.items():
            if slot := getattr(s, name):
                slot.unify((cells, None, size))
        if s.sequence_length:
            s.sequence_length.unify((None,))
        _unify_axes(sequences)
        _unify_axes([(s.data, 0), (s.output, 0)])
        if s.parameters.known and s.data[2] is None:
            s.data.unify_axis(2, layout.width(s.parameters.dims[0]))
        s.parameters.unify((None if s.data[2] is None else layout.size(s.data[2]),))

    def _check_parameters(self) -> None:
        if not 0 <= self.p <= 1:
            raise Conflict(f"p={self.p} is no probability")
        if self.state_size < 1 or self.num_layers < 1:
            raise Conflict(f"state_size={self.state_size} and num_layers={self.num_layers} must be positive")
        if self.projection_size is not None and (self.mode != "lstm" or self.projection_size < 1):
            raise Conflict(f"projection_size={self.projection_size} with mode={self.mode}: lstm alone has a projection")

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        alike = [slot for slot in (*t.inputs, *t.outputs) if slot.name != "sequence_length"]
        known = next((slot.dtype for slot in alike if slot.known), None)
        if known is not None and not known.is_float:
            raise Conflict(f"{alike[0].name} is {known.name}, expected a floating-point type")
        for slot in alike:
            slot.unify(known)
        if t.sequence_length and not t.sequence_length.known:
            t.sequence_length.unify(known)
        if known is not None and self.heeds_cudnn_options(known):
            self._check_clipping()

    def _check_clipping(self) -> None:
        low, high = self.lstm_state_clip_min, self.lstm_state_clip_max
        if (low is None) != (high is None):
            raise Conflict("lstm_state_clip_min and lstm_state_clip_max are given together or not at all")
        if low is not None and high is not None and (self.mode != "lstm" or low > high):
            raise Conflict(f"the cell of mode={self.mode} cannot be kept between {low} and {high}")

    def heeds_cudnn_options(self, dtype: DType) -> bool:
        """Whether sequence lengths and clipping have an effect.

        MXNet's oneDNN kernel, which computes float32 without projection, ignores them; its other CPU kernel refuses
        them, so there, and where MXNET_USE_MKLDNN_RNN=0 turns the first one off, they mean what they do on a GPU.
        """
        serves = dtype is DType.float32 and self.projection_size is None
        return not serves or os.environ.get("MXNET_USE_MKLDNN_RNN", "1") == "0"

    # ---- meaning -----------------------------------------------------------------------------------------

    def reference(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        dtype = inputs[0].dtype
        wide = [x.astype(np.float32) if x.dtype == np.float16 else x for x in inputs]
        return tuple(y.astype(dtype, copy=False) for y in self._outputs(OnArrays, DType.of(dtype), wide))

    def rewrite(self, g: Any, *inputs: Value) -> list[Value] | None:
        return self._outputs(OnGraph(g), inputs[0].type.element, inputs)

    def inference(self, g: Any, *inputs: Value) -> list[Value] | None:
        if not self.is_random:
            return None
        still = RNN(**{**self.parameters(), "p": 0.0})
        return list(g.node(still, inputs).outputs)

    def seeded(self, g: Any, seed: Value, salt: int, *inputs: Value) -> list[Value]:
        def drop(data: Value, layer: int) -> Value:
            return g._dropout(data, seed, p=self.p, salt=salt + layer)  # type: ignore[no-any-return]
        return self._outputs(OnGraph(g), inputs[0].type.element, inputs, drop)

    def _outputs(self, a: Any, dtype: DType, inputs: Sequence[Any], between: Between = lambda x, layer: x) -> list[Any]:
        """The outputs, computed with the arithmetic `a`; `between` comes between layers."""
        data, parameters, *rest = inputs
        heeds = self.heeds_cudnn_options(dtype)
        lengths = rest.pop() if self.use_sequence_length else None
        keep = a.mask(lengths, data) if lengths is not None and heeds else None
        initial = list(zip(*(a.unstack(state) for state in rest), strict=True))
        final: list[Any] = []
        for layer, directions in enumerate(self.layout.cut(a, parameters, a.shape(data)[2])):
            x = between(data, layer) if layer else data
            outputs = []
            for direction, cell in enumerate(directions):
                output, *states = self._scan(a, x, initial[len(final)], cell, keep, direction == 1, heeds)
                outputs.append(output)
                final.append(states)
            data = a.join(outputs)
        return [data, *(a.stack(states) for states in zip(*final, strict=True))][:len(self.output_names())]

    def _scan(self, a: Any, x: Any, states: Sequence[Any], weights: Weights, keep: Any, reverse: bool,
              heeds: bool) -> list[Any]:
        """The outputs of one layer in one direction, and the final states."""
        cell = CELLS[self.mode]
        time, batch, width = a.shape(x)
        bias, constants = cell.biases(a, weights)
        total = a.product(a.reshape(x, (time * batch, width)), weights.input, bias)
        slices = [a.reshape(total, (time, batch, cell.gates * self.state_size)), *([] if keep is None else [keep])]
        clip = self._clip if heeds and self.lstm_state_clip_min is not None else None

        def step(a: Any, slices: Sequence[Any], states: Sequence[Any], constants: Sequence[Any]) -> list[Any]:
            new = cell.step(a, slices[0], states, constants, clip)
            if keep is None:
                return [new[0], *new]
            kept = [a.keep(value, old, slices[1]) for value, old in zip(new, states, strict=True)]
            return [a.keep(new[0], a.zeros_like(new[0]), slices[1]), *kept]
        return a.scan(step, slices, states, constants, reverse)  # type: ignore[no-any-return]

    def _clip(self, a: Any, state: Any) -> Any:
        return a.clip(state, self.lstm_state_clip_min, self.lstm_state_clip_max, self.lstm_state_clip_nan)


def _unify_axes(axes: Sequence[tuple[ShapeSlot, int]]) -> None:
    """One extent for an axis of each of several slots, whose ranks are known."""
    known = [slot[axis] for slot, axis in axes if slot[axis] is not None]
    for slot, axis in axes:
        slot.unify_axis(axis, known[0] if known else None)
