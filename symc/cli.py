"""The command line: `symc check`, `symc compile`, `symc tune`, `symc export`, `symc run`, `symc bench`, `symc inspect`.

Exit codes: 0 done; 1 an error in the input or its use; 2 the network needs operators, or gradients of some, that symc
does not have; 3 results differ from what was expected; 70 a bug of symc.  `check` has written its report in any case.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from symc.errors import SymcError, UnsupportedOperatorError

EXIT_USER, EXIT_UNSUPPORTED, EXIT_DIFFERENT, EXIT_BUG, EXIT_INTERRUPTED = 1, 2, 3, 70, 130

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
                  help="Compile networks written for the MXNet Symbol API to native code.",
                  epilog="Exit codes: 0 done, 1 error in the input, 2 unsupported operators, 3 results differ, 70 bug.")

FAST_MATH = ("Faster 3x3 convolutions that round more: errors of up to 2e-6 of a layer's largest element, 7e-7 by "
             "default; see docs/architecture.md.")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


class Different(SymcError):
    """Results that differ from the expected ones."""


@app.command()
def compile(
    network: Annotated[str, typer.Argument(help="symbol.json of the network, of any MXNet release; a path or URL.")],
    params: Annotated[str | None, typer.Option(help=".params or .npz file with the parameters; a path or URL.")] = None,
    shape: Annotated[list[str] | None, typer.Option(help="Shape of an input, as data=1,3,224,224.")] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="Type of an input, as data=float16.")] = None,
    outputs: Annotated[str, typer.Option(help="Heads to keep, as fc1_output,pool5_output.")] = "",
    train: Annotated[bool, typer.Option("--train", help="Also compile backward; parameters become inputs.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Package to write.")] = None,
    cpu: Annotated[str | None, typer.Option(help="CPU levels to compile for; by default x86-64-v3,x86-64-v4, and "
                                                 "x86-64-v4-bf16 with --precision bf16.")] = None,
    precision: Annotated[str, typer.Option(help="fp32, or bf16: weights and what lies between kernels as bfloat16, "
                                                "sums in float32.")] = "fp32",
    fast_math: Annotated[bool, typer.Option("--fast-math", help=FAST_MATH)] = False,
    dump: Annotated[Path | None, typer.Option(help="Folder for the graph after each pass.")] = None,
    print_after: Annotated[list[str] | None, typer.Option(help="Print the graph after this pass, or 'all'.")] = None,
    time_passes: Annotated[bool, typer.Option("--time-passes", help="Print the seconds of each pass.")] = False,
    as_json: Json = False,
) -> None:
    """Compile a network to a package that runs with NumPy alone."""
    from symc import compiler

    target = output or _package_name(network)
    times: dict[str, float] = {}
    with _progress("compiling kernels") as progress, redirect_stdout(sys.stderr if as_json else sys.stdout):
        options = compiler.Options(dump=dump, print_after=tuple(print_after or ()), times=times, progress=progress,
                                   precision=precision, fast_math=fast_math)
        unit = compiler.compile_package(target, network, params, _pairs(shape, _dims, "--shape"), _names(outputs),
                                        train, dtypes=_pairs(dtype, str, "--dtype"),
                                        levels=None if cpu is None else _names(cpu), options=options)
    report = {"package": str(target), "bytes": target.stat().st_size, **_describe(unit.assembly)}
    if time_passes:
        report["passes"] = {name: round(seconds, 4) for name, seconds in times.items()}
    _show(report, as_json)


@app.command(epilog="Example: symc tune resnet-symbol.json --params resnet-0000.params --shape data=1,3,224,224 "
                    "--threads 1 --seconds 60; then symc compile with the same options.")
def tune(
    network: Annotated[str, typer.Argument(help="symbol.json of the network, of any MXNet release; a path or URL.")],
    params: Annotated[str | None, typer.Option(help=".params or .npz file with the parameters; a path or URL.")] = None,
    shape: Annotated[list[str] | None, typer.Option(help="Shape of an input, as data=1,3,224,224.")] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="Type of an input, as data=float16.")] = None,
    outputs: Annotated[str, typer.Option(help="Heads to keep, as fc1_output,pool5_output.")] = "",
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
    from symc import compiler, report, runtime
    from symc.runtime.team import num_threads

    if threads:
        runtime.set_num_threads(threads)
    with _progress("timing kernels") as progress:
        options = compiler.Options(progress=progress, precision=precision, fast_math=fast_math)
        found = compiler.tune(network, params, _pairs(shape, _dims, "--shape"), _names(outputs), train,
                              dtypes=_pairs(dtype, str, "--dtype"), options=options, threads=num_threads(),
                              seconds=seconds)
    shown = report.tune(network, found, compiler.levels_here(precision)[0], num_threads())
    _show(shown if as_json else report.tune_summary(shown), as_json)
    if found.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)


@app.command()
def export(
    network: Annotated[str, typer.Argument(help="symbol.json of the network, of any MXNet release; a path or URL.")],
    to: Annotated[str, typer.Option(help="What to write: 'relax', a module of TVM.")],
    params: Annotated[str | None, typer.Option(help=".params or .npz file with the parameters; a path or URL.")] = None,
    shape: Annotated[list[str] | None, typer.Option(help="Shape of an input, as data=1,3,224,224.")] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="Type of an input, as data=float16.")] = None,
    outputs: Annotated[str, typer.Option(help="Heads to keep, as fc1_output,pool5_output.")] = "",
    output: Annotated[str | None, typer.Option("--output", "-o", help="NAME.py to write; the parameters go to "
                                                                      "NAME.npz.")] = None,
    as_json: Json = False,
) -> None:
    """Write a network as a module for another compiler: TVMScript, and its parameters beside it."""
    from symc.frontend import relax

    if to != "relax":
        raise SymcError(f"cannot export to {to!r}", "symc exports to 'relax'")
    target = output or str(_package_name(network).with_suffix(".py"))
    relax.parameters_file(target)
    module, parameters = relax.from_symbol(network, params, _pairs(shape, _dims, "--shape"), _names(outputs),
                                           dtypes=_pairs(dtype, str, "--dtype"))
    _show({"module": target, "arrays": relax.write(target, module, parameters), **relax.describe(module)}, as_json)


@app.command()
def run(
    package: Annotated[Path, typer.Argument(help="Package that `symc compile` wrote.")],
    inputs: Annotated[list[str] | None, typer.Option("--input", "-i", help="data=x.npy, or x.npz with all.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help=".npz file for the outputs.")] = None,
    expect: Annotated[Path | None, typer.Option(help=".npz file with the outputs to compare with.")] = None,
    rtol: Annotated[float, typer.Option(help="Allowed difference, relative to the largest element.")] = 1e-4,
    threads: Annotated[int, typer.Option(help="Threads; 0: all cores.")] = 0,
    as_json: Json = False,
) -> None:
    """Run a package on arrays from files."""
    from symc import runtime

    if threads:
        runtime.set_num_threads(threads)
    module = runtime.load(package)
    names = [description.name for description in module.outputs]
    results = dict(zip(names, [out.asnumpy() for out in module.forward(**_read_inputs(inputs or []))], strict=True))
    report: dict[str, Any] = {"outputs": {name: [str(a.dtype), list(a.shape)] for name, a in results.items()}}
    if output is not None:
        _write_npz(output, results)
        report["written"] = str(output)
    if expect is not None:
        report["difference"] = _compare(results, _read_inputs([str(expect)]), rtol)
    _show(report, as_json)


@app.command(epilog="Example: symc bench resnet50.symc --threads 1 --seconds 5 --top 10")
def bench(
    package: Annotated[Path, typer.Argument(help="Package that `symc compile` wrote, for inference or training.")],
    inputs: Annotated[list[str] | None, typer.Option("--input", "-i", help="data=x.npy, or x.npz with several; others "
                                                                           "are drawn at random.")] = None,
    threads: Annotated[int, typer.Option(help="Threads; 0: all cores.")] = 0,
    warmup: Annotated[int, typer.Option(min=0, help="Runs in front that do not count.")] = 3,
    repeats: Annotated[int | None, typer.Option(min=1, help="Runs; otherwise --seconds says how long.")] = None,
    seconds: Annotated[float, typer.Option(min=0, help="How long to run the network, and its steps one by one.")] = 2,
    top: Annotated[int, typer.Option(min=0, help="Steps to show, the slowest first; JSON has all in order.")] = 20,
    as_json: Json = False,
) -> None:
    """Time a package: percentiles of whole runs, and each step beside the peaks of this machine, which are measured."""
    from symc import report, runtime
    from symc.runtime.bench import Effort
    from symc.runtime.bench import bench as measure

    if threads:
        runtime.set_num_threads(threads)
    measured = measure(package, _read_inputs(inputs or []), Effort(warmup, repeats, seconds))
    _show(measured if as_json else report.bench_summary(measured, top), as_json)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="A symbol.json or a package.")],
    shape: Annotated[list[str] | None, typer.Option(help="Shape of a network's input: data=1,3,224,224.")] = None,
    as_json: Json = False,
) -> None:
    """Show inputs, outputs, layers, memory plan and kernels of a network or package."""
    from symc import report

    shapes = {name: tuple(dims) for name, dims in _pairs(shape, _dims, "--shape").items()}
    _show(report.inspect(file, shapes), as_json)


@app.command()
def check(
    network: Annotated[str, typer.Argument(help="symbol.json of the network, of any MXNet release; a path or URL.")],
    outputs: Annotated[str, typer.Option(help="Heads to keep, as fc1_output,pool5_output.")] = "",
    train: Annotated[bool, typer.Option("--train", help="Also look for operators that gradients cannot pass.")] = False,
    as_json: Json = False,
) -> None:
    """List the operators of a network, which of them symc lacks, and what to do about it."""
    from symc import report
    from symc.check import find

    found = find(network, _names(outputs), train)
    shown = report.check(network, found)
    _show(shown if as_json else report.check_summary(shown), as_json)
    if found.lacks_operators or found.is_wrong:
        raise typer.Exit(EXIT_UNSUPPORTED if found.lacks_operators else EXIT_USER)


# ---- reading options -----------------------------------------------------------------------------------------------


def _pairs(items: Sequence[str] | None, read: Callable[[str], Any], option: str) -> dict[str, Any]:
    """{'data': read('1,3')} from ['data=1,3']."""
    pairs = {}
    for item in items or ():
        name, equals, text = item.partition("=")
        if not equals or not name or not text:
            raise SymcError(f"{option} {item} is not of the form NAME=VALUE")
        pairs[name] = read(text)
    return pairs


def _dims(text: str) -> tuple[int, ...]:
    inner = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    parts = [part.strip() for part in inner.removesuffix(",").split(",")] if inner else []
    if not all(re.fullmatch(r"\d+", part) for part in parts):
        raise SymcError(f"{text} is not a shape", "write it as 1,3,224,224")
    return tuple(map(int, parts))


def _package_name(network: str) -> Path:
    """The package beside a network's file; for a remote one in the current folder."""
    from symc.frontend.files import is_remote

    return Path(network.rpartition("/")[2] if is_remote(network) else network).with_suffix(".symc")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _read_inputs(items: Sequence[str]) -> dict[str, Any]:
    """Arrays by name from name=file.npy, name=file.npz (its one array) and file.npz (all of its arrays)."""
    import numpy as np

    arrays: dict[str, Any] = {}
    for item in items:
        name, equals, path = item.rpartition("=")
        try:
            loaded = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as problem:
            raise SymcError(f"cannot read {path}: {problem}", "inputs are .npy or .npz files without objects") from None
        found = dict(loaded) if hasattr(loaded, "files") else {name: loaded}
        if equals and len(found) != 1:
            raise SymcError(f"{path} holds {len(found)} arrays, expected one for '{name}'")
        arrays |= {name: next(iter(found.values()))} if equals else found
    return arrays


def _write_npz(path: Path, arrays: dict[str, Any]) -> None:
    import numpy as np

    from symc.frontend.files import replacing

    with replacing(path) as file:
        np.savez(file, **arrays)


def _compare(results: dict[str, Any], expected: dict[str, Any], rtol: float) -> dict[str, float]:
    """Largest difference of each output relative to the largest expected element.  Different: one exceeds rtol."""
    missing = [name for name in expected if name not in results]
    if missing or not expected:
        raise SymcError(f"the expected outputs {', '.join(missing) or '(none)'} are not among {', '.join(results)}")
    differences = {}
    for name, want in expected.items():
        if want.shape != results[name].shape:
            raise Different(f"output '{name}' has shape {results[name].shape}, expected {want.shape}")
        differences[name] = _difference(results[name], want)
    if not all(difference <= rtol for difference in differences.values()):
        raise Different("results differ: " + ", ".join(f"{n} by {d:.3g}" for n, d in differences.items()),
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


# ---- showing results -----------------------------------------------------------------------------------------------


def _describe(assembly: Any) -> dict[str, Any]:
    plan = assembly.plan

    def buffers(kind: str) -> dict[str, Any]:
        found = [plan.buffers[number] for number in plan.of_kind(kind)]
        return {buffer.name: [buffer.dtype, list(buffer.shape)] for buffer in found}
    return {"inputs": buffers("input"), "outputs": buffers("output"),
            "kernels": len({kernel.name for kernel in plan.kernels}), "steps": len(plan.steps),
            "arena_bytes": plan.arena_bytes, "weights_bytes": plan.weights_bytes}


def _show(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report, indent=1))
        return
    for key, value in report.items():
        typer.echo("\n".join(_lines(key, value)))


def _lines(key: str, value: Any) -> Iterator[str]:
    """One entry of a report as text: tables for lists of records, a line for the rest."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        yield f"{key}:"
        yield from _table(value)
    elif isinstance(value, dict):
        yield f"{key}:"
        yield from (f"  {name}: {_plain(item)}" for name, item in value.items())
    else:
        yield f"{key}: {_plain(value)}"


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    columns = list(rows[0])
    cells = [columns, *([_plain(row.get(column, "")) for column in columns] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for row in cells:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _plain(value: Any) -> str:
    if isinstance(value, list):
        if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], list):
            return f"{value[0]}{value[1]}"
        return ", ".join(_plain(item) for item in value)
    return str(value)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """A counter on a terminal's last line; nothing when standard error is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return

    def show(done: int, total: int) -> None:
        sys.stderr.write(f"\r{what}: {done} of {total}")
        sys.stderr.flush()
    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[K")


def main() -> None:
    """Run the command; errors of the user are one message on standard error, bugs a trace."""
    try:
        code = app(standalone_mode=False)     # that of a typer.Exit
    except Exception as error:
        if os.environ.get("SYMC_DEBUG"):
            traceback.print_exc()
        code = _report(error)
    if code:
        sys.exit(code)


def _report(error: Exception) -> int:
    """Say what went wrong; the exit code."""
    command = f"symc {sys.argv[1]}" if len(sys.argv) > 1 else "symc"
    match error:
        case SymcError():
            print(f"{command}: {error}", file=sys.stderr)
            return {UnsupportedOperatorError: EXIT_UNSUPPORTED, Different: EXIT_DIFFERENT}.get(type(error), EXIT_USER)
        case typer.TyperException():
            error.show()
            return EXIT_USER
        case BrokenPipeError():       # the reader has enough; what is still buffered goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return EXIT_USER
        case OSError():
            print(f"{command}: {error.strerror}: {error.filename}", file=sys.stderr)
            return EXIT_USER
        case typer.Abort():
            return EXIT_INTERRUPTED
    traceback.print_exception(error)
    print("symc: this is a bug of symc; please report the trace above", file=sys.stderr)
    return EXIT_BUG
