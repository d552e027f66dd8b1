"""The stand-in for cuBLASLt (cublaslt.c), compiled for the host."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("cublaslt.c")


def build(folder: Path, name: str = "libcublasLt.so.13") -> Path:
    """The library in a folder, with nothing counted yet."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-O2", "-ffp-contract=off", "-shared", "-fPIC", "-o", folder / name, SOURCE], check=True)
    return folder / name


def word(library: ctypes.CDLL, name: str) -> ctypes.c_int:
    """One of its variables: what it counts, and statuses with which it fails."""
    return ctypes.c_int.in_dll(library, f"stand_in_{name}")
