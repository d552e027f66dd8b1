"""The plan, as codegen writes it.  It is defined in the runtime, which reads it and may not import codegen."""

from symc.runtime.plan import (
    ALIGNMENT,
    FORMAT,
    BranchStep,
    Buffer,
    Call,
    HostStep,
    Kernel,
    KernelStep,
    LoopStep,
    Plan,
    Range,
    Step,
    check,
    find_problems,
    inner_ranges,
    runs_natively,
    storage_dtype,
)

__all__ = ["ALIGNMENT", "FORMAT", "BranchStep", "Buffer", "Call", "HostStep", "Kernel", "KernelStep", "LoopStep",
           "Plan", "Range", "Step", "check", "find_problems", "inner_ranges", "runs_natively", "storage_dtype"]
