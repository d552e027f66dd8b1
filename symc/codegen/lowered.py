"""A graph ready for kernels: what may be wanted of it, and the passes that make it so."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from symc.codegen.bodies import unshared
from symc.codegen.pack import pack_rule
from symc.errors import SymcError, raise_collected, warn
from symc.ir.graph import Graph
from symc.ops.operator import output_name, states_of
from symc.ops.record import Record, record
from symc.passes.base import Pass, run_passes
from symc.passes.overwrite_inputs import OverwriteInputs
from symc.passes.pipeline import (
    frozen_pipeline,
    grid_pipeline,
    inference_pipeline,
    lowering_pipeline,
    training_pipeline,
)
from symc.runtime.libraries import LIBRARIES
from symc.runtime.modes import FROZEN, INFERENCE, TRAINING

if TYPE_CHECKING:
    from symc.codegen.compile_groups import Progress

PIPELINES: dict[str, Callable[[Mapping[str, str]], list[Pass]]] = {
    INFERENCE: lambda _: inference_pipeline(), TRAINING: training_pipeline, FROZEN: frozen_pipeline}
PRECISIONS = ("fp32", "bf16", "fp16", "tf32")
GRID_PRECISIONS = ("fp16", "tf32")     # that GPUs alone have


@dataclass(frozen=True)
class Options:
    """How to compile.

    dump: folder for the graph after each pass.  print_after: names of passes whose result is printed.  times: gets
    the seconds of each pass.  progress: told how far the work is.  verify: check the graph between passes.
    precision: 'fp32', or 'bf16' to store weights and what lies between kernels as bfloat16; sums stay float32.  For
    GPUs also 'fp16', the same with float16, and 'tf32': the factors of products are rounded to 10 bits of mantissa.
    fast_math: 3x3 convolutions also by tiles of 4x4 pixels, which are faster and round more (`passes.winograd`).
    note: told what was found or decided that the user did not say; by default a Python warning.
    weights_file: name of a file beside the package for the weights, which packages of equal weights share.
    slabs: the sizes for which a batch of any size has plans, ascending; others are computed by these.
    verification: compare what packages compute with the interpreter before they are written (docs/verification.md).
    libraries: of NVIDIA that GPUs may use, of LIBRARIES: 'cublaslt', 'cudnn'.  `library_calls` has the rule for what;
    where they are not installed, or refuse, symc's own kernels run.
    """

    dump: Path | None = None
    print_after: Collection[str] = ()
    times: dict[str, float] | None = None
    progress: Progress | None = None
    verify: bool = field(default_factory=lambda: bool(os.environ.get("SYMC_DEBUG")))
    precision: str = "fp32"
    fast_math: bool = False
    note: Callable[[str], None] = warn
    weights_file: str | None = None
    slabs: tuple[int, ...] = (1, 8, 64)
    verification: bool = True
    libraries: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.slabs or list(self.slabs) != sorted(set(self.slabs)) or self.slabs[0] < 1:
            raise SymcError(f"the sizes of slabs {self.slabs} are not different numbers above 0, ascending")
        if self.precision not in PRECISIONS:
            raise SymcError(f"precision {self.precision!r} is not known", f"it is {' or '.join(PRECISIONS)}")
        if self.fast_math and self.precision != "fp32":
            raise SymcError(f"fast math is for precision 'fp32', not {self.precision!r}", "choose one of the two")
        raise_collected(SymcError, "the libraries", [f"there is no library {name!r}" for name in self.libraries
                                                     if name not in LIBRARIES], f"known are {', '.join(LIBRARIES)}")


@record
class Lowered(Record):
    """A graph after all passes, and what `assemble` must know of the graph before them.

    source: the graph before them, and requests of gradients (None: inference), by which it is verified.
    """

    graph: Graph
    states: tuple[str, ...]
    parameters: frozenset[str]
    outputs: tuple[str, ...]
    trains: bool
    initial: Mapping[str, np.ndarray]
    source: Graph
    requests: Mapping[str, str] | None


def lower(graph: Graph, mode: str, requests: Mapping[str, str], parameters: Collection[str], options: Options,
          initial: Mapping[str, np.ndarray] | None = None, target: str = "cpu") -> Lowered:
    """Run the passes of `mode` (inference, training, frozen) over a typed graph, for 'cpu' or 'cuda'.

    requests: argument → 'write' or 'add', for gradients.  parameters: names of the variables whose consequences the
    entry `prepare` computes.  initial: for a module, which holds its own arrays: the first values of inputs and
    states.  None: all arrays are the user's and stay bound, and what forward writes to them is seen.
    """
    stable = frozenset(parameters)
    check_options(options, mode, target)
    passes = passes_of(mode, requests, stable, options, initial is not None, target)
    _check_pass_names(options.print_after, passes)
    fused = run_wanted(graph, passes, options)
    trains = mode != INFERENCE
    states = state_names(graph) if trains or initial is None else []
    return Lowered(unshared(fused), tuple(states), stable, tuple(output_names(graph)), trains, initial or {}, graph,
                   requests if trains else None)


def run_wanted(graph: Graph, passes: Sequence[Pass], options: Options, folder: str = "") -> Graph:
    """`run_passes` as the options say; folder: within that of dumps."""
    return run_passes(graph, passes, dump=options.dump and options.dump / folder, print_after=options.print_after,
                      times=options.times, verify=options.verify)


def check_options(options: Options, mode: str, target: str) -> None:
    """SymcError: the options are not for this mode or target."""
    if options.precision in GRID_PRECISIONS and target != "cuda":
        raise SymcError(f"precision {options.precision!r} is for GPUs",
                        "compile for 'cuda' alone, or with precision 'fp32' or 'bf16'")
    if options.precision in ("bf16", "fp16") and mode != INFERENCE:
        raise SymcError(f"precision {options.precision!r} is for inference; gradients are computed in float32",
                        "compile without train, or with precision 'fp32'")
    if options.fast_math and mode != INFERENCE:
        raise SymcError("fast math is for inference: it transforms weights, which training changes",
                        "compile without train, or without fast math")


def passes_of(mode: str, requests: Mapping[str, str], parameters: Collection[str], options: Options,
              is_module: bool, target: str = "cpu") -> list[Pass]:
    """The passes of `lower`.  is_module: whether arrays are the module's own, which forward does not write."""
    passes = [*PIPELINES[mode](requests), *lowering_passes(frozenset(parameters), options, target)]
    return [step for step in passes if not (is_module and isinstance(step, OverwriteInputs))]


def lowering_passes(parameters: frozenset[str], options: Options, target: str) -> list[Pass]:
    """Those behind the passes of PIPELINES."""
    if target == "cuda":
        return grid_pipeline(parameters, options.precision)
    return lowering_pipeline(pack_rule, parameters, options.precision == "bf16", options.fast_math)


def _check_pass_names(wanted: Collection[str], passes: Sequence[Pass]) -> None:
    names = {step.name: None for step in passes}
    unknown = [f"there is no pass '{name}'" for name in wanted if name not in (*names, "all")]
    raise_collected(SymcError, "the names of passes", unknown, f"the passes are {', '.join(names)}")


def output_names(graph: Graph) -> list[str]:
    """MXNet's names of the heads, a number behind those that occur twice."""
    plain = [output_name(head) for head in graph.heads]
    earlier = [plain[:position].count(name) for position, name in enumerate(plain)]
    return [f"{name}#{count}" if count else name for name, count in zip(plain, earlier, strict=True)]


def state_names(graph: Graph) -> list[str]:
    """Names of the variables that operators take as auxiliary states, in the graph's order."""
    return [node.name for node in states_of(graph)]
