"""Cells whose gates are convolutions: ConvRNNCell, ConvLSTMCell (Shi et al., 2015), ConvGRUCell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symc.errors import SymcError
from symc.frontend import symbol_ops
from symc.frontend.rnn.base import BaseRNNCell, RNNParams, States
from symc.frontend.rnn.cells import gru_step, lstm_step
from symc.frontend.symbol import Symbol

Pair = tuple[int, int]


def leaky(inputs: Symbol, **kwargs: Any) -> Symbol:
    """The activation of convolutional cells: a fifth of what is negative."""
    return symbol_ops.LeakyReLU(inputs, act_type="leaky", slope=0.2, **kwargs)  # type: ignore[no-any-return]


class BaseConvRNNCell(BaseRNNCell):
    """Base: gates are convolutions of the input and of the state, which keeps its extents.

    input_shape: of one step's input, with the batch.  i2h_*, h2h_*: the two convolutions; the extents of h2h_kernel
    are odd.  activation: the name of one, or a function of a symbol.
    """

    prefix = ""

    def __init__(self, input_shape: Sequence[int], num_hidden: int, h2h_kernel: Pair = (3, 3),
                 h2h_dilate: Pair = (1, 1), i2h_kernel: Pair = (3, 3), i2h_stride: Pair = (1, 1),
                 i2h_pad: Pair = (1, 1), i2h_dilate: Pair = (1, 1), i2h_weight_initializer: Any = None,
                 h2h_weight_initializer: Any = None, i2h_bias_initializer: Any = "zeros",
                 h2h_bias_initializer: Any = "zeros", activation: Any = leaky, prefix: str | None = None,
                 params: RNNParams | None = None, conv_layout: str = "NCHW") -> None:
        super().__init__(prefix=self.prefix if prefix is None else prefix, params=params)
        if h2h_kernel[0] % 2 == 0 or h2h_kernel[1] % 2 == 0:
            raise SymcError(f"{type(self).__name__}: h2h_kernel={h2h_kernel}: only odd extents keep those of the state")
        self._num_hidden, self._activation, self._conv_layout = num_hidden, activation, conv_layout
        self._i2h = {"kernel": i2h_kernel, "stride": i2h_stride, "pad": i2h_pad, "dilate": i2h_dilate}
        pad = tuple(d * (k - 1) // 2 for d, k in zip(h2h_dilate, h2h_kernel, strict=True))
        self._h2h = {"kernel": h2h_kernel, "dilate": h2h_dilate, "pad": pad, "stride": (1, 1)}
        self._state_shape = self._shape_of_state(input_shape)
        self._iW = self.params.get("i2h_weight", init=i2h_weight_initializer)
        self._hW = self.params.get("h2h_weight", init=h2h_weight_initializer)
        self._iB = self.params.get("i2h_bias", init=i2h_bias_initializer)
        self._hB = self.params.get("h2h_bias", init=h2h_bias_initializer)

    def _shape_of_state(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        convolved = symbol_ops.Convolution(symbol_ops.Variable("data"), num_filter=self._num_hidden, **self._i2h,
                                           layout=self._conv_layout)
        return (0, *convolved.infer_shape(data=tuple(input_shape))[1][0][1:])

    @property
    def _num_gates(self) -> int:
        return len(self._gate_names)

    @property
    def state_info(self) -> list[Any]:
        return [{"shape": self._state_shape, "__layout__": self._conv_layout}]

    def _conv_forward(self, inputs: Symbol, states: Sequence[Symbol], name: str) -> tuple[Any, Any]:
        """All gates' shares of the input and of the state, nodes NAMEi2h and NAMEh2h."""
        common = {"num_filter": self._num_hidden * self._num_gates, "layout": self._conv_layout}
        return (symbol_ops.Convolution(inputs, self._iW, self._iB, name=f"{name}i2h", **self._i2h, **common),
                symbol_ops.Convolution(states[0], self._hW, self._hB, name=f"{name}h2h", **self._h2h, **common))

    def __call__(self, inputs: Symbol, states: Sequence[Symbol]) -> tuple[Symbol, States]:
        """One step: the output and the new states."""
        self._counter += 1
        name = f"{self._prefix}t{self._counter}_"
        return self._step(*self._conv_forward(inputs, states, name), states, name)

    def _step(self, i2h: Any, h2h: Any, states: Sequence[Symbol], name: str) -> tuple[Symbol, States]:
        raise NotImplementedError


class ConvRNNCell(BaseConvRNNCell):
    """RNNCell with convolutions.  MXNet: ConvRNNCell."""

    prefix = "ConvRNN_"

    @property
    def _gate_names(self) -> Sequence[str]:
        return ("",)

    def _step(self, i2h: Any, h2h: Any, states: Sequence[Symbol], name: str) -> tuple[Symbol, States]:
        output = self._get_activation(i2h + h2h, self._activation, name=f"{name}out")
        return output, [output]


class ConvLSTMCell(BaseConvRNNCell):
    """LSTMCell with convolutions (Shi et al., 2015).  MXNet: ConvLSTMCell."""

    prefix = "ConvLSTM_"

    @property
    def state_info(self) -> list[Any]:
        return super().state_info * 2

    @property
    def _gate_names(self) -> Sequence[str]:
        return ["_i", "_f", "_c", "_o"]

    def _step(self, i2h: Any, h2h: Any, states: Sequence[Symbol], name: str) -> tuple[Symbol, States]:
        gates = symbol_ops.SliceChannel(i2h + h2h, num_outputs=4, axis=self._conv_layout.find("C"), name=f"{name}slice")
        return lstm_step(self, gates, states[1], name, self._activation)


class ConvGRUCell(BaseConvRNNCell):
    """GRUCell with convolutions.  MXNet: ConvGRUCell."""

    prefix = "ConvGRU_"

    @property
    def _gate_names(self) -> Sequence[str]:
        return ["_r", "_z", "_o"]

    def _step(self, i2h: Any, h2h: Any, states: Sequence[Symbol], name: str) -> tuple[Symbol, States]:
        return gru_step(self, i2h, h2h, states[0], name, self._activation)
