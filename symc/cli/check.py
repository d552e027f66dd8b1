"""`symc check`."""

from __future__ import annotations

from typing import Annotated

import typer

from symc.cli.application import EXIT_UNSUPPORTED, EXIT_USER, app
from symc.cli.options import Heads, Json, Network, names
from symc.cli.show import show


@app.command(epilog="Example: symc check resnet-symbol.json --train")
def check(
    network: Network,
    outputs: Heads = "",
    train: Annotated[bool, typer.Option("--train", help="Also look for operators that gradients cannot pass.")] = False,
    as_json: Json = False,
) -> None:
    """List the operators of a network, which of them symc lacks, and what to do about it."""
    from symc import report
    from symc.check import find

    found = find(network, names(outputs), train)
    shown = report.check(network, found)
    show(shown if as_json else report.check_summary(shown), as_json)
    if found.lacks_operators or found.is_wrong:
        raise typer.Exit(EXIT_UNSUPPORTED if found.lacks_operators else EXIT_USER)
