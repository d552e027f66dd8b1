"""A trained-elsewhere ResNet, compiled to a package and served by a Python that has nothing but NumPy.

The network is CIFAR ResNet-20 as MXNet 1.9.1 saved it (examples/data): a symbol.json and a .params file.  It is
compiled to one file, `cifar_resnet20.symc`; the file is loaded in a process in which neither TVM nor llvmlite can be
imported; what it answers is compared with what MXNet answered.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import symc

DATA = Path(__file__).parent / "data"

SERVE = """
import sys
sys.modules.update(tvm=None, llvmlite=None, typer=None)     # importing any of them fails from here on
import numpy as np
from symc import runtime

module = runtime.load(sys.argv[1])
recorded = np.load(sys.argv[2])
answer = module.forward(data=recorded["data"])[0].asnumpy()
np.save(sys.argv[3], answer)
"""


def compile_package(path: Path) -> float:
    """Compile the network to `path`; returns the seconds it took."""
    start = time.perf_counter()
    symc.compile_package(path, DATA / "cifar_resnet20-symbol.json", DATA / "cifar_resnet20-0000.params",
                         shapes={"data": (1, 3, 32, 32)})
    return time.perf_counter() - start


def serve(package: Path, answer: Path) -> np.ndarray:
    """What the package answers in a process without a compiler."""
    subprocess.run([sys.executable, "-c", SERVE, str(package), str(DATA / "cifar_resnet20-recorded.npz"), str(answer)],
                   check=True)
    return np.load(answer)


def main() -> float:
    """Run the example; returns the largest difference from MXNet relative to the largest output."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "cifar_resnet20.symc"
        seconds = compile_package(package)
        print(f"compiled in {seconds:.1f} s to {package.name}, {package.stat().st_size / 1e6:.1f} MB")
        answer = serve(package, Path(folder) / "answer.npy")
    expected = np.load(DATA / "cifar_resnet20-recorded.npz")["cifarresnetv10_dense0_fwd_output"]
    difference = float(np.abs(answer - expected).max() / np.abs(expected).max())
    print(f"served without TVM: class {int(answer.argmax())}; relative difference from MXNet 1.9.1: {difference:.1e}")
    return difference


if __name__ == "__main__":
    sys.exit(main() > 1e-4)
