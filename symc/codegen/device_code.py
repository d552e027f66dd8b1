"""Kernels of a unit as the GPU of this process takes them."""

from __future__ import annotations

from symc.codegen.build import Unit
from symc.codegen.compile_groups import compile_images
from symc.codegen.cuda_compile import find_compiler
from symc.codegen.group_code import GRID_LEVEL
from symc.codegen.lowered import Options
from symc.runtime.devices import SOURCE
from symc.runtime.plan import KernelStep


def device_code(unit: Unit, architecture: str, options: Options) -> list[bytes]:
    """What a driver of this architecture loads.  SymcError: there is no compiler, or none for the architecture."""
    texts = unit.objects[GRID_LEVEL]
    if architecture == SOURCE:
        return texts
    plan = unit.plans[GRID_LEVEL]
    steps = [step for step in plan.steps if isinstance(step, KernelStep)]
    nodes = {text: [node for step in steps if f" {plan.kernels[step.kernel].name}(".encode() in text
                    for node in step.nodes] for text in texts}
    images = compile_images(nodes, [architecture], find_compiler(), options.progress)
    return [image.code for image in images[architecture]]
