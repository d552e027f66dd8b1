"""Networks as modules of TVM's Relax, with all of TVM's targets behind them.

    from symc.frontend import relax

    module, parameters = relax.from_symbol("resnet-symbol.json", "resnet-0000.params", {"data": (1, 3, 224, 224)})
    machine = tvm.relax.VirtualMachine(tvm.compile(module, target="llvm"), tvm.cpu())
    scores = machine["main"](image, *parameters.values())

`main` takes the inputs, then the parameters, and gives the output, or a tuple of them.  Its attribute `num_input` is
the number of inputs, as TVM's passes for parameters expect; `output_names` are the names that MXNet has for the
outputs.  It computes what inference computes; what draws random numbers has a further input `_seed`, int64[1].

TVM's max pooling promises nothing about NaN, and its simplifier takes x * 0 for 0.  Its default schedules for GPUs know
no reduction that keeps NaN: max, min, argmax and argmin want one of the user's there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symc.errors import MXNetError, warn
from symc.frontend import params as parameter_files
from symc.frontend.files import FilePath, read_bytes, replacing

HEADER = """\
# A network as a module of TVM's Relax.  The arguments of main behind the inputs are the arrays of {parameters}.
import tvm
from tvm.script import ir as I
from tvm.script import relax as R
from tvm.script import tirx as T

"""


def from_symbol(symbol: Any, params: Any = None, shapes: Mapping[str, Sequence[int]] | None = None,
                outputs: Sequence[str] = (), *, dtypes: Mapping[str, Any] | None = None, epoch: int | None = None,
                note: Callable[[str], None] = warn) -> tuple[Any, dict[str, Any]]:
    """The network as an IRModule, and its parameters, TVM's tensors, in the order in which `main` takes them.

    symbol: a Symbol, a Graph, or what `symc.compile` takes for one.  params: a path, or arrays by name with or without
    the prefixes arg: and aux:; without any, all arguments are inputs.  epoch: which parameters, where those of several
    epochs lie beside the network.  shapes, dtypes: of the inputs, as far as they do not follow.  outputs: names of the
    heads to keep, internal ones included.  note: told what was found and decided.
    SymcError: it names the nodes that Relax cannot express, users' Python and shapes that depend on data, or the
    parameters that are missing.
    """
    from symc import compiler

    module, arrays = compiler.to_relax(symbol, params, shapes, outputs, dtypes, note, epoch)
    return module, _tensors(arrays)


def write(path: FilePath, module: Any, parameters: Mapping[str, Any]) -> str:
    """Write the module as TVMScript to `path`, NAME.py, which Python can import, and the parameters to NAME.npz beside
    it; the name of the latter.  Each file is replaced whole, the module last.  MXNetError: the name is another.
    """
    beside = parameters_file(path)
    parameter_files.write(beside, {name: tensor.numpy() for name, tensor in parameters.items()})
    header = HEADER.format(parameters=os.path.basename(beside))
    with replacing(path) as file:
        file.write((header + str(module.script(show_meta=True))).encode())
    return beside


def read(path: FilePath) -> tuple[Any, dict[str, Any]]:
    """The module and the parameters that `write` wrote."""
    import tvm.script

    beside = parameters_file(path)
    text = read_bytes(path).decode()
    module = tvm.script.from_source(text.removeprefix(HEADER.format(parameters=os.path.basename(beside))))
    return module, _tensors(parameter_files.read(beside).as_dict())


def parameters_file(path: FilePath) -> str:
    """Where the parameters of a module lie."""
    text = os.fspath(path)
    if Path(text).suffix != ".py":
        raise MXNetError(f"{text} is no name for a module of TVMScript", "it ends in .py")
    return text.removesuffix(".py") + ".npz"


def describe(module: Any) -> dict[str, Any]:
    """What `main` takes and gives, as [dtype, shape] by name, and how many functions there are."""
    main = module["main"]
    count = int(main.attrs["num_input"])
    types = main.ret_ty.fields if len(main.attrs["output_names"]) > 1 else [main.ret_ty]
    return {"inputs": {var.name: _described(var.ty) for var in main.params[:count]},
            "outputs": {str(name): _described(type) for name, type in zip(main.attrs["output_names"], types,
                                                                          strict=True)},
            "parameters": len(main.params) - count, "functions": len(module.functions)}


def _described(type: Any) -> list[Any]:
    return [str(type.dtype), [int(extent) for extent in type.shape]]


def _tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    from tvm import runtime

    return {name: runtime.tensor(array) for name, array in arrays.items()}
