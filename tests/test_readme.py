"""What README.md shows runs as it stands there, on a small network in the place of a ResNet."""

from __future__ import annotations

import re
import shlex
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

import symc as mx
from symc import cli
from symc.codegen.cuda_compile import find_compiler
from symc.errors import SymcError

TEXT = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (symc .*)$", TEXT, re.MULTILINE)
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files that the README speaks of."""
    net = mx.sym.Convolution(mx.sym.Variable("data"), kernel=(7, 7), stride=(4, 4), num_filter=4, name="conv")
    net = mx.sym.Pooling(net, global_pool=True, pool_type="avg", kernel=(1, 1), name="pool")
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=5, name="fc"), name="softmax")
    shapes = dict(zip(net.list_arguments(), net.infer_shape(data=(1, 3, 224, 224))[0], strict=True))
    arguments = {name: mx.nd.random.uniform(-0.1, 0.1, shape=shape) for name, shape in shapes.items()
                 if name not in ("data", "softmax_label")}
    folder = tmp_path_factory.mktemp("readme")
    mx.model.save_checkpoint(str(folder / "resnet"), 0, net, arguments, {})
    mx.model.save_checkpoint(str(folder / "old"), 12, net, arguments, {})
    (folder / "model-shapes.json").write_text('[{"name": "data", "shape": [1, 3, 224, 224]}]')
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        for name in ("resnet-symbol.json", "resnet-0000.params", "model-shapes.json"):
            archive.add(folder / name, name)
    np.save(folder / "image.npy", np.ones((1, 3, 224, 224), np.float32))
    return folder


def _compiles_for_gpus():
    try:
        return bool(find_compiler())
    except SymcError:
        return False


def test_commands_and_programs(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    assert [command.split()[1] for command in COMMANDS] == [
        "check", "inspect", "compile", "run", "verify", "bench", "package", "compile", "compile", "upgrade", "compile",
        "export"]
    for command in COMMANDS:
        if "cuda" in command and not _compiles_for_gpus():
            continue
        monkeypatch.setattr(sys, "argv", shlex.split(command))
        cli.main()
    names = {"image": np.load("image.npy"), "images": np.ones((100, 64), np.float32), "labels": np.zeros(100)}
    assert len(PROGRAMS) == 7
    for program in PROGRAMS:
        exec(compile(program, "README.md", "exec"), names)
    np.testing.assert_allclose(names["scores"], np.load("scores.npz")["softmax_output"], rtol=1e-5)
    np.testing.assert_allclose(names["by_tvm"], names["scores"], rtol=1e-4, atol=1e-6)
    assert names["features"].list_outputs() == ["pool_output"]
    assert names["executor"].grad_dict["fc1_weight"].shape == (128, 64)
    clipped = names["clipped"].eval(x=mx.nd.array([-1, 0.5, 3]))[0]
    np.testing.assert_array_equal(clipped.asnumpy(), [0, 0.5, 1])
    sums = names["sums"].eval(data=mx.nd.array([[1], [2], [3]]), start=mx.nd.array([0]))[0]
    np.testing.assert_array_equal(sums.asnumpy(), [[1], [3], [6]])
    slope = names["slope"].eval(x=mx.nd.array([0, 1]))[0]
    np.testing.assert_allclose(slope.asnumpy(), [1, 0.42], atol=1e-3)
