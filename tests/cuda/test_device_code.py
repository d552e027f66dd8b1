"""Kernels compiled in this process, as a GPU's driver gets them."""

from __future__ import annotations

import numpy as np
import pytest

import symc as mx
from symc import nd
from symc.codegen import cuda_compile
from symc.errors import SymcError
from symc.runtime import cuda, devices
from tests.cuda.bindings import Bindings
from tests.cuda.test_driver import install


def test_cubins_are_loaded(monkeypatch):
    """By the architecture of the card; the stand-in for CUDA does not run them."""
    try:
        cuda_compile.find_compiler()
    except SymcError:
        pytest.skip("there is no compiler for GPUs")
    made = Bindings()
    monkeypatch.setattr(made, "kernels", _Nothing())
    install(monkeypatch, made)
    devices.register(0, cuda.open_device(0))
    executor = mx.sym.exp(mx.sym.var("data") * 2).simple_bind(mx.gpu(), grad_req="null", data=(2, 3))
    executor.arg_dict["data"][:] = 1
    for _ in range(3):
        executor.forward()
    assert executor.outputs[0].shape == (2, 3) and executor.arg_dict["data"].asnumpy().sum() == 6
    images = [image for handle, image in made.alive.items() if handle.kind == "module"]
    assert images and all(image.startswith(b"\x7fELF") for image in images)
    assert made.calls.count("cuLaunchKernel") == 2 and made.calls.count("cuGraphLaunch") == 2
    assert np.isfinite(nd.ones(3, ctx=mx.gpu()).asnumpy()).all()
    devices.register(0, None)


class _Nothing(dict):
    def __missing__(self, name):
        return lambda pointers: None
