"""`symc bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from symc.cli.application import app
from symc.cli.inputs import read_inputs, shapes_of
from symc.cli.options import Json, Target, Threads, Trust, dims, pairs, use_threads
from symc.cli.preparation import Bgr, Crop, Deviation, Mean, Preprocess, Resize, Scale, preparation
from symc.cli.show import show


@app.command(epilog="Example: symc bench resnet50.symc --threads 1 --seconds 5 --top 10")
def bench(
    package: Annotated[Path, typer.Argument(help="Package that `symc compile` wrote, for inference or training.")],
    inputs: Annotated[list[str] | None, typer.Option("--input", "-i", help="data=x.npy, x.npz with several, or "
                                                                          "data=x.jpg, as for `symc run`; others are "
                                                                          "drawn at random.")] = None,
    shape: Annotated[list[str] | None, typer.Option(help="Shape of an input, as data=8,3,224,224, where the package "
                                                         "is for several.")] = None,
    target: Target = None,
    threads: Threads = 0,
    trust: Trust = None,
    warmup: Annotated[int, typer.Option(min=0, help="Runs in front that do not count.")] = 3,
    repeats: Annotated[int | None, typer.Option(min=1, help="Runs; otherwise --seconds says how long.")] = None,
    seconds: Annotated[float, typer.Option(min=0, help="How long to run the network, and its steps one by one.")] = 2,
    resize: Resize = None, crop: Crop = False, preprocess: Preprocess = None, mean: Mean = "", std: Deviation = "",
    scale: Scale = 1, bgr: Bgr = False,
    top: Annotated[int, typer.Option(min=0, help="Steps to show, the slowest first; JSON has all in order.")] = 20,
    as_json: Json = False,
) -> None:
    """Time a package: percentiles of whole runs, and each step beside the peaks of this machine, which are measured."""
    from symc import report, runtime
    from symc.runtime.bench import Effort
    from symc.runtime.bench import bench as measure

    use_threads(threads)
    steps = preparation(resize, crop, preprocess, mean, std, scale, bgr)
    given = read_inputs(inputs or [], lambda: shapes_of(runtime.load(package, trust=trust)), steps)
    measured = measure(package, given.arrays, Effort(warmup, repeats, seconds),
                       pairs(shape, dims, "--shape"), trust, target)
    show((measured if as_json else report.bench_summary(measured, top)) | given.told(), as_json)
