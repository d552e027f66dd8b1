"""Packages that were written long ago are read, and give what they gave; the same network gives the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from symc.runtime.machine import this_machine
from symc.runtime.module import load
from symc.runtime.package import check_everything, open_package

ROOT = Path(__file__).parents[2]
PACKAGES = sorted((ROOT / "tests/data/packages").glob("[!g]*.symc"))      # tests/cuda has that for GPUs


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.stem)
def test_old_packages_run(path):
    package = open_package(path)
    check_everything(package)
    assert package.manifest["format"] == 1
    if not this_machine().features.issuperset(package.targets[-1].features):
        pytest.skip("this CPU has no AVX2")
    with np.load(path.with_suffix(".npz")) as kept:
        arrays = dict(kept)
    module, trains = load(path), "forward" in package.manifest["entries"]
    outputs = module.forward(is_train=trains, **{one.name: arrays[one.name] for one in module.inputs
                                                 if one.name in arrays})
    found = {f"out_{one.name}": array for one, array in zip(module.outputs, outputs, strict=True)}
    if trains:
        module.backward()
        found |= {f"grad_{name}": array for name, array in module.gradients.items()}
    assert set(arrays) == {*found, *(one.name for one in module.inputs if one.name in arrays)}
    for name, array in found.items():
        np.testing.assert_allclose(array.asnumpy(), arrays[name], rtol=1e-6, atol=1e-7, err_msg=name)


def test_all_kinds_are_there():
    assert {path.stem for path in PACKAGES} >= {"mlp", "conv", "training"}
    assert sum(path.stat().st_size for path in PACKAGES) < 400_000


def test_other_processes_write_the_same_bytes(tmp_path):
    """Each with another order of Python's sets, and a cache of its own."""
    writers = []
    for seed in ("1", "2"):
        (tmp_path / seed).mkdir()
        environment = os.environ | {"PYTHONHASHSEED": seed, "SYMC_CACHE_DIR": str(tmp_path / seed / "cache"),
                                    "PYTHONPATH": str(ROOT)}
        writers.append(subprocess.Popen([sys.executable, "-m", "tests.data.packages.write", str(tmp_path / seed),
                                         "training"],
                                        env=environment, cwd=ROOT))
    assert [writer.wait(timeout=300) for writer in writers] == [0, 0]
    one, two = ((tmp_path / seed / "training.symc").read_bytes() for seed in ("1", "2"))
    assert one == two
