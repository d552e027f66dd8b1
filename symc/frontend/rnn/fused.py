"""FusedRNNCell: whole layers by the operator RNN."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symc.errors import SymcError
from symc.frontend import nd_ops, symbol_ops
from symc.frontend.rnn.base import BaseRNNCell, Inputs, RNNParams, States, Weights, sequence
from symc.frontend.rnn.cells import GRUCell, LSTMCell, RNNCell, initializer
from symc.frontend.rnn.containers import BidirectionalCell, SequentialRNNCell
from symc.frontend.symbol import Symbol
from symc.runtime.ndarray import NDArray

GATES: Mapping[str, Sequence[str]] = {
    "rnn_relu": [""], "rnn_tanh": [""], "lstm": ["_i", "_f", "_c", "_o"], "gru": ["_r", "_z", "_o"],
}


class FusedRNNCell(BaseRNNCell):
    """num_layers layers of cells by one operator, which can only be unrolled.  MXNet: FusedRNNCell.

    mode: rnn_relu, rnn_tanh, lstm or gru.  dropout: of each layer's output but the last one's, in training.
    get_next_state: whether unroll returns the final states.  forget_bias: initial bias of an LSTM's forget gates.
    """

    def __init__(self, num_hidden: int, num_layers: int = 1, mode: str = "lstm", bidirectional: bool = False,
                 dropout: float = 0.0, get_next_state: bool = False, forget_bias: float = 1.0,
                 prefix: str | None = None, params: RNNParams | None = None) -> None:
        super().__init__(prefix=f"{mode}_" if prefix is None else prefix, params=params)
        if mode not in GATES:
            raise SymcError(f"FusedRNNCell: mode={mode!r} is none of {', '.join(GATES)}")
        self._num_hidden, self._num_layers, self._mode = num_hidden, num_layers, mode
        self._bidirectional, self._dropout, self._get_next_state = bidirectional, dropout, get_next_state
        self._directions = ["l", "r"] if bidirectional else ["l"]
        self._parameter = self.params.get("parameters", init=initializer(
            "fusedrnn", init=None, num_hidden=num_hidden, num_layers=num_layers, mode=mode,
            bidirectional=bidirectional, forget_bias=forget_bias))

    @property
    def state_info(self) -> list[Any]:
        shape = (len(self._directions) * self._num_layers, 0, self._num_hidden)
        return [{"shape": shape, "__layout__": "LNC"} for _ in range(1 + (self._mode == "lstm"))]

    @property
    def _gate_names(self) -> Sequence[str]:
        return GATES[self._mode]

    @property
    def _num_gates(self) -> int:
        return len(self._gate_names)

    # ---- weights ---------------------------------------------------------------------------------------------

    def _blocks(self, width: int) -> dict[str, tuple[int, ...]]:
        """Name and shape of every gate's weights and biases, in the order of the packed vector."""
        hidden, cells = self._num_hidden, [(layer, direction) for layer in range(self._num_layers)
                                           for direction in self._directions]
        blocks: dict[str, tuple[int, ...]] = {}
        for kind in ("weight", "bias"):
            for layer, direction in cells:
                inner = len(self._directions) * hidden if layer else width
                for group, columns in (("i2h", inner), ("h2h", hidden)):
                    shape = (hidden, columns) if kind == "weight" else (hidden,)
                    blocks |= {f"{self._prefix}{direction}{layer}_{group}{gate}_{kind}": shape
                               for gate in self._gate_names}
        return blocks

    def _width(self, size: int) -> int:
        """Width of the input that packed parameters of this size are for.  SymcError if there is none."""
        rows = self._num_gates * self._num_hidden * len(self._directions)
        width = (size - sum(map(math.prod, self._blocks(0).values()))) // rows
        if width < 0 or sum(map(math.prod, self._blocks(width).values())) != size:
            raise SymcError(f"{self._parameter.name}: {size} elements are not the parameters of this FusedRNNCell")
        return width

    def unpack_weights(self, args: Mapping[str, NDArray]) -> Weights:
        """`args` with the packed vector replaced by each gate's weights and biases: lstm_l0_i2h_i_weight, ..."""
        result = dict(args)
        packed, begin = result.pop(self._parameter.name or ""), 0
        for name, shape in self._blocks(self._width(packed.size)).items():
            end = begin + math.prod(shape)
            result[name] = packed[begin:end].reshape(shape).copy()
            begin = end
        return result

    def pack_weights(self, args: Mapping[str, NDArray]) -> Weights:
        """The inverse of `unpack_weights`."""
        result = dict(args)
        width = result[f"{self._prefix}l0_i2h{self._gate_names[0]}_weight"].shape[1]
        parts = [result.pop(name).reshape((-1,)) for name in self._blocks(width)]
        result[self._parameter.name or ""] = nd_ops.concatenate(parts)
        return result

    # ---- graphs ----------------------------------------------------------------------------------------------

    def __call__(self, inputs: Symbol, states: Sequence[Symbol]) -> tuple[Symbol, States]:
        raise NotImplementedError("FusedRNNCell has no single steps: use unroll, or unfuse() for cells that do")

    def unroll(self, length: int, inputs: Inputs, begin_state: States | None = None, layout: str = "NTC",
               merge_outputs: bool | None = None) -> tuple[Any, States]:
        self.reset()
        data, axis = sequence(length, inputs, layout, True)
        if axis not in (0, 1):
            raise SymcError(f"FusedRNNCell: layout={layout!r}", "it may be TNC, or NTC")
        if axis == 1:
            warnings.warn("layout NTC: FusedRNNCell transposes; TNC is faster", stacklevel=2)
            data = symbol_ops.swapaxes(data, dim1=0, dim2=1)
        rnn = self._operator(data, self.begin_state() if begin_state is None else begin_state)
        outputs = rnn[0] if axis == 0 else symbol_ops.swapaxes(rnn[0], dim1=0, dim2=1)
        states = list(rnn)[1:]
        for state in states:
            state._set_attr(__layout__="LNC")
        return sequence(length, outputs, layout, merge_outputs)[0], states

    def _operator(self, data: Symbol, begin: States) -> Symbol:
        states = dict(zip(("state", "state_cell"), begin, strict=False))
        return symbol_ops.RNN(data=data, parameters=self._parameter,  # type: ignore[no-any-return]
                              state_size=self._num_hidden, num_layers=self._num_layers,
                              bidirectional=self._bidirectional, p=self._dropout, state_outputs=self._get_next_state,
                              mode=self._mode, name=f"{self._prefix}rnn", **states)

    def unfuse(self) -> SequentialRNNCell:
        """The same layers as cells that run step by step; `unpack_weights` gives their parameters."""
        from symc.frontend.rnn.modifiers import DropoutCell  # which needs this module
        make: Callable[..., BaseRNNCell] = {"lstm": LSTMCell, "gru": GRUCell}.get(self._mode, self._plain)
        stack = SequentialRNNCell()
        for layer in range(self._num_layers):
            cells = [make(self._num_hidden, prefix=f"{self._prefix}{direction}{layer}_")
                     for direction in self._directions]
            stack.add(BidirectionalCell(cells[0], cells[1], output_prefix=f"{self._prefix}bi_l{layer}_")
                      if self._bidirectional else cells[0])
            if self._dropout > 0 and layer != self._num_layers - 1:
                stack.add(DropoutCell(self._dropout, prefix=f"{self._prefix}_dropout{layer}_"))
        return stack

    def _plain(self, num_hidden: int, prefix: str) -> RNNCell:
        return RNNCell(num_hidden, activation=self._mode.removeprefix("rnn_"), prefix=prefix)
