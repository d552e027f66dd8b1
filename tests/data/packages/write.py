"""Writes the packages of this folder anew: `python -m tests.data.packages.write FOLDER [NAME ...]`.

Those in the repository stay as they are: they stand for what was written at their time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import symc
from symc import compiler, runtime
from symc.codegen.group_code import GRID_LEVEL

LEVELS = ["x86-64-v3"]


def mlp() -> symc.sym.Symbol:
    made = symc.sym.FullyConnected(symc.sym.var("data"), num_hidden=8, name="fc1")
    hidden = symc.sym.Activation(made, act_type="tanh")
    return symc.sym.SoftmaxOutput(symc.sym.FullyConnected(hidden, num_hidden=3, name="fc2"), name="softmax")


def conv() -> symc.sym.Symbol:
    made = symc.sym.Convolution(symc.sym.var("data"), kernel=(3, 3), num_filter=5, pad=(1, 1), name="conv")
    pooled = symc.sym.Pooling(symc.sym.relu(made), kernel=(2, 2), stride=(2, 2), pool_type="max")
    return symc.sym.FullyConnected(pooled, num_hidden=4, name="fc")


def write_for_gpus(folder: Path) -> None:
    """gpu.symc, code for GPUs alone; gpu.npz, its input and what a CPU computes; gpu.cu, the text of its kernels."""
    shapes, _, _ = mlp().infer_shape(data=(2, 6))
    generator = np.random.default_rng(5)
    arrays = {key: generator.uniform(-1, 1, extents).astype(np.float32)
              for key, extents in zip(mlp().list_arguments(), shapes, strict=True) if key != "softmax_label"}
    data = arrays.pop("data")
    unit, = compiler.compile_package(folder / "gpu.symc", mlp(), arrays, {"data": data.shape}, target="cuda",
                                     architectures=["sm_80", "compute_80"])
    outputs = compiler.compile(mlp(), arrays, {"data": data.shape}).forward(data=data)
    np.savez(folder / "gpu.npz", data=data, out_softmax_output=outputs[0].asnumpy())
    (folder / "gpu.cu").write_bytes(b"".join(unit.objects[GRID_LEVEL]))


NETWORKS = {"mlp": (mlp, (2, 6), False), "conv": (conv, (1, 3, 6, 6), False), "training": (mlp, (4, 6), True)}


def write(folder: Path, name: str) -> None:
    """NAME.symc, and NAME.npz: its inputs, outputs (out_NAME) and gradients (grad_NAME)."""
    make, shape, train = NETWORKS[name]
    symbol, generator = make(), np.random.default_rng(len(name))
    shapes, _, _ = symbol.infer_shape(data=shape)
    inputs = dict(zip(symbol.list_arguments(), shapes, strict=True))
    arrays = {key: generator.uniform(-1, 1, extents).astype(np.float32) for key, extents in inputs.items()}
    own = {"data": arrays["data"]} | ({"softmax_label": np.arange(4, dtype=np.float32) % 3} if train else {})
    params = {key: array for key, array in arrays.items() if key not in ("data", "softmax_label")}
    compiler.compile_package(folder / f"{name}.symc", symbol, params, {"data": shape}, train=train, levels=LEVELS)
    module = runtime.load(folder / f"{name}.symc")
    outputs = module.forward(is_train=train, **own)
    found = {f"out_{one.name}": array.asnumpy() for one, array in zip(module.outputs, outputs, strict=True)}
    if train:
        module.backward()
        found |= {f"grad_{key}": array.asnumpy() for key, array in module.gradients.items()}
    np.savez(folder / f"{name}.npz", **own, **found)


if __name__ == "__main__":
    for each in sys.argv[2:] or (*NETWORKS, "gpu"):
        if each == "gpu":
            write_for_gpus(Path(sys.argv[1]))
        else:
            write(Path(sys.argv[1]), each)
