"""Timing on a GPU, where there is none: the other systems are stand-ins that do what is asked of them in NumPy."""

from __future__ import annotations

import argparse
import sys

import numpy as np
import pytest

from benchmarks import compare, cuda
from tests.cuda.packages import hold_texts, write

TORCH = """
import numpy, sys, types
__version__ = "2.9.1+cu130"
float16, float32, channels_last = "float16", "float32", "channels_last"
class Tensor:
    def __init__(self, values): self.values, self.ndim = values, values.ndim
    def to(self, device=None, dtype="float32", memory_format=None):
        assert device in (None, "cuda") and memory_format in (None, "channels_last")
        return Tensor(self.values.astype(dtype))
    def float(self): return self.to()
    def cpu(self): return self
    def numpy(self): return self.values
from_numpy = Tensor
precisions = []
set_float32_matmul_precision = precisions.append
backends = types.SimpleNamespace(cudnn=types.SimpleNamespace(allow_tf32=None))
cuda = types.SimpleNamespace(synchronize=lambda: None)
class inference_mode:
    def __enter__(self): pass
    def __exit__(self, *_): pass
def compile(module, mode):
    assert mode == "reduce-overhead"
    return module
"""
ONNX2TORCH = """
import torch
class convert:
    def __init__(self, path): assert path.endswith("net.onnx")
    def eval(self): return self
    def to(self, *device, memory_format=None): return self
    def __call__(self, value):
        assert torch.precisions in (["high"], ["highest"])
        return torch.Tensor(2 * value.values)
"""
ONNXRUNTIME = """
import types
__version__ = "1.24.0"
loaded = []
def preload_dlls(): loaded.append(True)
class OrtValue:
    def __init__(self, values): self.values = values
    def numpy(self): return self.values
    @staticmethod
    def ortvalue_from_numpy(values, device, number):
        assert (device, number) == ("cuda", 0)
        return OrtValue(values)
class InferenceSession:
    def __init__(self, path, providers):
        assert loaded and set(providers[0][1]) == {"use_tf32", "cudnn_conv_algo_search"}
    def get_providers(self): return ["CUDAExecutionProvider", "CPUExecutionProvider"]
    def get_inputs(self): return [types.SimpleNamespace(name="data")]
    get_outputs = get_inputs
    def io_binding(self): return Binding()
    def run_with_iobinding(self, binding): binding.result = OrtValue(2 * binding.value.values)
class Binding:
    def bind_ortvalue_input(self, name, value): self.value = value
    def bind_output(self, name, device): assert device == "cuda"
    def get_outputs(self): return [self.result]
"""
DRIVER = "def cuInit(flags): raise RuntimeError('told by the driver of the test')"


@pytest.fixture
def prefix(tmp_path, monkeypatch):
    """A network that doubles its input, and stand-ins of all packages."""
    data = np.linspace(-1, 1, 16, dtype=np.float32).reshape(1, 1, 4, 4)
    np.savez(tmp_path / "net-io.npz", data=data, out0=2 * data)
    (tmp_path / "cuda" / "bindings").mkdir(parents=True)
    for name, text in {"torch": TORCH, "onnx2torch": ONNX2TORCH, "onnxruntime": ONNXRUNTIME, "cuda/__init__": "",
                       "cuda/bindings/__init__": "", "cuda/bindings/driver": DRIVER}.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "net"


@pytest.mark.parametrize("precision, systems", [
    ("tf32", ["torch", "torch_compiled", "onnxruntime"]), ("fp16", ["torch", "torch_compiled"])])
def test_the_others_in_turn(prefix, precision, systems):
    able = dict.fromkeys(("torch", "torch_compiled", "onnxruntime"), sys.executable)
    records = list(compare.compare(f"cuda-{precision}", prefix, able, 1, 1, 0.01))
    assert [record["system"] for record in records] == systems
    assert all(record["difference"] < 1e-3 and record["runs"] >= 2 for record in records)
    assert records[0]["version"] == "2.9.1+cu130"


def test_the_bindings_are_those_of_nvidia(prefix, capsys):
    """Not the file cuda.py beside measure.py."""
    with pytest.MonkeyPatch.context() as patch:
        hold_texts(patch)
        patch.delenv("PYTHONPATH")      # TVM takes torch where there is one
        write(prefix.with_name("net-fp32.symc"), "cuda")
    assert list(compare.compare("cuda-fp32", prefix, {"symc": sys.executable}, 1, 1, 0.01)) == []
    assert "told by the driver of the test" in capsys.readouterr().err


# ---- what `run` makes of it ----------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch):
    """`run(difference, ...)`: the exit status, where symc is off by so much, or absent."""
    def run(difference, precisions=("fp32",), packages=("net-fp32.symc",), within=9.0):
        for name in packages:
            (tmp_path / name).touch()
        record = {"system": "symc", "difference": difference, "version": "1", "minimum_ms": 1.0, "median_ms": 1.0}
        monkeypatch.setattr(cuda, "compare", lambda *_: [] if difference is None else [dict(record)])
        monkeypatch.setattr(cuda.peers, "imports", lambda *_: True)
        monkeypatch.setattr("symc.runtime.cuda.devices", lambda: [argparse.Namespace(_asdict=dict)])
        monkeypatch.setattr("symc.runtime.cuda.driver_version", lambda: "13.0")
        monkeypatch.setattr(sys, "argv", ["cuda", "run", "--folder", str(tmp_path), "--models", "net", "--within",
                                          str(within), "--precisions", ",".join(precisions), "--results",
                                          str(tmp_path / "results.json")])
        try:
            cuda.main()
        except SystemExit as ended:
            return ended.code
        return 0
    return run


def test_each_precision_has_its_tolerance(run):
    assert run(1e-6) == 0 and "net in fp32" in run(1e-3) and "net in fp32" in run(None)
    assert run(1e-3, ("tf32",), ("net-tf32.symc",)) == 0 and run(1e-3, ("fp16",), ("net-fp16.symc",)) == 0


def test_what_is_left_out_is_said(run, capsys):
    assert run(1e-6, ("fp32", "tf32")) == 0
    assert "net in tf32 is left out: it was not compiled" in capsys.readouterr().err
    assert "no network was timed" in run(1e-6, within=-1) and "there is no time" in capsys.readouterr().err
