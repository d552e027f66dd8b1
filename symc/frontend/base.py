"""MXNet's module `base`, as far as programs on symbols read it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from symc.errors import MXNetError, NotImplementedForSymbol, SymcError

__all__ = ["MXNetError", "NotImplementedForSymbol", "SymcError", "data_dir", "integer_types", "mx_real_t",
           "numeric_types", "string_types"]

mx_real_t = np.float32      # the type of arrays for which none is given
integer_types = (int, np.int32, np.int64)
numeric_types = (float, int, np.generic)
string_types = (str,)


def data_dir() -> str:
    """The folder for data that MXNet's programs download: MXNET_HOME, or .mxnet in the user's."""
    return os.environ.get("MXNET_HOME", str(Path.home() / ".mxnet"))
