"""How the threads of a team share the jobs of a step, as textual LLVM IR.

Cores are not equally fast, and lose time to other programs, while a barrier waits for the last.  Of n threads each
begins with its own n-th of the jobs, the same in every run and iteration, whose weights are near it, and takes an
eighth of what is left at a time; whoever is done goes on with what the others have left.  Every other iteration of a
loop takes jobs from the last one backwards, so that it begins with the weights that the iteration before it read last,
which the second cache still has.

The claims of a run lie on the caller's stack, a cache line for each thread: an i64 with the number of a visit to a step
in its high half, and how many jobs of the thread's share are taken in its low one.  All threads visit the same steps in
the same order, and leave one when all its jobs are taken.  So a claim of an earlier visit means that none is taken yet,
and one of a later visit tells those who come late that none is left; nothing has to be reset.
"""

from __future__ import annotations

MOST_SHARING = 64                    # threads of a team; of a larger one each does its own share alone
CLAIMS_BYTES = 64 * MOST_SHARING

# What a thread of a team knows: the team, the claims, how many steps it has visited whose jobs are shared so.
MEMBER = "%member = type { ptr, ptr, i64 }"

# Needs as many jobs as threads.
SHARE = """
define internal void @symc_share(ptr %member, ptr %caller, ptr %kernel, ptr %buffers, ptr %ids, ptr %symbols,
                                 i64 %jobs, i64 %thread, i64 %threads, i1 %backwards) nounwind {
entry:
  %claims_at = getelementptr %member, ptr %member, i64 0, i32 1
  %visits_at = getelementptr %member, ptr %member, i64 0, i32 2
  %claims = load ptr, ptr %claims_at
  %visited = load i64, ptr %visits_at
  %counted = add i64 %visited, 1
  %visit = and i64 %counted, 4294967295
  store i64 %visit, ptr %visits_at
  %tag = shl i64 %visit, 32
  br label %range
range:
  %others = phi i64 [ 0, %entry ], [ %more_others, %next ]
  %turned = add i64 %thread, %others
  %owner = urem i64 %turned, %threads
  %owner_behind = add i64 %owner, 1
  %scaled_begin = mul i64 %jobs, %owner
  %scaled_end = mul i64 %jobs, %owner_behind
  %begin = udiv i64 %scaled_begin, %threads
  %end = udiv i64 %scaled_end, %threads
  %count = sub i64 %end, %begin
  %line = mul i64 %owner, 64
  %claim = getelementptr i8, ptr %claims, i64 %line
  br label %look
look:
  %seen = load atomic i64, ptr %claim monotonic, align 8
  %seen_visit = lshr i64 %seen, 32
  %seen_taken = and i64 %seen, 4294967295
  %is_now = icmp eq i64 %seen_visit, %visit
  %taken = select i1 %is_now, i64 %seen_taken, i64 0
  %ahead = sub i64 %seen_visit, %visit
  %ahead_bits = trunc i64 %ahead to i32
  %is_past = icmp sgt i32 %ahead_bits, 0
  %left = sub i64 %count, %taken
  %none = icmp sle i64 %left, 0
  %leave = or i1 %is_past, %none
  br i1 %leave, label %next, label %take
take:
  ; in small pieces backwards, which would begin with the first jobs of a large one
  %amount = select i1 %backwards, i64 %count, i64 %left
  %shift = select i1 %backwards, i64 5, i64 3
  %share = lshr i64 %amount, %shift
  %some = call i64 @llvm.smax.i64(i64 %share, i64 1)
  %size = call i64 @llvm.smin.i64(i64 %some, i64 %left)
  %taken_now = add i64 %taken, %size
  %claimed = or i64 %tag, %taken_now
  %exchange = cmpxchg ptr %claim, i64 %seen, i64 %claimed monotonic monotonic
  %mine = extractvalue { i64, i1 } %exchange, 1
  br i1 %mine, label %run, label %look
run:
  %upwards = add i64 %begin, %taken
  %downwards = sub i64 %end, %taken_now
  %first = select i1 %backwards, i64 %downwards, i64 %upwards
  %last = add i64 %first, %size
  call void %caller(ptr %kernel, ptr %buffers, ptr %ids, ptr %symbols, i64 %first, i64 %last)
  br label %look
next:
  %more_others = add i64 %others, 1
  %more = icmp slt i64 %more_others, %threads
  br i1 %more, label %range, label %done
done:
  ret void
}
"""
