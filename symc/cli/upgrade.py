"""`symc upgrade`."""

from __future__ import annotations

from typing import Annotated

import typer

from symc.cli.application import app
from symc.cli.options import Epoch, Json, Network, Parameters, Shapes, dims, model, pairs
from symc.cli.show import Notes, show


@app.command(epilog="Example: symc upgrade old-symbol.json --params old-0012.params -o new")
def upgrade(
    network: Network,
    output: Annotated[str, typer.Option("--output", "-o", help="NAME: writes NAME-symbol.json and NAME-0000.params.")],
    params: Parameters = None,
    epoch: Epoch = None,
    shape: Shapes = None,
    as_json: Json = False,
) -> None:
    """Write a model of any MXNet release as MXNet 1.9.1 writes it, and say what was changed."""
    from symc.upgrade import upgrade as write

    notes = Notes(as_json)
    report = write(model(network, params, epoch), output, pairs(shape, dims, "--shape"), notes)
    shown = {**report, "changes": "".join(f"\n  {sentence}" for sentence in report["changes"])}
    show(notes.added_to(report) if as_json else shown, as_json)
