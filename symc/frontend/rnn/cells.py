"""Cells of fully connected gates: RNNCell, LSTMCell, GRUCell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from symc.frontend import symbol_ops
from symc.frontend.rnn.base import BaseRNNCell, RNNParams, States
from symc.frontend.symbol import Symbol


def initializer(kind: str, **parameters: Any) -> str:
    """An initializer as the attribute `__init__` holds it."""
    return json.dumps([kind, parameters])


class DenseCell(BaseRNNCell):
    """Base: gates are products of the input and of the state with one weight each.

    bias: what the variable of the input's bias is made with.
    """

    def __init__(self, num_hidden: int, prefix: str, params: RNNParams | None, **bias: Any) -> None:
        super().__init__(prefix=prefix, params=params)
        self._num_hidden = num_hidden
        self._iW = self.params.get("i2h_weight")
        self._iB = self.params.get("i2h_bias", **bias)
        self._hW = self.params.get("h2h_weight")
        self._hB = self.params.get("h2h_bias")

    @property
    def state_info(self) -> list[Any]:
        return [{"shape": (0, self._num_hidden), "__layout__": "NC"}]

    def _products(self, inputs: Symbol, state: Symbol, name: str) -> tuple[Any, Any]:
        """All gates' shares of the input and of the state, nodes NAMEi2h and NAMEh2h."""
        size = self._num_hidden * len(self._gate_names)
        return (symbol_ops.FullyConnected(inputs, self._iW, self._iB, num_hidden=size, name=f"{name}i2h"),
                symbol_ops.FullyConnected(state, self._hW, self._hB, num_hidden=size, name=f"{name}h2h"))

    def _step_name(self) -> str:
        """The prefix of the next step's nodes."""
        self._counter += 1
        return f"{self._prefix}t{self._counter}_"


class RNNCell(DenseCell):
    """h = activation(W·x + R·h + b): `activation` is 'tanh', 'relu', ... or a function of a symbol.  MXNet: RNNCell."""

    def __init__(self, num_hidden: int, activation: Any = "tanh", prefix: str = "rnn_",
                 params: RNNParams | None = None) -> None:
        super().__init__(num_hidden, prefix, params)
        self._activation = activation

    @property
    def _gate_names(self) -> Sequence[str]:
        return ("",)

    def __call__(self, inputs: Symbol, states: Sequence[Symbol]) -> tuple[Symbol, States]:
        name = self._step_name()
        i2h, h2h = self._products(inputs, states[0], name)
        output = self._get_activation(i2h + h2h, self._activation, name=f"{name}out")
        return output, [output]


class LSTMCell(DenseCell):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997); states: output, cell.  MXNet: LSTMCell.

    forget_bias: initial bias of the forget gate (Jozefowicz et al., 2015, advise 1).
    """

    def __init__(self, num_hidden: int, prefix: str = "lstm_", params: RNNParams | None = None,
                 forget_bias: float = 1.0) -> None:
        super().__init__(num_hidden, prefix, params, init=initializer("lstmbias", forget_bias=forget_bias))

    @property
    def state_info(self) -> list[Any]:
        return super().state_info * 2

    @property
    def _gate_names(self) -> Sequence[str]:
        return ["_i", "_f", "_c", "_o"]

    def __call__(self, inputs: Symbol, states: Sequence[Symbol]) -> tuple[Symbol, States]:
        name = self._step_name()
        i2h, h2h = self._products(inputs, states[0], name)
        gates = symbol_ops.SliceChannel(i2h + h2h, num_outputs=4, name=f"{name}slice")
        return lstm_step(self, gates, states[1], name, "tanh")


def lstm_step(cell: BaseRNNCell, gates: Symbol, state: Symbol, name: str, activation: Any) -> tuple[Symbol, States]:
    """Output and states from the sums of the gates input, forget, cell, output, and the old cell state."""
    i = symbol_ops.Activation(gates[0], act_type="sigmoid", name=f"{name}i")
    f = symbol_ops.Activation(gates[1], act_type="sigmoid", name=f"{name}f")
    c = cell._get_activation(gates[2], activation, name=f"{name}c")
    o = symbol_ops.Activation(gates[3], act_type="sigmoid", name=f"{name}o")
    new = symbol_ops._internal._plus(f * state, i * c, name=f"{name}state")
    output = symbol_ops._internal._mul(o, cell._get_activation(new, activation), name=f"{name}out")
    return output, [output, new]


class GRUCell(DenseCell):
    """Gated recurrent unit (Cho et al., 2014) in cuDNN's form: the reset gate acts behind the product.

    MXNet: GRUCell.
    """

    def __init__(self, num_hidden: int, prefix: str = "gru_", params: RNNParams | None = None) -> None:
        super().__init__(num_hidden, prefix, params)

    @property
    def _gate_names(self) -> Sequence[str]:
        return ["_r", "_z", "_o"]

    def __call__(self, inputs: Symbol, states: Sequence[Symbol]) -> tuple[Symbol, States]:
        name = self._step_name()
        return gru_step(self, *self._products(inputs, states[0], f"{name}_"), states[0], name, "tanh")


def gru_step(cell: BaseRNNCell, i2h: Symbol, h2h: Symbol, state: Symbol, name: str,
             activation: Any) -> tuple[Symbol, States]:
    """Output and states from the gates' (reset, update, new) shares of the input and of the state."""
    xr, xz, xn = symbol_ops.SliceChannel(i2h, num_outputs=3, name=f"{name}_i2h_slice")
    hr, hz, hn = symbol_ops.SliceChannel(h2h, num_outputs=3, name=f"{name}_h2h_slice")
    reset = symbol_ops.Activation(xr + hr, act_type="sigmoid", name=f"{name}_r_act")
    update = symbol_ops.Activation(xz + hz, act_type="sigmoid", name=f"{name}_z_act")
    new = cell._get_activation(xn + reset * hn, activation, name=f"{name}_h_act")
    output = symbol_ops._internal._plus((1.0 - update) * new, update * state, name=f"{name}out")
    return output, [output]
