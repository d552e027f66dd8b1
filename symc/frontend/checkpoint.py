"""Checkpoints as MXNet's `save_checkpoint` and `HybridBlock.export` lay them down: prefix-symbol.json beside
prefix-0000.params; a .npz file, or a .params file that gzip compressed, may stand in the place of the .params file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from symc.errors import MXNetError
from symc.frontend import params
from symc.frontend.files import FilePath, folder_of, is_file, listing, replacing

SYMBOL_SUFFIX = "-symbol.json"
PARAMETER_SUFFIXES = (".params", ".npz", ".params.gz")


class Checkpoint(NamedTuple):
    """A graph and its parameters; prefixes 'arg:' and 'aux:' are taken off."""

    symbol_file: str
    arguments: dict[str, np.ndarray]
    auxiliary: dict[str, np.ndarray]


def load_checkpoint(prefix: FilePath, epoch: int | None = None) -> Checkpoint:
    """The checkpoint of an epoch, or of the last one.  MXNetError: the files looked for, and what is there instead."""
    symbol_file = _present([f"{os.fspath(prefix)}{SYMBOL_SUFFIX}"], f"the graph of {os.fspath(prefix)}")
    return Checkpoint(symbol_file, *params.split(params.read(parameter_file(prefix, epoch))))


def parameter_file(prefix: FilePath, epoch: int | None = None) -> str:
    """The file with the parameters of an epoch: prefix-NNNN.params, else .npz, else .params.gz.

    Without an epoch it is that of the last one, or prefix.params as Gluon's `save_parameters` is often told.
    """
    wanted = epoch if epoch is not None else max(epochs(prefix), default=0)
    candidates = [_parameter_path(prefix, wanted, suffix) for suffix in PARAMETER_SUFFIXES]
    candidates += [f"{os.fspath(prefix)}{suffix}" for suffix in PARAMETER_SUFFIXES if epoch is None]
    return _present(candidates, f"parameters of {os.fspath(prefix)}, epoch {wanted}")


def epochs(prefix: FilePath) -> list[int]:
    """The epochs there are parameters of, in order."""
    suffixes = "|".join(map(re.escape, PARAMETER_SUFFIXES))
    pattern = re.compile(rf"{re.escape(os.path.basename(prefix))}-(\d{{4,9}})({suffixes})")
    found = (pattern.fullmatch(name) for name in listing(folder_of(prefix)))
    return sorted({int(match[1]) for match in found if match})


def save_checkpoint(prefix: FilePath, epoch: int, symbol_text: str, arguments: Mapping[str, np.ndarray],
                    auxiliary: Mapping[str, np.ndarray]) -> None:
    """Write prefix-symbol.json and prefix-NNNN.params so that MXNet 1.9.1 loads them: both, or none."""
    write_parameters = params.writer({**{f"arg:{name}": array for name, array in arguments.items()},
                                      **{f"aux:{name}": array for name, array in auxiliary.items()}})
    with (replacing(_parameter_path(prefix, epoch, ".params")) as parameters,
          replacing(f"{os.fspath(prefix)}{SYMBOL_SUFFIX}") as symbol):
        write_parameters(parameters)
        symbol.write(symbol_text.encode())


def _parameter_path(prefix: FilePath, epoch: int, suffix: str) -> str:
    return f"{os.fspath(prefix)}-{epoch:04d}{suffix}"


def _present(candidates: Sequence[str], what: str) -> str:
    """The first of `candidates` that exists."""
    for path in candidates:
        if is_file(path):
            return path
    folder = folder_of(candidates[0])
    alike = [name for name in listing(folder) if name.endswith((SYMBOL_SUFFIX, *PARAMETER_SUFFIXES))]
    raise MXNetError(f"{what} not found: tried {', '.join(candidates)}",
                    f"{folder} has {', '.join(alike[:10])}" if alike else f"{folder} has no model files")
