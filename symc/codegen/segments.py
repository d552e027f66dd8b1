"""Graphs of which parts are computed at different places, such as several GPUs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from typing import TypeVar

from symc.codegen.bodies import unshared
from symc.codegen.lowered import (
    PIPELINES,
    Lowered,
    Options,
    check_options,
    lowering_passes,
    run_wanted,
    state_names,
)
from symc.ir.graph import Graph, Node
from symc.passes.cut_segments import cut
from symc.passes.places import inherited
from symc.runtime.modes import INFERENCE

Place = TypeVar("Place", bound=Hashable)    # where segments are computed


def lower_segments(graph: Graph, mode: str, requests: Mapping[str, str], parameters: Collection[str],
                   options: Options, places: Mapping[Node, Place], default: Place,
                   target_of: Callable[[Place], str]) -> list[tuple[Place, Lowered]]:
    """`lower` of a graph whose nodes have several places, for each segment in the order in which they run.

    The heads of a segment are called as in `cut_segments`.  default: the place of what belongs to no node.
    """
    stable, states = frozenset(parameters), tuple(state_names(graph))
    joined = run_wanted(graph, PIPELINES[mode](requests), options, "joined")
    made = []
    for number, segment in enumerate(cut(joined, inherited(joined, places, default))):
        target = target_of(segment.place)
        check_options(options, mode, target)
        fused = run_wanted(segment.graph, lowering_passes(stable, options, target), options, f"segment{number}")
        made.append((segment.place, Lowered(unshared(fused), states, stable, segment.outputs, mode != INFERENCE, {},
                                            segment.graph, None)))
    return made
