"""Checkpoints as symbols and arrays.  MXNet: mx.model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from symc.errors import TRAIN
from symc.frontend import checkpoint, params
from symc.frontend.outside import refusal
from symc.frontend.symbol import Symbol, load
from symc.runtime.ndarray import NDArray, array

Arrays = dict[str, NDArray]
FeedForward, BatchEndParam = refusal("model", "FeedForward", TRAIN), refusal("model", "BatchEndParam", TRAIN)


def save_checkpoint(prefix: str, epoch: int, symbol: Symbol, arg_params: Mapping[str, NDArray],
                    aux_params: Mapping[str, NDArray], remove_amp_cast: bool = True) -> None:
    """Write prefix-symbol.json and prefix-NNNN.params."""
    checkpoint.save_checkpoint(prefix, epoch, symbol.tojson(remove_amp_cast),
                               {name: np.asarray(item.memory) for name, item in arg_params.items()},
                               {name: np.asarray(item.memory) for name, item in aux_params.items()})


def load_params(prefix: str, epoch: int) -> tuple[Arrays, Arrays]:
    """Arguments and auxiliary states of the parameters of an epoch."""
    arguments, states = params.split(params.read(checkpoint.parameter_file(prefix, epoch)))
    return _held(arguments), _held(states)


def load_checkpoint(prefix: str, epoch: int) -> tuple[Symbol, Arrays, Arrays]:
    """The symbol, arguments and auxiliary states of an epoch.  SymcError says which files were looked for."""
    found = checkpoint.load_checkpoint(prefix, epoch)
    return load(found.symbol_file), _held(found.arguments), _held(found.auxiliary)


def _held(arrays: Mapping[str, np.ndarray]) -> Arrays:
    return {name: array(value, dtype=value.dtype) for name, value in arrays.items()}
