"""Native code for the tests of codegen and runtime: hand-written kernels, and plans made of them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from symc.codegen.checksums import Checked
from symc.codegen.plan import Buffer, Kernel, KernelStep, Plan, check

# name → how element i of the output follows from elements i of the inputs %a and %b, all float32; one job an element
BODIES = {
    "copy": "%r = fadd float %a, 0.0",
    "scale": "%r = fmul float %a, 2.0",
    "increase": "%r = fadd float %a, 1.0",
    "add": "%r = fadd float %a, %b",
}
OPERANDS = {"copy": 1, "scale": 1, "increase": 1, "add": 2}

KERNEL = """
define void @{name}({parameters}, ptr %to, i64 %begin, i64 %end) {{
entry:
  br label %next
next:
  %i = phi i64 [ %begin, %entry ], [ %j, %body ]
  %more = icmp slt i64 %i, %end
  br i1 %more, label %body, label %done
body:
{loads}
  {body}
  %to_at = getelementptr float, ptr %to, i64 %i
  store float %r, ptr %to_at, align 4
  %j = add i64 %i, 1
  br label %next
done:
  ret void
}}
"""
LOAD = """  %{x}_at = getelementptr float, ptr %{x}_from, i64 %i
  %{x} = load float, ptr %{x}_at, align 4"""


def kernel_text(name: str) -> str:
    """LLVM IR of one of the kernels above."""
    operands = "ab"[:OPERANDS[name]]
    return KERNEL.format(name=name, parameters=", ".join(f"ptr %{x}_from" for x in operands), body=BODIES[name],
                         loads="\n".join(LOAD.format(x=x) for x in operands))


def buffer(kind: str, name: str, size: int, offset: int | None = None) -> Buffer:
    """A float32 vector."""
    return Buffer(kind, name, "float32", (size,), 4 * size, offset)


def step(kernel: int, buffers: tuple[int, ...], jobs: int, phase: int) -> KernelStep:
    return KernelStep(kernel, buffers, jobs, phase)


def objects(plan: Plan, level: str = "x86-64") -> list[bytes]:
    """Object code of the plan's kernels and its driver."""
    from symc.codegen.llvm_compile import compile_object
    from symc.codegen.llvm_driver import driver_text

    texts = [*(kernel_text(kernel.name) for kernel in plan.kernels), driver_text([plan])]
    return [compile_object(text, level) for text in texts]


def library(plan: Plan) -> Any:
    """The plan in this process."""
    from symc.codegen.in_process import load_plan

    return load_plan(plan, objects(plan)[:-1], "x86-64")


def affine(size: int = 1000, flops: int = 10**9) -> Plan:
    """output = 2 * data + shift, with the doubled data in the arena and the shift in the weights."""
    space = -(-4 * size // 64) * 64
    plan = Plan((buffer("input", "data", size), buffer("arena", "doubled", size, 0),
                 buffer("weight", "shift", size, 0), buffer("output", "result", size)),
                (Kernel("scale", flops), Kernel("add", flops)),
                (step(0, (0, 1), size, 0), step(1, (1, 2, 3), size, 1)),
                {"infer": (0, 2)}, arena_bytes=space, weights_bytes=space)
    check(plan)
    return plan


def affine_weights(plan: Plan) -> np.ndarray:
    """Weight block of `affine`: shift[i] = i."""
    block = np.zeros(plan.weights_bytes, np.uint8)
    block.view(np.float32)[:plan.buffers[2].shape[0]] = np.arange(plan.buffers[2].shape[0])
    return block


@pytest.fixture(scope="session")
def native() -> SimpleNamespace:
    """The functions above."""
    return SimpleNamespace(kernel_text=kernel_text, buffer=buffer, step=step, objects=objects, library=library,
                           affine=affine, affine_weights=affine_weights)


@pytest.fixture(scope="session")
def package_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of `affine`, for any x86-64."""
    from symc.codegen import link, package

    folder = tmp_path_factory.mktemp("package")
    plan = affine()
    link.link_shared(objects(plan), folder / "lib.so")
    package.write(folder / "affine.symc", package.Contents(
        plans=[plan], network='{"nodes": [], "heads": []}',
        weights=Checked([affine_weights(plan).data]),
        libraries={"x86-64": (folder / "lib.so").read_bytes()}, graphs=["heads %result"]))
    return folder / "affine.symc"
