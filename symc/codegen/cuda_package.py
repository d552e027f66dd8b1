"""What packages hold for GPUs: the plans, and code for each architecture beside PTX for those to come.

    plan-cuda.json      the plan for GPUs, or the first of several; of packages for GPUs alone it is plan.json
    cuda-sm_80.bin      images for an architecture: cubins, one a group of kernels (symc/runtime/images.py)
    cuda-compute_90.bin PTX
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from symc.codegen.compile_groups import Progress, compile_images
from symc.codegen.cuda_compile import KERNEL, Compiler
from symc.codegen.plan import Plan
from symc.ops.record import Record, record
from symc.runtime.images import pack_images
from symc.runtime.manifest import cuda_plan_member, image_member
from symc.runtime.plan import KernelStep


@record
class ForGpus(Record):
    """plans: those of a package, over the end of its weights.  images: members by architecture.

    verification: the record of what was compared.
    """

    plans: Sequence[Plan]
    images: Mapping[str, bytes]
    verification: Mapping[str, Any] | None = None

    def record(self, alone: bool) -> dict[str, Any]:
        """What the manifest says.  alone: the package has no code for CPUs."""
        return {"images": [{"architecture": name, "member": image_member(name)} for name in self.images],
                "plans": [{"member": cuda_plan_member(number, alone), "arena_bytes": plan.arena_bytes,
                           "weights_bytes": plan.weights_bytes} for number, plan in enumerate(self.plans)],
                "verification": self.verification}


def compile_for_gpus(plans: Sequence[Plan], objects: Sequence[Sequence[bytes]], architectures: Sequence[str],
                     compiler: Compiler, progress: Progress | None = None,
                     verification: Mapping[str, Any] | None = None) -> ForGpus:
    """What a package holds for GPUs; objects: the texts of each plan's kernels."""
    texts: dict[bytes, tuple[str, ...]] = {}
    for plan, own in zip(plans, objects, strict=True):
        nodes = _nodes_of(plan)
        for text in own:
            texts[text] = tuple(dict.fromkeys(
                node for name in re.findall(KERNEL, text.decode()) for node in nodes.get(name, ())))
    images = compile_images(texts, architectures, compiler, progress)
    return ForGpus(plans, {name: pack_images(images[name]) for name in architectures}, verification)


def _nodes_of(plan: Plan) -> dict[str, tuple[str, ...]]:
    """By the name of a kernel the nodes that it computes."""
    return {plan.kernels[step.kernel].name: step.nodes for step in plan.steps if isinstance(step, KernelStep)}
