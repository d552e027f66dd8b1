"""Stand-ins for NVIDIA's libraries (cublaslt.c, cudnn.c), compiled for the host."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent


def build(folder: Path, name: str = "libcublasLt.so.13") -> Path:
    """The library of that name in a folder, with nothing counted yet."""
    folder.mkdir(parents=True, exist_ok=True)
    source = FOLDER / ("cudnn.c" if "cudnn" in name else "cublaslt.c")
    subprocess.run(["gcc", "-O2", "-ffp-contract=off", "-shared", "-fPIC", "-o", folder / name, source], check=True)
    return folder / name


def word(library: ctypes.CDLL, name: str) -> ctypes.c_int:
    """One of its variables: what it counts, and statuses with which it fails."""
    return ctypes.c_int.in_dll(library, f"stand_in_{name}")
