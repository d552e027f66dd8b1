"""A plan for people to read: what `Executor.debug_str` adds to the nodes."""

from __future__ import annotations

from collections.abc import Iterator

from symc.runtime.plan import BranchStep, Buffer, HostStep, KernelStep, LoopStep, Plan, Step

MEGABYTE = 2**20


def describe_plan(plan: Plan) -> str:
    """The memory plan, then the steps of each entry by phase, with the nodes they compute.

        Total 0 MB allocated
        Memory: 512 bytes of intermediate results in 3 buffers, which apart would take 768; 64 bytes of prepared weights
        Entry infer: 1 step in 1 phase
            phase 0: kernel fullyconnected_0 of fc1, relu1: 4 jobs, 128 flops
    """
    arena = [buffer for buffer in plan.buffers if buffer.kind == "arena"]
    apart = sum(buffer.bytes for buffer in arena)
    lines = [f"Total {(plan.arena_bytes + plan.weights_bytes) // MEGABYTE} MB allocated",
             f"Memory: {plan.arena_bytes} bytes of intermediate results in {len(arena)} buffers, which apart would "
             f"take {apart}; {plan.weights_bytes} bytes of prepared weights", *map(_placed, arena)]
    for name, (first, last) in plan.entries.items():
        steps = plan.steps[first:last]
        phases = len({step.phase for step in steps})
        lines.append(f"Entry {name}: {len(steps)} step{'s' * (len(steps) != 1)} in {phases} "
                     f"phase{'s' * (phases != 1)}")
        lines += [f"\tphase {step.phase}: {text}" for step in steps for text in _described(plan, step)]
    return "\n".join(lines) + "\n"


def _placed(buffer: Buffer) -> str:
    shape = "x".join(map(str, buffer.shape)) or "scalar"
    return f"\tbytes {buffer.offset}..{(buffer.offset or 0) + buffer.bytes}: {buffer.name} {buffer.dtype} {shape}"


def _described(plan: Plan, step: Step) -> Iterator[str]:
    """The step, and what is inside it."""
    match step:
        case KernelStep():
            kernel = plan.kernels[step.kernel]
            nodes = ", ".join(step.nodes) or "no node"
            yield f"kernel {kernel.name} of {nodes}: {step.jobs} jobs, {kernel.flops} flops"
        case HostStep():
            yield f"host function {step.name}"
        case LoopStep():
            yield f"loop of {'any number of' if step.trip is None else step.trip} iterations"
            yield from _inside(plan, "\t", *step.body)
        case BranchStep():
            yield "branch"
            yield from _inside(plan, "\tthen ", *step.then)
            yield from _inside(plan, "\telse ", *step.otherwise)


def _inside(plan: Plan, lead: str, first: int, last: int) -> Iterator[str]:
    return (lead + text for step in plan.steps[first:last] for text in _described(plan, step))
