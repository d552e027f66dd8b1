"""A package for GPUs that was written long ago is read, and gives what it gave.

Its kernels are emulated by their text, which lies beside it: machine code runs nowhere else.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from symc import runtime
from symc.runtime.cuda import names_in
from symc.runtime.package import check_everything, open_package
from tests.cuda.emulator import FOLDER, emulated

PATH = Path(__file__).parents[1] / "data/packages/gpu.symc"


def test_it_is_read():
    package = open_package(PATH)
    check_everything(package)
    assert package.manifest["format"] == 2 and package.targets == ()
    assert package.architectures == ["sm_80", "compute_80"]
    wanted = {kernel.name for kernel in package.read_cuda_plan(0).kernels}
    for architecture, begin in (("sm_80", b"\x7fELF"), ("compute_80", b"//")):
        images = package.images(architecture)
        assert all(image.code.startswith(begin) for image in images)
        assert all(names_in(image.code) == sorted(kernel.name for kernel in image.kernels) for image in images)
        assert {kernel.name for image in images for kernel in image.kernels} == wanted


def test_it_runs(gpu, monkeypatch):
    loaded = []

    def load(images):
        loaded.extend(images)
        return emulated([PATH.with_suffix(".cu").read_text()], FOLDER)
    monkeypatch.setattr(gpu, "architecture", "sm_86")
    monkeypatch.setattr(gpu, "load", load)
    with np.load(PATH.with_suffix(".npz")) as kept:
        arrays = dict(kept)
    found, = runtime.load(PATH).forward(data=arrays.pop("data"))
    expected, = arrays.values()
    np.testing.assert_allclose(found.asnumpy(), expected, rtol=1e-5, atol=1e-6)
    assert loaded == [image.code for image in open_package(PATH).images("sm_80")]
