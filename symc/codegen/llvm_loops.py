"""Loops and branches of the driver: one function of textual LLVM IR for each loop or branch step N of plan P.

    void symc_control_P_N(ptr plan, ptr buffers, ptr symbols, i64 thread, i64 threads, ptr member)

All threads of the team go through it together, each with its own table of buffers: slices move along and carried
states change places in the table, so that nothing is copied from one iteration to the next.  Each runs its share of
the steps of the body by `symc_rows`, in every other iteration backwards; they meet after every iteration.  A member
without a team does everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from symc.codegen.plan import BranchStep, LoopStep, Plan, storage_dtype

SIGNATURE = "ptr %plan, ptr %buffers, ptr %symbols, i64 %thread, i64 %threads, ptr %member"
ROWS = ("call void @symc_rows(ptr %plan, ptr %buffers, ptr %symbols, i64 {first}, i64 {last}, i64 %thread, "
        "i64 %threads, ptr %member, i1 {backwards})")
DECLARATIONS = """declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
define void @symc_meet(ptr %member) nounwind {
  %team = load ptr, ptr %member
  %alone = icmp eq ptr %team, null
  br i1 %alone, label %done, label %meet
meet:
  call void @symc_barrier(ptr %team)
  br label %done
done:
  ret void
}"""


def control_name(number: int, place: int = 0) -> str:
    """The function of step `number` of the plan at `place` among those of a library."""
    return f"symc_control_{place}_{number}"


def control_text(plan: Plan, number: int, step: LoopStep | BranchStep, place: int = 0) -> str:
    """The function of a loop or branch step that the driver runs (`runs_natively`)."""
    body = _loop(plan, step) if isinstance(step, LoopStep) else _branch(plan, step)
    return "\n".join([f"define void @{control_name(number, place)}({SIGNATURE}) nounwind {{", *body, "}"])


def _branch(plan: Plan, step: BranchStep) -> Iterator[str]:
    yield from _load_integer(plan, step.predicate, "predicate")
    yield "  %holds = icmp ne i64 %predicate, 0"
    yield "  br i1 %holds, label %then, label %else"
    for label, (first, last) in (("then", step.then), ("else", step.otherwise)):
        yield f"{label}:"
        yield "  " + ROWS.format(first=first, last=last, backwards="false")
        yield "  ret void"


def _loop(plan: Plan, loop: LoopStep) -> Iterator[str]:
    yield "entry:"
    yield "  %leads = icmp eq i64 %thread, 0"
    if loop.trip_buffer is None:
        yield f"  %trips = add i64 0, {loop.trip}"
    else:
        yield from _load_integer(plan, loop.trip_buffer, "trips")
    yield from _beginning(plan, loop)
    yield "next:"
    yield "  %done = phi i64 [ 0, %ready ], [ %done_now, %again ]"
    yield "  %more = icmp slt i64 %done, %trips"
    yield "  br i1 %more, label %test, label %exit"
    yield from _test(plan, loop)
    yield "iterate:"
    yield from _count(loop, "%done", "counted")
    yield from _cut(loop)
    yield "  %backwards = trunc i64 %done to i1"
    yield "  " + ROWS.format(first=loop.body[0], last=loop.body[1], backwards="%backwards")
    yield "  call void @symc_meet(ptr %member)"
    yield from _exchange(loop, "now")
    yield "  %done_now = add i64 %done, 1"
    yield "  br label %again"
    yield "again:"
    yield "  br label %next"
    yield "exit:"
    yield from _ending(plan, loop)


def _beginning(plan: Plan, loop: LoopStep) -> Iterator[str]:
    """Thread 0 fills what the first iteration reads."""
    yield "  br i1 %leads, label %begin, label %begun"
    yield "begin:"
    for number in loop.clear:
        yield from _load_pointer(number, f"clear{number}")
        yield f"  call void @llvm.memset.p0.i64(ptr %clear{number}, i8 0, i64 {plan.buffers[number].bytes}, i1 false)"
    for source, target in loop.initial:
        yield from _copy(plan, source, target, f"i{target}")
    yield "  br label %begun"
    yield "begun:"
    if loop.clear or loop.initial:
        yield "  call void @symc_meet(ptr %member)"
    yield "  br label %ready"
    yield "ready:"
    yield "  br label %next"


def _test(plan: Plan, loop: LoopStep) -> Iterator[str]:
    """Whether the predicate, if there is one, lets another iteration be made."""
    yield "test:"
    if loop.predicate is None:
        yield "  br label %iterate"
        return
    yield from _load_integer(plan, loop.predicate, "predicate")
    yield "  %holds = icmp ne i64 %predicate, 0"
    yield "  br i1 %holds, label %iterate, label %exit"


def _cut(loop: LoopStep) -> Iterator[str]:
    """Point the slices to the parts of this iteration."""
    if loop.reverse:
        yield "  %behind = sub i64 %trips, %done"
        yield "  %index = sub i64 %behind, 1"
    else:
        yield "  %index = add i64 %done, 0"
    for part, whole, stride in loop.slices:
        yield from _load_pointer(whole, f"whole{part}")
        yield f"  %offset{part} = mul i64 %index, {stride}"
        yield f"  %part{part} = getelementptr i8, ptr %whole{part}, i64 %offset{part}"
        yield from _store_pointer(part, f"%part{part}", f"part{part}")


def _exchange(loop: LoopStep, suffix: str) -> Iterator[str]:
    """Carried states change places: what was written is read from now on."""
    for source, target in loop.carry:
        yield from _load_pointer(source, f"from{source}{suffix}")
        yield from _load_pointer(target, f"to{target}{suffix}")
        yield from _store_pointer(target, f"%from{source}{suffix}", f"to{target}{suffix}_new")
        yield from _store_pointer(source, f"%to{target}{suffix}", f"from{source}{suffix}_new")


def _ending(plan: Plan, loop: LoopStep) -> Iterator[str]:
    """After an odd number of exchanges the states go back to their places."""
    yield from _count(loop, "%done", "ended")
    if not loop.carry:
        yield "  ret void"
        return
    yield "  %odd_bit = and i64 %done, 1"
    yield "  %odd = icmp ne i64 %odd_bit, 0"
    yield "  br i1 %odd, label %restore, label %finish"
    yield "restore:"
    yield from _exchange(loop, "back")
    yield "  br i1 %leads, label %settle, label %finish"
    yield "settle:"
    for source, target in loop.carry:
        yield from _copy(plan, source, target, f"e{target}")
    yield "  br label %finish"
    yield "finish:"
    yield "  ret void"


def _count(loop: LoopStep, value: str, name: str) -> Iterator[str]:
    """Thread 0 writes the number of the iteration."""
    if loop.counter is None:
        return
    yield f"  br i1 %leads, label %{name}_write, label %{name}"
    yield f"{name}_write:"
    yield from _load_pointer(loop.counter, f"{name}_index")
    yield f"  store i64 {value}, ptr %{name}_index"
    yield f"  br label %{name}"
    yield f"{name}:"
    yield "  call void @symc_meet(ptr %member)"


def _load_integer(plan: Plan, number: int, name: str) -> Iterator[str]:
    """The integer element of a buffer as the i64 %name."""
    dtype = storage_dtype(plan.buffers[number].dtype)
    yield from _load_pointer(number, f"{name}_at")
    if dtype.itemsize == 8:
        yield f"  %{name} = load i64, ptr %{name}_at, align 1"
        return
    yield f"  %{name}_raw = load i{dtype.itemsize * 8}, ptr %{name}_at, align 1"
    yield f"  %{name} = {'sext' if dtype.kind == 'i' else 'zext'} i{dtype.itemsize * 8} %{name}_raw to i64"


def _load_pointer(number: int, name: str) -> Sequence[str]:
    return (f"  %{name}_place = getelementptr ptr, ptr %buffers, i64 {number}",
            f"  %{name} = load ptr, ptr %{name}_place")


def _store_pointer(number: int, value: str, name: str) -> Sequence[str]:
    return (f"  %{name}_place = getelementptr ptr, ptr %buffers, i64 {number}",
            f"  store ptr {value}, ptr %{name}_place")


def _copy(plan: Plan, source: int, target: int, name: str) -> Iterator[str]:
    yield from _load_pointer(source, f"{name}_from")
    yield from _load_pointer(target, f"{name}_to")
    yield (f"  call void @llvm.memcpy.p0.p0.i64(ptr %{name}_to, ptr %{name}_from, i64 {plan.buffers[target].bytes}, "
           "i1 false)")
