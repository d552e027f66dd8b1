"""`symc verify`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from symc.cli.application import EXIT_DIFFERENT, app
from symc.cli.inputs import read_arrays, read_inputs, shapes_of
from symc.cli.options import Json, Package, Parameters, Threads, Trust, use_threads
from symc.cli.preparation import Bgr, Crop, Deviation, Mean, Preprocess, Resize, Scale, preparation
from symc.cli.show import plans_of, show, verdict


@app.command(epilog="Example: symc verify resnet.symc --params resnet-0000.params --against recorded.npz")
def verify(
    package: Package,
    params: Parameters = None,
    inputs: Annotated[list[str] | None, typer.Option("--input", "-i", help="data=x.npy, x.npz with several, or "
                                                                          "data=x.jpg, as for `symc run`; others are "
                                                                          "drawn.")] = None,
    against: Annotated[Path | None, typer.Option(help=".npz file with outputs to compare with, recorded of MXNet, say; "
                                                      "it may hold the inputs too.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the inputs that are drawn.")] = 0,
    resize: Resize = None, crop: Crop = False, preprocess: Preprocess = None, mean: Mean = "", std: Deviation = "",
    scale: Scale = 1, bgr: Bgr = False,
    threads: Threads = 0,
    trust: Trust = None,
    as_json: Json = False,
) -> None:
    """Compare all plans of a package with the interpretation of the graphs that it stores, or of its network with
    --params: on the CPU, and on gpu(0) where there is one that it has code for."""
    from symc import runtime
    from symc.verify import verify_package

    use_threads(threads)
    steps = preparation(resize, crop, preprocess, mean, std, scale, bgr)
    expected = None if against is None else read_arrays(str(against))
    given = read_inputs(inputs or [], lambda: shapes_of(runtime.load(package, trust=trust)), steps)
    record = verify_package(package, params, given.arrays, expected, seed, trust).to_json()
    show(({"package": str(package), **record} if as_json else _summary(record)) | given.told(), as_json)
    if record["status"] != "passed":
        raise typer.Exit(EXIT_DIFFERENT)


def _summary(record: dict[str, Any]) -> dict[str, Any]:
    shown = {"verification": verdict(record), "inputs": record["inputs"],
             "compared": [row for one in plans_of(record) for row in _rows(one)]}
    if "gpu" in record:
        shown["on the GPU"] = verdict(record["gpu"])
        shown["compared on the GPU"] = [row for one in plans_of(record["gpu"]) for row in _rows(one)]
    if record["levels_not_run"]:
        shown["not run here"] = record["levels_not_run"]
    if "plans_not_compared" in record:
        shown["plans not compared"] = record["plans_not_compared"]
    faults = [one["fault"] for one in (*plans_of(record), *plans_of(record.get("gpu", {}))) if "fault" in one]
    return shown | ({"fault": "; ".join(faults)} if faults else {})


def _rows(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each array of a plan, with its number and shapes if there are several."""
    which = {"plan": record["plan"], "shapes": " ".join(f"{name}={','.join(map(str, shape))}" for name, shape
                                                       in record["shapes"].items())} if "plan" in record else {}
    return [{**which, "kind": item["kind"], "name": item["name"], "difference": f"{item['relative']:.2g}",
             "allowed": f"{item['tolerance']:.0e}", "not finite": f"{item['not_finite']:.1%}",
             "verdict": item.get("wrong") or item.get("explained", "right")}
            for item in record["compared"]]
