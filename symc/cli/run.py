"""`symc run`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from symc.cli.application import app
from symc.cli.inputs import Inputs, read_arrays, read_inputs, shapes_of
from symc.cli.options import Json, Package, Target, Threads, Trust, use_threads
from symc.cli.preparation import Bgr, Crop, Deviation, Mean, Preprocess, Resize, Scale, preparation
from symc.cli.show import show
from symc.errors import DifferentError, SymcError


@app.command(epilog="Example: symc run resnet.symc -i data=cat.jpg --resize 256 --crop --preprocess imagenet --top 5 "
                    "--labels synset.txt")
def run(
    package: Package,
    inputs: Annotated[list[str] | None, typer.Option("--input", "-i", help=(
        "data=x.npy, x.npz with several inputs, or data=x.jpg, again for a further image of the batch; - is standard "
        "input; one input needs no name."))] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help=".npz file for the outputs.")] = None,
    expect: Annotated[Path | None, typer.Option(help=".npz file with the outputs to compare with.")] = None,
    rtol: Annotated[float, typer.Option(help="Allowed difference, relative to the largest element.")] = 1e-4,
    top: Annotated[int, typer.Option(min=0, help="Show so many classes with the largest scores.")] = 0,
    labels: Annotated[str | None, typer.Option(help="File with the label of each class in a line, such as "
                                                    "synset.txt.")] = None,
    resize: Resize = None, crop: Crop = False, preprocess: Preprocess = None, mean: Mean = "", std: Deviation = "",
    scale: Scale = 1, bgr: Bgr = False,
    save_inputs: Annotated[Path | None, typer.Option(help=".npz file for the inputs as the network gets them.")] = None,
    target: Target = None,
    threads: Threads = 0,
    trust: Trust = None,
    as_json: Json = False,
) -> None:
    """Run a package on arrays or images from files."""
    from symc import runtime

    use_threads(threads)
    steps = preparation(resize, crop, preprocess, mean, std, scale, bgr)
    if labels is not None and not top:
        raise SymcError("--labels without --top has nothing to name", "add --top 5")
    module = runtime.load(package, trust=trust, target=target)
    given = read_inputs(inputs or [], lambda: shapes_of(module), steps)
    results = dict(zip([one.name for one in module.outputs],
                       [out.asnumpy() for out in module.forward(**given.arrays)], strict=True))
    report = _report(given, results) | _written({"inputs_written": (save_inputs, given.arrays),
                                                 "written": (output, results)})
    if top:
        report |= _top(results, top, labels, as_json)
    if expect is not None:
        report["difference"] = compare(results, read_arrays(str(expect)), rtol)
    show(report, as_json)


def _report(given: Inputs, results: Mapping[str, Any]) -> dict[str, Any]:
    """What was made of images, where there were some, and what came out."""
    return given.told() | {"outputs": {name: [str(array.dtype), list(array.shape)] for name, array in results.items()}}


def _written(files: Mapping[str, tuple[Path | None, dict[str, Any]]]) -> dict[str, str]:
    """Write arrays to the files that were asked for."""
    for path, arrays in files.values():
        if path is not None:
            write_npz(path, arrays)
    return {name: str(path) for name, (path, _) in files.items() if path is not None}


def _top(results: Mapping[str, Any], count: int, labels: str | None, as_json: bool) -> dict[str, Any]:
    from symc.cli.classes import read_labels, tables, top_classes

    found = top_classes(results, count, None if labels is None else read_labels(labels))
    return {"top": found} if as_json else tables(found)


def write_npz(path: Path, arrays: dict[str, Any]) -> None:
    import numpy as np

    from symc.frontend.files import replacing

    with replacing(path) as file:
        np.savez(file, **arrays)


def compare(results: dict[str, Any], expected: dict[str, Any], rtol: float) -> dict[str, float]:
    """Largest difference of each output relative to the largest expected element.  DifferentError: one exceeds rtol."""
    missing = [name for name in expected if name not in results]
    if missing or not expected:
        raise SymcError(f"the expected outputs {', '.join(missing) or '(none)'} are not among {', '.join(results)}")
    differences = {}
    for name, want in expected.items():
        if want.shape != results[name].shape:
            raise DifferentError(f"output '{name}' has shape {results[name].shape}, expected {want.shape}")
        differences[name] = _difference(results[name], want)
    if not all(difference <= rtol for difference in differences.values()):
        raise DifferentError("results differ: " + ", ".join(f"{n} by {d:.3g}" for n, d in differences.items()),
                        f"allowed is --rtol {rtol}")
    return differences


def _difference(found: Any, right: Any) -> float:
    """The largest difference relative to the largest finite element; NaN and infinities must be where they were."""
    import numpy as np

    from symc.verification.compare import distances, wide

    found, right = wide(found), wide(right)
    scale = max(float(np.max(np.abs(right), initial=0, where=np.isfinite(right))), 1e-12)
    return float(np.max(distances(found, right), initial=0)) / scale
