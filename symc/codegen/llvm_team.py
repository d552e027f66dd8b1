"""The thread team, as textual LLVM IR for Linux on x86-64 and aarch64.

A team is one process-wide block of memory that every library shares, so its layout is a versioned contract:

    offset  0 i32 version    4 i32 size      8 i32 stop      16 ptr slots
           64 i32 busy                                        1 while a run or a resize holds the team
          128 i32 epoch     132 i32 sleepers                  counts runs; workers wait for it to move
          192 ptr function  200 ptr argument                  what to run
          256 i32 remaining 260 i32 sleepers                  workers that have not finished the run
          320 i32 arrived                                     threads at the barrier
          384 i32 generation 388 i32 sleepers                 counts barriers; the early wait for it to move

Whoever waits spins for a moment, then offers its core to others a hundred times, then sleeps on a futex.  Offering
costs little where every thread has a core, and where two share one the other goes on at once: waiting threads that
only spin make a run ten times slower on a machine that does something else too.  A caller that finds the team busy
runs alone; so results may not depend on the number of threads.  A team is never freed: a late caller may hold its
address.  Only libc and pthreads are called.
"""

from __future__ import annotations

TEAM_VERSION = 1
TEAM_BYTES = 448
SLOT_BYTES = 24
SPINS, YIELDS = 100, 100  # some 3 and 50 microseconds on an idle core
FUTEX_CALL = {"x86_64": 202, "aarch64": 98}
PAUSE = {"x86_64": "@llvm.x86.sse2.pause()", "aarch64": "@llvm.aarch64.hint(i32 1)"}
TRIPLES = {"x86_64": "x86_64-unknown-linux-gnu", "aarch64": "aarch64-unknown-linux-gnu"}

DECLARATIONS = """
declare i64 @syscall(i64, ...)
declare i32 @sched_yield()
declare ptr @aligned_alloc(i64, i64)
declare ptr @calloc(i64, i64)
declare void @free(ptr)
declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_join(i64, ptr)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare i32 @sigfillset(ptr)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
"""

# Wait until *word is no longer `old`.  The sleeper is counted before the kernel compares the word again, and the poster
# changes the word before it reads the count, so no wake-up is lost.
WAITING = """
define internal void @symc_wait(ptr %word, i32 %old, ptr %sleepers) nounwind {
entry:
  br label %look
look:
  %tries = phi i32 [ 0, %entry ], [ %next_try, %pause ]
  %seen = load atomic i32, ptr %word acquire, align 4
  %moved = icmp ne i32 %seen, %old
  br i1 %moved, label %done, label %count
count:
  %next_try = add i32 %tries, 1
  %spinning = icmp slt i32 %tries, {spins}
  br i1 %spinning, label %pause, label %give_way
pause:
  call void {pause}
  br label %look
give_way:
  %yields = phi i32 [ 0, %count ], [ %next_yield, %yielded ]
  %ignored = call i32 @sched_yield()
  %seen_yield = load atomic i32, ptr %word acquire, align 4
  %moved_yield = icmp ne i32 %seen_yield, %old
  br i1 %moved_yield, label %done, label %yielded
yielded:
  %next_yield = add i32 %yields, 1
  %yielding = icmp slt i32 %next_yield, {yields}
  br i1 %yielding, label %give_way, label %sleep
sleep:
  %before = atomicrmw add ptr %sleepers, i32 1 seq_cst
  %woken = call i64 (i64, ...) @syscall(i64 {futex}, ptr %word, i64 128, i32 %old, ptr null, ptr null, i64 0)
  %after = atomicrmw sub ptr %sleepers, i32 1 seq_cst
  %seen_sleep = load atomic i32, ptr %word acquire, align 4
  %moved_sleep = icmp ne i32 %seen_sleep, %old
  br i1 %moved_sleep, label %done, label %sleep
done:
  ret void
}

define internal void @symc_wake(ptr %word, ptr %sleepers) nounwind {
  %count = load atomic i32, ptr %sleepers seq_cst, align 4
  %nobody = icmp eq i32 %count, 0
  br i1 %nobody, label %done, label %wake
wake:
  %ignored = call i64 (i64, ...) @syscall(i64 {futex}, ptr %word, i64 129, i64 2147483647, ptr null, ptr null, i64 0)
  br label %done
done:
  ret void
}

define void @symc_barrier(ptr %team) nounwind {
  %size_at = getelementptr i8, ptr %team, i64 4
  %arrived_at = getelementptr i8, ptr %team, i64 320
  %generation_at = getelementptr i8, ptr %team, i64 384
  %sleepers_at = getelementptr i8, ptr %team, i64 388
  %size = load i32, ptr %size_at
  %generation = load atomic i32, ptr %generation_at acquire, align 4
  %before = atomicrmw add ptr %arrived_at, i32 1 acq_rel
  %arrived = add i32 %before, 1
  %last = icmp eq i32 %arrived, %size
  br i1 %last, label %open, label %wait
open:
  store atomic i32 0, ptr %arrived_at monotonic, align 4
  %opened = atomicrmw add ptr %generation_at, i32 1 seq_cst
  call void @symc_wake(ptr %generation_at, ptr %sleepers_at)
  ret void
wait:
  call void @symc_wait(ptr %generation_at, i32 %generation, ptr %sleepers_at)
  ret void
}
"""

WORKERS = """
define internal ptr @symc_worker(ptr %slot) nounwind {
entry:
  %id_at = getelementptr i8, ptr %slot, i64 8
  %team = load ptr, ptr %slot
  %packed = load i64, ptr %id_at
  %id = lshr i64 %packed, 32
  %start = trunc i64 %packed to i32
  %size_at = getelementptr i8, ptr %team, i64 4
  %stop_at = getelementptr i8, ptr %team, i64 8
  %epoch_at = getelementptr i8, ptr %team, i64 128
  %epoch_sleepers_at = getelementptr i8, ptr %team, i64 132
  %function_at = getelementptr i8, ptr %team, i64 192
  %argument_at = getelementptr i8, ptr %team, i64 200
  %remaining_at = getelementptr i8, ptr %team, i64 256
  %remaining_sleepers_at = getelementptr i8, ptr %team, i64 260
  br label %idle
idle:
  %epoch = phi i32 [ %start, %entry ], [ %next, %work ], [ %next, %last ]
  %next = add i32 %epoch, 1
  call void @symc_wait(ptr %epoch_at, i32 %epoch, ptr %epoch_sleepers_at)
  %stop = load atomic i32, ptr %stop_at acquire, align 4
  %stopped = icmp ne i32 %stop, 0
  br i1 %stopped, label %leave, label %work
work:
  %function = load ptr, ptr %function_at
  %argument = load ptr, ptr %argument_at
  %size32 = load i32, ptr %size_at
  %size = zext i32 %size32 to i64
  call void %function(ptr %argument, i64 %id, i64 %size, ptr %team)
  %left = atomicrmw sub ptr %remaining_at, i32 1 seq_cst
  %is_last = icmp eq i32 %left, 1
  br i1 %is_last, label %last, label %idle
last:
  call void @symc_wake(ptr %remaining_at, ptr %remaining_sleepers_at)
  br label %idle
leave:
  ret ptr null
}

define internal void @symc_team_run(ptr %team, ptr %function, ptr %argument) nounwind {
entry:
  %none = icmp eq ptr %team, null
  br i1 %none, label %alone, label %known
known:
  %version = load i32, ptr %team
  %same = icmp eq i32 %version, {version}
  br i1 %same, label %claim, label %alone
claim:
  %busy_at = getelementptr i8, ptr %team, i64 64
  %claimed = cmpxchg ptr %busy_at, i32 0, i32 1 acq_rel monotonic
  %mine = extractvalue { i32, i1 } %claimed, 1
  br i1 %mine, label %measure, label %alone
measure:
  %size_at = getelementptr i8, ptr %team, i64 4
  %size = load i32, ptr %size_at
  %workers = sub i32 %size, 1
  %lonely = icmp eq i32 %workers, 0
  br i1 %lonely, label %give_back, label %launch
launch:
  %epoch_at = getelementptr i8, ptr %team, i64 128
  %epoch_sleepers_at = getelementptr i8, ptr %team, i64 132
  %function_at = getelementptr i8, ptr %team, i64 192
  %argument_at = getelementptr i8, ptr %team, i64 200
  %remaining_at = getelementptr i8, ptr %team, i64 256
  %remaining_sleepers_at = getelementptr i8, ptr %team, i64 260
  store ptr %function, ptr %function_at
  store ptr %argument, ptr %argument_at
  store atomic i32 %workers, ptr %remaining_at release, align 4
  %started = atomicrmw add ptr %epoch_at, i32 1 seq_cst
  call void @symc_wake(ptr %epoch_at, ptr %epoch_sleepers_at)
  %size64 = zext i32 %size to i64
  call void %function(ptr %argument, i64 0, i64 %size64, ptr %team)
  br label %join
join:
  %remaining = load atomic i32, ptr %remaining_at acquire, align 4
  %finished = icmp eq i32 %remaining, 0
  br i1 %finished, label %release, label %wait
wait:
  call void @symc_wait(ptr %remaining_at, i32 %remaining, ptr %remaining_sleepers_at)
  br label %join
release:
  store atomic i32 0, ptr %busy_at release, align 4
  ret void
give_back:
  store atomic i32 0, ptr %busy_at release, align 4
  br label %alone
alone:
  call void %function(ptr %argument, i64 0, i64 1, ptr null)
  ret void
}
"""

# Signals stay with the threads of the program: workers start with all of them blocked.
LIFE = """
define i32 @symc_team_version() nounwind {
  ret i32 {version}
}

define ptr @symc_team_create() nounwind {
  %team = call ptr @aligned_alloc(i64 64, i64 {bytes})
  %none = icmp eq ptr %team, null
  br i1 %none, label %done, label %clear
clear:
  call void @llvm.memset.p0.i64(ptr %team, i8 0, i64 {bytes}, i1 false)
  %size_at = getelementptr i8, ptr %team, i64 4
  store i32 {version}, ptr %team
  store i32 1, ptr %size_at
  br label %done
done:
  ret ptr %team
}

define i32 @symc_team_resize(ptr %team, i32 %size) nounwind {
  %busy_at = getelementptr i8, ptr %team, i64 64
  br label %claim
claim:
  %claimed = cmpxchg ptr %busy_at, i32 0, i32 1 acq_rel monotonic
  %mine = extractvalue { i32, i1 } %claimed, 1
  br i1 %mine, label %change, label %give_way
give_way:
  %ignored = call i32 @sched_yield()
  br label %claim
change:
  call void @symc_team_stop(ptr %team)
  %running = call i32 @symc_team_start(ptr %team, i32 %size)
  store atomic i32 0, ptr %busy_at release, align 4
  ret i32 %running
}

define internal void @symc_team_stop(ptr %team) nounwind {
entry:
  %size_at = getelementptr i8, ptr %team, i64 4
  %stop_at = getelementptr i8, ptr %team, i64 8
  %slots_at = getelementptr i8, ptr %team, i64 16
  %epoch_at = getelementptr i8, ptr %team, i64 128
  %sleepers_at = getelementptr i8, ptr %team, i64 132
  %size = load i32, ptr %size_at
  %slots = load ptr, ptr %slots_at
  store atomic i32 1, ptr %stop_at release, align 4
  %moved = atomicrmw add ptr %epoch_at, i32 1 seq_cst
  call void @symc_wake(ptr %epoch_at, ptr %sleepers_at)
  br label %next
next:
  %id = phi i32 [ 1, %entry ], [ %following, %join ]
  %more = icmp slt i32 %id, %size
  br i1 %more, label %join, label %stopped
join:
  %id64 = zext i32 %id to i64
  %offset = mul i64 %id64, {slot}
  %slot = getelementptr i8, ptr %slots, i64 %offset
  %thread_at = getelementptr i8, ptr %slot, i64 16
  %thread = load i64, ptr %thread_at
  %joined = call i32 @pthread_join(i64 %thread, ptr null)
  %following = add i32 %id, 1
  br label %next
stopped:
  call void @free(ptr %slots)
  store ptr null, ptr %slots_at
  store i32 1, ptr %size_at
  store atomic i32 0, ptr %stop_at release, align 4
  ret void
}

define internal i32 @symc_team_start(ptr %team, i32 %size) nounwind {
entry:
  %all = alloca [128 x i8], align 8
  %old = alloca [128 x i8], align 8
  %size_at = getelementptr i8, ptr %team, i64 4
  %slots_at = getelementptr i8, ptr %team, i64 16
  %epoch_at = getelementptr i8, ptr %team, i64 128
  %size64 = sext i32 %size to i64
  %slots = call ptr @calloc(i64 %size64, i64 {slot})
  %none = icmp eq ptr %slots, null
  br i1 %none, label %failed, label %block
block:
  store ptr %slots, ptr %slots_at
  %filled = call i32 @sigfillset(ptr %all)
  %blocked = call i32 @pthread_sigmask(i32 2, ptr %all, ptr %old)
  %epoch = load i32, ptr %epoch_at
  %epoch64 = zext i32 %epoch to i64
  br label %next
next:
  %id = phi i32 [ 1, %block ], [ %following, %started ]
  %more = icmp slt i32 %id, %size
  br i1 %more, label %start, label %finished
start:
  %id64 = zext i32 %id to i64
  %offset = mul i64 %id64, {slot}
  %slot = getelementptr i8, ptr %slots, i64 %offset
  %packed_at = getelementptr i8, ptr %slot, i64 8
  %thread_at = getelementptr i8, ptr %slot, i64 16
  %high = shl i64 %id64, 32
  %packed = or i64 %high, %epoch64
  store ptr %team, ptr %slot
  store i64 %packed, ptr %packed_at
  %error = call i32 @pthread_create(ptr %thread_at, ptr null, ptr @symc_worker, ptr %slot)
  %fine = icmp eq i32 %error, 0
  br i1 %fine, label %started, label %finished
started:
  %following = add i32 %id, 1
  br label %next
finished:
  %running = phi i32 [ %id, %next ], [ %id, %start ]
  store i32 %running, ptr %size_at
  %restored = call i32 @pthread_sigmask(i32 2, ptr %old, ptr null)
  ret i32 %running
failed:
  ret i32 1
}
"""


def team_text(architecture: str) -> str:
    """The functions of the team, for a module whose target triple is `TRIPLES[architecture]`."""
    text = DECLARATIONS + WAITING + WORKERS + LIFE
    values = {"version": TEAM_VERSION, "bytes": TEAM_BYTES, "slot": SLOT_BYTES, "spins": SPINS, "yields": YIELDS,
              "futex": FUTEX_CALL[architecture], "pause": PAUSE[architecture]}
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text
