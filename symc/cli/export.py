"""`symc export`."""

from __future__ import annotations

from typing import Annotated

import typer

from symc.cli.application import app
from symc.cli.options import (
    Epoch,
    Heads,
    Json,
    Network,
    Parameters,
    Shapes,
    Types,
    dims,
    model,
    names,
    package_name,
    pairs,
)
from symc.cli.show import Notes, show
from symc.errors import SymcError


@app.command(epilog="Example: symc export resnet-symbol.json --to relax --params resnet-0000.params --shape "
                    "data=1,3,224,224 -o resnet.py")
def export(
    network: Network,
    to: Annotated[str, typer.Option(help="What to write: 'relax', a module of TVM.")],
    params: Parameters = None,
    epoch: Epoch = None,
    shape: Shapes = None,
    dtype: Types = None,
    outputs: Heads = "",
    output: Annotated[str | None, typer.Option("--output", "-o", help="NAME.py to write; the parameters go to "
                                                                      "NAME.npz.")] = None,
    as_json: Json = False,
) -> None:
    """Write a network as a module for another compiler: TVMScript, and its parameters beside it."""
    from symc.frontend import relax

    if to != "relax":
        raise SymcError(f"cannot export to {to!r}", "symc exports to 'relax'")
    target = output or str(package_name(network, ".py"))
    notes = Notes(as_json)
    relax.parameters_file(target)
    module, parameters = relax.from_symbol(model(network, params, epoch), None, pairs(shape, dims, "--shape"),
                                           names(outputs), dtypes=pairs(dtype, str, "--dtype"), note=notes)
    report = {"module": target, "arrays": relax.write(target, module, parameters), **relax.describe(module)}
    show(notes.added_to(report), as_json)
