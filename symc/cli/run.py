"""`symc run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from symc.cli.application import app
from symc.cli.options import Json, Package, Threads, read_inputs
from symc.cli.show import show
from symc.errors import DifferentError, SymcError


@app.command()
def run(
    package: Package,
    inputs: Annotated[list[str] | None, typer.Option("--input", "-i", help="data=x.npy, or x.npz with all.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help=".npz file for the outputs.")] = None,
    expect: Annotated[Path | None, typer.Option(help=".npz file with the outputs to compare with.")] = None,
    rtol: Annotated[float, typer.Option(help="Allowed difference, relative to the largest element.")] = 1e-4,
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Run a package on arrays from files."""
    from symc import runtime

    if threads:
        runtime.set_num_threads(threads)
    module = runtime.load(package)
    names = [description.name for description in module.outputs]
    results = dict(zip(names, [out.asnumpy() for out in module.forward(**read_inputs(inputs or []))], strict=True))
    report: dict[str, Any] = {"outputs": {name: [str(a.dtype), list(a.shape)] for name, a in results.items()}}
    if output is not None:
        write_npz(output, results)
        report["written"] = str(output)
    if expect is not None:
        report["difference"] = compare(results, read_inputs([str(expect)]), rtol)
    show(report, as_json)


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

    found, right = found.astype(np.float64), right.astype(np.float64)
    with np.errstate(invalid="ignore"):
        errors = np.abs(found - right)
    errors[(found == right) | (np.isnan(found) & np.isnan(right))] = 0
    scale = max(float(np.max(np.abs(right), initial=0, where=np.isfinite(right))), 1e-12)
    return float(np.max(errors, initial=0)) / scale
