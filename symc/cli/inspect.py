"""`symc inspect`."""

from __future__ import annotations

from typing import Annotated

import typer

from symc.cli.application import app
from symc.cli.options import Json, Trust, dims, pairs
from symc.cli.show import show


@app.command(epilog="Example: symc inspect resnet-symbol.json --shape data=1,3,224,224")
def inspect(
    file: Annotated[str, typer.Argument(help="A package, or a network as for `symc compile`.")],
    shape: Annotated[list[str] | None, typer.Option(help="Shape of a network's input: data=1,3,224,224.")] = None,
    trust: Trust = None,
    as_json: Json = False,
) -> None:
    """Show inputs, outputs, layers, memory plan and kernels of a network or package."""
    from symc import report

    shapes = {name: tuple(dims) for name, dims in pairs(shape, dims, "--shape").items()}
    show(report.inspect(file, shapes, trust), as_json)
