"""Checkpoints with the weights of cells by gate, and the functions of mx.rnn around cells."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symc.frontend import model, symbol_ops
from symc.frontend.rnn.base import BaseRNNCell, Inputs, States
from symc.frontend.symbol import Symbol
from symc.runtime.ndarray import NDArray

Cells = BaseRNNCell | Sequence[BaseRNNCell]
Callback = Callable[..., None]


def _listed(cells: Cells) -> Sequence[BaseRNNCell]:
    return [cells] if isinstance(cells, BaseRNNCell) else cells


def rnn_unroll(cell: BaseRNNCell, length: int, inputs: Inputs | None = None, begin_state: States | None = None,
               input_prefix: str = "", layout: str = "NTC") -> tuple[Any, States]:
    """Deprecated: use cell.unroll.  Without `inputs` they are variables input_prefix + 't0_data', ..."""
    warnings.warn("rnn_unroll is deprecated: use cell.unroll", DeprecationWarning, stacklevel=2)
    if inputs is None:
        inputs = [symbol_ops.Variable(f"{input_prefix}t{i}_data") for i in range(length)]
    return cell.unroll(length, inputs, begin_state=begin_state, layout=layout)


def save_rnn_checkpoint(cells: Cells, prefix: str, epoch: int, symbol: Symbol, arg_params: Mapping[str, NDArray],
                        aux_params: Mapping[str, NDArray]) -> None:
    """Write prefix-symbol.json and prefix-NNNN.params, the weights of `cells` unpacked.  MXNet: save_rnn_checkpoint."""
    for cell in _listed(cells):
        arg_params = cell.unpack_weights(arg_params)
    model.save_checkpoint(prefix, epoch, symbol, arg_params, aux_params)


def load_rnn_checkpoint(cells: Cells, prefix: str, epoch: int) -> tuple[Symbol, Any, Any]:
    """Symbol, arguments with the weights of `cells` packed, and auxiliary states.  MXNet: load_rnn_checkpoint."""
    symbol, arguments, states = model.load_checkpoint(prefix, epoch)
    for cell in _listed(cells):
        arguments = cell.pack_weights(arguments)
    return symbol, arguments, states


def do_rnn_checkpoint(cells: Cells, prefix: str, period: int = 1) -> Callback:
    """A function (epoch, symbol, arguments, states) that saves every `period` epochs, counted from 0."""
    every = max(1, int(period))

    def save(iter_no: int, sym: Any = None, arg: Any = None, aux: Any = None) -> None:
        if (iter_no + 1) % every == 0:
            save_rnn_checkpoint(cells, prefix, iter_no + 1, sym, arg, aux)
    return save
