"""What a monitor is shown of a run, under MXNet's names."""

from __future__ import annotations

from symc.ir.graph import Graph, Node, Value
from symc.ops.operator import operation, output_name
from symc.runtime.executor import Sight

# Operators of one input that MXNet has given a name ('dropout0_data'); monitors call that of the others 'relu0_input0'.
NAMED_INPUT = frozenset({
    "Dropout", "IdentityAttachKLSparseReg", "L2Normalization", "LRN", "LeakyReLU", "MakeLoss", "Pad", "Pooling",
    "SequenceLast", "SequenceMask", "SequenceReverse", "SliceChannel", "SwapAxis", "_contrib_BilinearResize2D",
    "_contrib_MultiBoxPrior", "_contrib_box_nms", "_contrib_index_array", "_contrib_quadratic",
    "_contrib_quantize_v2", "_image_to_tensor", "_linalg_det", "_linalg_extractdiag", "_linalg_extracttrian",
    "_linalg_gelqf", "_linalg_inverse", "_linalg_makediag", "_linalg_maketrian", "_linalg_potrf", "_linalg_potri",
    "_linalg_slogdet", "_linalg_sumlogdiag", "_linalg_syevd", "_linalg_syrk", "_np_cumsum", "_sample_exponential",
    "_sample_poisson", "_split_v2", "all_finite", "depth_to_space", "diag", "im2col", "log_softmax", "moments",
    "one_hot", "repeat", "reverse", "softmax", "space_to_depth", "squeeze", "tile",
})


def sights_of(graph: Graph) -> list[Sight]:
    """The values of a run in MXNet's order: of each operator its inputs, variables first by their own names, then its
    outputs.  The values are outputs of `WatchValues`' graph, behind the heads of this one."""
    operators = [node for node in graph.nodes if node.op is not None]
    values = [value for node in operators for value in node.outputs]
    places: dict[Value, int | str] = {value: len(graph.heads) + i for i, value in enumerate(values)}
    places |= {Value(node): node.name for node in graph.variables}
    sights = []
    for node in operators:
        for name, value in zip(_input_names(node), node.inputs, strict=True):
            if value.node.is_variable:
                sights.append(Sight(value.node.name, True, places[value]))
            sights.append(Sight(f"{node.name}_{name}", True, places[value]))
        sights += [Sight(output_name(value), False, places[value]) for value in node.outputs]
    return sights


def _input_names(node: Node) -> list[str]:
    names = operation(node).input_names()
    return ["input0"] if names == ["data"] and operation(node).name not in NAMED_INPUT else names
