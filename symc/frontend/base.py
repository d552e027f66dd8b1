"""MXNet's module `base`, as far as programs on symbols read it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from symc.errors import MXNetError, NotImplementedForSymbol, SymcError

__all__ = ["MXNetError", "NotImplementedForSymbol", "SymcError", "data_dir", "integer_types", "mx_real_t",
           "numeric_types", "py_str", "string_types"]

mx_real_t = np.float32      # the type of arrays for which none is given
integer_types = (int, np.int32, np.int64)
numeric_types = (float, int, np.generic)
string_types = (str,)


def py_str(text: bytes | str) -> str:
    """Text that may be bytes, which MXNet hands to callbacks; symc's get a str."""
    return text.decode() if isinstance(text, bytes) else text


def _as_list(value: Any) -> list[Any] | tuple[Any, ...]:
    """A list or tuple itself, anything else as the only element of a list."""
    return value if isinstance(value, list | tuple) else [value]


def data_dir() -> str:
    """The folder for data that MXNet's programs download: MXNET_HOME, or .mxnet in the user's."""
    return os.environ.get("MXNET_HOME", str(Path.home() / ".mxnet"))
