"""What `--cpu` and `--weights-file` make of a package."""

from __future__ import annotations

import numpy as np
import pytest

from symc import compiler, runtime
from symc.codegen.build import host_level
from symc.codegen.lowered import Options
from symc.errors import SymcError
from symc.runtime.package import open_package

TEXT = "%data, %weight, %bias: ?[*]\n%fc = FullyConnected(%data, %weight, %bias) num_hidden=3\nheads %fc"
PARAMS = {"weight": np.arange(12, dtype=np.float32).reshape(3, 4), "bias": np.ones(3, np.float32)}


def levels(path):
    return [target.level for target in open_package(path).targets]


def test_native_is_the_best_level_here(graph, tmp_path):
    compiler.compile_package(tmp_path / "net.symc", graph(TEXT), PARAMS, {"data": (1, 4)}, levels=["native"])
    assert levels(tmp_path / "net.symc") == [host_level()]
    found = runtime.load(tmp_path / "net.symc").forward(data=np.ones((1, 4)))[0].asnumpy()
    assert found.tolist() == [[7, 23, 39]]


def test_batches_share_a_file_of_weights(graph, tmp_path):
    for batch in (1, 8):
        compiler.compile_package(tmp_path / f"{batch}.symc", graph(TEXT), PARAMS, {"data": (batch, 4)},
                                 levels=["native", host_level()], options=Options(weights_file="fc.weights"))
    assert levels(tmp_path / "8.symc") == [host_level()]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.symc", "8.symc", "fc.weights"]
    assert runtime.load(tmp_path / "8.symc").forward(data=np.ones((8, 4)))[0].asnumpy()[7].tolist() == [7, 23, 39]


def test_other_weights_do_not_take_its_place(graph, tmp_path):
    def make(params):
        compiler.compile_package(tmp_path / "net.symc", graph(TEXT), params, {"data": (1, 4)}, levels=["native"],
                                 options=Options(weights_file="fc.weights"))
    make(PARAMS)
    make(PARAMS)
    with pytest.raises(SymcError, match="holds other weights"):
        make(PARAMS | {"bias": np.zeros(3, np.float32)})
