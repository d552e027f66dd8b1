"""How the threads of a team cut, claim and walk the jobs of a step, as textual LLVM IR.

Cores are not equally fast, and lose time to other programs, while a barrier waits for the last.  Of n threads each
begins with its own n-th of the jobs, the same in every run and iteration, whose weights are near it, and takes an
eighth of what is left at a time; whoever is done goes on with what the others have left.  Every other iteration of a
loop takes jobs from the last one backwards, so that it begins with the weights that the iteration before it read last,
which the second cache still has.  A caller without a team is a team of one.

The claims of a run lie on the caller's stack, a cache line for each share, and count the jobs ever taken of it.  All
threads visit the same steps in the same order, and leave one when all its jobs are taken.  So each knows, from how many
jobs the share had in all steps before, where its claim began at this one, and those who come late see that none is
left; nothing has to be reset.
"""

from __future__ import annotations

MOST_SHARES = 64                     # threads of a larger team share these
CLAIM_BYTES = 64
CLAIMS_BYTES = CLAIM_BYTES * MOST_SHARES
MEMBER_BYTES = 16 + 8 * MOST_SHARES

# What a thread of a team knows: the team, the claims, and how many jobs each share had in all steps before.
MEMBER = f"""
%member = type {{ ptr, ptr, [{MOST_SHARES} x i64] }}
@symc_alone = internal constant %member zeroinitializer
"""

# place: the share to begin with; threads: of the team.
SHARE = """
declare i64 @llvm.umax.i64(i64, i64)
declare i64 @llvm.umin.i64(i64, i64)
define internal void @symc_share(ptr %member, ptr %caller, ptr %kernel, ptr %buffers, ptr %ids, ptr %symbols,
                                 i64 %jobs, i64 %place, i64 %threads, i1 %backwards) nounwind {
entry:
  %claims_at = getelementptr %member, ptr %member, i64 0, i32 1
  %claims = load ptr, ptr %claims_at
  %shares = call i64 @llvm.umin.i64(i64 %threads, i64 {most_shares})
  %each = udiv i64 %jobs, %shares
  %rest = urem i64 %jobs, %shares
  %is_alone = icmp eq i64 %threads, 1
  ; in small pieces backwards, which would begin with the first jobs of a large one
  %shift = select i1 %backwards, i64 5, i64 3
  br label %range
range:
  %others = phi i64 [ 0, %entry ], [ %more_others, %next ]
  %turned = add i64 %place, %others
  %share = urem i64 %turned, %shares
  %even = mul i64 %each, %share
  %ones = call i64 @llvm.umin.i64(i64 %share, i64 %rest)
  %begin = add i64 %even, %ones
  %has_one = icmp ult i64 %share, %rest
  %one = zext i1 %has_one to i64
  %count = add i64 %each, %one
  %end = add i64 %begin, %count
  %claim = getelementptr [{claim_bytes} x i8], ptr %claims, i64 %share
  %before_at = getelementptr %member, ptr %member, i64 0, i32 2, i64 %share
  %before = load i64, ptr %before_at
  %found = load atomic i64, ptr %claim monotonic, align 8
  br label %look
look:
  %seen = phi i64 [ %found, %range ], [ %other, %agree ], [ %claimed, %run ]
  %taken = sub i64 %seen, %before
  %left = sub i64 %count, %taken
  %some = icmp sgt i64 %left, 0
  br i1 %some, label %take, label %next
take:
  %amount = select i1 %backwards, i64 %count, i64 %left
  %part = lshr i64 %amount, %shift
  %wanted = call i64 @llvm.umax.i64(i64 %part, i64 1)
  %size = call i64 @llvm.umin.i64(i64 %wanted, i64 %left)
  %claimed = add i64 %seen, %size
  br i1 %is_alone, label %note, label %agree
note:
  store i64 %claimed, ptr %claim
  br label %run
agree:
  %exchange = cmpxchg ptr %claim, i64 %seen, i64 %claimed monotonic monotonic
  %other = extractvalue { i64, i1 } %exchange, 0
  %mine = extractvalue { i64, i1 } %exchange, 1
  br i1 %mine, label %run, label %look
run:
  %upwards = add i64 %begin, %taken
  %stop = sub i64 %end, %taken
  %downwards = sub i64 %stop, %size
  %first = select i1 %backwards, i64 %downwards, i64 %upwards
  %last = add i64 %first, %size
  call void %caller(ptr %kernel, ptr %buffers, ptr %ids, ptr %symbols, i64 %first, i64 %last)
  br label %look
next:
  %behind = add i64 %before, %count
  store i64 %behind, ptr %before_at
  %more_others = add i64 %others, 1
  %more = icmp ult i64 %more_others, %shares
  br i1 %more, label %range, label %done
done:
  ret void
}
""".replace("{most_shares}", str(MOST_SHARES)).replace("{claim_bytes}", str(CLAIM_BYTES))
