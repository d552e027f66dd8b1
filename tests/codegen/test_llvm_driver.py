"""The driver: every job is done once, whatever the number of threads, and steps keep their order."""

import threading

import numpy as np
import pytest

from symc.codegen.in_process import load_plan
from symc.codegen.llvm_compile import compile_object
from symc.codegen.llvm_driver import driver_text
from symc.codegen.plan import HostStep, Kernel, KernelStep, LoopStep, Plan, check
from symc.runtime.memory import address_of


def chain(native, size, steps, flops=10**9):
    """x = data + steps, in place after the first step; each step is a phase."""
    plan = Plan((native.buffer("input", "data", size), native.buffer("output", "x", size)),
                (Kernel("increase", flops=flops),),
                tuple(KernelStep(0, (min(i, 1), 1), size, i) for i in range(steps)), {"infer": (0, steps)})
    check(plan)
    return plan


class Driven:
    """A joined plan with arrays for its buffers."""

    def __init__(self, native, plan):
        self.library = native.library(plan)
        self.arrays = [np.zeros(buffer.shape, np.float32) for buffer in plan.buffers]
        self.pointers = np.array([address_of(array) for array in self.arrays], np.uintp)
        self.symbols = np.array([3, 5], np.int64)

    def run(self, first, last, team=None):
        return self.library.run(address_of(self.pointers), address_of(self.symbols), first, last, team)


@pytest.mark.parametrize("size, flops", [(1000, 10**9), (1000, 0), (3, 10**9), (1, 10**9), (0, 10**9)])
def test_every_number_of_threads_gives_the_same(native, size, flops):
    driven = Driven(native, chain(native, size, 50, flops))
    driven.arrays[0][:] = np.arange(size)
    team = driven.library.team_create()
    for threads in (1, 2, 3, 4, 8, 2, 1):
        assert driven.library.team_resize(team, threads) == threads
        for last in (1, 7, 50):
            driven.arrays[1][:] = -1
            assert driven.run(0, last, team) == 0
            np.testing.assert_array_equal(driven.arrays[1], np.arange(size) + last)
    driven.library.team_resize(team, 1)


def test_jobs_of_a_thread_that_is_held_up_are_done_by_others(native):
    """Job 0 waits until as many others are done as it does not hold itself, those of one thread's first claim."""
    kernel = """
    define void @count(ptr %done, ptr %waited, i64 %begin, i64 %end) {
    entry:
      %holds = icmp eq i64 %begin, 0
      br i1 %holds, label %wait, label %add
    wait:
      %tries = phi i64 [ 0, %entry ], [ %more_tries, %wait ]
      %more_tries = add i64 %tries, 1
      %seen = load atomic i32, ptr %done acquire, align 4
      %others = icmp sge i32 %seen, 94
      %tired = icmp sgt i64 %tries, 1000000000
      %stop = or i1 %others, %tired
      br i1 %stop, label %note, label %wait
    note:
      %number = sitofp i32 %seen to float
      store float %number, ptr %waited
      br label %add
    add:
      %count = sub i64 %end, %begin
      %count32 = trunc i64 %count to i32
      %before = atomicrmw add ptr %done, i32 %count32 acq_rel
      ret void
    }"""
    plan = Plan((native.buffer("output", "done", 1), native.buffer("output", "waited", 1)),
                (Kernel("count", flops=10**9),), (KernelStep(0, (0, 1), 100, 0),), {"infer": (0, 1)})
    check(plan)
    library = load_plan(plan, [compile_object(kernel, "x86-64")], "x86-64")
    team = library.team_create()
    assert library.team_resize(team, 2) == 2
    for _ in range(20):
        done, waited = np.zeros(1, np.int32), np.zeros(1, np.float32)
        pointers = np.array([address_of(done), address_of(waited)], np.uintp)
        assert library.run(address_of(pointers), 0, 0, 1, team) == 0
        assert done[0] == 100 and waited[0] == 94
    library.team_resize(team, 1)


def test_steps_of_a_phase_with_few_jobs_are_all_done(native):
    plan = Plan(tuple(native.buffer("input", f"x{i}", 1) for i in range(10)), (Kernel("increase", flops=10**9),),
                tuple(KernelStep(0, (i, i), 1, 0) for i in range(10)), {"infer": (0, 10)})
    driven = Driven(native, plan)
    team = driven.library.team_create()
    driven.library.team_resize(team, 4)
    assert driven.run(0, 10, team) == 0
    assert [float(array[0]) for array in driven.arrays] == [1] * 10
    driven.library.team_resize(team, 1)


def test_symbols_reach_kernels_and_multiply_jobs(native):
    kernel = """
    define void @note(ptr %to, i64 %symbol, i64 %begin, i64 %end) {
      %value = sitofp i64 %symbol to float
      %limit = sitofp i64 %end to float
      %second = getelementptr float, ptr %to, i64 1
      store float %value, ptr %to
      store float %limit, ptr %second
      ret void
    }"""
    plan = Plan((native.buffer("output", "x", 2),), (Kernel("note", symbols=(1,)),),
                (KernelStep(0, (0,), 4, 0, per=0),), {"infer": (0, 1)}, symbols=("N", "M"))
    check(plan)
    library = load_plan(plan, [compile_object(kernel, "x86-64")], "x86-64")
    x, symbols = np.zeros(2, np.float32), np.array([3, 5], np.int64)
    pointers = np.array([address_of(x)], np.uintp)
    assert library.run(address_of(pointers), address_of(symbols), 0, 1, None) == 0
    assert x.tolist() == [5, 12]


@pytest.mark.parametrize("jobs, flops, backwards", [
    (5, 10**9, [4, 3, 2, 1, 0]), (70, 10**9, [job for first in range(68, -1, -2) for job in (first, first + 1)]),
    (70, 0, list(range(70)))])
def test_iterations_run_jobs_forwards_and_backwards_in_turn(native, jobs, flops, backwards):
    """So that each begins with the weights that the one before it read last, unless all of them fit the first cache."""
    kernel = """
    define void @visit(ptr %order, i64 %begin, i64 %end) {
    entry:
      br label %job
    job:
      %i = phi i64 [ %begin, %entry ], [ %next, %job ]
      %count = load float, ptr %order
      %up = fadd float %count, 1.0
      store float %up, ptr %order
      %next = add i64 %i, 1
      %place = getelementptr float, ptr %order, i64 %next
      store float %count, ptr %place
      %more = icmp slt i64 %next, %end
      br i1 %more, label %job, label %done
    done:
      ret void
    }"""
    for trips in range(1, 5):
        plan = Plan((native.buffer("output", "order", jobs + 1),), (Kernel("visit", flops=flops),),
                    (LoopStep((1, 2), 0, trip=trips), KernelStep(0, (0,), jobs, 0)), {"infer": (0, 1)})
        check(plan)
        library = load_plan(plan, [compile_object(kernel, "x86-64")], "x86-64")
        order = np.zeros(jobs + 1, np.float32)
        assert library.run(address_of(np.array([address_of(order)], np.uintp)), 0, 0, 1, None) == 0
        assert np.argsort(order[1:]).tolist() == (list(range(jobs)) if trips % 2 else backwards)


@pytest.mark.parametrize("size, teams", [(3, (1, 2, 3, 4)), (5, (1, 2, 3, 4)), (1000, (1, 2, 3, 4)),
                                         (3, (100,)), (80, (100,)), (1000, (64, 65, 100))])
def test_teams_do_every_job_of_every_iteration_once(native, size, teams):
    """Teams of more threads than there are cores, jobs or shares (64) as well."""
    plan = Plan((native.buffer("output", "x", size),), (Kernel("increase", flops=10**9),),
                (LoopStep((1, 3), 0, trip=7), KernelStep(0, (0, 0), size, 0), KernelStep(0, (0, 0), size, 1)),
                {"infer": (0, 1)})
    check(plan)
    driven = Driven(native, plan)
    team = driven.library.team_create()
    for threads in teams:
        assert driven.library.team_resize(team, threads) == threads
        for _ in range(20):
            driven.arrays[0][:] = 0
            assert driven.run(0, 1, team) == 0
            np.testing.assert_array_equal(driven.arrays[0], 14)
    driven.library.team_resize(team, 1)


def test_more_jobs_than_32_bits_count(native):
    kernel = """
    define void @count(ptr %done, i64 %begin, i64 %end) {
      %jobs = sub i64 %end, %begin
      %before = atomicrmw add ptr %done, i64 %jobs monotonic
      ret void
    }"""
    plan = Plan((native.buffer("output", "done", 2),), (Kernel("count", flops=10**9),),
                (LoopStep((1, 2), 0, trip=3), KernelStep(0, (0,), 2**33 + 5, 0)), {"infer": (0, 1)})
    check(plan)
    library = load_plan(plan, [compile_object(kernel, "x86-64")], "x86-64")
    team = library.team_create()
    for threads in (1, 2, 3):
        library.team_resize(team, threads)
        done = np.zeros(1, np.int64)
        assert library.run(address_of(np.array([address_of(done)], np.uintp)), 0, 0, 1, team) == 0
        assert done[0] == 3 * (2**33 + 5)
    library.team_resize(team, 1)


def test_refuses_what_it_cannot_run(native):
    plan = Plan((native.buffer("input", "x", 4),), (Kernel("increase"),),
                (KernelStep(0, (0, 0), 4, 0), HostStep("python", (0,), (), 1)), {"infer": (0, 2)})
    driven = Driven(native, plan)
    assert [driven.run(*bounds) for bounds in ((0, 1), (0, 2), (1, 2), (-1, 1), (0, 3))] == [0, 1, 1, 1, 1]
    assert driven.run(1, 1) == 0
    assert driven.arrays[0].tolist() == [1] * 4


def test_two_callers_at_once_both_get_their_results(native):
    one, two = (Driven(native, chain(native, 500, 20)) for _ in range(2))
    team = one.library.team_create()
    one.library.team_resize(team, 3)
    failures = []

    def call(driven, offset):
        driven.arrays[0][:] = offset
        for _ in range(300):
            driven.arrays[1][:] = 0
            if driven.run(0, 20, team) or (driven.arrays[1] != offset + 20).any():
                failures.append(offset)

    threads = [threading.Thread(target=call, args=(driven, offset)) for offset, driven in enumerate((one, two))]
    for thread in threads:
        thread.start()
    for _ in range(5):
        one.library.team_resize(team, 2)
        one.library.team_resize(team, 4)
    for thread in threads:
        thread.join()
    assert not failures
    one.library.team_resize(team, 1)


def test_many_runs_do_not_hang(native):
    driven = Driven(native, chain(native, 2, 3))
    team = driven.library.team_create()
    for threads, runs in ((2, 20000), (5, 500)):
        driven.library.team_resize(team, threads)
        for _ in range(runs):
            driven.run(0, 3, team)
    assert driven.arrays[1].tolist() == [3, 3]
    driven.library.team_resize(team, 1)


def test_a_team_of_another_version_is_left_alone(native):
    driven = Driven(native, chain(native, 4, 2))
    stranger = np.full(512, 99, np.uint8)
    assert driven.run(0, 2, address_of(stranger)) == 0
    assert driven.arrays[1].tolist() == [2] * 4 and (stranger == 99).all()


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_compiles_for_every_architecture(native, architecture):
    from symc.codegen.elf import read_symbols
    from symc.codegen.llvm_compile import compile_object
    text = driver_text([chain(native, 4, 2)], architecture)
    symbols = read_symbols(compile_object(text, {"x86_64": "x86-64", "aarch64": "aarch64"}[architecture]))
    assert symbols.architecture == architecture and "symc_run" in symbols.defined
    assert text == driver_text([chain(native, 4, 2)], architecture)


def test_small_phases_need_no_barrier(native):
    # a row of the step table ends with: barrier behind the step, thread 0 only, loop or branch
    text = driver_text([chain(native, 100, 3, flops=0)])
    assert text.count("i8 0, i8 1, i8 0 }") == 3
    assert driver_text([chain(native, 100, 3)]).count("i8 1, i8 0, i8 0 }") == 2
