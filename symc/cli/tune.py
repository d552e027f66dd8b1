"""`symc tune`."""

from __future__ import annotations

from typing import Annotated

import typer

from symc.cli.application import EXIT_INTERRUPTED, app
from symc.cli.options import (
    Epoch,
    Heads,
    Json,
    Network,
    Parameters,
    ShapeSets,
    Types,
    model,
    names,
    pairs,
    shape_sets,
    use_threads,
)
from symc.cli.show import Notes, progress, show


@app.command(epilog="Example: symc tune resnet-symbol.json --params resnet-0000.params --shape data=1,3,224,224 "
                    "--threads 1 --seconds 60; then symc compile with the same options.")
def tune(
    network: Network,
    params: Parameters = None,
    epoch: Epoch = None,
    shape: ShapeSets = None,
    dtype: Types = None,
    outputs: Heads = "",
    train: Annotated[bool, typer.Option("--train", help="Also tune backward; parameters become inputs.")] = False,
    precision: Annotated[str, typer.Option(help="fp32 or bf16, as for `symc compile`.")] = "fp32",
    fast_math: Annotated[bool, typer.Option("--fast-math", help="As for `symc compile`.")] = False,
    threads: Annotated[int, typer.Option(min=0, help="Threads that kernels run with; 0: all cores.")] = 0,
    seconds: Annotated[float, typer.Option(min=0, help="How long; a kernel that was begun is finished.")] = 120,
    as_json: Json = False,
) -> None:
    """Time the schedules of a network's convolutions and matrix products on this machine, and keep the fastest.

    What `symc compile`, bind and others compile for this CPU model from then on uses them, until symc or its cache
    changes. They add in another order: results differ in the last digits. The kernels with the most work come
    first, and what was found is kept when time runs out or at Ctrl-C; the next run goes on. Winograd's convolutions
    and what is neither convolution nor matrix product have one schedule.
    """
    from symc import compiler, report
    from symc.runtime.team import num_threads

    use_threads(threads)
    notes = Notes(as_json)
    with progress() as told:
        options = compiler.Options(progress=told, precision=precision, fast_math=fast_math, note=notes)
        found = compiler.tune(model(network, params, epoch), None, shape_sets(shape), names(outputs), train,
                              dtypes=pairs(dtype, str, "--dtype"), options=options, threads=num_threads(),
                              seconds=seconds)
    shown = report.tune(network, found, compiler.levels_here(precision)[0], num_threads())
    show(notes.added_to(shown) if as_json else report.tune_summary(shown), as_json)
    if found.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
