"""What all recurrent cells have: parameters by name, states, unrolling, weights packed and by gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symc.errors import SymcError
from symc.frontend import nd_ops, symbol_ops
from symc.frontend.symbol import Symbol
from symc.runtime.ndarray import NDArray

Weights = dict[str, NDArray]
States = list[Any]
Inputs = Symbol | Sequence[Symbol]


def sequence(length: int | None, inputs: Inputs | None, layout: str, merge: bool | None) -> tuple[Any, int]:
    """`inputs` as one symbol (merge=True), as a list with one for each step (False), or as they are (None).

    Also the axis of time in `layout`, such as NTC or TNC.
    """
    if inputs is None:
        raise SymcError("unroll needs inputs", "make variables for them outside: [mx.sym.var('t0_data'), ...]")
    axis = layout.find("T")
    if isinstance(inputs, Symbol):
        return (steps_of(inputs, length, axis) if merge is False else inputs), axis
    if length is not None and len(inputs) != length:
        raise SymcError(f"unroll over {length} steps got {len(inputs)} inputs")
    return (_joined(inputs, axis) if merge is True else inputs), axis


def steps_of(inputs: Symbol, length: int | None, axis: int) -> list[Symbol]:
    """One symbol for each step along `axis`."""
    if len(inputs.list_outputs()) != 1:
        raise SymcError(f"unroll takes no group of symbols as its inputs: {inputs}", "give list(inputs)")
    return list(symbol_ops.split(inputs, axis=axis, num_outputs=length, squeeze_axis=1))


def _joined(steps: Sequence[Symbol], axis: int) -> Symbol:
    return symbol_ops.Concat(*[symbol_ops.expand_dims(step, axis=axis) for step in steps],  # type: ignore[no-any-return]
                             dim=axis)


class RNNParams:
    """Variables by name, each with `prefix` before its name; cells that are given the same ones share weights."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._params: dict[str, Symbol] = {}

    def get(self, name: str, **kwargs: Any) -> Symbol:
        """The variable prefix + name, made with `kwargs` when it is asked for first."""
        full = self._prefix + name
        if full not in self._params:
            self._params[full] = symbol_ops.Variable(full, **kwargs)
        return self._params[full]


class BaseRNNCell:
    """Base of all cells: a step from an input and states to an output and new states.  MXNet: mx.rnn.BaseRNNCell.

    Subclasses give `state_info` and `__call__`, and those whose weights come in gates `_gate_names`.  prefix: of the
    names of nodes, and of parameters too unless `params` is given, which cells can share.
    """

    def __init__(self, prefix: str = "", params: RNNParams | None = None) -> None:
        self._own_params = params is None
        self._prefix = prefix
        self._params = RNNParams(prefix) if params is None else params
        self._modified = False
        self.reset()

    def reset(self) -> None:
        """Count steps and states anew; to be called before the cell is used in another graph."""
        self._init_counter = -1
        self._counter = -1
        for cell in getattr(self, "_cells", ()):
            cell.reset()

    def __call__(self, inputs: Symbol, states: Sequence[Symbol]) -> tuple[Symbol, States]:
        """One step: the output (batch, units) and the new states, from an input (batch, features) and states."""
        raise NotImplementedError

    @property
    def params(self) -> RNNParams:
        """The parameters of the cell."""
        self._own_params = False
        return self._params

    @property
    def state_info(self) -> list[Any]:
        """For each state a dict of its shape, the batch being 0, and its `__layout__`."""
        raise NotImplementedError

    @property
    def state_shape(self) -> list[tuple[int, ...]]:
        """Shapes of the states."""
        return [info["shape"] for info in self.state_info]

    @property
    def _gate_names(self) -> Sequence[str]:
        return ()

    def _check_unmodified(self) -> None:
        if self._modified:
            raise SymcError(f"{type(self).__name__} {self._prefix!r} belongs to a modifier cell", "call that cell")

    def begin_state(self, func: Callable[..., Symbol] = symbol_ops.zeros, **kwargs: Any) -> States:
        """The initial states, each made by func(name=..., shape=..., **kwargs): zeros, or mx.sym.Variable, ..."""
        self._check_unmodified()
        states = []
        for info in self.state_info:
            self._init_counter += 1
            states.append(func(name=f"{self._prefix}begin_state_{self._init_counter}", **{**kwargs, **(info or {})}))
        return states

    def _gates(self) -> list[tuple[str, list[str]]]:
        """The packed parameters, each with the names of its parts, one for each gate."""
        return [(f"{self._prefix}{group}_{kind}", [f"{self._prefix}{group}{gate}_{kind}" for gate in self._gate_names])
                for group in ("i2h", "h2h") for kind in ("weight", "bias")]

    def unpack_weights(self, args: Mapping[str, NDArray]) -> Weights:
        """`args` with the weights and biases of all gates apart: lstm_i2h_weight → lstm_i2h_i_weight, ..."""
        result = dict(args)
        if self._gate_names:
            for packed, parts in self._gates():
                result |= dict(zip(parts, _pieces(result.pop(packed), len(parts)), strict=True))
        return result

    def pack_weights(self, args: Mapping[str, NDArray]) -> Weights:
        """The inverse of `unpack_weights`."""
        result = dict(args)
        if self._gate_names:
            for packed, parts in self._gates():
                result[packed] = nd_ops.concatenate([result.pop(part) for part in parts])
        return result

    def unroll(self, length: int, inputs: Inputs, begin_state: States | None = None, layout: str = "NTC",
               merge_outputs: bool | None = None) -> tuple[Any, States]:
        """`length` steps: the outputs and the final states.

        inputs: one symbol in `layout`, or a list of `length` symbols (batch, ...).  merge_outputs: True for outputs
        in one symbol of that layout, False for a list, None for what is at hand.
        """
        self.reset()
        steps, _ = sequence(length, inputs, layout, False)
        states = self.begin_state() if begin_state is None else begin_state
        outputs = []
        for step in range(length):
            output, states = self(steps[step], states)
            outputs.append(output)
        return sequence(length, outputs, layout, merge_outputs)[0], states

    def _get_activation(self, inputs: Symbol, activation: Any, **kwargs: Any) -> Symbol:
        """`activation` of `inputs`: the name of one, or a function from symbol to symbol."""
        if isinstance(activation, str):
            return symbol_ops.Activation(inputs, act_type=activation, **kwargs)  # type: ignore[no-any-return]
        return activation(inputs, **kwargs)  # type: ignore[no-any-return]


def _pieces(whole: NDArray, count: int) -> list[NDArray]:
    """`count` equal parts along axis 0."""
    rows = whole.shape[0] // count
    return [whole[i * rows:(i + 1) * rows].copy() for i in range(count)]


