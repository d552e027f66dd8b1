"""Compilers that are killed, and compilers that share a cache: packages and caches stay whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import symc
from symc import runtime
from symc.frontend.params import write as write_params
from symc.frontend.reader import print_graph

NETWORK = """
    %data, %w, %v: ?[*]
    %c = Convolution(%data, %w) kernel=(3,3) num_filter=8 no_bias=True
    %s = relu(%c)
    %y = FullyConnected(%s, %v) num_hidden=5 no_bias=True
    heads %y
"""
DATA = np.linspace(-1, 1, 64, dtype=np.float32).reshape(1, 1, 8, 8)
KILLED_AT = (0.5, 1.5, 2.5)     # seconds: when it loads, when workers compile, about when it writes
COMPILERS = 8


@pytest.fixture
def folder(graph, tmp_path):
    """A folder with net.json and net.params."""
    (tmp_path / "net.json").write_text(print_graph(graph(NETWORK)))
    draws = np.random.default_rng(0)
    write_params(tmp_path / "net.params", {"arg:w": draws.random((8, 1, 3, 3), np.float32),
                                           "arg:v": draws.random((5, 288), np.float32)})
    return tmp_path


def start(folder: Path, package: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "symc", "compile", "net.json", "--params", "net.params", "--shape",
               "data=1,1,8,8", "--cpu", "x86-64-v3", "-o", package]
    environment = {**os.environ, "PYTHONPATH": str(Path(symc.__file__).parent.parent),
                   "SYMC_CACHE_DIR": str(folder / "cache")}
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(compiler: subprocess.Popen[bytes]) -> None:
    _, errors = compiler.communicate(timeout=300)
    assert compiler.returncode == 0, errors.decode()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_compiler_leaves_the_old_package_and_a_sound_cache(folder):
    finish(start(folder, "net.symc"))
    sound = (folder / "net.symc").read_bytes()
    (folder / "cache").rename(folder / "whole")
    for seconds in KILLED_AT:
        compiler = start(folder, "net.symc")
        time.sleep(seconds)
        compiler.kill()
        compiler.communicate()
        assert (folder / "net.symc").read_bytes() == sound
    finish(start(folder, "again.symc"))
    assert (folder / "again.symc").read_bytes() == sound


def test_compilers_that_share_a_cache_agree(folder):
    compilers = [start(folder, f"net{number}.symc") for number in range(COMPILERS)]
    for compiler in compilers:
        finish(compiler)
    packages = {(folder / f"net{number}.symc").read_bytes() for number in range(COMPILERS)}
    assert len(packages) == 1
    (output,) = runtime.load(folder / "net0.symc").forward(data=DATA)
    assert output.shape == (1, 5) and np.isfinite(output.asnumpy()).all()
