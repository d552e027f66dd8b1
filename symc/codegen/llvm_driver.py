"""The driver: the code that walks the native steps of a plan with a team of threads, as textual LLVM IR.

    i32 symc_run_plan(ptr plan, ptr buffers, ptr symbols, i64 first, i64 last, ptr team)

runs the native steps [first, last), which are kernels, and loops and branches of such (`llvm_loops`); 0 when done,
1 when the range holds anything else.  `plan` has the rows of the step table and the ids of their buffers, `buffers`
one pointer for each plan buffer, `symbols` one i64 for each plan symbol.  The team enters once, with a barrier where
the phase changes; `llvm_sharing` shares the jobs of a step.  Phases too small to be worth that are left to
thread 0, and neighbours among them need no barrier.  With a null or busy team the caller is a team of one.

This is the engine, the same for all plans.  In a package it lies beside the tables of its plans, which `symc_run`,
`symc_run_1` and so on walk; in process it is loaded once, and tables are made in memory (`in_process`).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from symc.codegen.llvm_descriptor import descriptor_text
from symc.codegen.llvm_loops import DECLARATIONS, control_name, control_text
from symc.codegen.llvm_probe import NARROW, probe_text
from symc.codegen.llvm_sharing import CLAIMS_BYTES, MEMBER, MEMBER_BYTES, SHARE
from symc.codegen.llvm_team import TRIPLES, team_text
from symc.codegen.plan import BranchStep, KernelStep, LoopStep, Plan, Range, Step, inner_ranges, runs_natively
from symc.runtime.manifest import run_name

# What one core does in a nanosecond, and how long a phase must take before other threads are asked to help.
FLOPS_PER_NANOSECOND = 30
BYTES_PER_NANOSECOND = 10
WORTH_SHARING_NANOSECONDS = 4000

# Callers that the engine has, for kernels of so many buffers and no symbols; a plan brings others with it.
MOST_BUFFERS = 24

# %plan: rows, ids, how many rows, buffers of whose table each thread has its own copy (0: none has)
# %step: kernel, caller, jobs, first buffer id, symbol that multiplies jobs or -1, barrier behind it, thread 0 only,
# whether it is a loop or branch, whose function then stands for the kernel
# %call: plan, buffers, symbols, first and last step, claims; %member and claims: see `llvm_sharing`
RUN = """
%step = type { ptr, ptr, i64, i32, i32, i8, i8, i8 }
%plan = type { ptr, ptr, i64, i64 }
%call = type { ptr, ptr, ptr, i64, i64, ptr }

define i32 @symc_run_plan(ptr %plan, ptr %buffers, ptr %symbols, i64 %first, i64 %last, ptr %team) nounwind {
entry:
  %call = alloca %call
  %claims = alloca [{claims_bytes} x i8], align 64
  %buffers_at = getelementptr %call, ptr %call, i64 0, i32 1
  %symbols_at = getelementptr %call, ptr %call, i64 0, i32 2
  %first_at = getelementptr %call, ptr %call, i64 0, i32 3
  %last_at = getelementptr %call, ptr %call, i64 0, i32 4
  %claims_at = getelementptr %call, ptr %call, i64 0, i32 5
  %count_at = getelementptr %plan, ptr %plan, i64 0, i32 2
  %steps = load ptr, ptr %plan
  %count = load i64, ptr %count_at
  store ptr %plan, ptr %call
  store ptr %buffers, ptr %buffers_at
  store ptr %symbols, ptr %symbols_at
  store i64 %first, ptr %first_at
  store i64 %last, ptr %last_at
  %begins = icmp sge i64 %first, 0
  %ends = icmp sle i64 %last, %count
  %inside = and i1 %begins, %ends
  br i1 %inside, label %inspect, label %refuse
inspect:
  %i = phi i64 [ %first, %entry ], [ %next, %accept ]
  %shared = phi i1 [ false, %entry ], [ %shared_now, %accept ]
  %more = icmp slt i64 %i, %last
  br i1 %more, label %look, label %choose
look:
  %kernel_at = getelementptr %step, ptr %steps, i64 %i, i32 0
  %kernel = load ptr, ptr %kernel_at
  %other = icmp eq ptr %kernel, null
  br i1 %other, label %refuse, label %accept
accept:
  %solo_at = getelementptr %step, ptr %steps, i64 %i, i32 6
  %solo = load i8, ptr %solo_at
  %for_all = icmp eq i8 %solo, 0
  %shared_now = or i1 %shared, %for_all
  %next = add i64 %i, 1
  br label %inspect
choose:
  br i1 %shared, label %together, label %alone
together:
  call void @llvm.memset.p0.i64(ptr %claims, i8 0, i64 {claims_bytes}, i1 false)
  store ptr %claims, ptr %claims_at
  call void @symc_team_run(ptr %team, ptr @symc_work, ptr %call)
  ret i32 0
alone:
  call void @symc_work(ptr %call, i64 0, i64 1, ptr null)
  ret i32 0
refuse:
  ret i32 1
}

define internal void @symc_work(ptr %call, i64 %thread, i64 %threads, ptr %team) nounwind {
entry:
  %member = alloca %member
  call void @llvm.memset.p0.i64(ptr %member, i8 0, i64 {member_bytes}, i1 false)
  %all_claims_at = getelementptr %call, ptr %call, i64 0, i32 5
  %member_claims_at = getelementptr %member, ptr %member, i64 0, i32 1
  %all_claims = load ptr, ptr %all_claims_at
  store ptr %team, ptr %member
  store ptr %all_claims, ptr %member_claims_at
  %buffers_at = getelementptr %call, ptr %call, i64 0, i32 1
  %symbols_at = getelementptr %call, ptr %call, i64 0, i32 2
  %first_at = getelementptr %call, ptr %call, i64 0, i32 3
  %last_at = getelementptr %call, ptr %call, i64 0, i32 4
  %plan = load ptr, ptr %call
  %shared = load ptr, ptr %buffers_at
  %symbols = load ptr, ptr %symbols_at
  %first = load i64, ptr %first_at
  %last = load i64, ptr %last_at
  %own_at = getelementptr %plan, ptr %plan, i64 0, i32 3
  %own = load i64, ptr %own_at
  %is_shared = icmp eq i64 %own, 0
  br i1 %is_shared, label %go, label %copy
copy:
  ; loops move slices and states in the table of buffers: each thread has its own
  %copied = alloca ptr, i64 %own, align 16
  %bytes = shl i64 %own, 3
  call void @llvm.memcpy.p0.p0.i64(ptr %copied, ptr %shared, i64 %bytes, i1 false)
  br label %go
go:
  %buffers = phi ptr [ %shared, %entry ], [ %copied, %copy ]
  call void @symc_rows(ptr %plan, ptr %buffers, ptr %symbols, i64 %first, i64 %last, i64 %thread, i64 %threads,
                       ptr %member, i1 false)
  ret void
}

define void @symc_rows(ptr %plan, ptr %buffers, ptr %symbols, i64 %first, i64 %last, i64 %thread, i64 %threads,
                       ptr %member, i1 %backwards) nounwind {
entry:
  %leads = icmp eq i64 %thread, 0
  %steps = load ptr, ptr %plan
  %all_ids_at = getelementptr %plan, ptr %plan, i64 0, i32 1
  %all_ids = load ptr, ptr %all_ids_at
  br label %next
next:
  %i = phi i64 [ %first, %entry ], [ %following, %after ], [ %following, %meet ]
  %following = add i64 %i, 1
  %more = icmp slt i64 %i, %last
  br i1 %more, label %visit, label %done
visit:
  %row = getelementptr %step, ptr %steps, i64 %i
  %kernel = load ptr, ptr %row
  %solo_at = getelementptr %step, ptr %row, i64 0, i32 6
  %control_at = getelementptr %step, ptr %row, i64 0, i32 7
  %solo = load i8, ptr %solo_at
  %control = load i8, ptr %control_at
  %for_all = icmp eq i8 %solo, 0
  %is_mine = or i1 %for_all, %leads
  %company = select i1 %for_all, ptr %member, ptr @symc_alone
  %sharers = select i1 %for_all, i64 %threads, i64 1
  br i1 %is_mine, label %begin, label %after
begin:
  %is_control = icmp ne i8 %control, 0
  br i1 %is_control, label %enter, label %measure
enter:
  call void %kernel(ptr %plan, ptr %buffers, ptr %symbols, i64 %thread, i64 %sharers, ptr %company)
  br label %after
measure:
  %per_at = getelementptr %step, ptr %row, i64 0, i32 4
  %per = load i32, ptr %per_at
  %base_jobs_at = getelementptr %step, ptr %row, i64 0, i32 2
  %base_jobs = load i64, ptr %base_jobs_at
  %plain = icmp slt i32 %per, 0
  br i1 %plain, label %call, label %scale
scale:
  %per64 = zext i32 %per to i64
  %factor_at = getelementptr i64, ptr %symbols, i64 %per64
  %factor = load i64, ptr %factor_at
  %scaled = mul i64 %base_jobs, %factor
  br label %call
call:
  %jobs = phi i64 [ %base_jobs, %measure ], [ %scaled, %scale ]
  %caller_at = getelementptr %step, ptr %row, i64 0, i32 1
  %ids_at = getelementptr %step, ptr %row, i64 0, i32 3
  %caller = load ptr, ptr %caller_at
  %first_id = load i32, ptr %ids_at
  %first_id64 = zext i32 %first_id to i64
  %ids = getelementptr i32, ptr %all_ids, i64 %first_id64
  %is_team = icmp ne i64 %threads, 1
  %in_parts = or i1 %is_team, %backwards
  %is_cut = and i1 %for_all, %in_parts
  br i1 %is_cut, label %cut, label %whole
whole:
  %some = icmp sgt i64 %jobs, 0
  br i1 %some, label %work, label %after
work:
  call void %caller(ptr %kernel, ptr %buffers, ptr %ids, ptr %symbols, i64 0, i64 %jobs)
  br label %after
cut:
  ; with fewer jobs than threads, neighbouring steps start at different threads
  %few = icmp slt i64 %jobs, %threads
  %turned = add i64 %thread, %i
  %place = select i1 %few, i64 %turned, i64 %thread
  call void @symc_share(ptr %member, ptr %caller, ptr %kernel, ptr %buffers, ptr %ids, ptr %symbols, i64 %jobs,
                        i64 %place, i64 %threads, i1 %backwards)
  br label %after
after:
  %meets_at = getelementptr %step, ptr %row, i64 0, i32 5
  %meets = load i8, ptr %meets_at
  %phase_ends = icmp ne i8 %meets, 0
  %goes_on = icmp slt i64 %following, %last
  %barrier = and i1 %phase_ends, %goes_on
  br i1 %barrier, label %meet, label %next
meet:
  call void @symc_meet(ptr %member)
  br label %next
done:
  ret void
}
"""

# The tables of a package's plans, and the functions that walk them: symc_run, symc_run_1 and so on.
TABLE = """
@ids{place} = internal constant [{id_count} x i32] [{ids}]
@steps{place} = internal constant [{count} x %step] [{rows}]
@plan{place} = internal constant %plan {{ ptr @steps{place}, ptr @ids{place}, i64 {count}, i64 {own} }}
define i32 @{run}(ptr %buffers, ptr %symbols, i64 %first, i64 %last, ptr %team) nounwind {{
  %status = call i32 @symc_run_plan(ptr @plan{place}, ptr %buffers, ptr %symbols, i64 %first, i64 %last, ptr %team)
  ret i32 %status
}}
"""


# What loops and branches call.
ENGINE_SYMBOLS = ("symc_rows", "symc_meet")
FROM_ENGINE = """
declare void @symc_rows(ptr, ptr, ptr, i64, i64, i64, i64, ptr, i1)
declare void @symc_meet(ptr)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
"""


class Row(NamedTuple):
    """A row of the step table; function and caller are names of symbols, empty where there is none."""

    function: str
    caller: str
    jobs: int
    first_id: int
    per: int
    barrier: bool
    solo: bool
    control: bool


class Table(NamedTuple):
    """What the engine reads of a plan.  own: entries of the table of buffers that each thread copies."""

    rows: tuple[Row, ...]
    ids: tuple[int, ...]
    own: int


def table_of(plan: Plan, place: int = 0) -> Table:
    """place: of the plan among those of a library."""
    solo, barriers = _alone(plan), _barriers(plan)
    ids: list[int] = []
    rows = []
    for number, step in enumerate(plan.steps):
        rows.append(_row(plan, number, len(ids), barriers[number], solo[number], place))
        ids.extend(step.buffers if isinstance(step, KernelStep) else ())
    return Table(tuple(rows), tuple(ids), len(plan.buffers) if _controls(plan) else 0)


def _row(plan: Plan, number: int, first_id: int, barrier: bool, solo: bool, place: int) -> Row:
    step = plan.steps[number]
    if isinstance(step, KernelStep):
        per = -1 if step.per is None else step.per
        return Row(plan.kernels[step.kernel].name, _caller_name(*_signature(plan, step)), step.jobs, first_id, per,
                   barrier, solo, control=False)
    name = control_name(number, place) if runs_natively(plan, step) else ""
    return Row(name, "", 0, 0, -1, barrier, solo, control=True)


@functools.cache
def engine_text(architecture: str = "x86_64") -> str:
    """LLVM IR of the engine, thread team included."""
    callers = (_caller(count, ()) for count in range(MOST_BUFFERS + 1))
    run = RUN.replace("{claims_bytes}", str(CLAIMS_BYTES)).replace("{member_bytes}", str(MEMBER_BYTES))
    return "\n".join([f'source_filename = "symc"\ntarget triple = "{TRIPLES[architecture]}"', MEMBER, run, SHARE,
                      *callers, DECLARATIONS, team_text(architecture)])


def further_module(plan: Plan) -> str:
    """What a plan brings along as a module of its own; empty when that is nothing."""
    text = further_text([plan])
    return "\n".join([f'source_filename = "symc"\n{FROM_ENGINE}', text]) if text else ""


def further_text(plans: Sequence[Plan]) -> str:
    """LLVM IR of what plans bring along: their loops and branches, and callers that the engine lacks; may be empty."""
    signatures = sorted({_signature(plan, step) for plan in plans for step in plan.steps
                         if isinstance(step, KernelStep)})
    callers = [_caller(count, symbols) for count, symbols in signatures if symbols or count > MOST_BUFFERS]
    return "\n".join([*callers, *(control_text(plan, number, step, place) for place, plan in enumerate(plans)
                                  for number, step in _controls(plan))])


def driver_text(plans: Sequence[Plan], architecture: str = "x86_64", lanes: int = NARROW) -> str:
    """LLVM IR of the engine with the tables of `plans`, and the probes of a CPU with vectors of `lanes` float32.

    Needs the plans' kernels beside it when linked.
    """
    return "\n".join([engine_text(architecture), *_declarations(plans), further_text(plans),
                      *(_table_text(plan, place) for place, plan in enumerate(plans)), probe_text(lanes),
                      descriptor_text(plans, [f"plan{place}" for place in range(len(plans))])])


def _table_text(plan: Plan, place: int) -> str:
    table = table_of(plan, place)
    return TABLE.format(place=place, run=run_name(place), own=table.own,
                        id_count=len(table.ids), ids=", ".join(f"i32 {number}" for number in table.ids),
                        count=len(table.rows), rows=",\n".join(map(_row_text, table.rows)))


def _row_text(row: Row) -> str:
    function, caller = (f"@{name}" if name else "null" for name in (row.function, row.caller))
    return (f"%step {{ ptr {function}, ptr {caller}, i64 {row.jobs}, i32 {row.first_id}, i32 {row.per}, "
            f"i8 {int(row.barrier)}, i8 {int(row.solo)}, i8 {int(row.control)} }}")


def _controls(plan: Plan) -> list[tuple[int, LoopStep | BranchStep]]:
    return [(number, step) for number, step in enumerate(plan.steps)
            if isinstance(step, LoopStep | BranchStep) and runs_natively(plan, step)]


def _signature(plan: Plan, step: KernelStep) -> tuple[int, tuple[int, ...]]:
    return len(step.buffers), plan.kernels[step.kernel].symbols


def _declarations(plans: Sequence[Plan]) -> list[str]:
    """One `declare` for every kernel that a step calls, in the order of the plans and their kernels."""
    calls = sorted({(place, step.kernel, *_signature(plan, step)) for place, plan in enumerate(plans)
                    for step in plan.steps if isinstance(step, KernelStep)})
    parameters = {plans[place].kernels[kernel].name: ["ptr"] * count + ["i64"] * (len(symbols) + 2)
                  for place, kernel, count, symbols in calls}
    return [f"declare void @{name}({', '.join(types)})" for name, types in parameters.items()]


def _caller_name(count: int, symbols: tuple[int, ...]) -> str:
    return "_".join(["symc_call", str(count), *(str(symbol) for symbol in symbols)])


def _caller(count: int, symbols: tuple[int, ...]) -> str:
    """A function that loads `count` buffer pointers and the symbols, and calls any kernel that takes them."""
    lines, arguments = [], []
    for i in range(count):
        lines += [f"  %id_at{i} = getelementptr i32, ptr %ids, i64 {i}", f"  %id{i} = load i32, ptr %id_at{i}",
                  f"  %wide{i} = zext i32 %id{i} to i64", f"  %at{i} = getelementptr ptr, ptr %buffers, i64 %wide{i}",
                  f"  %buffer{i} = load ptr, ptr %at{i}"]
        arguments.append(f"ptr %buffer{i}")
    for i, symbol in enumerate(symbols):
        lines += [f"  %symbol_at{i} = getelementptr i64, ptr %symbols, i64 {symbol}",
                  f"  %symbol{i} = load i64, ptr %symbol_at{i}"]
        arguments.append(f"i64 %symbol{i}")
    call = f"  call void %kernel({', '.join([*arguments, 'i64 %begin', 'i64 %end'])})"
    return "\n".join([f"define void @{_caller_name(count, symbols)}(ptr %kernel, ptr %buffers, ptr %ids, "
                      "ptr %symbols, i64 %begin, i64 %end) nounwind {", *lines, call, "  ret void", "}"])


def _ranges(plan: Plan) -> list[Range]:
    """Entries, loop bodies and branch arms, each once; inner ones last."""
    inner = [bounds for step in plan.steps for bounds in inner_ranges(step)]
    return sorted({*plan.entries.values(), *inner})


def _alone(plan: Plan) -> list[bool]:
    """For every step, whether thread 0 does the whole phase that it is in; of a loop or branch: all that it holds."""
    alone = [True] * len(plan.steps)
    for first, last in reversed(_ranges(plan)):
        for _, numbers in groupby(range(first, last), lambda number: plan.steps[number].phase):
            phase = list(numbers)
            is_alone = _is_alone(plan, [plan.steps[number] for number in phase], alone)
            for number in phase:
                alone[number] = is_alone
    return alone


def _is_alone(plan: Plan, steps: Sequence[Step], alone: Sequence[bool]) -> bool:
    """Whether a phase is left to thread 0.  alone: the answer for the steps inside its loops and branches."""
    if any(not all(alone[first:last]) for step in steps for first, last in inner_ranges(step)):
        return False
    small = sum(_nanoseconds(plan, step) for step in steps) < WORTH_SHARING_NANOSECONDS
    return small or sum(_most_jobs(step) for step in steps) < 2


def _most_jobs(step: Step) -> int:
    return (step.jobs if step.per is None else 2) if isinstance(step, KernelStep) else 0


def _nanoseconds(plan: Plan, step: Step) -> float:
    """A guess of the time one core needs: by the operations and the memory of the buffers."""
    if not isinstance(step, KernelStep):
        return 0
    moved = sum(plan.buffers[number].bytes for number in step.buffers)
    return plan.kernels[step.kernel].flops / FLOPS_PER_NANOSECOND + moved / BYTES_PER_NANOSECOND


def _barriers(plan: Plan) -> list[bool]:
    """For every step, whether all threads must meet before the next one: another phase, unless both are thread 0's."""
    solo = _alone(plan)
    barriers = [False] * len(plan.steps)
    for first, last in _ranges(plan):
        for here, there in pairwise(range(first, last)):
            barriers[here] = plan.steps[here].phase != plan.steps[there].phase and not (solo[here] and solo[there])
    return barriers
