"""`import symc` costs next to nothing."""

import importlib
import json
import os
import subprocess
import sys

import pytest

import symc

PROBE = """
import json, sys, time
import numpy
start = time.perf_counter()
import symc
seconds = time.perf_counter() - start
{use}
print(json.dumps([seconds, sorted(sys.modules)]))
"""
USES = {
    "nothing": "", "arrays": "symc.nd.relu(symc.nd.array([1, -1]))",
    "symbols": "symc.sym.FullyConnected(symc.sym.Variable('x'), num_hidden=2).infer_shape(x=(1, 2))",
}


def run(use: str) -> tuple[float, set[str]]:
    done = subprocess.run([sys.executable, "-c", PROBE.format(use=use)], capture_output=True, text=True, check=True)
    seconds, modules = json.loads(done.stdout)
    return seconds, {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize("use", USES)
def test_neither_compiler_is_loaded_before_the_first_compile(use: str) -> None:
    _, packages = run(USES[use])
    assert not packages & {"tvm", "tvm_ffi", "llvmlite", "typer"}


def test_what_verifies_is_loaded_by_what_is_verified() -> None:
    probe = "import sys, symc.compiler; print('symc.verification.compare' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_compiling_loads_what_every_network_needs() -> None:
    """Where kernels are in the cache, a third of the time to compile is imports."""
    probe = "import sys, symc.cli.compile, symc.lowering, symc.saving; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()).isdisjoint({
        "tvm", "llvmlite", "concurrent.futures", "logging", "tarfile", "zipfile", "tempfile", "importlib.resources",
        "symc.runtime.executor", "symc.codegen.x86_instructions", "symc.report"})


def test_weights_are_hashed_while_what_makes_kernels_is_imported() -> None:
    probe = "import sys, symc.lowering; print('symc.saving' in sys.modules, 'symc.codegen.build' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


COMMAND = """
import atexit, gc, os, sys
sys.argv = ["symc", "compile", "nothing.json", *sys.argv[1:]]
atexit.register(lambda: print(gc.get_freeze_count() > 0, os.environ.get("OPENBLAS_NUM_THREADS")))
from symc.__main__ import main
main()
"""


@pytest.mark.parametrize(("options", "threads"), [([], None), (["--no-verify"], "1")])
def test_what_a_command_does_not_need(options: list[str], threads: str | None) -> None:
    """No search for garbage when it ends, and threads of NumPy's BLAS where something is verified alone."""
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", COMMAND, *options], capture_output=True, text=True, env=environment)
    assert done.returncode == 1 and done.stdout.split() == ["True", str(threads)]


def test_the_import_is_quick() -> None:
    assert min(run("")[0] for _ in range(3)) < 0.3


def test_names_hang_where_mxnet_has_them() -> None:
    assert symc.sym is symc.symbol and symc.nd is symc.ndarray and symc.symbol.symbol.Symbol is symc.Symbol
    assert symc.sym.Variable is symc.sym.var and symc.base.MXNetError is symc.MXNetError
    assert {"sym", "nd", "compile", "AttrScope", "name"} <= set(dir(symc))
    with pytest.raises(AttributeError, match="leaves MXNet's gluon outside"):
        symc.gluon  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        symc.nothing  # noqa: B018


def test_contrib_has_the_operators_under_further_names() -> None:
    from symc.contrib.symbol import MultiBoxPrior

    assert MultiBoxPrior is symc.sym.contrib.MultiBoxPrior
    assert symc.contrib.nd is symc.contrib.ndarray is symc.nd.contrib and symc.contrib.sym is symc.sym.contrib
    with pytest.raises(symc.errors.OutsideError, match="contrib.amp lies outside"):
        symc.contrib.amp  # noqa: B018


def test_names_can_be_imported_as_modules() -> None:
    import symc.symbol.random
    from symc.ndarray import NDArray
    from symc.symbol.symbol import Symbol

    assert symc.symbol.random is symc.sym.random and NDArray is symc.nd.NDArray and Symbol is symc.Symbol
    assert symc.symbol.__name__ == "symc.frontend.symbol_ops" == symc.symbol.__spec__.name
    for name, message in {"gluon.nn": "what serves instead", "Symbol": "is no module", "nothing": "No module"}.items():
        with pytest.raises(ModuleNotFoundError, match=message):
            importlib.import_module(f"symc.{name}")
