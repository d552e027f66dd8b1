"""The processes that are timed in turn, and what is set up for them; no other system is needed here."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import symc
from benchmarks import compare, peers


@pytest.fixture
def prefix(tmp_path):
    """A network with its package and what MXNet would have recorded."""
    data = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
    symbol = symc.sym.FullyConnected(symc.sym.Variable("data"), num_hidden=3, name="fc")
    parameters = {"fc_weight": symc.nd.array(np.ones((3, 4))), "fc_bias": symc.nd.zeros((3,))}
    symc.model.save_checkpoint(str(tmp_path / "net"), 0, symbol, parameters, {})
    np.savez(tmp_path / "net-io.npz", data=data, out0=np.repeat(data.sum(1, keepdims=True), 3, 1))
    return tmp_path / "net"


def test_inference_in_turn(prefix):
    found = compare.compile_package(prefix)
    assert found["weights_bytes"] > 0 and prefix.with_name("net.symc").exists()
    (record,) = compare.compare("inference", prefix, {"symc": sys.executable}, 1, 2, 0.01)
    assert (record["network"], record["threads"], record["system"]) == ("net", 1, "symc")
    assert record["runs"] >= 4 and 0 < record["minimum_ms"] <= record["median_ms"] < 1000
    assert record["difference"] < 1e-6 and record["version"] == symc.__version__
    assert 1000 < record["imports_kib"] <= record["peak_kib"]
    assert compare.line("net", 1, [record]).startswith("net ")


def test_bfloat16_in_turn(prefix):
    compare.compile_package(prefix, "bf16")
    assert prefix.with_name("net-bf16.symc").exists() and not prefix.with_name("net.symc").exists()
    (record,) = compare.compare("bf16", prefix, {"symc": sys.executable}, 1, 1, 0.01)
    assert 1e-6 < record["difference"] < 1e-2
    assert [compare._can(system, "bf16", prefix) for system in ("symc", "openvino", "mxnet")] == [True, False, False]


def test_training_in_turn(tmp_path):
    symbol = symc.sym.FullyConnected(symc.sym.Variable("data"), num_hidden=3, name="fc")
    symc.sym.SoftmaxOutput(symbol, name="softmax").save(str(tmp_path / "train-symbol.json"))
    np.savez(tmp_path / "train-io.npz", data=np.ones((2, 4), np.float32), softmax_label=np.zeros(2, np.float32))
    (record,) = compare.compare("training", tmp_path / "train", {"symc": sys.executable}, 1, 1, 0.01)
    assert record["gradients"] > 0 and record["runs"] >= 2 and "difference" not in record


def test_differences_of_training():
    records = [{"system": "symc", "gradients": 2.0}, {"system": "mxnet", "gradients": 2.5}]
    assert [record["difference"] for record in compare.with_differences(records)] == [0.2, 0]
    assert [*compare.with_differences(records[:1])] == records[:1]


def test_systems_that_fail_are_named_and_left_out(tmp_path, capsys):
    assert [*compare.compare("inference", tmp_path / "none", {"symc": sys.executable}, 1, 1, 0.01)] == []
    said = capsys.readouterr().err
    assert "symc is left out: its process ended with 1" in said and "none" in said


def test_a_missing_interpreter_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(peers, "_candidates", lambda version: iter([str(tmp_path / "python")]))
    (tmp_path / "python").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "python").chmod(0o755)
    found = peers.interpreters(tmp_path, None, sys.executable)
    assert "mxnet" not in found and set(found.values()) <= {sys.executable}
    said = capsys.readouterr().err
    assert "no Python 3.8 on the path or in pyenv" in said and "MXNet is left out" in said


def test_networks_need_mxnet(tmp_path):
    with pytest.raises(SystemExit, match="the networks mlp must be written by MXNet 1.9.1"):
        peers.export_networks(tmp_path, None, ["mlp"])
    (tmp_path / "mlp-symbol.json").write_text("{}")
    peers.export_networks(tmp_path, None, ["mlp"])
