"""Packages with code for GPUs that the emulator runs: in place of cubins they hold the texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import symc as mx
from symc import compiler
from symc.codegen import cuda_package
from symc.codegen.cuda_compile import Compiler, image_of
from symc.codegen.lowered import Options


def network(hidden: int = 16) -> tuple[mx.sym.Symbol, dict[str, np.ndarray]]:
    """Two dense layers, and their parameters."""
    first = mx.sym.Activation(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=hidden, name="fc1"),
                              act_type="relu", name="relu1")
    symbol = mx.sym.softmax(mx.sym.FullyConnected(first, num_hidden=5, name="fc2"), name="out")
    random = np.random.default_rng(7)
    shapes = {"fc1_weight": (hidden, 12), "fc1_bias": (hidden,), "fc2_weight": (5, hidden), "fc2_bias": (5,)}
    return symbol, {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def hold_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No compiler for GPUs is needed from now on: images are texts."""
    def images(texts, architectures, compiler, progress=None):
        return {name: [image_of(text, text.decode(), "") for text in texts] for name in architectures}
    monkeypatch.setattr(cuda_package, "compile_images", images)
    monkeypatch.setattr("symc.saving.find_compiler", lambda: Compiler("nvrtc", "", "13.0.88"))


def write(path: Path, target: str, shapes=None, architectures=("sm_80", "sm_90"), libraries=(), precision="fp32",
          **options) -> Path:
    """A package of the network; options: as of `compile_package`."""
    symbol, params = network()
    compiler.compile_package(path, symbol, params, shapes or {"data": (4, 12)}, target=target,
                             architectures=None if target == "cpu" else list(architectures),
                             levels=["x86-64-v3"] if "llvm" in target or target == "cpu" else None,
                             options=Options(verification=False, slabs=(1, 4), libraries=libraries,
                                             precision=precision), **options)
    return path
