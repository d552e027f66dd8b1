"""Contractions as LLVM IR: one kernel for each spec, layout and epilogue.

    void name(ptr lhs, ptr rhs, ptr operand..., ptr output..., i64 begin, i64 end)

computes the jobs [begin, end) of `ContractionKernel.jobs`.  Every element is summed in one order, whatever the jobs.
Convolutions, matrix products and their gradients all come out of the same writer (`llvm_tile`): the spec is brought
into affine loop nests (`llvm_nest`), for which `llvm_schedule` chooses lanes, tiles and jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from symc.codegen.choice import CHUNKS, COLUMNS, MODEL, Choice
from symc.codegen.llvm_builder import I64, POINTER, Builder, Integer, Type, Value
from symc.codegen.llvm_compile import LEVELS
from symc.codegen.llvm_elements import PAIR, Element, element_of
from symc.codegen.llvm_matrix import MatrixWriter
from symc.codegen.llvm_matrix_pixels import PixelWriter
from symc.codegen.llvm_matrix_plan import MatrixPlan, plan_of
from symc.codegen.llvm_nest import Nest, nests_of
from symc.codegen.llvm_pointwise import PointWriter
from symc.codegen.llvm_round_tiles import RoundsWriter
from symc.codegen.llvm_schedule import Schedule, choose
from symc.codegen.llvm_tile import TileWriter
from symc.ir.types import DType, TensorType
from symc.ops.contraction import Contraction
from symc.ops.pairs import in_pairs


@dataclass(frozen=True, slots=True)
class EpilogueOperand:
    """A tensor that the epilogue reads beside the sum: dimension i runs along dimension `along[i]` of the output.

    Dimensions of extent 1 may have None.  A bias of a convolution is EpilogueOperand(f32[C], (1,)).
    """

    type: TensorType
    along: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class ContractionRequest:
    """One kernel to be: `spec` over tensors of these types, then an epilogue that writes `outputs`.

    All tensors are of float64, or each is of float32 or bfloat16; all outputs have the logical shape of the
    contraction's result.  Layouts may block each dimension once; a summed one of bfloat16 ends in pairs besides.
    """

    spec: Contraction
    lhs: TensorType
    rhs: TensorType
    outputs: tuple[TensorType, ...]
    operands: tuple[EpilogueOperand, ...] = ()

    @property
    def types(self) -> tuple[TensorType, ...]:
        """Of the buffers, in the order of the kernel's parameters."""
        return (self.lhs, self.rhs, *(operand.type for operand in self.operands), *self.outputs)


# epilogue(F, sum, *operands) gives the value of the output, or a tuple with one for each output.
Epilogue = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class ContractionKernel:
    """text: a whole LLVM module.  jobs: how many there are.  flops: of all jobs, nominal."""

    name: str
    text: str
    jobs: int
    flops: int


def supports(request: ContractionRequest) -> bool:
    """Whether `generate` can write this kernel; what it cannot is left to TE."""
    dtypes = {type.element for type in request.types}
    return dtypes == {DType.float64} or dtypes <= {DType.float32, DType.bfloat16}


def generate(request: ContractionRequest, name: str, level: str, epilogue: Epilogue | None = None,
             choice: Choice = MODEL) -> ContractionKernel:
    """Write the kernel `name` for the CPU `level` (a key of LEVELS), scheduled by `choice`.

    epilogue(F, sum, *operands): F is `VectorMath`, the others vectors of it; None stores the sum as it is.  Outputs
    may lie in the same memory as an operand of the same type.
    """
    assert supports(request), f"no kernel for {', '.join(map(str, request.types))}"
    builder = Builder()
    writers = _writers(builder, request, level, epilogue or (lambda _, total: total), choice)
    return kernel_of(builder, writers, request, name, level)


class Request(Protocol):
    """What kernels that have a contraction in them need."""

    @property
    def spec(self) -> Contraction: ...

    @property
    def types(self) -> tuple[TensorType, ...]: ...


def kernel_of(builder: Builder, writers: Sequence[Writer], request: Request, name: str,
              level: str) -> ContractionKernel:
    """The kernel whose jobs are those of all `writers`, one after the other."""
    write_jobs(builder, writers)
    builder.emit("ret void")
    text = builder.function(_header(name, request), "nounwind #0") + builder.declared() + LEVELS[level].attributes
    return ContractionKernel(name, text, sum(writer.jobs for writer in writers), request.spec.flops)


def choices(request: ContractionRequest, level: str, ranks: int, ranks_by_order: int) -> list[Choice]:
    """Choices that give different schedules, the model's own first: the first `ranks` tiles in the model's order of
    jobs, and the first `ranks_by_order` of them in both orders.
    """
    request = _in_pairs(request)
    nests = _nests(request) or []
    elements = _elements(request, level)
    nests = [nest for nest in nests if _matrix_plan(nest, elements, level) is None]     # tiles have no choices
    found: dict[Choice, list[Schedule]] = {}
    orders = [Choice(rank, order) for rank in range(ranks_by_order) for order in (COLUMNS, CHUNKS)]
    for choice in (*(Choice(rank) for rank in range(ranks)), *orders):
        schedules = [_schedule(nest, elements, level, choice) for nest in nests]
        if schedules not in found.values():
            found[choice] = schedules
    return list(found)


def _nests(request: ContractionRequest) -> list[Nest] | None:
    return nests_of(request.spec, request.types, [operand.along for operand in request.operands])


def _in_pairs(request: ContractionRequest) -> ContractionRequest:
    """The same over pairs, as far as there are some."""
    found = in_pairs(request.spec, request.lhs, request.rhs)
    if found is None:
        return request
    halved = ContractionRequest(*found, request.outputs, request.operands)
    return halved if _nests(halved) else request


class Writer(Protocol):
    """Writes the jobs of (a part of) a kernel."""

    @property
    def jobs(self) -> int: ...

    def write_job(self, number: Integer) -> None: ...


def _writers(builder: Builder, request: ContractionRequest, level: str, epilogue: Epilogue,
             choice: Choice) -> Sequence[Writer]:
    """One for each nest, and what is not affine point by point."""
    pointers = [Value(builder, f"%buffer{i}", POINTER) for i in range(len(request.types))]
    request = _in_pairs(request)
    elements = _elements(request, level)
    nests = _nests(request)
    if nests is None:
        along = [operand.along for operand in request.operands]
        return [PointWriter(builder, request.spec, request.types, along, elements, pointers, epilogue)]
    return [_writer(builder, nest, elements, level, pointers, epilogue, choice) for nest in nests]


def _writer(builder: Builder, nest: Nest, elements: Sequence[Element], level: str, pointers: Sequence[Value],
            epilogue: Epilogue, choice: Choice) -> Writer:
    if (plan := _matrix_plan(nest, elements, level)) is not None:
        writer = PixelWriter if plan.lines else MatrixWriter
        return writer(builder, plan, LEVELS[level].core, elements, pointers, epilogue)
    schedule = _schedule(nest, elements, level, choice)
    return (RoundsWriter if schedule.rounds else TileWriter)(builder, schedule, elements, pointers, epilogue)


def _matrix_plan(nest: Nest, elements: Sequence[Element], level: str) -> MatrixPlan | None:
    """How the CPU's tiles multiply; None where there are none, or they would not pay."""
    return plan_of(nest) if LEVELS[level].core.has_tiles and elements[0] is elements[1] is PAIR else None


def _elements(request: ContractionRequest, level: str) -> list[Element]:
    return [element_of(type.element, LEVELS[level].core.has_pairs) for type in request.types]


def _schedule(nest: Nest, elements: Sequence[Element], level: str, choice: Choice) -> Schedule:
    core = LEVELS[level].core
    core = core.for_pairs() if elements[0] is PAIR else core
    return choose(nest, core, Type(elements[0].register).bits // 8, choice)


def _header(name: str, request: Request) -> str:
    """Only lhs and rhs are said to be no output: an operand may lie where the output does."""
    buffers = [("ptr noalias readonly " if i < 2 else "ptr ") + f"%buffer{i}" for i in range(len(request.types))]
    return f"void @{name}({', '.join(buffers)}, i64 %begin, i64 %end)"


def write_jobs(builder: Builder, writers: Sequence[Writer]) -> None:
    """The jobs of all writers, one writer after the other."""
    begin, end = Value(builder, "%begin", I64), Value(builder, "%end", I64)
    first = 0
    for writer in writers:
        def job(number: Integer, _: list[Value], writer: Writer = writer) -> list[Value]:
            writer.write_job(number)
            return []
        builder.loop(builder.maximum(begin - first, 0), builder.minimum(end - first, writer.jobs), 1, job)
        first += writer.jobs
