"""`symc compile`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from symc.cli.application import app
from symc.cli.options import (
    Epoch,
    Heads,
    Json,
    Network,
    Parameters,
    ShapeSets,
    Types,
    dims,
    model,
    names,
    package_name,
    pairs,
    shape_sets,
    writable,
)
from symc.cli.show import Notes, progress, show, verdict

Slabs = Annotated[str, typer.Option("--slabs", help=(
    "Sizes that are compiled for a batch of any size; others are computed by several of them."))]
Train = Annotated[bool, typer.Option("--train", help="Also compile backward; parameters become inputs.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Package to write.")]
Levels = Annotated[str | None, typer.Option("--cpu", help=(
    "CPU levels to compile for, as x86-64,aarch64, or native; by default x86-64-v3,x86-64-v4, and x86-64-v4-bf16 and "
    "x86-64-v4-amx with --precision bf16."))]
Targets = Annotated[str, typer.Option("--target", help=(
    "llvm: CPUs; cuda: GPUs, for which a compiler comes with symc's extra 'cuda'; llvm,cuda: a package that runs on "
    "both."))]
Architectures = Annotated[str | None, typer.Option("--arch", help=(
    "Architectures of GPUs to compile for, as sm_75,sm_86; by default sm_80,sm_90. Later ones get PTX of the newest, "
    "which compute_80 among them sets otherwise."))]
WeightsFile = Annotated[str | None, typer.Option("--weights-file", help=(
    "Name of a file beside the package for the weights, which packages of equal weights share."))]
Precision = Annotated[str, typer.Option("--precision", help=(
    "fp32, or bf16: weights and what lies between kernels as bfloat16, sums in float32. For GPUs also fp16, the same "
    "with float16, and tf32: products of float32 with 10 bits of mantissa."))]
FastMath = Annotated[bool, typer.Option("--fast-math", help=(
    "3x3 convolutions also by tiles of 4x4 pixels, which round more; see docs/architecture.md for how much."))]
Libraries = Annotated[str, typer.Option("--library", help=(
    "Libraries of NVIDIA that GPUs may use: cublaslt, for large products of matrices, cudnn, for large convolutions, "
    "or both: cublaslt,cudnn. Where they are not installed symc's own kernels run, which the package holds all the "
    "same."))]
Verify = Annotated[bool, typer.Option("--verify/--no-verify", help=(
    "Compare with the interpreter before the package is written."))]
Dump = Annotated[Path | None, typer.Option("--dump", help="Folder for the graph after each pass.")]
PrintAfter = Annotated[list[str] | None, typer.Option("--print-after", help=(
    "Print the graph after this pass, or 'all'."))]
TimePasses = Annotated[bool, typer.Option("--time-passes", help="Print the seconds of each pass.")]
Key = Annotated[Path | None, typer.Option("--sign", help=(
    "File with a private key (PEM, ed25519): writes the package's signature beside it, as `symc sign` does."))]


@app.command(epilog="Example: symc compile resnet-symbol.json --params resnet-0000.params --shape data=1,3,224,224 -o "
                    "resnet.symc. For GPUs too, which this machine need not have: --target llvm,cuda --arch "
                    "sm_80,sm_90")
def compile(
    network: Network, params: Parameters = None, epoch: Epoch = None, shape: ShapeSets = None, slabs: Slabs = "1,8,64",
    dtype: Types = None, outputs: Heads = "", train: Train = False, output: Output = None, cpu: Levels = None,
    target: Targets = "llvm", arch: Architectures = None, weights_file: WeightsFile = None,
    precision: Precision = "fp32", fast_math: FastMath = False, library: Libraries = "", verify: Verify = True,
    dump: Dump = None, print_after: PrintAfter = None, time_passes: TimePasses = False, sign: Key = None,
    as_json: Json = False,
) -> None:
    """Compile a network to a package that runs with NumPy alone."""
    if not verify:      # what else is computed by NumPy does not pay for threads of its BLAS
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from symc.lowering import Options, prepare
    from symc.runtime.signature import private_key
    from symc.runtime.signature import sign as write_signature

    package = writable(output or package_name(network))
    if sign is not None:
        private_key(sign)       # before the work, if it cannot be read
    times: dict[str, float] = {}
    notes = Notes(as_json)
    with progress() as told, redirect_stdout(sys.stderr if as_json else sys.stdout):
        options = Options(dump=dump, print_after=tuple(print_after or ()), times=times, progress=told,
                          precision=precision, fast_math=fast_math, note=notes, weights_file=weights_file,
                          slabs=dims(slabs), verification=verify, libraries=tuple(names(library)))
        prepared = prepare(model(network, params, epoch), None, shape_sets(shape), names(outputs), train, target,
                           pairs(dtype, str, "--dtype"), options)
        units = prepared.save(package, None if cpu is None else names(cpu), None if arch is None else names(arch))
    report = {"package": str(package), "bytes": package.stat().st_size, **_describe(package, units, as_json)}
    if time_passes:
        report["passes"] = {name: round(seconds, 4) for name, seconds in times.items()}
    if sign is not None:
        report["signature"] = write_signature(package, sign)
    show(notes.added_to(report), as_json)


def _describe(package: Path, units: Sequence[Any], as_json: bool) -> dict[str, Any]:
    """What the manifest says of the arrays, and what the plans are made of."""
    from symc.runtime.package import open_package

    opened = open_package(package)
    manifest = opened.manifest
    plans = [unit.assembly.plan for unit in units][:len(manifest["plans"])]     # those for CPUs, where there are some

    def arrays(described: Mapping[str, Any], kind: str) -> dict[str, Any]:
        return {array["name"]: [array["dtype"], array["shape"]] for array in described[kind]}
    report = {"inputs": arrays(manifest, "inputs"), "outputs": arrays(manifest, "outputs"),
              "kernels": len({kernel.name for plan in plans for kernel in plan.kernels}),
              "steps": sum(len(plan.steps) for plan in plans), **manifest["memory"],
              "verification": manifest["verification"] if as_json else verdict(manifest["verification"])}
    if opened.architectures:
        from symc import report as reports

        found = reports.for_gpus(opened)
        report["gpus"] = found if as_json else reports.gpus_summary(found)
    if len(plans) > 1:
        report["plans"] = [{"plan": number, **{name: shape for name, (_, shape) in arrays(described, "inputs").items()},
                            "arena_bytes": described["arena_bytes"]}
                           for number, described in enumerate(manifest["plans"])]
    return report
